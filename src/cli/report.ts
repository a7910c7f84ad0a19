/** Findings on the terminal. */
import { describeFinding, type Finding, NetloomError } from '../base/error.ts';
import type { Terminal } from './terminal.ts';

/** Writes what was thrown to standard error, one line for each finding. */
export function reportError(terminal: Terminal, thrown: unknown): void {
  const error = NetloomError.from(thrown);
  reportFindings(terminal, error.findings);
  const errors = error.findings.filter((f) => f.severity === 'error').length;
  if (errors > 1) terminal.err(`${errors} errors.\n`);
  if (error.code === 'internal' && terminal.env.NETLOOM_DEBUG) {
    const { cause } = error;
    terminal.err(`${cause instanceof Error ? cause.stack : String(cause)}\n`);
  }
}

export function reportFindings(terminal: Terminal, findings: readonly Finding[]): void {
  const { red, yellow } = terminal.errorColours;
  for (const found of findings) {
    const mark = `${found.severity}[${found.code}]`;
    const colour = found.severity === 'error' ? red : yellow;
    terminal.err(`${describeFinding(found).replace(mark, () => colour(mark))}\n`);
  }
}
