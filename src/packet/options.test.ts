import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Ipv4,
  type Ipv6,
  ipv4,
  ipv4FromNumber,
  ipv6,
  ipv6FromBigint,
  mac,
  macFromNumber,
  prefix,
  prefixOf,
} from './address.ts';
import { frame } from './build.ts';
import { fromHex, toHex } from './bytes.ts';
import { DHCP_OPTION, dhcpOpOf, textOption } from './dhcp.ts';
import { DHCP_VALUE, dhcpOptionsOf, RELAY_SUBOPTION } from './dhcp-options.ts';
import { DHCP6_MESSAGE } from './dhcp6.ts';
import { DHCP6_STATUS, DHCP6_VALUE, duidOf } from './dhcp6-options.ts';
import { decodeDomainNames, encodeDomainNames, isDomainName } from './domain-name.ts';
import { GENEVE_CRITICAL_OPTION } from './geneve.ts';
import { GROUP_RECORD, groupResponseTime, igmpRecord, mldRecord } from './group-record.ts';
import { readHeaderOptions, readIpv6Options, readTcpOptions, tcpOptions } from './header-options.ts';
import { ICMPV6_TYPE, ICMPV6_UNREACHABLE } from './icmpv6.ts';
import { IGMP_TYPE, ROUTER_ALERT } from './igmp.ts';
import { LACP_GROUP, LACP_STATE } from './lacp.ts';
import type { Layer } from './layer.ts';
import { LLDP_CAPABILITY, LLDP_GROUP, LLDP_VALUE } from './lldp.ts';
import { MLD_HOP_BY_HOP, MLD_TYPE } from './mld.ts';
import { ND_VALUE } from './nd-options.ts';
import { parseNotation } from './notation.ts';
import { type OptionType, optionOf } from './option.ts';
import { innerFrame, parseFrame } from './parse.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const ipv4s = u32.map(ipv4FromNumber);
const ipv6s: fc.Arbitrary<Ipv6> = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(ipv6FromBigint);
const label = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const domains = fc.array(domain, { minLength: 1, maxLength: 4 });
const text = fc
  .string({ minLength: 1, maxLength: 40 })
  .filter((s) => !/[\p{Cc}\uFFFD]/u.test(s) && s.isWellFormed());
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 1, maxLength: 4 });
const seconds = u32;

/** Each type of option with values for it: what goes in comes out, and so does its text. */
function comesBack<T>(type: OptionType<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const data = type.encode(value);
      expect(type.decode(data)).toEqual(value);
      const again = type.parse(type.format(value));
      if (again !== undefined) expect(toHex(type.encode(again))).toBe(toHex(data));
    }),
    { numRuns: 60 },
  );
}

const prefix4 = fc.tuple(ipv4s, fc.nat(32)).map(([a, n]) => prefixOf(a, n));
const prefix6 = fc.tuple(ipv6s, fc.nat(128)).map(([a, n]) => prefixOf(a, n));
const suboption = fc.record({ code: fc.nat(255), data: bytes(0, 20) });
const lifetimes = fc.tuple(seconds, seconds).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const address6 = fc
  .tuple(ipv6s, lifetimes)
  .map(([address, [preferred, valid]]) => ({ address, preferred, valid }));

describe('the values of options come out as they went in', () => {
  it.each<[string, () => void]>([
    ['DHCP 1', () => comesBack(DHCP_VALUE.subnetMask, ipv4s)],
    ['DHCP 3', () => comesBack(DHCP_VALUE.routers, list(ipv4s))],
    ['DHCP 6', () => comesBack(DHCP_VALUE.dns, list(ipv4s))],
    ['DHCP 12', () => comesBack(DHCP_VALUE.hostName, text)],
    ['DHCP 15', () => comesBack(DHCP_VALUE.domainName, text)],
    ['DHCP 26', () => comesBack(DHCP_VALUE.mtu, fc.integer({ min: 68, max: 0xffff }))],
    ['DHCP 50', () => comesBack(DHCP_VALUE.requestedAddress, ipv4s)],
    ['DHCP 51', () => comesBack(DHCP_VALUE.leaseTime, u32)],
    ['DHCP 53', () => comesBack(DHCP_VALUE.messageType, fc.nat(255))],
    ['DHCP 54', () => comesBack(DHCP_VALUE.serverId, ipv4s)],
    ['DHCP 55', () => comesBack(DHCP_VALUE.parameterList, list(fc.nat(255)))],
    ['DHCP 61', () => comesBack(DHCP_VALUE.clientId, fc.record({ type: fc.nat(255), id: bytes(1, 20) }))],
    ['DHCP 66', () => comesBack(DHCP_VALUE.tftpServer, text)],
    ['DHCP 67', () => comesBack(DHCP_VALUE.bootFile, text)],
    ['DHCP 82', () => comesBack(DHCP_VALUE.relayInformation, list(suboption))],
    ['DHCP 119', () => comesBack(DHCP_VALUE.domainSearch, domains)],
    [
      'DHCP 121',
      () => comesBack(DHCP_VALUE.classlessRoutes, list(fc.record({ prefix: prefix4, router: ipv4s }))),
    ],
    [
      'ND prefix',
      () =>
        comesBack(
          ND_VALUE.prefix,
          fc.record({
            prefix: prefix6,
            onLink: fc.boolean(),
            autonomous: fc.boolean(),
            valid: seconds,
            preferred: seconds,
          }),
        ),
    ],
    ['ND MTU', () => comesBack(ND_VALUE.mtu, u32)],
    [
      'ND route',
      () =>
        comesBack(
          ND_VALUE.route,
          fc.record({
            prefix: prefix6,
            preference: fc.constantFrom('low' as const, 'medium' as const, 'high' as const),
            lifetime: seconds,
          }),
        ),
    ],
    [
      'ND RDNSS',
      () => comesBack(ND_VALUE.dnsServers, fc.record({ lifetime: seconds, servers: list(ipv6s) })),
    ],
    ['ND DNSSL', () => comesBack(ND_VALUE.dnsSearch, fc.record({ lifetime: seconds, domains }))],
    ['DHCPv6 client', () => comesBack(DHCP6_VALUE.clientId, bytes(3, 130))],
    [
      'DHCPv6 IA',
      () =>
        comesBack(
          DHCP6_VALUE.association,
          fc
            .tuple(u32, lifetimes, fc.array(address6, { maxLength: 3 }))
            .map(([iaid, [renew, rebind], addresses]) => ({ iaid, renew, rebind, addresses })),
        ),
    ],
    ['DHCPv6 status', () => comesBack(DHCP6_VALUE.status, fc.record({ status: u16, text }))],
    ['DHCPv6 DNS', () => comesBack(DHCP6_VALUE.dns, list(ipv6s))],
    ['DHCPv6 search', () => comesBack(DHCP6_VALUE.domainList, domains)],
    ['DHCPv6 request', () => comesBack(DHCP6_VALUE.optionRequest, list(u16))],
    [
      'LLDP capabilities',
      () => comesBack(LLDP_VALUE.capabilities, fc.record({ supported: u16, enabled: u16 })),
    ],
    [
      'LLDP chassis',
      () => comesBack(LLDP_VALUE.chassis, fc.record({ subtype: fc.nat(255), id: bytes(1, 20) })),
    ],
  ])('%s', (_name, test) => test());

  it('and nothing comes of bytes without the form', () => {
    const cases: [OptionType<unknown>, string][] = [
      [DHCP_VALUE.subnetMask, 'ffffff'],
      [DHCP_VALUE.routers, ''],
      [DHCP_VALUE.routers, '0a00000102'],
      [DHCP_VALUE.mtu, '0043'],
      [DHCP_VALUE.hostName, '00'],
      [DHCP_VALUE.hostName, '610a62'],
      [DHCP_VALUE.hostName, 'ff'],
      [DHCP_VALUE.clientId, '01'],
      [DHCP_VALUE.relayInformation, '010461'],
      [DHCP_VALUE.classlessRoutes, '210a0000000a000001'],
      [DHCP_VALUE.classlessRoutes, '180a00000a0000'],
      [ND_VALUE.prefix, '40c0'],
      [ND_VALUE.route, '800000000708'],
      [ND_VALUE.route, '001000000708'],
      [ND_VALUE.dnsServers, '000000000708'],
      [DHCP6_VALUE.association, '000000010000000a00000009'],
      [DHCP6_VALUE.clientId, '0003'],
    ];
    for (const [type, hex] of cases) {
      expect([type.name, hex, type.decode(fromHex(hex)!)]).toEqual([type.name, hex, undefined]);
    }
    expect(() => DHCP_VALUE.routers.encode([])).toThrow(RangeError);
    expect(() => DHCP_VALUE.mtu.encode(65536)).toThrow('65536');
    expect(() => DHCP_VALUE.domainSearch.encode(['a b'])).toThrow('is not a domain name');
    const route = { prefix: prefix('2001:db8::/32'), router: ipv4('10.0.0.1') };
    expect(() => DHCP_VALUE.classlessRoutes.encode([route])).toThrow('is not an IPv4 prefix');
  });
});

describe('domain names', () => {
  it('are compressed and read as in RFC 3397, section 2', () => {
    const names = ['eng.apple.com', 'marketing.apple.com'];
    const data = encodeDomainNames(names, true);
    expect(toHex(data)).toBe('03656e67056170706c6503636f6d00096d61726b6574696e67c004');
    expect(decodeDomainNames(data, true)).toEqual(names);
    // Where pointers may not occur, they are not followed.
    expect(decodeDomainNames(data, false)).toBeUndefined();
    expect(decodeDomainNames(encodeDomainNames(names, false), false)).toEqual(names);
  });

  it.each([
    ['a pointer to itself', 'c000'],
    ['a pointer forwards', '0161c00400016200'],
    ['two pointers at each other', '0161c0030162c000'],
    ['a label beyond the end', '056162'],
    ['a name without its end', '0161'],
    ['no label', '00'],
    ['a label with a dot in it', '03612e6200'],
    ['a label with a control character', '010a00'],
    ['a label of 64 bytes', `40${'61'.repeat(64)}00`],
    ['a name of 256 bytes', `${`3f${'61'.repeat(63)}`.repeat(4)}00`],
  ])('are refused with %s', (_what, hex) => {
    expect(decodeDomainNames(fromHex(hex)!, true)).toBeUndefined();
  });

  it('are names of hosts, not just any labels', () => {
    for (const good of ['a', 'lab.example.com', '_ldap._tcp.example.com', 'xn--fsq.example'])
      expect([good, isDomainName(good)]).toEqual([good, true]);
    for (const bad of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a+b', 'ä', 'a'.repeat(64)])
      expect([bad, isDomainName(bad)]).toEqual([bad, false]);
  });
});

describe('messages with options', () => {
  const eth: Layer = { layer: 'eth' };

  it('a DHCP value of more than 255 bytes is spread over options, and joined again (RFC 3396)', () => {
    const routes = Array.from({ length: 60 }, (_, i) => ({
      prefix: prefix(`10.${i}.0.0/16`),
      router: ipv4('10.0.0.1'),
    }));
    const options = dhcpOptionsOf(DHCP_VALUE.classlessRoutes, routes);
    expect(options.map((o) => o.data.length)).toEqual([255, 165]);
    const { dhcp } = parseFrame(
      frame(eth, { layer: 'ipv4' }, { layer: 'udp' }, { layer: 'dhcp', type: dhcpOpOf(2), options }),
    );
    expect(dhcp?.read(DHCP_VALUE.classlessRoutes)).toEqual(routes);
    expect(dhcp?.read(DHCP_VALUE.dns)).toBeUndefined();
    expect(textOption(DHCP_OPTION.HOST_NAME, 'blue1')).toEqual(optionOf(DHCP_VALUE.hostName, 'blue1'));
    const circuit = [{ code: RELAY_SUBOPTION.CIRCUIT_ID, data: Uint8Array.of(1) }];
    expect(toHex(DHCP_VALUE.relayInformation.encode(circuit))).toBe('010101');
  });

  it('a DHCPv6 reply says address, name servers and status', () => {
    const client = duidOf(mac('00:1d:d8:b7:1c:01'));
    expect(toHex(client)).toBe('00030001001dd8b71c01');
    const address = { address: ipv6('2001:db8::5'), preferred: 3000, valid: 4000 };
    const failed = {
      iaid: 9,
      renew: 0,
      rebind: 0,
      addresses: [],
      status: { status: DHCP6_STATUS.NO_ADDRESSES, text: 'none left' },
    };
    const { dhcp6, udp } = parseFrame(
      frame(
        eth,
        { layer: 'ipv6' },
        { layer: 'udp' },
        {
          layer: 'dhcp6',
          type: DHCP6_MESSAGE.REPLY,
          xid: 0xabcdef,
          options: [
            optionOf(DHCP6_VALUE.clientId, client),
            optionOf(DHCP6_VALUE.association, { iaid: 1, renew: 1800, rebind: 2880, addresses: [address] }),
            optionOf(DHCP6_VALUE.association, failed),
            optionOf(DHCP6_VALUE.rapidCommit, true),
          ],
        },
      ),
    );
    expect([udp?.srcPort, udp?.dstPort, dhcp6?.xid]).toEqual([547, 546, 0xabcdef]);
    expect(dhcp6?.read(DHCP6_VALUE.association)?.addresses).toEqual([address]);
    expect(DHCP6_VALUE.association.decode(dhcp6!.options()[2]!.data)).toEqual(failed);
    expect([dhcp6?.read(DHCP6_VALUE.rapidCommit), dhcp6?.read(DHCP6_VALUE.status)]).toEqual([
      true,
      undefined,
    ]);
    expect(toHex(dhcp6!.option(1)!)).toBe(toHex(client));
  });

  it('an IA passes over an address whose lifetimes make no sense, and keeps the others', () => {
    const good = { address: ipv6('2001:db8::5'), preferred: 1, valid: 2 };
    const data = DHCP6_VALUE.association.encode({
      iaid: 1,
      renew: 0,
      rebind: 0,
      addresses: [{ ...good, preferred: 9 }, good],
    });
    expect(DHCP6_VALUE.association.decode(data)?.addresses).toEqual([good]);
  });

  it('a router advertisement says several prefixes', () => {
    const bytesOf = parseNotation(
      'eth/ipv6/icmpv6(router-advertisement,hoplimit=64,preference=1,lifetime=9,prefix="2001:db8::/64 LA 2 1",prefix="2001:db8:1::/64 - 0 0")',
    );
    const view = parseFrame(bytesOf).icmpv6!;
    expect(view.readAll(ND_VALUE.prefix).map((p) => p.prefix)).toEqual(['2001:db8::/64', '2001:db8:1::/64']);
    expect(view.router()).toMatchObject({ hopLimit: 64, preference: 1, lifetime: 9, managed: false });
  });

  it('group records and queries', () => {
    const group = ipv4('239.1.1.1');
    const joins = igmpRecord({ type: GROUP_RECORD.TO_EXCLUDE, group, sources: [] });
    const { igmp, ipv4: ip } = parseFrame(
      frame(
        eth,
        { layer: 'ipv4', options: ROUTER_ALERT },
        { layer: 'igmp', type: IGMP_TYPE.REPORT3, records: [joins] },
      ),
    );
    expect([ip?.ttl, igmp?.version, igmp?.checksum]).toEqual([1, 3, igmp?.expectedChecksum()]);
    expect(igmp?.records()).toEqual([{ type: 4, group, sources: [] }]);
    expect(readHeaderOptions(ip!.options())).toEqual([{ code: 0x94, data: Uint8Array.of(0, 0) }]);

    const source = ipv6('2001:db8::7');
    const allows = mldRecord({ type: GROUP_RECORD.ALLOW, group: ipv6('ff05::1'), sources: [source] });
    const mldFrame = parseFrame(
      frame(
        eth,
        { layer: 'ipv6' },
        { layer: 'hopopts', body: MLD_HOP_BY_HOP },
        {
          layer: 'mld',
          type: MLD_TYPE.REPORT2,
          records: [allows],
        },
      ),
    );
    expect(mldFrame.mld?.records()).toEqual([{ type: 5, group: 'ff05::1', sources: [source] }]);
    expect(mldFrame.icmpv6?.type).toBe(ICMPV6_TYPE.MLD2_REPORT);
    expect(readIpv6Options(MLD_HOP_BY_HOP)).toEqual([{ code: 5, data: Uint8Array.of(0, 0) }]);
    // RFC 3376, 4.1.1 and RFC 3810, 5.1.3: mantissa and exponent.
    expect([100, 0x80, 0xff].map((c) => groupResponseTime(c, 8))).toEqual([100, 128, 31744]);
    expect([0x7fff, 0x8000, 0xffff].map((c) => groupResponseTime(c, 16))).toEqual([32767, 32768, 8387584]);
  });

  it('TCP options', () => {
    const options = {
      mss: 1460,
      sackPermitted: true,
      timestamps: { value: 0xfffffff0, echo: 7 },
      windowScale: 7,
    };
    expect(readTcpOptions(tcpOptions(options))).toEqual(options);
    const sack = {
      sack: [
        { from: 1, to: 2 },
        { from: 0xfffffffe, to: 5 },
      ],
    };
    expect(readTcpOptions(tcpOptions(sack))).toEqual(sack);
    expect(readTcpOptions(fromHex('0200')!)).toBeUndefined();
    expect(readTcpOptions(fromHex('0204')!)).toBeUndefined();
    expect(readTcpOptions(fromHex('01010000')!)).toEqual({});
  });
});

describe('quoted packets', () => {
  const quote = (family: 4 | 6, size: number) => {
    const inside = parseNotation(
      family === 4
        ? 'eth/ipv4(src=10.0.0.7,dst=10.0.0.5)/udp(sport=5,dport=6)/data(00*400)'
        : 'eth/ipv6(src=fe80::7,dst=fe80::5)/hopopts/udp(sport=5,dport=6)/data(00*400)',
    ).subarray(14, 14 + size);
    const data: Layer = { layer: 'data', bytes: inside };
    const layers: Layer[] =
      family === 4
        ? [{ layer: 'ipv4' }, { layer: 'icmp', type: 3, code: 3 }, data]
        : [{ layer: 'ipv6' }, { layer: 'icmpv6', type: 1, code: ICMPV6_UNREACHABLE.PORT }, data];
    const { icmp, icmpv6 } = parseFrame(frame({ layer: 'eth' }, ...layers));
    return (icmp ?? icmpv6)!.quoted();
  };

  it('are read as far as they came back, whatever length they claim', () => {
    const src: Ipv4 = ipv4('10.0.0.7');
    expect(quote(4, 28)).toMatchObject({
      src,
      dst: '10.0.0.5',
      protocol: 17,
      totalLength: 428,
      ports: { src: 5, dst: 6 },
    });
    expect(quote(4, 20)).toMatchObject({ protocol: 17, ports: undefined });
    expect(quote(4, 19)).toBeUndefined();
    expect(quote(6, 56)).toMatchObject({
      src: 'fe80::7',
      protocol: 17,
      totalLength: 456,
      ports: { src: 5, dst: 6 },
    });
    // The extension header did not come back whole: it is what the packet carries, as far as anybody can tell.
    expect(quote(6, 44)).toMatchObject({ protocol: 0, ports: undefined });
    expect(quote(6, 39)).toBeUndefined();
  });

  it('are none in other messages, and ports none in later fragments', () => {
    expect(
      parseFrame(parseNotation('eth/ipv4/icmp(echo-request)/data(45*40)')).icmp?.quoted(),
    ).toBeUndefined();
    const later = parseNotation('eth/ipv4(frag=8,proto=17)/data(00*16)').subarray(14);
    const about = frame(
      { layer: 'eth' },
      { layer: 'ipv4' },
      { layer: 'icmp', type: 11 },
      { layer: 'data', bytes: later },
    );
    expect(parseFrame(about).icmp?.quoted()).toMatchObject({ protocol: 17, ports: undefined });
  });
});

describe('control frames', () => {
  it('LLDP and LACP go to their groups and say who sends', () => {
    const lldp = parseFrame(
      parseNotation(
        `eth(dst=${LLDP_GROUP})/lldp(chassis=00:1d:d8:b7:1c:00,port=5:65746830,ttl=120,capabilities=20+4)`,
      ),
    ).lldp!;
    expect([lldp.timeToLive, lldp.read(LLDP_VALUE.port)?.subtype]).toEqual([120, 5]);
    expect(lldp.read(LLDP_VALUE.capabilities)).toEqual({
      supported: LLDP_CAPABILITY.BRIDGE | LLDP_CAPABILITY.ROUTER,
      enabled: LLDP_CAPABILITY.BRIDGE,
    });
    const lacp = parseFrame(
      parseNotation(`eth(dst=${LACP_GROUP})/lacp(actor=${macFromNumber(1)},actorkey=7,actorstate=0x05)`),
    ).lacp!;
    expect(lacp.actor()).toMatchObject({ system: '00:00:00:00:00:01', key: 7 });
    expect(lacp.actorState).toBe(LACP_STATE.ACTIVITY | LACP_STATE.AGGREGATION);
  });

  it('Geneve carries a frame, and options that may be critical', () => {
    const l = parseFrame(
      parseNotation('eth/ipv4/udp()/geneve(vni=5001,critical,o66176=00000001)/eth/ipv4(dst=10.0.0.7)/icmp'),
    );
    expect([l.geneve?.vni, l.geneve?.critical]).toEqual([5001, true]);
    expect(l.geneve?.options()[0]?.code).toBe(0x010200 | GENEVE_CRITICAL_OPTION);
    expect(innerFrame(l)?.ipv4?.dstIp).toBe('10.0.0.7');
    const other = parseFrame(parseNotation('eth/ipv4/udp()/geneve(proto=0x0800)/data(00*40)'));
    expect(innerFrame(other)).toBeUndefined();
  });

  it('an 802.3 frame ends where its length says; one that says more than there is is not read', () => {
    const padded = parseNotation('eth/llc/snap/arp(spa=10.0.0.5)/pad(00*10)');
    const l = parseFrame(padded);
    expect([l.arp?.senderIp, l.etherType, l.end - l.payloadEnd]).toEqual(['10.0.0.5', 0x0806, 10]);
    padded[13] = 255;
    expect(parseFrame(padded)).toMatchObject({ llc: undefined, arp: undefined, etherType: 255 });
    expect(() =>
      frame({ layer: 'eth' }, { layer: 'llc' }, { layer: 'data', bytes: new Uint8Array(1600) }),
    ).toThrow('at most 1500');
  });

  it('reverse ARP is not taken for ARP', () => {
    const l = parseFrame(parseNotation('eth/rarp(tha=00:1d:d8:b7:1c:01)'));
    expect([l.arp, l.rarp?.operation, l.rarp?.targetMac]).toEqual([undefined, 3, '00:1d:d8:b7:1c:01']);
  });
});
