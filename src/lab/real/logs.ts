/** What programs of a lab have said. */
import { existsSync, readFileSync } from 'node:fs';
import { finding, NetloomError } from '../../base/error.ts';

/** The last lines of a log. */
export function endOf(log: string): string {
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-12).join('\n') : 'nothing';
}

/** That a program, in words, has ended where it was to run. */
export function hasEnded(program: string, log: string): NetloomError {
  return new NetloomError([
    finding(
      'lab-failed',
      '',
      `${program} has ended. It says:\n${endOf(log)}`,
      'Mend what it says, and try again.',
    ),
  ]);
}
