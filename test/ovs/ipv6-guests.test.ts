/**
 * IPv6 guests that are real: Linux that hears router advertisements, and `dhclient -6`, behind the flows of the agents on
 * two real Open vSwitches, over a fabric of IPv6 (examples/dual-stack.yaml).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { linkLocalOf } from '../../src/packet/address.ts';
import { type DataCentre, listen, withDataCentre } from './data-centre.ts';
import { command } from './namespaces.ts';
import { inNamespace, itWithNamespaces } from './open-vswitch.ts';

const EXAMPLE = readFileSync(new URL('../../examples/dual-stack.yaml', import.meta.url), 'utf8');
const ALL = 3;
const WAIT = { timeout: 20_000, interval: 200 };

/** The kernel begins anew: it probes for its link-local address, and asks for a router. */
async function boot(centre: DataCentre, machine: string): Promise<void> {
  await centre.inside(machine, 'ip', 'link', 'set', 'eth0', 'down');
  await centre.inside(machine, 'ip', 'link', 'set', 'eth0', 'up');
}

/** Addresses and routes of the kernel, as `ip -6` prints them. */
const addresses = (centre: DataCentre, machine: string) =>
  centre.inside(machine, 'ip', '-6', 'address', 'show', 'dev', 'eth0', 'scope', 'global');
const routes = (centre: DataCentre, machine: string) => centre.inside(machine, 'ip', '-6', 'route', 'show');

/** Runs dhclient until it has got something; the answer is what it tells its script, which does nothing with it. */
async function dhclient(centre: DataCentre, machine: string, ...options: string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-dhclient-'));
  const [script, told, pidFile] = ['script', 'told', 'pid'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    writeFileSync(script, `#!/bin/sh\nenv >> ${told}\n`, { mode: 0o755 });
    const files = ['-lf', join(folder, 'leases'), '-pf', pidFile, '-sf', script];
    await command(
      ...inNamespace(centre.namespaces.name(machine)),
      ...['dhclient', '-6', '-1', ...options, ...files, 'eth0'],
    );
    return readFileSync(told, 'utf8');
  } finally {
    const pid = readPid(pidFile);
    if (pid !== undefined) process.kill(pid);
    rmSync(folder, { recursive: true });
  }
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').trim()) || undefined;
  } catch {
    return undefined;
  }
}

describe('Linux on virtual subnets with IPv6', () => {
  itWithNamespaces(
    'takes its router, its MTU and its address from the advertisement, and reaches its neighbours over a fabric of IPv6',
    async () => {
      await withDataCentre({ text: EXAMPLE, configured: false }, async (centre) => {
        for (const machine of ['lab1', 'lab2']) await boot(centre, machine);
        const made = (machine: string) =>
          centre.machines.get(machine)!.addresses.map(({ address }) => address)[0]!;
        for (const machine of ['lab1', 'lab2']) {
          await vi.waitFor(async () => {
            expect(await addresses(centre, machine)).toContain(`inet6 ${made(machine)}/64`);
            expect(await addresses(centre, machine)).not.toContain('tentative');
          }, WAIT);
        }
        const subnetRouter = /default via (fe80:\S+) dev eth0 proto ra .*mtu 1438/;
        expect(await routes(centre, 'lab1')).toMatch(subnetRouter);
        const [, router = ''] = subnetRouter.exec(await routes(centre, 'lab1')) ?? [];
        const wire = await listen(centre.namespaces.name('host1'), 'nic1');
        // The first packet may be lost: Open vSwitch asks for the MAC address of the other host, and does not wait.
        await centre.ping('lab1', made('lab2'));
        expect(await centre.ping('lab1', made('lab2'))).toBe(ALL);
        expect(await centre.neighbour('lab1', made('lab2'))).toBe(centre.machines.get('lab2')?.mac);
        // The router answers for itself, at each of its addresses.
        expect(await centre.ping('lab1', 'fd00:0:0:2::1')).toBe(ALL);
        expect(await centre.ping('lab1', 'fd00:0:0:1::1')).toBe(ALL);
        expect(await centre.ping('lab1', `${router}%eth0`)).toBe(ALL);
        const neighbour = linkLocalOf(centre.machines.get('lab2')!.mac);
        expect(await centre.ping('lab1', `${neighbour}%eth0`)).toBe(ALL);
        // As large as a guest's packets get, and larger ones are told of, or cut.
        expect(await centre.ping('lab1', made('lab2'), '-M', 'do', '-s', `${1438 - 48}`)).toBe(ALL);
        expect(await centre.ping('lab1', made('lab2'), '-s', '1438')).toBe(ALL);
        const frames = await wire.stop('frame.protocols', 'ipv6.src', 'gre.key');
        const outer = frames.filter(([protocols]) => protocols?.includes('gre'));
        expect(outer.length).toBeGreaterThan(2 * ALL);
        for (const [protocols, sources] of outer) {
          expect(protocols).toMatch(/^eth:ethertype:ipv6:gre:eth:ethertype:ipv6:(icmpv6|data|ipv6\.frag)/);
          expect(sources).toMatch(/^2001:db8:4::(11|22),/);
        }
      });
    },
  );

  itWithNamespaces(
    'gets its address and name servers by dhclient, and reaches both versions',
    async () => {
      await withDataCentre({ text: EXAMPLE, configured: false }, async (centre) => {
        for (const machine of ['web1', 'web2']) {
          await boot(centre, machine);
          await vi.waitFor(async () => {
            expect(await routes(centre, machine)).toMatch(/default via fe80/);
          }, WAIT);
        }
        const lease = await dhclient(centre, 'web1');
        for (const told of [
          'new_ip6_address=fd00:0:0:1::10',
          'new_preferred_life=3600',
          'new_max_life=7200',
          'new_dhcp6_name_servers=fd00:0:0:1::5',
          'new_dhcp6_domain_search=web.example.',
        ])
          expect(lease).toContain(told);
        // Settings alone.
        expect(await dhclient(centre, 'web2', '-S')).toContain('new_dhcp6_name_servers=fd00:0:0:1::5');
        for (const [machine, own4, own6] of [
          ['web1', '10.0.0.10', 'fd00:0:0:1::10'],
          ['web2', '10.0.0.11', 'fd00:0:0:1::11'],
        ] as const) {
          const add = (address: string) =>
            centre.inside(machine, 'ip', 'address', 'add', address, 'dev', 'eth0');
          await add(`${own4}/24`);
          await add(`${own6}/64`);
          // Nobody objects to the address, so it is the guest's after detection of duplicates.
          await vi.waitFor(async () => {
            expect(await addresses(centre, machine)).toContain(own6);
            expect(await addresses(centre, machine)).not.toMatch(/tentative|dadfailed/);
          }, WAIT);
        }
        await centre.ping('web1', '10.0.0.11');
        expect(await centre.ping('web1', '10.0.0.11')).toBe(ALL);
        expect(await centre.ping('web1', 'fd00:0:0:1::11')).toBe(ALL);
      });
    },
    undefined,
    ['dhclient'],
  );
});
