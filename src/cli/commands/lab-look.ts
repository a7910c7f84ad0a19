import type { Command } from 'commander';
import type { LabStatus } from '../../lab/real/status.ts';
import { type Context, command, withOutput } from '../context.ts';
import { type VersionOptions, versionOf, withVersion } from '../ip-version.ts';
import { type LabOptions, openLabHardware, openRealLab, withLab } from '../lab-options.ts';
import { table } from '../table.ts';
import type { Colours } from '../terminal.ts';

type Form = 'table' | 'json' | 'yaml';

export function labStatusCommand({ terminal }: Context): Command {
  const made = command('status', 'Show the hosts and VMs of a lab, and what of it runs', [
    ['netloom lab status', 'programs, NICs with their links, VMs with their addresses'],
    ['netloom lab status -o json', 'for programs'],
  ]);
  return withLab(withOutput(made, 'table', 'json', 'yaml')).action(
    async (options: LabOptions & { output: Form }) => {
      const { statusOf } = await import('../../lab/real/status.ts');
      const { printed } = await import('../printed.ts');
      const lab = await openRealLab(options);
      const status = await statusOf(lab.plan, lab.driverOfVms, lab.controller);
      terminal.out(printed(status, options.output, (value) => statusText(value, terminal.colours)));
    },
  );
}

function statusText({ name, directory, programs, hosts, machines }: LabStatus, colours: Colours): string {
  const mark = (isWell: boolean) => (isWell ? colours.green('✔') : colours.red('✘'));
  const runs = Object.entries(programs).map(([what, isRunning]) => `${mark(isRunning)} ${what}`);
  const hostRows = hosts.map((host) => [
    host.name,
    ...Object.values(host.programs).map(mark),
    host.inForce === undefined ? colours.yellow('?') : mark(host.inForce),
    host.nics
      .map(
        (nic) =>
          `${nic.name}${nic.network === undefined ? '' : ` (${nic.network})`}${nic.link ? '' : ' no link'}`,
      )
      .join(', '),
  ]);
  const machineRows = machines.map(({ name: key, host, nics, ready, ended }) => [
    key,
    host,
    mark(ready),
    ended ?? nics.map((nic) => `${nic.name} ${nic.addresses.join(' ')}`.trim()).join(', '),
  ]);
  return [
    `Lab ${colours.bold(name)} in ${directory}: ${runs.join(', ')}\n`,
    table(['HOST', 'AGENT', 'OVS', 'OVSDB', 'IN FORCE', 'NICS'], hostRows, colours),
    table(['VM', 'HOST', 'READY', 'ADDRESSES'], machineRows, colours),
  ].join('\n');
}

export function labExecCommand({ finish }: Context): Command {
  const made = command('exec', 'Run a command in a VM, on a host, or beside a physical switch', [
    ['netloom lab exec blue1 -- ip address', 'in a VM'],
    ['netloom lab exec blue1 -- bash', 'a shell there'],
    ['netloom lab exec host1 -- ovs-vsctl show', 'on a host, with its own Open vSwitch'],
    ['netloom lab exec host1 -- netloom agent status', 'and its own agent'],
    ['netloom lab exec Fabric -- ovs-vsctl show', 'among the physical switches'],
  ])
    .argument('<place>', 'VM, host or physical network')
    .argument('<command...>', 'the command with its arguments, behind --');
  return withLab(made).action(async (place: string, words: readonly string[], options: LabOptions) => {
    const { spawn } = await import('node:child_process');
    const { commandAt, whereIs } = await import('../../lab/real/where.ts');
    const { plan, driverOfVms } = await openLabHardware(options);
    const [tool = '', ...args] = commandAt(plan, driverOfVms, whereIs(plan, place), words);
    const child = spawn(tool, args, { stdio: 'inherit' });
    // Ctrl-C reaches the command by itself, and this program ends when it does; who ends this program means the command.
    const wait = () => {};
    const pass = (signal: NodeJS.Signals) => void child.kill(signal);
    process.on('SIGINT', wait).on('SIGTERM', pass).on('SIGHUP', pass);
    try {
      const code = await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (status, signal) => resolve(status ?? (signal ? 130 : 1)));
      });
      finish(code);
    } finally {
      process.off('SIGINT', wait).off('SIGTERM', pass).off('SIGHUP', pass);
    }
  });
}

interface PingOptions extends LabOptions, VersionOptions {
  readonly count: string;
  readonly output: Form;
}

export function labPingCommand({ terminal, finish }: Context): Command {
  const made = command(
    'ping',
    'Ping between two VMs or hosts by their own ping; ends with 1 without an answer',
    [
      ['netloom lab ping blue1 blue2', 'from one VM to another'],
      ['netloom lab ping app-db01/eth1 10.20.1.101', 'from a certain vNIC to an address'],
      ['netloom lab ping web1 web2 -6 -c 5', 'by IPv6, five times'],
    ],
  )
    .argument('<from>', 'VM or host, or one of its vNICs as NAME/NIC')
    .argument('<to>', 'the same, or an IP address')
    .option('-c, --count <number>', 'how many, up to 20', '1');
  return withLab(withOutput(withVersion(made), 'table', 'json', 'yaml')).action(
    async (from: string, to: string, options: PingOptions, self: Command) => {
      if (!/^(?:[1-9]|1\d|20)$/.test(options.count)) self.error('error: the count is a number from 1 to 20');
      const { knownEndpoints, pingReal, withReason } = await import('../../lab/real/ping.ts');
      const { commandAt, whereIs, splitPlace } = await import('../../lab/real/where.ts');
      const { pingTable } = await import('../ping-text.ts');
      const { printed } = await import('../printed.ts');
      const { plan, driverOfVms, controller } = await openRealLab(options);
      const pinged = await pingReal(from, to, {
        endpoints: await knownEndpoints(plan, controller),
        inside: ({ name }, words) => commandAt(plan, driverOfVms, whereIs(plan, splitPlace(name)[0]), words),
        count: Number(options.count),
        ...versionOf(options),
      });
      const result = await withReason(pinged, controller);
      terminal.out(printed(result, options.output, () => pingTable([result], terminal.colours)));
      // As ping(8) does.
      finish(result.received > 0 ? 0 : 1);
    },
  );
}
