import { type Command, Option } from 'commander';
import type { LabUp } from '../../lab/real/bring-up.ts';
import type { DriverKind } from '../../lab/real/place.ts';
import { type Context, command } from '../context.ts';
import { driverOf, type LabOptions, nameHint, withLab } from '../lab-options.ts';
import { PROGRAM } from '../program.ts';
import { count } from '../table.ts';
import type { Terminal } from '../terminal.ts';

interface UpOptions extends LabOptions {
  readonly vm: 'namespace' | 'qemu';
  readonly qemu?: readonly string[];
  readonly foreground?: boolean;
  readonly keep?: boolean;
}

export function labUpCommand({ terminal }: Context): Command {
  const made = command('up', 'Bring up what files describe: hosts, Open vSwitch, agents, VMs', [
    ['netloom lab up examples/blue-red.yaml', 'returns when every VM is ready; the lab runs on'],
    ['netloom lab up examples/blue-red.yaml --name two', 'a second one beside it'],
    ['netloom lab up examples/migration.yaml --vm qemu', 'VMs are real ones, in QEMU'],
    ['netloom lab up examples/migration.yaml --qemu shop', 'one of them is; it moves with all that it does'],
    ['netloom lab up examples/blue-red.yaml --foreground', 'until Ctrl-C, which takes it down'],
  ])
    .argument('<file...>', 'files or folders of YAML or JSON; - is standard input')
    .addOption(new Option('--vm <what>', 'what VMs are').choices(['namespace', 'qemu']).default('namespace'))
    .option('--qemu <vm...>', 'these VMs are real ones, in QEMU; the others are namespaces')
    .option('--foreground', 'stay until Ctrl-C, and take the lab down then')
    .option('--keep', 'leave what there is when it does not come up, to look at it');
  return withLab(made).action(async (files: readonly string[], options: UpOptions) => {
    const { readFiles, throwInput, withPlaces } = await import('../input.ts');
    const { bringUp } = await import('../../lab/real/bring-up.ts');
    const { takeDown } = await import('../../lab/real/down.ts');
    const { claim } = await import('../../lab/real/place.ts');
    const { checkRequirements } = await import('../../lab/real/requirements.ts');
    const { labAccess } = await import('../lab-access.ts');
    const { stepReporter } = await import('../lab-steps.ts');
    const { reportFindings } = await import('../report.ts');
    const driver: DriverKind = options.qemu === undefined ? options.vm : { qemu: options.qemu };
    checkRequirements(driver);
    const parsed = await readFiles(files, terminal);
    throwInput(parsed.findings);
    const { name } = options;
    const directory = claim(name);
    const stop = new AbortController();
    const interrupted = terminal.interrupted().then(() => stop.abort());
    try {
      const up = await withPlaces(parsed, () =>
        bringUp({
          name,
          directory,
          driver,
          objects: parsed.objects.map(({ object }) => object),
          driverOf: (plan) => driverOf(driver, plan),
          controllerOf: labAccess,
          onStep: stepReporter(terminal),
          onFindings: (findings) => reportFindings(terminal, findings),
          signal: stop.signal,
        }),
      );
      terminal.out(welcome(up, terminal));
    } catch (thrown) {
      terminal.redraw();
      if (options.keep && !stop.signal.aborted)
        terminal.err(
          `What there is stays: ${directory}. "netloom lab down${nameHint(name)}" takes it away.\n`,
        );
      else await takeDown(name);
      throw thrown;
    }
    // A lab that runs on does not hold its user; waiting for signals does not either.
    if (!options.foreground) return;
    // Waiting for a signal alone does not keep a program.
    const stay = setInterval(() => {}, 60_000);
    await interrupted;
    clearInterval(stay);
    const down = stepReporter(terminal)('Taking it down');
    await takeDown(name);
    down();
  });
}

function welcome({ plan, machines }: LabUp, { colours }: Terminal): string {
  const hint = nameHint(plan.name);
  const [first, second] = machines;
  const host = plan.hosts[0];
  const nic = host?.nics.find(({ network }) => network !== undefined);
  const lines = [
    'lab status',
    ...(first && second ? [`lab ping ${first.key} ${second.key}`] : []),
    ...(first ? [`lab exec ${first.key} -- ip address`] : []),
    ...(host ? [`lab exec ${host.name} -- ovs-vsctl show`] : []),
    ...(host && nic ? [`lab capture ${host.name}/${nic.name}`] : []),
    'lab down',
  ];
  return `${colours.bold(`The lab is up: ${count(plan.hosts.length, 'host')}, ${count(machines.length, 'VM')}.`)}

Try:

${lines.map((line) => `  ${PROGRAM} ${line.replace(/^lab (\w+)/, `lab $1${hint}`)}\n`).join('')}
Its controller is one like any other:

  export NETLOOM_DATA=${plan.directory}/controller
  ${PROGRAM} compliance
`;
}

export function labDownCommand({ terminal }: Context): Command {
  const made = command('down', 'Take a lab away: programs, namespaces, files, whatever state it is in', [
    ['netloom lab down', 'nothing of it is left'],
    ['netloom lab down --name two', 'another one'],
  ]);
  return withLab(made).action(async ({ name }: LabOptions) => {
    const { takeDown } = await import('../../lab/real/down.ts');
    const { checkRequirements } = await import('../../lab/real/requirements.ts');
    checkRequirements('namespace');
    const { processes, namespaces } = await takeDown(name);
    terminal.out(
      processes + namespaces === 0
        ? `There is no lab "${name}", and nothing left of one.\n`
        : `The lab is gone: ${count(processes, 'program')} ended, ${count(namespaces, 'namespace')} removed.\n`,
    );
  });
}
