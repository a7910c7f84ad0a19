/**
 * The command line. Each command is a file in `commands/`; what a command needs to do its work is loaded when it runs,
 * so that `netloom version` does not wait for a web server.
 */
import { Command, CommanderError } from 'commander';
import { aclCommand } from './commands/acl.ts';
import { agentCommand } from './commands/agent.ts';
import { applyCommand } from './commands/apply.ts';
import { authorityCommand } from './commands/authority.ts';
import { compareHostsCommand } from './commands/compare-hosts.ts';
import { complianceCommand } from './commands/compliance.ts';
import { controllerCommand } from './commands/controller.ts';
import { countersCommand } from './commands/counters.ts';
import { deleteCommand } from './commands/delete.ts';
import { describeCommand } from './commands/describe.ts';
import { diffCommand } from './commands/diff.ts';
import { endpointsCommand } from './commands/endpoints.ts';
import { exportCommand } from './commands/export.ts';
import { getCommand } from './commands/get.ts';
import { guestCommand } from './commands/guest.ts';
import { hintsCommand } from './commands/hints.ts';
import { historyCommand } from './commands/history.ts';
import { hostCommand } from './commands/host.ts';
import { hypervisorCommand } from './commands/hypervisor.ts';
import { jobCommand } from './commands/job.ts';
import { labCommand } from './commands/lab.ts';
import { loginCommand, logoutCommand, setupCommand, whoamiCommand } from './commands/login.ts';
import { pingCommand } from './commands/ping.ts';
import { policyCommand } from './commands/policy.ts';
import { poolCommand } from './commands/pool.ts';
import { refusalsCommand } from './commands/refusals.ts';
import { remediateCommand } from './commands/remediate.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { sessionCommand } from './commands/session.ts';
import { switchCommand } from './commands/switch.ts';
import { tenantCommand } from './commands/tenant.ts';
import { tokenCommand } from './commands/token.ts';
import { joinPings, tryCommand } from './commands/try.ts';
import { undoCommand } from './commands/undo.ts';
import { upCommand } from './commands/up.ts';
import { userCommand } from './commands/user.ts';
import { versionCommand } from './commands/version.ts';
import { vmCommand } from './commands/vm.ts';
import { walkCommand } from './commands/walk.ts';
import type { Context } from './context.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { version } from './version.ts';

/** In the order in which the help lists them, under their headings. */
const COMMANDS = {
  Begin: [upCommand, controllerCommand, tryCommand, switchCommand, labCommand, setupCommand],
  'Describe the network': [applyCommand, getCommand, describeCommand, deleteCommand, exportCommand],
  'Machines and hosts': [
    vmCommand,
    poolCommand,
    hostCommand,
    authorityCommand,
    agentCommand,
    hypervisorCommand,
    complianceCommand,
    remediateCommand,
    compareHostsCommand,
    hintsCommand,
  ],
  'See what happens': [
    endpointsCommand,
    pingCommand,
    walkCommand,
    aclCommand,
    policyCommand,
    countersCommand,
    guestCommand,
  ],
  'Changes, and the way back': [jobCommand, historyCommand, diffCommand, undoCommand, rollbackCommand],
  'People and tenants': [
    loginCommand,
    logoutCommand,
    whoamiCommand,
    tenantCommand,
    userCommand,
    tokenCommand,
    sessionCommand,
    refusalsCommand,
  ],
  'About Netloom': [versionCommand],
};

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
    );
  for (const [heading, commands] of Object.entries(COMMANDS)) {
    for (const make of commands) program.addCommand(make(context).helpGroup(`${heading}:`));
  }
  const help = new Command('help')
    .argument('[command]')
    .description('Explain a command')
    .helpGroup('About Netloom:');
  program.addHelpCommand(help);
  for (const each of withInner(program)) {
    if (each !== program && each.commands.length > 0) each.helpCommand('help [command]', 'explain a command');
    each
      .helpOption('-h, --help', 'explain this command')
      .exitOverride()
      .showHelpAfterError('(--help shows what there is, with examples)')
      .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  }
  return program;
}

/** A command and the commands within it. */
function* withInner(outer: Command): Generator<Command> {
  yield outer;
  for (const inner of outer.commands) yield* withInner(inner);
}
