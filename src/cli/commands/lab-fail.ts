import { type Command, Option } from 'commander';
import { type Context, command } from '../context.ts';
import { type LabOptions, nameHint, openLabHardware, withLab } from '../lab-options.ts';
import { PROGRAM } from '../program.ts';

interface FailOptions extends LabOptions {
  readonly for?: string;
  readonly undo?: boolean;
}

export function labFailCommand({ terminal }: Context): Command {
  const made = command('fail', 'Break something of a lab, for a while or until it is undone', [
    ['netloom lab fail nic host1/nic1 --for 5s', 'a NIC of a host is dead for five seconds'],
    ['netloom lab fail link host1/nic1', 'its cable is pulled, or that of a VM: blue1/eth0'],
    ['netloom lab fail agent host1', 'the agent is killed; ovs and ovsdb are Open vSwitch’s two'],
    ['netloom lab fail host host1 --for 10s', 'a power cut, with the VMs that run there'],
    ['netloom lab fail controller', 'the controller is killed'],
    ['netloom lab fail controller --undo', 'and started again'],
  ])
    .argument('<what>', 'nic, link, agent, ovs, ovsdb, host or controller')
    .argument('[name]', 'which one; a NIC is HOST/NIC')
    .option('--for <time>', 'undo it after that time: 500ms, 5s, 1m')
    .addOption(new Option('--undo', 'make it whole again').conflicts('for'));
  return withLab(made).action(
    async (what: string, name: string | undefined, options: FailOptions, self: Command) => {
      const { FAILURES, failureOf } = await import('../../lab/real/fail.ts');
      const { setTimeout: sleep } = await import('node:timers/promises');
      const kind = FAILURES.find((each) => each === what);
      if (!kind) return self.error(`error: what fails is one of ${FAILURES.join(', ')}`);
      if (name === undefined && kind !== 'controller')
        return self.error(`error: say which: netloom lab fail ${kind} NAME`);
      const time = options.for === undefined ? undefined : millisecondsOf(options.for);
      if (options.for !== undefined && time === undefined)
        return self.error('error: the time is a number with its unit: 500ms, 5s, 1m');
      const { plan, driverOfVms } = await openLabHardware(options);
      const failure = failureOf(plan, driverOfVms, kind, name ?? '');
      if (options.undo) {
        await failure.end();
        terminal.out('It is whole again.\n');
        return;
      }
      const interrupted = terminal.interrupted();
      await failure.begin();
      terminal.out(`${failure.words}.\n`);
      if (time === undefined) {
        const again = ['lab', 'fail', kind, ...(name === undefined ? [] : [quoted(name)]), '--undo'].join(
          ' ',
        );
        terminal.out(`Make it whole again with "${PROGRAM} ${again}${nameHint(plan.name)}".\n`);
        return;
      }
      // Whoever does not want to wait gets it back at once.
      await Promise.race([sleep(time, undefined, { ref: true }), interrupted]);
      await failure.end();
      terminal.out('It is whole again.\n');
    },
  );
}

function millisecondsOf(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6})(ms|s|m)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm'];
}

function quoted(name: string): string {
  return /^[\w./:-]+$/.test(name) ? name : JSON.stringify(name);
}
