/** `netloom agent`. */
import { type Command, Option } from 'commander';
import { type OvsOptions, type RunOptions, type StateOptions, withOvs, withState } from '../agent-options.ts';
import { type Context, command, withOutput } from '../context.ts';

type Form = 'text' | 'json' | 'yaml';

export function agentCommand(context: Context): Command {
  return command('agent', 'Make this machine a host, and see how it is', [
    ['netloom agent join TOKEN', 'with a token of "netloom host token HOST", once'],
    ['netloom agent run', 'the agent itself; systemd does it by netloom-agent.service'],
    ['netloom agent status', 'how the agent of this machine is'],
    ['netloom agent doctor', 'whether this machine is fit to be a host'],
  ])
    .addCommand(joinCommand(context))
    .addCommand(runCommand(context))
    .addCommand(statusCommand(context))
    .addCommand(doctorCommand(context));
}

function joinCommand({ terminal }: Context): Command {
  const made = command('join', 'Make this machine known to a controller', [
    [
      'netloom agent join nlj_…',
      'where nobody else is on this machine: he might read it there, and be faster',
    ],
    ['netloom agent join - < token', 'it comes from standard input, and nobody sees it'],
    ['netloom agent join - -o json < token', 'for programs'],
  ])
    .argument('<token>', 'what "netloom host token HOST" printed; - reads it from standard input')
    .option('--force', 'although this machine has joined before');
  return withState(withOutput(made, 'text', 'json', 'yaml')).action(
    async (token: string, options: StateOptions & { force?: boolean; output: Form }) => {
      const { join } = await import('../agent.ts');
      const { joinedText } = await import('../agent-text.ts');
      const { printed } = await import('../printed.ts');
      terminal.out(printed(await join(token, options, terminal), options.output, joinedText));
    },
  );
}

function runCommand({ terminal }: Context): Command {
  const made = command('run', 'Run the agent of this host until it is told to end', [
    ['netloom agent run', 'with the state in /var/lib/netloom-agent'],
    ['netloom agent run --log-format json', 'each line of the log is an object'],
    ['netloom agent run --state ./h1 --ovs-rundir ./h1/ovs', 'another host on the same machine'],
  ])
    .addOption(
      new Option('--datapath <type>', 'what switches frames; left out, the kernel where it can').choices([
        'system',
        'netdev',
      ]),
    )
    .option('--no-afxdp', 'NICs are not driven by AF_XDP where the switch runs in user space')
    .addOption(
      new Option('--log-format <form>', 'form of the log').choices(['text', 'json']).default('text'),
    );
  return withOvs(withState(made)).action(async (options: RunOptions) => {
    const { runAgent } = await import('../agent.ts');
    await runAgent(options, terminal);
  });
}

function statusCommand({ terminal }: Context): Command {
  const made = command('status', 'Show how the agent of this host is', [
    ['netloom agent status', 'connection, policy, switches, vNICs, what is wrong'],
    ['netloom agent status -o json', 'for programs'],
  ]);
  return withState(withOutput(made, 'text', 'json', 'yaml')).action(
    async (options: StateOptions & { output: Form }) => {
      const { status } = await import('../agent.ts');
      const { statusText } = await import('../agent-text.ts');
      const { printed } = await import('../printed.ts');
      terminal.out(
        printed(await status(options, terminal), options.output, (value) =>
          statusText(value, terminal.colours),
        ),
      );
    },
  );
}

function doctorCommand({ terminal, finish }: Context): Command {
  const made = command('doctor', 'Look whether this machine is fit to be a host, and say what to do', [
    ['netloom agent doctor', 'ends with 1 when something will not work'],
    ['netloom agent doctor -o json', 'for programs'],
  ]);
  return withOvs(withState(withOutput(made, 'text', 'json', 'yaml'))).action(
    async (options: StateOptions & OvsOptions & { output: Form }) => {
      const { doctor } = await import('../agent.ts');
      const { checksText } = await import('../agent-text.ts');
      const { printed } = await import('../printed.ts');
      const checks = await doctor(options, terminal);
      terminal.out(printed(checks, options.output, (value) => checksText(value, terminal.colours)));
      if (checks.some(({ verdict }) => verdict === 'failed')) finish(1);
    },
  );
}
