/** What a host finds out about its NICs, and about what they are cabled to, with real cables. */
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import type { PortSpec } from '../../src/flow/datapath.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import type { NicFact } from '../../src/stream/report.ts';
import { openEngine } from './data-centre.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, itWithNamespaces, startOpenVswitch } from './open-vswitch.ts';

const NICS = join(import.meta.dirname, '../../src/host/nics/nics.ts');
const SEND = 's=__import__("socket").socket(17,3);s.bind(("%s",0));s.send(bytes.fromhex("%s"))';

/** What a physical switch says of itself and of the port that the NIC is cabled to. */
function lldp(port: string, ttl: number): string {
  const name = Buffer.from(port).toString('hex');
  return toHex(
    parseNotation(
      `eth(dst=01:80:c2:00:00:0e,src=00:11:22:33:44:55)/lldp(chassis=00:11:22:33:44:ff,port=5:${name},ttl=${ttl},system="leaf1")`,
    ),
  );
}

const uplink = (name: string, ...nics: readonly string[]): PortSpec => ({
  type: 'uplink',
  name,
  nics,
  mode: 'active-backup',
  lacp: 'off',
  vlan: { mode: 'trunk', trunks: [] },
});

describe('a host', () => {
  itWithNamespaces(
    'hears who is at the other end of each cable, of a team too, and no flow for it is seen',
    async () => {
      const namespaces = new Namespaces();
      const stop: (() => Promise<void>)[] = [];
      try {
        const host = await namespaces.add('host');
        const leaf = await namespaces.add('leaf1');
        for (const nic of ['nic1', 'nic2', 'nic3'])
          await namespaces.cable({ in: host, name: nic }, { in: leaf, name: `to-${nic}` });
        const ovs = await startOpenVswitch({ namespace: host });
        stop.push(() => ovs.stop());
        const engine = await openEngine(ovs, host);
        stop.push(() => engine.close());
        const one = await engine.openSwitch('One');
        await one.setPort(uplink('nlu00000000001', 'nic1'));
        const team = await engine.openSwitch('Team');
        await team.setPort(uplink('nlu00000000002', 'nic2', 'nic3'));
        const say = (nic: string, ttl: number) =>
          command(
            ...inNamespace(leaf),
            'python3',
            '-c',
            SEND.replace('%s', `to-${nic}`).replace('%s', lldp(`Ethernet1/${nic.at(-1)}`, ttl)),
          );
        // A switch says it again and again: a bond may not have been ready for the first.
        await vi.waitFor(
          async () => {
            for (const nic of ['nic1', 'nic2', 'nic3']) await say(nic, 120);
            expect([...engine.neighbours()].sort()).toEqual(
              ['1', '2', '3'].map((i) => [
                `nic${i}`,
                { chassis: '00:11:22:33:44:ff', port: `Ethernet1/${i}`, system: 'leaf1' },
              ]),
            );
          },
          { timeout: 30_000, interval: 500 },
        );
        expect([await one.dumpFlows(), await team.dumpFlows()]).toEqual([[], []]);
        // It says goodbye.
        await say('nic3', 0);
        await vi.waitFor(() => expect([...engine.neighbours().keys()].sort()).toEqual(['nic1', 'nic2']), {
          timeout: 30_000,
        });
        // A switch that was started anew has no flow for it; it gets one.
        await ovs.crash();
        await ovs.restart();
        await vi.waitFor(
          async () => {
            for (const nic of ['nic1', 'nic2', 'nic3']) await say(nic, 120);
            expect(engine.neighbours().get('nic3')?.port).toBe('Ethernet1/3');
          },
          { timeout: 30_000, interval: 500 },
        );
        await say('nic1', 0);
        await vi.waitFor(() => expect(engine.neighbours().has('nic1')).toBe(false), { timeout: 30_000 });
      } finally {
        for (const each of stop.reverse()) await each();
        await namespaces.remove();
      }
    },
    undefined,
    ['python3'],
  );

  itWithNamespaces('understands the LLDP that Open vSwitch speaks itself', async () => {
    const namespaces = new Namespaces();
    const stop: (() => Promise<void>)[] = [];
    try {
      const host = await namespaces.add('host');
      const leaf = await namespaces.add('leaf1');
      await namespaces.cable({ in: host, name: 'nic1' }, { in: leaf, name: 'port1' });
      const far = await startOpenVswitch({ namespace: leaf });
      stop.push(() => far.stop());
      const ovs = await startOpenVswitch({ namespace: host });
      stop.push(() => ovs.stop());
      const engine = await openEngine(ovs, host);
      stop.push(() => engine.close());
      await (await engine.openSwitch('One')).setPort(uplink('nlu00000000001', 'nic1'));
      await far.vsctl(
        ...['add-br', 'leaf1', '--', 'set', 'bridge', 'leaf1', 'datapath_type=netdev', 'auto_attach=@names'],
        ...['--', 'add-port', 'leaf1', 'port1', '--', 'set', 'interface', 'port1', 'lldp:enable=true'],
        ...['--', '--id=@names', 'create', 'AutoAttach', 'system_name=leaf1', 'system_description=x'],
      );
      // Its chassis is a MAC address of its own choice.
      const chassis = expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      await vi.waitFor(
        () =>
          expect([...engine.neighbours()]).toEqual([['nic1', { chassis, port: 'port1', system: 'leaf1' }]]),
        { timeout: 60_000, interval: 200 },
      );
    } finally {
      for (const each of stop.reverse()) await each();
      await namespaces.remove();
    }
  });

  itWithNamespaces('tells of its NICs what the machine says, and of no others', async () => {
    const namespaces = new Namespaces();
    try {
      const host = await namespaces.add('host');
      const other = await namespaces.add('other');
      const mac = '02:00:00:00:00:07';
      await namespaces.cable({ in: host, name: 'nic1', mac }, { in: other, name: 'far-a' });
      await namespaces.cable({ in: host, name: 'nic2' }, { in: other, name: 'far-b' });
      await namespaces.cable({ in: host, name: 'vm1' }, { in: other, name: 'far-c' });
      await command('ip', '-n', host, 'link', 'add', 'br0', 'type', 'bridge');
      await command('ip', '-n', host, 'link', 'set', 'nic1', 'mtu', '1400');
      await command('ip', '-n', other, 'link', 'set', 'far-b', 'down');
      const program = `import { nicFacts } from ${JSON.stringify(NICS)};
        const neighbours = new Map([['nic2', { chassis: 'c', port: 'p' }]]);
        console.log(JSON.stringify(await nicFacts({ except: new Set(['vm1']), neighbours })));`;
      const said = await command(
        ...inNamespace(host),
        process.execPath,
        '--input-type=module',
        '-e',
        program,
      );
      const facts: NicFact[] = JSON.parse(said);
      expect(facts).toEqual([
        expect.objectContaining({ name: 'nic1', mac, mtu: 1400, link: true, driver: 'veth' }),
        expect.objectContaining({ name: 'nic2', link: false, neighbour: { chassis: 'c', port: 'p' } }),
      ]);
      // All pairs say 10 Gbit/s, which is true of none.
      expect(facts[0]).not.toHaveProperty('speedMbps');
    } finally {
      await namespaces.remove();
    }
  });
});
