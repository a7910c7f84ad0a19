import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { ChangeSummary } from '../../controller/change.ts';
import { type Context, command, type ServerOptions, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly dryRun?: boolean;
  readonly message?: string;
}

export function undoCommand({ terminal }: Context): Command {
  const made = command('undo', 'Take back one change, where no later one touched the same', [
    ['netloom undo 12', 'make what revision 12 changed as it was before'],
    ['netloom undo 12 --dry-run', 'show what that would come to'],
  ])
    .argument('<revision>', 'revision, as "netloom history" shows it')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('-m, --message <text>', 'why, for the journal');
  return withServer(made).action(async (revision: string, options: Options, self: Command) => {
    if (!/^[1-9]\d{0,14}$/.test(revision)) self.error(`error: ${JSON.stringify(revision)} is not a revision`);
    const { Client } = await import('../client.ts');
    const { changeText } = await import('../change-text.ts');
    const { reportFindings } = await import('../report.ts');
    const summary = await Client.of(options, terminal).post<ChangeSummary>(`/api/v1/undo/${revision}`, {
      dryRun: options.dryRun === true,
      requestId: randomUUID(),
      ...(options.message === undefined ? {} : { message: options.message }),
    });
    reportFindings(terminal, summary.findings);
    terminal.out(changeText(summary, terminal.colours));
  });
}
