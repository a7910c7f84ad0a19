/**
 * The command line. Each command is a file in `commands/`; what a command needs to do its work is loaded when it runs,
 * so that `netloom version` does not wait for a web server.
 */
import { Command, CommanderError } from 'commander';
import { applyCommand } from './commands/apply.ts';
import { deleteCommand } from './commands/delete.ts';
import { describeCommand } from './commands/describe.ts';
import { endpointsCommand } from './commands/endpoints.ts';
import { getCommand } from './commands/get.ts';
import { historyCommand } from './commands/history.ts';
import { pingCommand } from './commands/ping.ts';
import { switchCommand } from './commands/switch.ts';
import { joinPings, tryCommand } from './commands/try.ts';
import { undoCommand } from './commands/undo.ts';
import { upCommand } from './commands/up.ts';
import { versionCommand } from './commands/version.ts';
import { walkCommand } from './commands/walk.ts';
import type { Context } from './context.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { version } from './version.ts';

const COMMANDS = [
  upCommand,
  tryCommand,
  switchCommand,
  applyCommand,
  getCommand,
  describeCommand,
  deleteCommand,
  pingCommand,
  walkCommand,
  endpointsCommand,
  historyCommand,
  undoCommand,
  versionCommand,
];

/**
 * Runs one command line, without the name of the program. What it resolves with is the exit code: 0 done, 1 refused or
 * failed (the reasons are on standard error), 2 the command line is wrong.
 */
export async function main(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let code = 0;
  const context: Context = { terminal, finish: (result) => (code = result) };
  const joined = joinPings(args);
  if (!joined) {
    terminal.err('error: --ping takes two names: --ping FROM TO\n');
    return 2;
  }
  try {
    await programOf(context).parseAsync(joined, { from: 'user' });
    return code;
  } catch (thrown) {
    // Help that was asked for ends with 0.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const { reportError } = await import('./report.ts');
    reportError(terminal, thrown);
    return 1;
  }
}

/** The program with all its commands. */
export function programOf(context: Context): Command {
  const { terminal } = context;
  const program = new Command('netloom')
    .description('Network virtualization for data centres of Linux hosts.')
    .version(version(), '-V, --version', 'say which version this is')
    .addHelpText(
      'after',
      `
Begin with:
  $ netloom try examples/blue-red.yaml    # two tenants with the same addresses, in this process
  $ netloom up --sample campus            # a server with a sample network
  $ netloom COMMAND --help                # examples for each command
`,
    )
    .helpCommand('help [command]', 'Explain a command');
  for (const make of COMMANDS) program.addCommand(make(context));
  for (const each of [program, ...program.commands]) {
    each
      .exitOverride()
      .showHelpAfterError('(--help shows what there is, with examples)')
      .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  }
  return program;
}
