/** The `ct` action in the engine: a packet goes through connection tracking, and a copy of it goes on elsewhere. */
import type { ConnectionAction } from '../../flow/flow.ts';
import type { Course } from '../engine/course.ts';
import { WORD } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import { lookAtEndpoints, requestOf, showTracking } from './action.ts';
import { describeState } from './state.ts';
import type { TrackRequest } from './tracker.ts';

/** What becomes of a packet that was tracked. */
export interface Ways {
  /** A copy that knows what came of it goes on in a table, at once. */
  recirculate(packet: Packet, table: number): void;
  /** A fragment that waited goes through what is left of the list. */
  goOn(packet: Packet): void;
}

/**
 * With `table`, a copy goes on there. The packet itself goes on as one that was not tracked: translated, if it was,
 * but matches see the old addresses.
 */
export function track(
  course: Course,
  packet: Packet,
  action: ConnectionAction,
  table: number,
  ways: Ways,
): void {
  const { scope } = course.progress;
  const key = packet.key.slice();
  const request = requestOf(packet, action);
  if (!scope.isDead) {
    // What was written to the frame is in the datapath by now.
    scope.length = packet.length;
    lookAtEndpoints(packet);
    let leaving: readonly Packet[] = [];
    course.change(packet, action, table, () => {
      leaving = ask(course, packet, request);
    });
    if (leaving.includes(packet)) tellConnection(course, packet, table);
    if (action.table !== undefined) for (const each of leaving) ways.recirculate(each, action.table);
    for (const each of leaving) if (each !== packet) continueWith(course, each, ways);
    if (!leaving.includes(packet)) scope.isDead = true;
  }
  packet.key.set(key);
  showTracking(packet.key, undefined);
}

/** What goes on now: the packet, unless it is a fragment that waits, and fragments that waited. */
function ask(
  { parts, recording, now, recirculations }: Course,
  packet: Packet,
  request: TrackRequest,
): readonly Packet[] {
  const { connections } = parts;
  const passage = recirculations === 0 ? '' : packet.key.subarray(0, WORD.ETH).join();
  const { use, waits, fragments } = connections.track(packet, request, now, passage);
  if (recording && use !== 'again') {
    if (use) recording.connections(() => connections.gateFor(packet)).add(use);
    else recording.refuse();
  }
  return waits ? fragments : [packet, ...fragments];
}

/** Flows have counted the fragment when it came. */
function continueWith(course: Course, packet: Packet, ways: Ways): void {
  const { progress } = course;
  const outer = progress.scope;
  progress.enter(packet.length);
  course.counts = false;
  showTracking(packet.key, undefined);
  ways.goOn(packet);
  course.counts = true;
  progress.scope = outer;
}

function tellConnection({ parts, observer }: Course, { tracking }: Packet, table: number): void {
  if (!observer || !tracking) return;
  const { zone, state } = tracking;
  const connection = parts.connections.describe(tracking, parts.now());
  observer({ type: 'connection', table, zone, state, words: describeState(state), connection });
}
