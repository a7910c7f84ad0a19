/**
 * The `check_pkt_larger` action. What comes after it is done twice, for both answers: the tables are gone through with
 * each, and only what the right one comes to is delivered. Flows on both ways count the frame, as in Open vSwitch, whose
 * datapath flow has both branches. What the rest of the list does to the frame ends with the list.
 */
import type { Action } from '../../flow/flow.ts';
import type { Packet } from '../frame/packet.ts';
import { writeBits } from '../frame/packet-bits.ts';
import type { Course, RunActions } from './course.ts';

export function checkLength(
  course: Course,
  packet: Packet,
  action: Action & { type: 'check_pkt_larger' },
  rest: readonly Action[],
  table: number,
  run: RunActions,
): void {
  const { recording, progress, observer } = course;
  const isLarger = packet.lengthWithoutPadding > action.length;
  if (isLarger) recording?.refuse();
  recording?.noLonger(action.length + course.frame.length - packet.length);
  const outer = progress.scope;
  let ended = false;
  for (const answer of [true, false]) {
    const copy = packet.clone();
    const isRight = answer === isLarger;
    progress.enter(packet.length, !isRight);
    course.observer = isRight ? observer : undefined;
    course.change(copy, action, table, () => writeBits(copy, action.to, answer ? 1n : 0n));
    const froze = course.within(() => run(copy, rest));
    if (answer) ended = progress.ended || froze;
    progress.ended = false;
    progress.scope = outer;
  }
  // What called this list is not come back to where the answer "larger" began anew (ctx->exit stays set).
  progress.ended = ended;
  course.observer = observer;
}
