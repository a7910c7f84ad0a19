/** Real machines through real switch processes: what docs/softswitch.md tells people to do. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect } from 'vitest';
import { command, Namespaces } from '../ovs/namespaces.ts';
import { itUnless } from '../support/required.ts';
import { SwitchProcess } from '../support/switch-process.ts';
import { Guest, prepareGuests, whyNoGuests } from './guest.ts';

const missing = await whyNoGuests();
const guests = missing === undefined ? await prepareGuests() : undefined;
const directory = mkdtempSync(join(tmpdir(), 'netloom-qemu-'));
const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => {
  guests?.remove();
  rmSync(directory, { recursive: true });
});

async function startSwitch(name: string, file: object, namespace?: string): Promise<SwitchProcess> {
  const started = await SwitchProcess.start(directory, name, file, namespace);
  undo.push(() => started.kill());
  return started;
}

function startGuest(network: readonly string[], address: string): Promise<Guest> {
  const guest = new Guest(guests!.boot, network, address);
  undo.push(() => guest.stop());
  return guest.ready();
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

async function pings(from: Guest, to: string): Promise<void> {
  const { output, code } = await from.run(`ping -c 3 -i 0.2 -W 5 ${to}`);
  expect(output).toContain('3 packets transmitted, 3 packets received');
  expect(code).toBe(0);
}

itUnless(
  missing,
  'two guests reach each other through two switches that VXLAN joins',
  async () => {
    const port = await freeUdpPort();
    const file = (name: string, local: string, remote: string) => ({
      ports: [
        { name: 'vm', stream: { listen: `${name}.sock` } },
        { name: 'tunnel', vxlan: { local, remote, port, vni: 5001 } },
      ],
    });
    const left = await startSwitch('left', file('left', '127.0.0.1', '127.0.0.2'));
    const right = await startSwitch('right', file('right', '127.0.0.2', '127.0.0.1'));
    const [a, b] = await Promise.all([
      startGuest(left.netdev('vm'), '10.0.0.1/24'),
      startGuest(right.netdev('vm'), '10.0.0.2/24'),
    ]);
    await pings(a, '10.0.0.2');
    await pings(b, '10.0.0.1');
    // A connection: its segments are as long as they can be, and none may be lost or changed.
    const offered = await b.run('seq 1 100000 > /numbers; httpd -h /; md5sum < /numbers');
    const fetched = await a.run('wget -q -O - http://10.0.0.2/numbers | md5sum');
    expect(fetched).toEqual({ output: expect.stringMatching(/^[0-9a-f]{32} /), code: 0 });
    expect(fetched).toEqual(offered);
    expect(await left.ask()).toMatch(/2 +tunnel +up +[1-9]/);
    expect(existsSync(join(directory, 'left.sock'))).toBe(true);
    for (const each of [left, right]) {
      const { code, status } = await each.end();
      expect(code).toBe(0);
      const [vm, tunnel] = status.ports;
      for (const counted of [vm, tunnel])
        expect(counted).toMatchObject({ connected: true, dropped: 0, refused: 0 });
      expect(tunnel!.received).toBeGreaterThan(7);
    }
    expect(readdirSync(directory).filter((each) => each.endsWith('.sock'))).toEqual([]);
  },
  110_000,
);

itUnless(
  missing,
  'two guests reach each other through two switches that a stream joins, in their VLAN only',
  async () => {
    const [local, remote] = [await freeUdpPort(), await freeUdpPort()];
    const access = { mode: 'access', tag: 7 };
    const right = await startSwitch('b', {
      ports: [
        {
          name: 'vm',
          datagram: { local: `127.0.0.1:${local}`, remote: `127.0.0.1:${remote}` },
          vlan: access,
        },
        { name: 'link', stream: { listen: 'link.sock' }, vlan: { mode: 'trunk', trunks: [7] } },
      ],
    });
    const left = await startSwitch('a', {
      ports: [
        // This time QEMU listens.
        { name: 'vm', stream: { connect: 'qemu.sock' }, vlan: access },
        { name: 'link', stream: { connect: 'link.sock' } },
        { name: 'other', stream: { listen: 'other.sock' }, vlan: { mode: 'access', tag: 8 } },
      ],
    });
    const [a, b, other] = await Promise.all([
      startGuest(left.netdev('vm'), '10.0.0.1/24'),
      startGuest(right.netdev('vm'), '10.0.0.2/24'),
      startGuest(left.netdev('other'), '10.0.0.3/24'),
    ]);
    await left.says(/vm: connected/);
    await pings(a, '10.0.0.2');
    await pings(b, '10.0.0.1');
    expect((await other.run('ping -c 1 -W 2 10.0.0.1')).output).toContain('0 packets received');
    const ended = await left.end();
    expect(ended.code).toBe(0);
    // It did ask, and nobody heard it.
    expect(ended.status.ports[2]!.received).toBeGreaterThan(0);
    expect((await right.end()).code).toBe(0);
  },
  110_000,
);

const noNamespaces = process.getuid?.() === 0 ? undefined : 'not root';

itUnless(
  missing ?? noNamespaces,
  'a guest and a vxlan device of the kernel reach each other',
  async () => {
    const namespaces = new Namespaces();
    undo.push(() => namespaces.remove());
    const [here, kernel] = [await namespaces.add('switch'), await namespaces.add('kernel')];
    await namespaces.cable({ in: here, name: 'eth0' }, { in: kernel, name: 'eth0' });
    await command('ip', '-n', here, 'addr', 'add', '192.0.2.1/24', 'dev', 'eth0');
    await command('ip', '-n', kernel, 'addr', 'add', '192.0.2.2/24', 'dev', 'eth0');
    const vxlan = ['id', '5001', 'local', '192.0.2.2', 'remote', '192.0.2.1', 'dstport', '4789'];
    await command('ip', '-n', kernel, 'link', 'add', 'vx0', 'type', 'vxlan', ...vxlan);
    await command('ip', '-n', kernel, 'addr', 'add', '10.0.0.2/24', 'dev', 'vx0');
    await command('ip', '-n', kernel, 'link', 'set', 'vx0', 'up');
    const ports = [
      { name: 'vm', stream: { listen: 'kernel.sock' } },
      { name: 'tunnel', vxlan: { local: '192.0.2.1', remote: '192.0.2.2', vni: 5001 } },
    ];
    const started = await startSwitch('uplink', { ports }, here);
    const guest = await startGuest(started.netdev('vm'), '10.0.0.1/24');
    await pings(guest, '10.0.0.2');
    // As long as the device takes: its MTU is 1450.
    const { output } = await guest.run('ping -c 2 -i 0.2 -W 5 -s 1422 10.0.0.2');
    expect(output).toContain('2 packets received');
    const answer = await command('ip', 'netns', 'exec', kernel, 'ping', '-c', '3', '-W', '5', '10.0.0.1');
    expect(answer).toContain('3 received');
    const { code, status } = await started.end();
    expect(code).toBe(0);
    expect(status.ports[1]).toMatchObject({ dropped: 0, refused: 0 });
  },
  110_000,
);
