/**
 * One frame on its way through the engine, as the features see it that work on it (group-action.ts, meter-action.ts
 * …): what the engine runs over, what is known of the frame, and whom to tell what happens to it.
 */
import type { Action } from '../../flow/flow.ts';
import type { Recording } from '../cache/recording.ts';
import type { DropReason, Observer } from '../events.ts';
import type { Counters } from '../flows/counters.ts';
import type { Rule } from '../flows/table.ts';
import { changedFields } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import type { Arrival, EngineParts } from './engine-parts.ts';
import { Progress } from './progress.ts';
import type { Scope } from './scope.ts';

/** Runs a list of actions on a packet, as part of the flow at work. */
export type RunActions = (packet: Packet, actions: readonly Action[]) => void;

export class Course {
  readonly parts: EngineParts;
  readonly arrival: Arrival;
  readonly recording: Recording | undefined;
  observer: Observer | undefined;
  /** As it came in. */
  readonly frame: Uint8Array;
  /** What flows count: the length with which it came in, or began anew. */
  readonly length: number;
  /** When it came in. */
  readonly now: number;
  readonly progress: Progress;
  /** How often the frame was sent on by connection tracking before. */
  readonly recirculations: number;
  /** Whose actions are run. */
  rule: Rule | undefined;
  /** Whether flows count the packet at work: one that waited has been counted. */
  counts = true;

  /** `begins`: of a frame that begins anew. */
  constructor(
    parts: EngineParts,
    arrival: Arrival,
    frame: Uint8Array,
    recording: Recording | undefined,
    begins?: { readonly length: number; readonly scope: Scope; readonly recirculations: number },
  ) {
    this.parts = parts;
    this.arrival = arrival;
    this.frame = frame;
    this.recording = recording;
    this.observer = parts.observer;
    this.length = begins?.length ?? frame.length;
    this.now = parts.now();
    this.recirculations = begins?.recirculations ?? 0;
    this.progress = new Progress(this.length, begins?.scope);
  }

  count(packet: Packet, counters: Counters): void {
    if (!this.counts) return;
    this.recording?.rule(counters);
    counters.packets += 1n;
    counters.bytes += BigInt(packet.countedLength ?? this.length);
  }

  /** Reports an action that leaves the frame as it is. */
  tell(packet: Packet, action: Action, table: number): void {
    if (!this.observer) return;
    const frame = packet.share();
    this.observer({ type: 'action', table, action, before: frame, after: frame, changes: [] });
  }

  change(packet: Packet, action: Action, table: number, change: () => void): void {
    if (!this.observer) {
      change();
      return;
    }
    const before = packet.share();
    const key = packet.key.slice();
    change();
    const changes = changedFields(key, packet.key);
    this.observer({ type: 'action', table, action, before, after: packet.share(), changes });
  }

  drop(packet: Packet, reason: DropReason): void {
    this.observer?.({ type: 'drop', reason, port: this.arrival.port, frame: packet.share() });
  }

  /** Whether the frame goes round without end; it does nothing then. */
  isTooDeep(packet: Packet): boolean {
    if (!this.progress.isTooDeep) return false;
    this.progress.fail();
    this.recording?.refuse();
    this.drop(packet, 'resubmit-limit');
    return true;
  }

  /** Runs a clone, a bucket or a branch; true: the frame was frozen in it. */
  within(run: () => void): boolean {
    run();
    return this.thaw();
  }

  /** What was frozen since begins anew later. */
  thaw(): boolean {
    const { isFrozen, goesOn } = this.progress.takeFrozen();
    if (goesOn) this.recording?.waits();
    else if (isFrozen) this.recording?.refuse();
    return isFrozen;
  }
}
