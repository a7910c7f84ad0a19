/** The `group` action: a packet goes through the buckets of a group (group.ts), each with a copy of it. */
import { showTracking } from '../conntrack/action.ts';
import type { Course, RunActions } from '../engine/course.ts';
import type { Frozen } from '../engine/progress.ts';
import { type DatapathHash, datapathHash } from '../frame/datapath-hash.ts';
import type { Packet } from '../frame/packet.ts';

/** False where nothing comes after it: there is no such group, or the frame ends here. */
export function goThroughGroup(course: Course, packet: Packet, id: number, run: RunActions): boolean {
  if (course.isTooDeep(packet)) return true;
  const { parts, recording, progress } = course;
  recording?.group(id);
  const group = parts.groups.get(id);
  if (!group) {
    course.drop(packet, 'no-such-group');
    return false;
  }
  const liveness = {
    isPortLive: (port: number) => parts.ports.isLive(port),
    onGroup: (watched: number) => recording?.group(watched),
  };
  const buckets = parts.groups.choose(group, packet, liveness, (how) => hashOf(course, packet, how));
  if (progress.frozen) return false;
  if (buckets.length === 0) {
    course.drop(packet, 'no-live-bucket');
    return true;
  }
  for (const { bucket, actions, counters } of buckets) {
    course.observer?.({ type: 'bucket', group: id, bucket: bucket.id });
    progress.depth += 1;
    course.within(() => run(packet.clone(), actions));
    progress.depth -= 1;
    progress.ended = false;
    course.count(packet, counters);
  }
  course.count(packet, group.counters);
  return true;
}

/** The dp_hash of a packet; one that has none yet is frozen. */
function hashOf({ progress }: Course, packet: Packet, selection: DatapathHash): number {
  if (packet.selectionHash === 0) progress.freeze(packet, selection);
  return packet.selectionHash;
}

/** A packet that was frozen gets its hash, as it is read anew. */
export function giveHash({ recording, frame }: Course, { packet, selection }: Frozen): void {
  // Flows count what begins anew.
  if (packet.length !== frame.length) recording?.refuse();
  if (packet.hidesTags) {
    recording?.refuse();
    packet.readAnew();
  }
  showTracking(packet.key, packet.tracking);
  packet.selectionHash = datapathHash(selection, packet, frame);
}
