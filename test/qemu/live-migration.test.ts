/** What plays the hypervisor in a lab, on real machines of QEMU: whatever becomes of a migration, the machine runs at one place. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { QmpClient } from '../../src/host/hypervisor/qmp.ts';
import { type MigrationOptions, migrateLive } from '../../src/lab/real/qemu/live-migration.ts';
import { command, Namespaces } from '../ovs/namespaces.ts';
import { inNamespace } from '../ovs/open-vswitch.ts';
import { itUnless } from '../support/required.ts';
import { until } from '../support/until.ts';

function missing(): string | undefined {
  try {
    execFileSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'qemu-system-x86_64 not installed (apt-get install qemu-system-x86)';
  }
  return process.getuid?.() === 0 ? undefined : 'not root';
}

interface Machine {
  readonly process: ChildProcess;
  readonly end: { readonly namespace: string; qmp: string; links: string; taps: readonly string[] };
  isUp(): Promise<boolean>;
  /** `query-status`; undefined when QEMU does not answer. */
  status(): Promise<string | undefined>;
}

/** A machine without a disk (its firmware runs, and looks for one), with a tap. */
async function machine(
  namespace: string,
  directory: string,
  name: string,
  ...more: readonly string[]
): Promise<Machine> {
  const tap = `tap-${name}`;
  await command('ip', '-n', namespace, 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
  const socket = (which: string) => join(directory, `${name}-${which}.sock`);
  const monitor = (which: string) => ['-qmp', `unix:${socket(which)},server=on,wait=off`];
  const [tool = '', ...args] = [
    ...inNamespace(namespace),
    ...['qemu-system-x86_64', '-accel', 'tcg', '-machine', 'pc', '-m', '64', '-nodefaults'],
    ...['-display', 'none', '-netdev', `tap,id=net0,ifname=${tap},script=no,downscript=no`],
    ...['-device', 'virtio-net-pci,netdev=net0,mac=02:00:00:00:00:01'],
    ...['own', 'links', 'look'].flatMap(monitor),
    ...more,
  ];
  const child = spawn(tool, args, { stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  });
  await until('the sockets of QEMU', () =>
    ['own', 'links', 'look'].every((each) => existsSync(socket(each))),
  );
  return {
    process: child,
    end: { namespace, qmp: socket('own'), links: socket('links'), taps: [tap] },
    async isUp() {
      const text = await command('ip', '-n', namespace, '-j', 'link', 'show', tap);
      const [link] = JSON.parse(text) as [{ flags: readonly string[] }];
      return link.flags.includes('LOWER_UP') && link.flags.includes('UP');
    },
    async status() {
      try {
        const client = await QmpClient.connect(socket('look'));
        const { status } = (await client.execute('query-status')) as { status: string };
        client.close();
        return status;
      } catch {
        return undefined;
      }
    },
  };
}

/** A machine that runs, and a QEMU that waits for it. */
async function pair() {
  const namespaces = new Namespaces();
  const directory = mkdtempSync(join(tmpdir(), 'netloom-move-'));
  // What is made last is taken away first.
  onTestFinished(async () => {
    await namespaces.remove();
    rmSync(directory, { recursive: true });
  });
  const namespace = await namespaces.add('move');
  await command('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  const source = await machine(namespace, directory, 'a');
  const destination = await machine(namespace, directory, 'b', '-incoming', 'defer');
  const events: string[] = [];
  const end = async () => {
    destination.process.kill('SIGKILL');
    await until('it has ended', () => destination.process.signalCode !== null);
    return 'the end of its log';
  };
  const move = (options: Partial<MigrationOptions> = {}) =>
    // The addresses of a namespace are its own, and this process is in another one: QEMU itself connects.
    migrateLive(source.end, destination.end, {
      address: '127.0.0.1',
      goesOn: false,
      discard: end,
      ...options,
      onEvent: (which, event) => {
        const { status } = event.data;
        events.push(`${which} ${event.event}${typeof status === 'string' ? ` ${status}` : ''}`);
        options.onEvent?.(which, event);
      },
    });
  return { source, destination, events, move };
}

const runsAtTheSource = async ({ source, destination }: Awaited<ReturnType<typeof pair>>) => {
  expect(await destination.status()).toBeUndefined();
  expect(await source.status()).toBe('running');
  await until('its link is up', source.isUp);
};

for (const goesOn of [false, true]) {
  itUnless(
    missing(),
    `a machine of QEMU is at the other place, ${goesOn ? 'and runs while it is moved' : 'and stands still before anything of it is copied'}`,
    async () => {
      const { source, destination, events, move } = await pair();
      const { downtimeMs, totalMs } = await move({ goesOn });
      expect(await destination.status()).toBe('running');
      expect(await source.status()).not.toBe('running');
      await until('its link is up there', destination.isUp);
      await until('and down here', async () => !(await source.isUp()));
      const stops = events.indexOf('source STOP');
      const begins = events.indexOf('source MIGRATION active');
      expect(goesOn ? stops > begins : stops < begins, events.join(', ')).toBe(true);
      expect(downtimeMs).toBeLessThanOrEqual(totalMs);
    },
    110_000,
  );
}

for (const goesOn of [false, true]) {
  itUnless(
    missing(),
    `a machine runs where it was when QEMU ends at the destination (${goesOn ? 'in the middle' : 'when all is there'})`,
    async () => {
      const both = await pair();
      const at = goesOn ? 'MIGRATION active' : 'MIGRATION completed';
      const moved = both.move({
        goesOn,
        onEvent: (end, event) => {
          if (end === 'source' && `${event.event} ${event.data.status}` === at)
            both.destination.process.kill('SIGKILL');
        },
      });
      await expect(moved).rejects.toMatchObject({
        code: 'hypervisor',
        message: expect.stringContaining('the end of its log'),
      });
      await runsAtTheSource(both);
    },
    110_000,
  );
}

itUnless(
  missing(),
  'a machine runs where it was when the destination does not go on within the limit',
  async () => {
    const both = await pair();
    const moved = both.move({
      limit: 3_000,
      onEvent: (end, event) => {
        if (end === 'source' && event.event === 'STOP') both.destination.process.kill('SIGSTOP');
      },
    });
    await expect(moved).rejects.toMatchObject({
      code: 'hypervisor',
      message: expect.stringContaining('it takes too long'),
    });
    await runsAtTheSource(both);
  },
  110_000,
);
