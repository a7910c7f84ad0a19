/** What real hosts count, asked as an administrator asks: ports, what was dropped and why, what port ACLs decided. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { LAB_TOOLS, withRealLab } from './lab-under-test.ts';

const GUARD = `
kind: PortAcl
name: guard
rules:
  - { name: pings, direction: inbound, action: deny, priority: 10, protocol: icmp, log: true }
---
kind: VirtualMachine
name: blue1
host: host1
vnics: [{ vmNetwork: Blue, addresses: [10.0.0.5], acls: [guard] }]
`;

interface Port {
  readonly name: string;
  readonly type: string;
  readonly host: string;
  readonly link: boolean;
  readonly received: Record<'packets' | 'bytes', string>;
  readonly sent: Record<'packets' | 'bytes', string>;
}

describe('counters of real hosts', () => {
  itWithNamespaces(
    'grow with what goes through ports, and tell what is dropped and what port ACLs decide',
    async ({ signal }) => {
      const text = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
      await withRealLab(
        text,
        async ({ ask, apply, inside }) => {
          const ports = async (of: string): Promise<Port[]> =>
            JSON.parse(await ask('counters', of, '-o', 'json'));
          const packets = async (of: string, way: 'received' | 'sent', type = 'vm') =>
            (await ports(of))
              .filter((port) => port.type === type)
              .reduce((sum, port) => sum + Number(port[way].packets), 0);
          const ping = (count: number) =>
            inside('blue2', 'ping', '-n', '-c', `${count}`, '-i', '0.1', '-W', '1', '10.0.0.5');
          await ping(1);
          const before = {
            sent: await packets('blue1', 'sent'),
            received: await packets('blue1', 'received'),
            wire: await packets('host1', 'received', 'uplink'),
            tunnel: await packets('host1', 'received', 'tunnel'),
          };
          expect((await ping(20)).code).toBe(0);
          // Open vSwitch writes them down every five seconds.
          const poll = <T>(ask: () => Promise<T>) => expect.poll(ask, { timeout: 30_000, interval: 500 });
          await poll(() => packets('blue1', 'sent')).toBeGreaterThanOrEqual(before.sent + 20);
          await poll(() => packets('blue1', 'received')).toBeGreaterThanOrEqual(before.received + 20);
          await poll(() => packets('host1', 'received', 'uplink')).toBeGreaterThanOrEqual(before.wire + 20);
          await poll(() => packets('host1', 'received', 'tunnel')).toBeGreaterThanOrEqual(before.tunnel + 20);
          expect((await ports('blue1')).map(({ name, host, link }) => [name, host, link])).toEqual([
            ['blue1/eth0', 'host1', true],
          ]);

          await apply(GUARD);
          expect((await ping(5)).code).toBe(1);
          const guard = async () => JSON.parse(await ask('acl', 'counters', '--acl', 'guard', '-o', 'json'));
          await poll(guard).toMatchObject([{ host: 'host1', rule: 'pings', verdict: 'deny', packets: '5' }]);
          const logged = async () => JSON.parse(await ask('acl', 'log', '-o', 'json'));
          await poll(async () => (await logged()).length).toBeGreaterThan(0);
          const log = await logged();
          expect(log[0]).toMatchObject({ host: 'host1', port: 'blue1/eth0', acl: 'guard', rule: 'pings' });
          expect(log[0].frame).toContain('dst=10.0.0.5');
          expect(Math.abs(Date.parse(log[0].time) - Date.now())).toBeLessThan(60_000);

          // blue1 sends as if it were another.
          await inside('blue1', 'ip', 'address', 'add', '10.0.0.99/24', 'dev', 'eth0');
          await inside(
            'blue1',
            'ping',
            '-n',
            '-c',
            '3',
            '-i',
            '0.1',
            '-W',
            '1',
            '-I',
            '10.0.0.99',
            '10.0.0.7',
          );
          await poll(() => ask('counters', 'blue1', '--drops', '-o', 'json')).toContain('blue1/eth0');
          expect(await ask('counters', 'host1', '--drops')).toMatch(/PACKETS +WHY +FROM +HOST/);
        },
        signal,
      );
    },
    180_000,
    LAB_TOOLS,
  );
});
