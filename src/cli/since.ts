/** Times as people say them. */
import { finding, NetloomError } from '../base/error.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2h` is two hours before now; a time is itself. The result is ISO 8601, UTC. */
export function sinceText(text: string, now: number = Date.now()): string {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = number === undefined ? Date.parse(text) : now - Number(number) * UNITS[unit!]!;
  if (Number.isFinite(time)) return new Date(time).toISOString();
  throw new NetloomError([
    finding(
      'value-invalid',
      '--since',
      `${JSON.stringify(text)} is not a time.`,
      'Write 30m, 2h, 7d, or a time such as 2026-11-21T16:00:00Z.',
    ),
  ]);
}
