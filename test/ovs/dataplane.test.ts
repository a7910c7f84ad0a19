/**
 * Two hosts, two tenants with the same addresses, real packets on two real Open vSwitches (data-centre.ts): `ping` is the
 * one of the system.
 */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { type DataCentre, listen, withDataCentre } from './data-centre.ts';
import { itWithNamespaces } from './open-vswitch.ts';

/** The example, with one more machine of Red's at an address that Blue does not have. */
function blueRed(vlan: number, use: (centre: DataCentre) => Promise<void>): Promise<void> {
  const example = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
  const text = example.replace('prefix: 192.168.4.0/24', (prefix) => `${prefix}\n    vlan: ${vlan}`);
  const red3 = [
    'kind: VirtualMachine',
    'name: red3',
    'host: host2',
    'vnics: [{ vmNetwork: Red, addresses: [10.0.0.9] }]',
  ];
  return withDataCentre({ text: `${text}\n---\n${red3.join('\n')}\n`, configured: true }, use);
}

const ALL = 3;
const NONE = 0;

describe('two real Open vSwitches with the flows of the agents', () => {
  itWithNamespaces(
    'tell a guest of a packet that does not fit the tunnel, and of one whose time is up',
    async () => {
      await blueRed(0, async (centre) => {
        await centre.ping('blue1', '10.0.0.7');
        // A guest that does not keep to the MTU that it was given.
        await centre.inside('blue1', 'ip', 'link', 'set', 'eth0', 'mtu', '1500');
        const ping = ['ping', '-n', '-c1', '-W2'];
        for (const pieces of ['dont', 'do']) {
          // Linux remembers what it was told; this makes it forget.
          await centre.inside('blue1', 'ip', 'route', 'flush', 'cache');
          const said = await centre.inside('blue1', ...ping, '-M', pieces, '-s', '1450', '10.0.0.7');
          expect(said, pieces).toMatch(/From 10\.0\.0\.1 .*[Ff]rag needed.*mtu = 1458/);
        }
        // From now on it cuts its packets into pieces that fit.
        expect(await centre.inside('blue1', 'ip', 'route', 'get', '10.0.0.7')).toMatch(/mtu 1458/);
        expect(await centre.ping('blue1', '10.0.0.7', '-s', '1450')).toBe(ALL);

        const route = ['ip', 'route', 'add', '10.0.0.7/32', 'via', '10.0.0.1'];
        await centre.inside('blue1', ...route);
        const said = await centre.inside('blue1', ...ping, '-t', '1', '10.0.0.7');
        expect(said).toMatch(/From 10\.0\.0\.1 .*Time to live exceeded/);
        expect(await centre.ping('blue1', '10.0.0.7', '-t', '2')).toBe(ALL);
      });
    },
  );

  describe.each([
    ['an untagged fabric', 0, 'eth:ethertype:ip:gre:eth:ethertype:ip:icmp:data'],
    ['a fabric on VLAN 30', 30, 'eth:ethertype:vlan:ethertype:ip:gre:eth:ethertype:ip:icmp:data'],
  ])('over %s', (_, vlan, nvgre) => {
    itWithNamespaces('carry two tenants with the same addresses, and keep them apart', async () => {
      await blueRed(vlan, async (centre) => {
        const wire = await listen(centre.namespaces.name('host1'), 'nic1');
        // The first packet may be lost: Open vSwitch asks for the MAC address of the other host, and does not wait.
        await centre.ping('blue1', '10.0.0.7');
        for (const tenant of ['blue', 'red']) {
          expect(await centre.ping(`${tenant}1`, '10.0.0.7'), tenant).toBe(ALL);
          expect(await centre.ping(`${tenant}2`, '10.0.0.5'), tenant).toBe(ALL);
          // Answered by the tenant's own machine, as the switch said in ARP; and the router by the switch alone.
          expect(await centre.neighbour(`${tenant}1`, '10.0.0.7')).toBe(
            centre.machines.get(`${tenant}2`)?.mac,
          );
          expect(await centre.ping(`${tenant}1`, '10.0.0.1'), tenant).toBe(ALL);
        }
        // As large as a guest's packets get, and in one piece.
        expect(await centre.ping('blue1', '10.0.0.7', '-M', 'do', '-s', `${1458 - 28}`)).toBe(ALL);
        // An address that only Red has: there for Red, not for Blue.
        expect(await centre.ping('red1', '10.0.0.9')).toBe(ALL);
        expect(await centre.ping('blue1', '10.0.0.9')).toBe(NONE);
        expect(await centre.neighbour('blue1', '10.0.0.9')).toBeUndefined();

        const frames = await wire.stop(
          'frame.protocols',
          'ip.proto',
          'gre.flags_and_version',
          'gre.proto',
          'gre.key',
          'ip.src',
          'vlan.id',
        );
        const tunnelled = frames.filter(([protocols]) => protocols?.includes('gre'));
        const vsids = new Map<number, number>();
        for (const [protocols, proto, flags, inner, key, sources, tag] of tunnelled) {
          expect(protocols).toBe(nvgre);
          expect(tag).toBe(vlan === 0 ? '' : `${vlan}`);
          expect([proto, Number(flags), Number(inner)]).toEqual(['47,1', 0x2000, 0x6558]);
          expect(sources).toMatch(/^192\.168\.4\.(11|22),/);
          const vsid = Number(key) >>> 8;
          vsids.set(vsid, (vsids.get(vsid) ?? 0) + 1);
        }
        // Each ping is two frames on the wire; the router's are none.
        expect(vsids.get(6001)).toBe(2 * 3 * ALL);
        expect(vsids.get(5001)).toBeGreaterThanOrEqual(2 * 3 * ALL);
        expect([...vsids.keys()].sort()).toEqual([5001, 6001]);
        // Besides them only the hosts' own ARP and IPv6 chatter: nothing of a tenant without a tunnel.
        const naked = frames.filter(([protocols]) => !protocols?.includes('gre'));
        for (const [protocols, , , , , sources] of naked)
          expect(`${protocols} ${sources}`).not.toMatch(/ 10\./);
      });
    });
  });
});
