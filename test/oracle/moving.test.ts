/** What random worlds with machines that move have found. */
import { expect, it } from 'vitest';
import { mac } from '../../src/packet/address.ts';
import { formatFrame, parseNotation } from '../../src/packet/notation.ts';
import type { PolicyRecord, PortRecord } from '../../src/policy/records.ts';
import { RealWorld } from './harness.ts';
import { type Effect, linkOf, Oracle, type World } from './oracle.ts';

const HOST = 'host1';

function till(id: string, address: string, rest: Partial<PortRecord> = {}): PolicyRecord {
  return {
    kind: 'port',
    id,
    name: id,
    owner: 'vm',
    switch: 'Shop',
    mac: mac(address),
    addresses: [],
    attachment: { type: 'private', mode: 'community', primary: 30, secondaries: [32] },
    security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: true },
    mtu: 1500,
    origin: '',
    ...rest,
  };
}

it('a tag for the way to the other host of one machine is not shown to another one with its MAC address', async () => {
  const uplink = { nics: ['nic1'], teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 } as const;
  const world: World = {
    hosts: [
      {
        host: HOST,
        records: [
          { kind: 'switch', name: 'Shop', type: 'external', uplink, origin: '' },
          till('sender', '00:1d:d8:b7:1c:01'),
          till('away', '00:1d:d8:b7:1c:02', { migration: 'active' }),
          till('here', '00:1d:d8:b7:1c:02'),
        ],
      },
    ],
    physical: [{ name: 'wire', uplinks: [{ host: HOST, switch: 'Shop' }] }],
    down: new Set([linkOf(HOST, 'away')]),
  };
  const inner = 'ipv4(src=10.9.0.1,dst=10.9.0.2)/udp(sport=9,dport=9)';
  const frame = parseNotation(`eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)/${inner}`);
  const told = (effects: readonly Effect[]) =>
    effects.flatMap((e) => (e.to === 'fabric' ? [] : [`${e.to} ${formatFrame(e.frame)}`])).sort();
  const expected = told(new Oracle(world).send(HOST, 'sender', frame));
  expect(expected.map((line) => line.replace(/ .*?(vlan\(vid=\d+\))?\/ipv4.*/u, ' $1'))).toEqual([
    'outside vlan(vid=32)',
    'port ',
  ]);
  expect(told((await RealWorld.of(world)).send(HOST, 'sender', frame))).toEqual(expected);
});
