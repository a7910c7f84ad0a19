// Addresses and gateways of a host interface, as calls of iproute2, and back from what it prints.
import { describe, expect, it } from 'vitest';
import { ip } from '../../../packet/address.ts';
import { addressCalls, readDevices, ruleRemovals, tableOf } from './plan.ts';

const NUMBER = 0x1234;
const TABLE = String(tableOf(NUMBER));
const WANTED = [
  { address: ip('10.0.0.1'), prefixLength: 24, gateway: ip('10.0.0.254') },
  { address: ip('fd00::1'), prefixLength: 64 },
];
const text = (calls: readonly (readonly string[])[]) => calls.map((call) => call.join(' '));

const routes = (gateway: string) => [
  { dst: 'default', gateway, dev: 'nlp', table: TABLE },
  { dst: '0.0.0.0/1', gateway, dev: 'nlp', table: 'default' },
  { dst: '128.0.0.0/1', gateway, dev: 'nlp', table: 'default' },
  { dst: 'default', gateway: '172.16.0.254', dev: 'eth0' },
];
const output = (more: { readonly routes?: unknown[]; readonly rules?: unknown[] }) => ({
  addresses: [
    {},
    {
      ifname: 'nlp',
      flags: ['BROADCAST', 'UP'],
      addr_info: [
        { family: 'inet', local: '10.0.0.1', prefixlen: 24, scope: 'global' },
        { family: 'inet6', local: 'fd00::1', prefixlen: 64, scope: 'global' },
        { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
      ],
    },
    { ifname: 'eth0', flags: ['UP'], addr_info: [{ local: '172.16.0.1', prefixlen: 24, scope: 'global' }] },
  ],
  routes: [more.routes ?? routes('10.0.0.254'), []],
  rules: [more.rules ?? [{ priority: 20000, src: '10.0.0.1', table: TABLE }], []],
});
const stateOf = (more: Parameters<typeof output>[0] = {}) =>
  readDevices(output(more), new Map([['nlp', NUMBER]])).get('nlp');

describe('addresses of a host interface', () => {
  it('are read as they were wanted, and then there is nothing to do', () => {
    expect(stateOf()).toEqual({ isUp: true, addresses: WANTED, rules: [ip('10.0.0.1')] });
    expect(addressCalls('nlp', NUMBER, WANTED, stateOf())).toEqual([]);
    expect(text(ruleRemovals(NUMBER, [ip('10.0.0.1')]))).toEqual([
      `-4 rule del from 10.0.0.1 lookup ${TABLE} priority 20000`,
    ]);
  });

  it('of a new device are added, with the ways through the gateway, and none of them is the default route of the host', () => {
    const calls = addressCalls('nlp', NUMBER, WANTED, { isUp: false, addresses: [], rules: [] });
    expect(text(calls)).toEqual([
      'address add 10.0.0.1/24 dev nlp',
      'address add fd00::1/64 dev nlp nodad',
      'link set dev nlp up',
      `-4 rule add from 10.0.0.1 lookup ${TABLE} priority 20000`,
      `-4 route replace 10.0.0.0/24 dev nlp table ${TABLE}`,
      `-4 route replace default via 10.0.0.254 dev nlp table ${TABLE}`,
      '-4 route replace 0.0.0.0/1 via 10.0.0.254 dev nlp table 253',
      '-4 route replace 128.0.0.0/1 via 10.0.0.254 dev nlp table 253',
    ]);
    expect(calls.every((call) => !call.includes('route') || call.includes('table'))).toBe(true);
  });

  it('that lack a way have no gateway, and get what is missing', () => {
    for (const broken of [
      { rules: [] },
      { routes: routes('10.0.0.254').slice(1) },
      { routes: routes('10.0.0.254').slice(0, 2) },
    ]) {
      const state = stateOf(broken);
      expect(state?.addresses[0]).toEqual({ address: ip('10.0.0.1'), prefixLength: 24 });
      expect(addressCalls('nlp', NUMBER, WANTED, state).length).toBeGreaterThan(0);
    }
  });

  it('that nobody wants go, with their rules and ways', () => {
    const [, second] = WANTED;
    expect(text(addressCalls('nlp', NUMBER, second ? [second] : [], stateOf()))).toEqual([
      'address del 10.0.0.1/24 dev nlp',
      `-4 rule del from 10.0.0.1 lookup ${TABLE} priority 20000`,
      '-4 route del 0.0.0.0/1 via 10.0.0.254 dev nlp table 253',
      '-4 route del 128.0.0.0/1 via 10.0.0.254 dev nlp table 253',
      `-4 route flush table ${TABLE}`,
    ]);
  });

  it('of a device that is not there are nobody’s', () => {
    expect(addressCalls('nlp', NUMBER, WANTED, undefined)).toEqual([]);
    expect(stateOf({ routes: [] })?.addresses[0]?.gateway).toBeUndefined();
  });
});
