import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scopedRecord } from '../../../test/support/policy-arbitraries.ts';
import { ip, mac, prefix } from '../../packet/address.ts';
import {
  type AclRecord,
  hostScope,
  type PolicyRecord,
  type PortRecord,
  type ProviderRecord,
  type Scope,
  type SwitchRecord,
} from '../../policy/records.ts';
import type { Effect } from './effect.ts';
import { effectsOf, portsByHost, worthNaming } from './effects.ts';

const origin = 'test';
const port: PortRecord = {
  kind: 'port',
  id: 'p1',
  name: 'vm1/eth0',
  owner: 'vm',
  switch: 'Tenant',
  mac: mac('00:1d:d8:b7:1c:00'),
  addresses: [{ address: ip('10.0.0.5'), prefixLength: 24, dns: [] }],
  attachment: { type: 'vlan', vlan: 5 },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1500,
  dhcpServer: ip('192.0.2.253'),
  origin,
};
const uplink = { nics: ['nic1', 'nic2'], teaming: 'lacp', balancing: 'dynamic', mtu: 1500 } as const;
const external: SwitchRecord = { kind: 'switch', name: 'Tenant', type: 'external', uplink, origin };
const provider: ProviderRecord = {
  kind: 'provider',
  logicalNetwork: 'App',
  switch: 'Tenant',
  encapsulation: 'nvgre',
  pa: ip('192.168.4.11'),
  prefixLength: 24,
  mac: mac('00:1d:d8:b7:1c:99'),
  vlan: 0,
  origin,
};

type Changes = Parameters<typeof effectsOf>[0];

function changeIn(
  scope: Scope,
  before: PolicyRecord | undefined,
  after: PolicyRecord | undefined,
): Changes[number] {
  return {
    key: 'x',
    ...(before ? { before: { scope, record: before } } : {}),
    ...(after ? { after: { scope, record: after } } : {}),
  };
}

const change = (before: PolicyRecord | undefined, after: PolicyRecord | undefined, host = 'h1') =>
  changeIn(hostScope(host), before, after);

function only(changes: Changes, ports: readonly PortRecord[] = []): Effect {
  const effects = effectsOf(changes, () => ports);
  expect(effects).toHaveLength(1);
  return effects[0]!;
}

describe('a port', () => {
  const server = { dhcpServer: ip('192.0.2.253') };
  const { dhcpServer: _server, ...alone } = port;
  it.each<[string, PortRecord, PortRecord, number | null]>([
    ['guards', port, { ...port, security: { ...port.security, dhcpGuard: false } }, 0],
    [
      'another address beside the first',
      port,
      { ...port, addresses: [...port.addresses, { address: ip('10.0.0.6'), prefixLength: 24, dns: [] }] },
      0,
    ],
    ['DNS', port, { ...port, addresses: [{ ...port.addresses[0]!, dns: [ip('10.0.0.53')] }] }, 0],
    ['MTU', port, { ...port, mtu: 1400 }, 0],
    ['bandwidth', port, { ...port, bandwidth: { maximumKbps: 1000 } }, 0],
    ['ACLs', port, { ...port, acls: ['web'] }, 0],
    ['VLAN', port, { ...port, attachment: { type: 'vlan', vlan: 6 } }, 1000],
    ['MAC', port, { ...port, mac: mac('00:1d:d8:b7:1c:01') }, 5000],
    ['switch', port, { ...port, switch: 'Other' }, 5000],
    ['address by DHCP', port, { ...port, addresses: [] }, 5000],
    ['address without DHCP', alone, { ...alone, addresses: [] }, null],
    ['address of a host vNIC', { ...alone, owner: 'host' }, { ...alone, owner: 'host', addresses: [] }, 5000],
    [
      'VLAN and MAC',
      port,
      { ...port, ...server, attachment: { type: 'vlan', vlan: 6 }, mac: mac('00:1d:d8:b7:1c:01') },
      5000,
    ],
  ])('%s', (_what, before, after, milliseconds) => {
    const effect = only([change(before, after)]);
    expect(effect.interruption.milliseconds).toBe(milliseconds);
    expect(effect.vnics).toEqual(milliseconds === 0 ? [] : ['vm1/eth0']);
  });

  it('that has only another name or origin is nobody’s business', () => {
    expect(effectsOf([change(port, { ...port, name: 'x', origin: 'y' })], () => [])).toEqual([]);
  });

  it('tells each guard that changes, before and after', () => {
    const security = { ...port.security, macSpoofing: true, dhcpGuard: false };
    expect(only([change(port, { ...port, security, acls: ['web', 'db'] })]).guards).toEqual([
      { guard: 'other MAC addresses', before: 'forbidden', after: 'allowed' },
      { guard: 'DHCP guard', before: 'on', after: 'off' },
      { guard: 'ACLs', before: 'none', after: 'web, db' },
    ]);
  });

  it('that leaves one host and comes to another is moved, and interrupted once', () => {
    const effects = effectsOf([change(port, undefined, 'h1'), change(undefined, port, 'h2')], () => []);
    expect(effects).toMatchObject([
      {
        host: 'h1',
        change: 'moves',
        text: 'moves to h2',
        vnics: ['vm1/eth0'],
        interruption: { milliseconds: 1000 },
      },
      { host: 'h2', change: 'moves', text: 'comes from h1', vnics: [], interruption: { milliseconds: 0 } },
    ]);
  });

  it('in a live migration loses nothing at any step of it', () => {
    const [active, standby] = [
      { ...port, migration: 'active' },
      { ...port, migration: 'standby' },
    ] as const;
    const steps = [
      [change(port, active, 'h1'), change(undefined, standby, 'h2')],
      [change(active, standby, 'h1'), change(standby, active, 'h2')],
      [change(standby, undefined, 'h1'), change(active, port, 'h2')],
    ];
    for (const step of steps) {
      const effects = effectsOf(step, () => []);
      expect(effects).toHaveLength(2);
      for (const { interruption, vnics } of effects)
        expect([interruption.milliseconds, vnics]).toEqual([0, []]);
    }
  });
});

describe('a switch', () => {
  const host: PortRecord = { ...port, id: 'p2', name: 'h1/Management', owner: 'host' };
  const elsewhere: PortRecord = { ...port, id: 'p3', name: 'vm2/eth0', switch: 'Other' };
  const ports = [port, host, elsewhere];

  it('with another flow export interrupts nobody', () => {
    const flowExport = { type: 'ipfix', collectors: ['192.0.2.1:4739'], sampling: 400 } as const;
    const effect = only([change(external, { ...external, flowExport })], ports);
    expect(effect.text).toBe('flow export off -> ipfix of 1 in 400 to 192.0.2.1:4739');
    expect([effect.interruption.milliseconds, effect.vnics]).toEqual([0, []]);
  });

  it.each<[string, SwitchRecord, number | null]>([
    ['a member less', { ...external, uplink: { ...uplink, nics: ['nic1'] } }, 200],
    ['other NICs', { ...external, uplink: { ...uplink, nics: ['nic3'] } }, 3000],
    ['other teaming', { ...external, uplink: { ...uplink, teaming: 'static' } }, 3000],
    ['other balancing', { ...external, uplink: { ...uplink, balancing: 'address-hash' } }, 200],
    ['another MTU', { ...external, uplink: { ...uplink, mtu: 9000 } }, 1000],
  ])(
    'with %s interrupts all that is behind its uplink, the host itself too',
    (_what, after, milliseconds) => {
      const effect = only([change(external, after)], ports);
      expect(effect.interruption.milliseconds).toBe(milliseconds);
      expect(effect.vnics).toEqual(['vm1/eth0', 'h1/Management']);
      expect(effect.management).toBe(true);
    },
  );

  it('without host vNICs keeps the host in reach', () => {
    const after = { ...external, uplink: { ...uplink, mtu: 9000 } };
    expect(only([change(external, after)], [port]).management).toBe(false);
  });

  it('that is made takes NICs of the host, and gives them back when it goes', () => {
    expect(only([change(undefined, external)])).toMatchObject({
      change: 'appears',
      text: 'is made and takes nic1, nic2',
      management: true,
    });
    expect(only([change(external, undefined)])).toMatchObject({
      change: 'goes',
      text: 'is taken away and gives nic1, nic2 back',
      management: true,
    });
  });
});

it('a provider address that changes interrupts the virtual networks of the host, and nothing else', () => {
  const virtual: PortRecord = {
    ...port,
    id: 'v',
    name: 'vm9/eth0',
    attachment: { type: 'virtual', vsid: 5001 },
  };
  const after = { ...provider, pa: ip('192.168.4.12') };
  expect(only([change(provider, after)], [port, virtual])).toMatchObject({
    text: 'address 192.168.4.11 -> 192.168.4.12',
    interruption: { milliseconds: 1000 },
    vnics: ['vm9/eth0'],
  });
});

it('an ACL says which rules come, change and go, and its defaults before and after', () => {
  const rule = { direction: 'inbound', action: 'allow', priority: 10, stateful: true, log: false } as const;
  const acl = (names: readonly string[], priority: number): AclRecord => ({
    kind: 'acl',
    id: 'web',
    number: 1,
    rules: names.map((name) => ({ ...rule, name, priority })),
    origin,
  });
  const before = { ...acl(['a'], 10), inbound: 'allow' as const };
  expect(only([change({ ...before, rules: acl(['a', 'b'], 10).rules }, acl(['a', 'c'], 20))])).toMatchObject({
    subject: 'ACL web',
    text: 'rules: c new; a changed; b gone',
    interruption: { milliseconds: 0 },
    guards: [{ guard: 'default of inbound packets', before: 'allow', after: 'none' }],
  });
});

it('a route that goes leaves what is behind it out of reach, on every host of its domain', () => {
  const route: PolicyRecord = {
    kind: 'route',
    rdid: 'r',
    vsid: 5001,
    prefix: prefix('10.0.0.0/24'),
    nextHop: ip('0.0.0.0'),
    origin,
  };
  const [effect] = effectsOf([changeIn('domain/r', route, undefined)], () => []);
  expect(effect).toMatchObject({ change: 'goes', interruption: { milliseconds: null } });
  expect(effect).not.toHaveProperty('host');
});

it('comes with the longest interruption first', () => {
  const effects = effectsOf(
    [
      change(port, { ...port, mtu: 1400 }),
      change({ ...port, id: 'b' }, undefined),
      change({ ...port, id: 'c' }, { ...port, id: 'c', mac: mac('00:1d:d8:b7:1c:01') }),
    ],
    () => [],
  );
  expect(effects.map(({ interruption }) => interruption.milliseconds)).toEqual([null, 5000, 0]);
});

it('names all that harm somebody, and of the others some', () => {
  const many = (first: PortRecord | undefined, number: number) =>
    Array.from({ length: number }, (_, n) =>
      change(first && { ...first, id: `${n}` }, first ? undefined : { ...port, id: `n${n}` }),
    );
  const effects = effectsOf([...many(undefined, 3000), ...many(port, 1500)], () => []);
  const named = worthNaming(effects);
  expect([effects.length, named.length]).toEqual([4500, 2500]);
  expect(named.filter((effect) => effect.change === 'goes')).toHaveLength(1500);
});

it('has words for every change of every record, and asks for ports only where it must', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(scopedRecord, fc.boolean())), (records) => {
      const changes = records.map(([{ scope, record }, comes]) =>
        comes ? changeIn(scope, undefined, record) : changeIn(scope, record, undefined),
      );
      for (const { text, subject, interruption } of effectsOf(changes, () => [])) {
        expect(
          [text, subject, interruption.why].every(
            (words) => words !== '' && !/undefined|\[object/.test(words),
          ),
        ).toBe(true);
      }
    }),
  );
});

it('looks up ports once for all hosts, and only if somebody asks', () => {
  let asked = 0;
  const ports = portsByHost(() => {
    asked += 1;
    return [
      { scope: 'host/h1', record: port },
      { scope: 'host/h1', record: external },
    ];
  });
  expect(asked).toBe(0);
  expect([ports('h1'), ports('h2'), ports('h1')]).toEqual([[port], [], [port]]);
  expect(asked).toBe(1);
});
