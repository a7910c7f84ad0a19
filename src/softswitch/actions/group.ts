/**
 * The groups of a switch (OpenFlow 1.3, 5.6): buckets of actions that flows name together. Which buckets a frame goes
 * through, and what they have counted; group-select.ts picks the bucket of a `select` group.
 *
 * A bucket is alive while the link of the port that it watches is up, or the group that it watches has a bucket that
 * is alive; one that watches nothing always is (ofproto-dpif-xlate.c, bucket_is_alive).
 */

import type { Bucket, Group } from '../../flow/datapath.ts';
import type { Action } from '../../flow/flow.ts';
import { type Counters, newCounters } from '../flows/counters.ts';
import type { Packet } from '../frame/packet.ts';
import { basisOf, bestBucket, bucketOfSlot, type Selection, selectionOf } from './group-select.ts';

/** Groups that watch groups that watch … (MAX_LIVENESS_RECURSION). */
const DEEPEST_WATCH = 128;

/** A group in a switch. */
export interface GroupEntry {
  readonly group: Group;
  readonly selection: Selection;
  readonly counters: Counters;
  /** In the order of the buckets. */
  readonly buckets: readonly BucketEntry[];
}

export interface BucketEntry {
  readonly bucket: Bucket;
  /** What runs, in the order in which it does. */
  readonly actions: readonly Action[];
  readonly counters: Counters;
}

/** What a group has counted. */
export interface GroupStats {
  readonly group: Group;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** In the order of the buckets. */
  readonly buckets: readonly { readonly packets: bigint; readonly bytes: bigint }[];
}

/** What it takes to know which buckets are alive. */
export interface Liveness {
  isPortLive(port: number): boolean;
  /** Told each group that was looked at, there or not. */
  readonly onGroup?: (group: number) => void;
}

export class GroupTable {
  readonly #groups = new Map<number, GroupEntry>();

  get(id: number): GroupEntry | undefined {
    return this.#groups.get(id);
  }

  has(id: number): boolean {
    return this.#groups.has(id);
  }

  /** A group that changes begins to count anew, as in Open vSwitch. */
  set(group: Group): void {
    this.#groups.set(group.id, {
      group,
      selection: selectionOf(group),
      counters: newCounters(),
      buckets: group.buckets.map((bucket) => ({
        bucket,
        actions: actionSet(bucket.actions),
        counters: newCounters(),
      })),
    });
  }

  remove(id: number): boolean {
    return this.#groups.delete(id);
  }

  clear(): void {
    this.#groups.clear();
  }

  /** By id. */
  dump(): readonly GroupStats[] {
    return [...this.#groups.values()]
      .map(({ group, counters, buckets }) => ({
        group,
        packets: counters.packets,
        bytes: counters.bytes,
        buckets: buckets.map(({ counters: { packets, bytes } }) => ({ packets, bytes })),
      }))
      .sort((a, b) => a.group.id - b.group.id);
  }

  /**
   * The buckets that a packet goes through, each with a copy of it. `hash`: the dp_hash of the packet, asked for only
   * where the group selects by it.
   */
  choose(
    entry: GroupEntry,
    packet: Packet,
    liveness: Liveness,
    hash: (selection: Selection & { type: 'dp_hash' }) => number,
  ): readonly BucketEntry[] {
    const { group, selection, buckets } = entry;
    const isAlive = (bucket: Bucket) => this.#isAlive(group, bucket, liveness, 0);
    const only = (bucket: Bucket | undefined) => buckets.filter((b) => b.bucket === bucket);
    switch (group.type) {
      case 'all':
      case 'indirect':
        return buckets;
      case 'ff':
        return only(group.buckets.find(isAlive));
      case 'select':
        return only(
          selection.type === 'dp_hash'
            ? bucketOfSlot(selection.slots, hash(selection), isAlive)
            : bestBucket(group.buckets, basisOf(packet, selection), isAlive),
        );
    }
  }

  #isAlive(group: Group, bucket: Bucket, liveness: Liveness, depth: number): boolean {
    if (depth >= DEEPEST_WATCH) return false;
    if (group.type === 'select' && bucket.weight === 0) return false;
    const { watchPort, watchGroup } = bucket;
    if (watchPort === undefined && watchGroup === undefined) return true;
    if (watchPort !== undefined && liveness.isPortLive(watchPort)) return true;
    if (watchGroup === undefined) return false;
    liveness.onGroup?.(watchGroup);
    const watched = this.#groups.get(watchGroup)?.group;
    return watched?.buckets.some((b) => this.#isAlive(watched, b, liveness, depth + 1)) ?? false;
  }
}

/** Those that an action set has once, in the order in which they run (OpenFlow 1.3, 5.10). */
const ONCE: readonly Action['type'][] = ['strip_vlan', 'push_vlan', 'dec_ttl'];

/**
 * A bucket holds a set of actions rather than a list: tags go and come first, then TTL, then fields are written, and
 * the last of the most important kind of what decides where the frame goes is all that is left of these: group before
 * output before resubmit before ct_clear before ct. Without one of them nothing happens at all. What cannot stand in a
 * set is left out. (ofp-actions.c, ofpacts_execute_action_set)
 */
export function actionSet(actions: readonly Action[]): readonly Action[] {
  let final: Action | undefined;
  let rank = -1;
  for (const action of actions) {
    const weight = rankOf(action);
    if (weight >= 0 && weight >= rank) [final, rank] = [action, weight];
  }
  if (!final) return [];
  const once = ONCE.map((type) => actions.findLast((a) => a.type === type)).filter((a) => a !== undefined);
  const writes = actions.filter((a) => a.type === 'set' || a.type === 'move');
  return [...once, ...writes, final];
}

/** Of what decides where a frame goes; -1 of the rest. */
function rankOf(action: Action): number {
  switch (action.type) {
    case 'ct':
      return 0;
    case 'ct_clear':
      return 1;
    case 'resubmit':
      return 2;
    case 'output':
      return 3;
    case 'controller':
      // Without userdata it is an output to a reserved port.
      return action.userdata === '' ? 3 : -1;
    case 'group':
      return 4;
    default:
      return -1;
  }
}
