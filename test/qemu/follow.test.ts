/** `netloom hypervisor follow` beside real machines of QEMU: the links of their taps say where the machine runs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect } from 'vitest';
import { QmpClient } from '../../src/host/hypervisor/qmp.ts';
import { command, Namespaces } from '../ovs/namespaces.ts';
import { inNamespace } from '../ovs/open-vswitch.ts';
import { itUnless } from '../support/required.ts';
import { until } from '../support/until.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const TAP = 'tap-web';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function missing(): string | undefined {
  try {
    execFileSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'qemu-system-x86_64 not installed (apt-get install qemu-system-x86)';
  }
  return process.getuid?.() === 0 ? undefined : 'not root';
}

function start(namespace: string, ...words: readonly string[]): ChildProcess {
  const [tool = '', ...args] = [...inNamespace(namespace), ...words];
  const child = spawn(tool, args, { stdio: 'ignore' });
  undo.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

/** A machine without a disk (its firmware runs, and looks for one), with a tap that is down, and a follower. */
async function machine(namespaces: Namespaces, directory: string, name: string, ...more: readonly string[]) {
  const namespace = await namespaces.add(name);
  await command('ip', '-n', namespace, 'tuntap', 'add', 'dev', TAP, 'mode', 'tap');
  const socket = (which: string) => join(directory, `${name}-${which}.sock`);
  const monitor = (which: string) => ['-qmp', `unix:${socket(which)},server=on,wait=off`];
  start(
    namespace,
    ...[
      'qemu-system-x86_64',
      '-accel',
      'tcg',
      '-machine',
      'pc',
      '-m',
      '64',
      '-nodefaults',
      '-display',
      'none',
    ],
    ...['-netdev', `tap,id=net0,ifname=${TAP},script=no,downscript=no`],
    ...[
      '-device',
      'virtio-net-pci,netdev=net0,mac=02:00:00:00:00:01',
      ...monitor('own'),
      ...monitor('links'),
    ],
    ...more,
  );
  await until('the sockets of QEMU', () => existsSync(socket('own')) && existsSync(socket('links')));
  const follower = start(
    namespace,
    ...[process.execPath, PROGRAM, 'hypervisor', 'follow', '--qmp', socket('links'), '--tap', TAP],
  );
  const client = await QmpClient.connect(socket('own'));
  undo.push(async () => client.close());
  const isUp = async () => {
    const [link] = JSON.parse(await command('ip', '-n', namespace, '-j', 'link', 'show', TAP)) as [
      { flags: readonly string[] },
    ];
    return link.flags.includes('LOWER_UP') && link.flags.includes('UP');
  };
  return {
    client,
    isUp,
    follower,
    status: async () => (await client.execute('query-status')) as { status: string },
  };
}

itUnless(
  missing(),
  'links are up where a machine runs, and only there',
  async () => {
    const namespaces = new Namespaces();
    const directory = mkdtempSync(join(tmpdir(), 'netloom-follow-'));
    undo.push(async () => rmSync(directory, { recursive: true }));
    undo.push(() => namespaces.remove());
    const source = await machine(namespaces, directory, 'a');
    await until('the machine runs, so its link is up', source.isUp);
    // Paused for another reason, it keeps its link: the events come in this order on every socket.
    await source.client.execute('stop');
    expect(await source.isUp()).toBe(true);
    await source.client.execute('cont');

    // A migration that comes to nothing: nobody is there.
    await source.client.execute('migrate', { uri: `unix:${join(directory, 'nobody')}` }).catch(() => {});
    await until('it runs on', async () => (await source.status()).status === 'running');
    await until('its link is up again', source.isUp);

    const way = `unix:${join(directory, 'move.sock')}`;
    const destination = await machine(namespaces, directory, 'b', '-incoming', way);
    expect(await destination.isUp()).toBe(false);
    await source.client.execute('migrate', { uri: way });
    await until('it runs there', async () => (await destination.status()).status === 'running');
    await until('its link is up there', destination.isUp);
    await until('and down here', async () => !(await source.isUp()));
    expect((await source.status()).status).toBe('postmigrate');

    // The follower ends with its machine.
    const ended = new Promise((resolve) => source.follower.once('exit', resolve));
    await source.client.execute('quit').catch(() => {});
    expect(await ended).toBe(0);
    await expect(source.client.execute('query-status')).rejects.toMatchObject({ code: 'hypervisor' });
  },
  110_000,
);
