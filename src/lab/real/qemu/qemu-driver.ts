/**
 * Machines that are real ones: Linux in QEMU, with a tap for each NIC in the namespace of its host. What belongs to a
 * machine is in `machines/<its name>` of the lab's directory: its RAM disk, and for each host that it is on, sockets and logs.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finding, NetloomError } from '../../../base/error.ts';
import { settingsOf } from '../guest-settings.ts';
import { plainName } from '../names.ts';
import { bound, type DriverPlace, plug, unplug } from '../namespace-driver.ts';
import { end, running, startProgram } from '../processes.ts';
import { inNamespace, run } from '../run.ts';
import type { LabHost, LabMachine, MachineNic, VmDriver } from '../vm-driver.ts';
import { until } from '../wait.ts';
import { removeInterface } from '../wires.ts';
import { type Accelerator, accelerator } from './accelerator.ts';
import { type QemuMachine, qemuArguments } from './command-line.ts';
import { guestDisk, guestImage } from './guest-image.ts';
import { GUEST_COMMAND_LINE, GUEST_READY } from './guest-init.ts';
import { runInGuest } from './guest-shell.ts';
import { fetchKernel } from './kernel.ts';
import {
  type MigrationEnd,
  type MigrationFigures,
  type MigrationOptions,
  migrateLive,
} from './live-migration.ts';

export interface QemuDriver extends VmDriver {
  /** The same as `move`, with what it came to. */
  migrate(
    machine: LabMachine,
    from: LabHost,
    to: LabHost,
    onEvent?: MigrationOptions['onEvent'],
  ): Promise<MigrationFigures>;
  /** Runs a command in the machine to its end; what it printed. */
  exec(machine: LabMachine, ...command: readonly string[]): Promise<string>;
}

const QEMU = 'qemu-system-x86_64';
/** What guests have besides busybox, where this machine has it. */
const TOOLS = ['/usr/bin/iperf3'];
/** Guests have no disk: all that they have is in there. */
const MEMORY_MB = 160;
/** Milliseconds. Without KVM a guest is slow, on a machine that has much else to do too. */
const EXEC_LIMIT_MS = 120_000;
const ASK_LIMIT_MS = 10_000;
/** Bytes of a path of a UNIX socket (unix(7)). */
const SOCKET_PATH_LENGTH = 107;

export function qemuDriver({ lab, directory }: DriverPlace): QemuDriver {
  const own = ({ key }: Pick<LabMachine, 'key'>) => join(directory, 'machines', plainName(key, 32));
  const place = (machine: LabMachine, host: Pick<LabHost, 'name'>) =>
    join(own(machine), plainName(host.name, 16));
  const consoleLog = (machine: LabMachine) => join(own(machine), 'console.log');
  const part = (machine: LabMachine, host: Pick<LabHost, 'name'>) => ({
    lab,
    part: `qemu/${machine.key}/${host.name}`,
  });
  const endOf = (machine: LabMachine, host: LabHost): MigrationEnd => ({
    namespace: host.namespace,
    qmp: join(place(machine, host), 'qmp.sock'),
    links: join(place(machine, host), 'links.sock'),
    taps: machine.nics.map(({ tap }) => tap),
  });

  /** The answer is what runs it. */
  const start = async (machine: LabMachine, host: LabHost, incoming: boolean): Promise<Accelerator> => {
    const at = place(machine, host);
    rmSync(at, { recursive: true, force: true });
    mkdirSync(at, { recursive: true, mode: 0o700 });
    if (at.length + '/console.sock'.length > SOCKET_PATH_LENGTH)
      throw trouble(
        machine,
        `the path ${at} is too long for sockets`,
        'Use a shorter directory for the lab.',
      );
    const kernel = await fetchKernel(machine.nics.some(isLegacy) ? 'full' : 'cloud');
    const initrd = join(own(machine), 'initrd');
    // What comes in has its own in its memory.
    if (!incoming)
      writeFileSync(
        initrd,
        guestDisk(
          await guestImage(
            kernel,
            TOOLS.filter((tool) => existsSync(tool)),
          ),
          machine.nics,
        ),
      );
    const described: QemuMachine = {
      name: machine.key,
      directory: at,
      consoleLog: consoleLog(machine),
      accelerator: await accelerator(directory, kernel.image),
      memoryMb: MEMORY_MB,
      kernel: kernel.image,
      initrd,
      append: GUEST_COMMAND_LINE,
      nics: machine.nics.map((nic) => ({
        tap: nic.tap,
        mac: nic.port.mac,
        mtu: nic.port.mtu,
        model: isLegacy(nic) ? 'e1000' : 'virtio',
      })),
      incoming,
    };
    const log = join(at, 'qemu.log');
    const command = inNamespace(host.namespace, QEMU, ...qemuArguments(described));
    await startProgram({ ...part(machine, host), command, log });
    await until(
      () => `QEMU does not start ${machine.key}: ${words(log)}`,
      () => {
        if (running(part(machine, host)).length === 0)
          throw trouble(
            machine,
            words(log),
            'Install qemu-system-x86, and see whether the machine has the memory.',
          );
        return existsSync(join(at, 'shell.sock'));
      },
    );
    return described.accelerator;
  };

  /** Taps, down, in the quarantine bridge. */
  const plugIn = async (machine: LabMachine, host: LabHost) => {
    for (const { tap, port } of machine.nics) {
      await removeInterface(host.namespace, tap);
      await run('ip', '-n', host.namespace, 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
      await run('ip', '-n', host.namespace, 'link', 'set', tap, 'mtu', `${port.mtu}`, 'addrgenmode', 'none');
      await plug(tap, port, host);
    }
  };

  const linksUp = async (machine: LabMachine, host: LabHost) => {
    for (const { tap } of machine.nics) await run('ip', '-n', host.namespace, 'link', 'set', tap, 'up');
  };

  const destroy = async (machine: LabMachine, host: LabHost): Promise<void> => {
    await end(running(part(machine, host)));
    for (const { tap } of machine.nics) await unplug(tap, host);
    rmSync(place(machine, host), { recursive: true, force: true });
  };

  const migrate: QemuDriver['migrate'] = async (machine, from, to, onEvent) => {
    const why = whyEnded({ ...machine, host: from.name });
    if (why !== undefined) throw doesNotRun(machine, why);
    await destroy(machine, to);
    const discard = async () => {
      const said = words(join(place(machine, to), 'qemu.log'));
      await destroy(machine, to);
      return said;
    };
    let figures: MigrationFigures;
    try {
      await plugIn(machine, to);
      const processor = await start(machine, to, true);
      await bound(machine, to);
      figures = await migrateLive(endOf(machine, from), endOf(machine, to), {
        address: to.managementAddress,
        goesOn: processor === 'kvm',
        discard,
        ...(onEvent ? { onEvent } : {}),
      });
    } catch (thrown) {
      // It runs where it was; nothing of it is left where it was to go.
      await destroy(machine, to);
      throw thrown;
    }
    // From here on it is there, whatever else does not work.
    await destroy(machine, from);
    const line = JSON.stringify({ from: from.name, to: to.name, ...figures });
    appendFileSync(join(own(machine), 'moves.log'), `${line}\n`);
    return figures;
  };

  /** A guest whose kernel panics ends its QEMU (`panic=-1` and -no-reboot), and says why on its console. */
  const whyEnded = (machine: LabMachine): string | undefined => {
    if (running(part(machine, { name: machine.host })).length > 0) return undefined;
    const console = words(consoleLog(machine));
    const panic = /Kernel panic - not syncing: .*/u.exec(console)?.[0];
    const said = panic ?? words(join(place(machine, { name: machine.host }), 'qemu.log'));
    return `QEMU has ended on ${machine.host}${said && `: ${said}`}`;
  };

  return {
    destroy,
    migrate,
    whyEnded,
    async create(machine, host) {
      await destroy(machine, host);
      rmSync(consoleLog(machine), { force: true });
      await plugIn(machine, host);
      await start(machine, host, false);
      await linksUp(machine, host);
    },
    async move(machine, from, to) {
      await migrate(machine, from, to);
    },
    async ready(machine) {
      const log = consoleLog(machine);
      if (!existsSync(log) || !readFileSync(log, 'utf8').includes(GUEST_READY)) return false;
      const shown = await ask(machine, ['ip', 'address'], ASK_LIMIT_MS).catch(() => '');
      const expected = machine.nics.flatMap(({ port }) => settingsOf(port).expected);
      return expected.every((address) => shown.includes(` ${address}/`));
    },
    inside: (machine, command) => [
      process.execPath,
      import.meta.filename.replace('qemu-driver', 'run-inside'),
      join(place(machine, { name: machine.host }), 'shell.sock'),
      ...command,
    ],
    exec,
  };

  function exec(machine: LabMachine, ...command: readonly string[]): Promise<string> {
    return ask(machine, command, EXEC_LIMIT_MS);
  }

  async function ask(machine: LabMachine, command: readonly string[], limit: number): Promise<string> {
    const socket = join(place(machine, { name: machine.host }), 'shell.sock');
    let output = '';
    await runInGuest(socket, command, {
      onOutput: (text) => {
        output += text;
      },
      limit,
    });
    return output;
  }
}

function isLegacy({ adapter }: MachineNic): boolean {
  return adapter === 'legacy';
}

function words(log: string): string {
  return existsSync(log) ? readFileSync(log, 'utf8').slice(-1000).trim() : '';
}

function doesNotRun({ key }: LabMachine, why: string): NetloomError {
  return new NetloomError([
    finding(
      'hypervisor',
      `VirtualMachine/${key}`,
      `"${key}" does not run any more: ${why}.`,
      'Its console is in console.log. To have it made anew, cut the power of its host: "netloom lab fail host NAME --for 1s".',
    ),
  ]);
}

function trouble(machine: LabMachine, what: string, remedy: string): NetloomError {
  return new NetloomError([
    finding('hypervisor', machine.key, `The machine does not start: ${what}`, remedy),
  ]);
}
