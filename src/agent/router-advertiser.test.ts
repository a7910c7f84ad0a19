import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { ip, ipv6, linkLocalOf, multicastMacOf, prefix } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { ND_OPTION } from '../packet/icmpv6.ts';
import { ND_VALUE } from '../packet/nd-options.ts';
import { parseFrame } from '../packet/parse.ts';
import type { PortAddress, PortRecord, SubnetRecord } from '../policy/records.ts';
import { GUEST, PORT, ROUTER, SLAAC_PORT, SLAAC_SUBNET, SUBNET, solicitation } from './ipv6-fixture.ts';
import {
  Advertiser,
  advertisement,
  advertiseRegularly,
  answerSolicitation,
  PREFIX_LIFETIME,
  ROUTER_LIFETIME,
} from './router-advertiser.ts';

function said(bytes: Uint8Array | undefined) {
  const { eth, ipv6: packet, icmpv6, end } = parseFrame(bytes!);
  expect(icmpv6!.checksum).toBe(icmpv6!.expectedChecksum(packet!.offset));
  expect(packet!.end).toBe(end);
  return {
    to: [eth!.dstMac, packet!.dstIp],
    from: [eth!.srcMac, packet!.srcIp, packet!.hopLimit],
    router: icmpv6!.router()!,
    link: icmpv6!.linkAddress(ND_OPTION.SOURCE_LINK),
    mtu: icmpv6!.read(ND_VALUE.mtu),
    prefixes: icmpv6!.readAll(ND_VALUE.prefix),
    dns: icmpv6!.read(ND_VALUE.dnsServers),
    search: icmpv6!.read(ND_VALUE.dnsSearch),
  };
}

const answered = (question: Uint8Array, port: PortRecord = PORT, subnet: SubnetRecord = SUBNET) =>
  answerSolicitation(port, subnet, question);

describe('the answer to a router solicitation', () => {
  it('comes from the router of the subnet and says all that the guest of this port needs', () => {
    expect(said(answered(solicitation()))).toEqual({
      to: [GUEST, linkLocalOf(GUEST)],
      from: [ROUTER, linkLocalOf(ROUTER), 255],
      router: {
        hopLimit: 64,
        managed: true,
        other: true,
        preference: 0,
        lifetime: ROUTER_LIFETIME,
        reachable: 0,
        retrans: 0,
      },
      link: ROUTER,
      mtu: 1458,
      prefixes: [{ prefix: 'fd00::/64', onLink: true, autonomous: false, ...PREFIX_LIFETIME }],
      dns: { lifetime: ROUTER_LIFETIME, servers: ['fd00::53'] },
      search: { lifetime: ROUTER_LIFETIME, domains: ['blue.example'] },
    });
  });

  it('goes to all nodes where the guest has no address yet', () => {
    const answer = said(answered(solicitation({ from: ipv6('::') })));
    expect(answer.to).toEqual([multicastMacOf(ipv6('ff02::1')), 'ff02::1']);
  });

  it('lets the guest make an address where the subnet says so, and speaks of DHCPv6 addresses where there are some', () => {
    const slaac = said(answered(solicitation(), SLAAC_PORT, SLAAC_SUBNET));
    expect(slaac.prefixes[0]).toMatchObject({ autonomous: true });
    expect(slaac.router).toMatchObject({ managed: false, other: true });
    const both = { ...SLAAC_PORT, addresses: [...SLAAC_PORT.addresses, PORT.addresses[1]!] };
    expect(said(answered(solicitation(), both, SLAAC_SUBNET)).router).toMatchObject({ managed: true });
  });

  it('is no default router where the operator named another gateway, and a poor one where it is a further one', () => {
    const standing = (more: Partial<PortAddress>) => {
      const port = { ...PORT, addresses: [{ ...PORT.addresses[1]!, ...more }] };
      const { lifetime, preference } = said(answered(solicitation(), port)).router;
      return [lifetime, preference];
    };
    const [router, other] = [ip('fd00::1'), ip('fd00::fe')];
    expect(standing({ gateway: other })[0]).toBe(0);
    expect(standing({ gateway: other, otherGateways: [router] })).toEqual([ROUTER_LIFETIME, 3]);
    expect(standing({ gateway: router, otherGateways: [other] })).toEqual([ROUTER_LIFETIME, 0]);
  });

  it('fits the smallest MTU of IPv6, however much there is to say', () => {
    const label = 'a'.repeat(60);
    const names = Array.from({ length: 20 }, (_, i) => `${label}.${label}.${label}.n${i}`);
    const dns = Array.from({ length: 60 }, (_, i) => ip(`fd00::53:${i}`));
    const addresses = [{ ...PORT.addresses[1]!, dns, dnsSuffix: 'blue.example', dnsSearch: names }];
    const answer = answered(solicitation(), { ...PORT, addresses })!;
    expect(answer.length).toBeLessThanOrEqual(14 + 1280);
    expect(said(answer).search?.domains[0]).toBe('blue.example');
    expect(said(answer).dns?.servers[0]).toBe('fd00::53:0');
  });

  it.each([
    ['has come through a router', solicitation({ hopLimit: 254 })],
    ['names a link-layer address without having an IP address', unspecifiedWithLink()],
    ['has a wrong checksum', broken(solicitation())],
    ['is cut short', solicitation().subarray(0, 60)],
    ['is an advertisement', advertisement(PORT, SUBNET)!],
  ])('does not come where the question %s', (_, question) => {
    expect(answered(solicitation())).toBeDefined();
    expect(answered(question)).toBeUndefined();
  });

  it('does not come on a subnet of IPv4 alone', () => {
    const four = { ...SUBNET, prefixes: [{ prefix: prefix('10.0.0.0/24'), gateway: ip('10.0.0.1') }] };
    expect(answered(solicitation(), PORT, four)).toBeUndefined();
  });
});

describe('what a guest has been told', () => {
  const other: SubnetRecord = {
    ...SUBNET,
    prefixes: [{ prefix: prefix('fd00:9::/64'), gateway: ip('fd00:9::1') }],
  };
  const moved: PortRecord = {
    ...PORT,
    addresses: [{ ...PORT.addresses[1]!, address: ip('fd00:9::5'), gateway: ip('fd00:9::1') }],
  };
  const told = (frames: Iterable<Uint8Array>) =>
    [...frames].map((bytes) => {
      const { router, prefixes } = said(bytes);
      return [router.lifetime, prefixes[0]?.prefix, prefixes[0]?.preferred];
    });
  const OLD = [ROUTER_LIFETIME, 'fd00::/64', PREFIX_LIFETIME.preferred];
  const NEW = [ROUTER_LIFETIME, 'fd00:9::/64', PREFIX_LIFETIME.preferred];
  const GONE = [0, 'fd00::/64', 0];

  it('is taken back before something else is said, and when there is nothing any more', () => {
    const advertiser = new Advertiser();
    expect(told(advertiser.frames(PORT, SUBNET))).toEqual([OLD]);
    expect(told(advertiser.frames(PORT, { ...SUBNET, mtu: 1400 }))).toEqual([OLD]);
    expect(told(advertiser.frames(moved, other))).toEqual([GONE, NEW]);
    expect(told(advertiser.frames(moved, other))).toEqual([NEW]);
    expect(told(advertiser.frames(moved, undefined))).toEqual([[0, 'fd00:9::/64', 0]]);
    expect(told(advertiser.frames(PORT, undefined))).toEqual([]);
  });

  it('is forgotten with the port', () => {
    const advertiser = new Advertiser();
    expect(told(advertiser.frames(PORT, SUBNET))).toEqual([OLD]);
    advertiser.forget(PORT.id);
    expect(told(advertiser.frames(PORT, undefined))).toEqual([]);
  });
});

it('speaks unasked long before anything of what it said runs out', () => {
  const clock = new FakeClock();
  let times = 0;
  const stop = advertiseRegularly(
    {
      advertise: async () => {
        times += 1;
      },
    },
    clock,
  );
  clock.advance((ROUTER_LIFETIME * 1000) / 3);
  expect(times).toBeGreaterThanOrEqual(3);
  stop();
  const before = times;
  clock.advance(ROUTER_LIFETIME * 1000);
  expect(times).toBe(before);
});

function unspecifiedWithLink(): Uint8Array {
  return frame(
    { layer: 'eth', src: GUEST, dst: multicastMacOf(ipv6('ff02::2')) },
    { layer: 'ipv6', src: ipv6('::'), dst: ipv6('ff02::2'), ttl: 255 },
    { layer: 'icmpv6', type: 133, sll: GUEST },
  );
}

function broken(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
}
