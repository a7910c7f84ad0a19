/** The actions that make a flow and that end one: `learn` and `fin_timeout`. */
import type { Learn } from '../../flow/flow.ts';
import type { Course } from '../engine/course.ts';
import { LearnGate } from '../flows/lifetime.ts';
import { prerequisiteHolds, WORD } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import { learnedFlow } from './learned-flow.ts';

/** Of the TCP flags. */
const FIN_OR_RST = 0x005;

export function learn({ parts, recording, observer, now }: Course, packet: Packet, lesson: Learn): void {
  const flow = learnedFlow(lesson, packet);
  const rule = parts.flows.learn(flow, lesson, now);
  observer?.({ type: 'learn-flow', flow: rule && flow });
  if (rule?.life) recording?.gate(new LearnGate(rule.life));
  else if (rule) recording?.table(flow.table);
  else recording?.refuse();
}

/** A segment with FIN or RST shortens the timeouts of the flow at work; in seconds, 0 leaves one as it is. */
export function finTimeout(
  { parts, recording, rule }: Course,
  packet: Packet,
  idle: number,
  hard: number,
): void {
  if (!rule || !prerequisiteHolds('tcp', packet.key)) return;
  packet.trail?.look(WORD.TYPE, FIN_OR_RST);
  if ((packet.key[WORD.TYPE]! & FIN_OR_RST) === 0) return;
  recording?.refuse();
  parts.flows.shorten(rule, idle, hard);
}
