/** The `meter` action: what a meter refuses is dropped, as far as a drop reaches (scope.ts). */
import type { Course } from '../engine/course.ts';
import type { Packet } from '../frame/packet.ts';
import { rememberMeter, takeTokens, tollOf } from './meter.ts';

export function goThroughMeter(course: Course, packet: Packet, id: number): void {
  const { recording, progress, frame, now } = course;
  const { scope } = progress;
  const entry = course.parts.meters.get(id);
  if (!entry || scope.isDead) return;
  recording?.toll(tollOf(entry, scope.length - frame.length), scope);
  progress.metered.push(rememberMeter(entry));
  if (takeTokens(entry, scope.length, now)) return;
  recording?.refuse();
  scope.isDead = true;
  course.drop(packet, 'meter');
}
