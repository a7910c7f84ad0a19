/** Frames, good and forged, into the ports of a virtual switch: every kind of question that the pipeline decides. */
import {
  BROADCAST_MAC,
  type IpAddress,
  type Ipv4,
  type Ipv6,
  ip,
  ipv4,
  ipv6,
  isIpv4,
  linkLocalOf,
  type Mac,
  mac,
  multicastMacOf,
  solicitedNodeOf,
} from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import type { Layer } from '../../src/packet/layer.ts';
import type {
  Attachment,
  LookupRecord,
  PolicyRecord,
  PortRecord,
  ProviderRecord,
} from '../../src/policy/records.ts';

export interface NamedFrame {
  readonly name: string;
  readonly frame: Uint8Array;
  /** For a frame out of a tunnel: the host that sent it, and the key. */
  readonly tunnel?: { readonly source: IpAddress; readonly key: bigint };
}

const STRANGER = mac('02:00:00:00:0b:ad');
const ABSENT4 = ipv4('10.0.0.99');
const ABSENT6 = ipv6('fd00::99');
const DATA: Layer = { layer: 'data', bytes: new Uint8Array(18).map((_, i) => i) };
const DHCP_SERVER_PORT = 67;

/** Addresses and MAC addresses that mean something on this host, and some that do not. */
export class World {
  readonly records: readonly PolicyRecord[];
  constructor(records: Iterable<PolicyRecord>) {
    this.records = [...records];
  }
  of<K extends PolicyRecord['kind']>(kind: K): Extract<PolicyRecord, { kind: K }>[] {
    return this.records.filter((r): r is Extract<PolicyRecord, { kind: K }> => r.kind === kind);
  }
}

/** The VLANs that ports of this host take part in. */
function vlansOf(world: World): number[] {
  return world.of('port').flatMap(({ attachment }) => vlansAt(attachment));
}

function vlansAt(attachment: Attachment): readonly number[] {
  switch (attachment.type) {
    case 'vlan':
      return [attachment.vlan];
    case 'trunk':
      return [attachment.native, ...attachment.tagged, ...attachment.untagged];
    case 'private':
      return [attachment.primary, ...attachment.secondaries];
    case 'virtual':
    case 'monitor':
      return [];
  }
}

interface Station {
  readonly what: string;
  readonly mac: Mac;
  readonly address: IpAddress;
}

/** Whom a vNIC may want to speak to: its neighbours, the routers, machines of other tenants, nobody. */
function stations(world: World, port: PortRecord): Station[] {
  const lookups = world.of('lookup').map((l) => ({ what: `${l.origin} ${l.ca}`, mac: l.mac, address: l.ca }));
  const routers = world.of('subnet').flatMap((s) =>
    s.prefixes.map((p) => ({
      what: `the router of ${s.name}`,
      mac: s.gatewayMac,
      address: p.gateway,
    })),
  );
  const others = world
    .of('port')
    .filter((p) => p.attachment.type === 'vlan' && p.switch === port.switch)
    .flatMap((p) =>
      p.addresses.map((a) => ({ what: `${p.name} ${a.address}`, mac: p.mac, address: a.address })),
    );
  const nobody = [ABSENT4, ABSENT6].map((address) => ({ what: `nobody ${address}`, mac: STRANGER, address }));
  const linkLocal = [...lookups, ...routers].flatMap(({ what, mac, address }) =>
    isIpv4(address) ? [] : [{ what: `${what}, link-local`, mac, address: linkLocalOf(mac) }],
  );
  const unique = new Map(
    [...lookups, ...routers, ...linkLocal, ...others, ...nobody].map((s) => [`${s.mac} ${s.address}`, s]),
  );
  return [...unique.values()];
}

/** What a vNIC may try to send. */
export function* framesOfPort(world: World, port: PortRecord): Iterable<NamedFrame> {
  const own = port.mac;
  const own4 = port.addresses.map((a) => a.address).find(isIpv4) ?? ipv4('10.0.0.5');
  const own6 = port.addresses.map((a) => a.address).find((a): a is Ipv6 => !isIpv4(a));
  const from6 = own6 ?? linkLocalOf(own);
  const named = (name: string, ...layers: Layer[]): NamedFrame => ({ name, frame: frame(...layers) });
  const eth = (dst: Mac, src = own): Layer => ({ layer: 'eth', src, dst });
  const all = stations(world, port);
  const [first] = all;
  if (!first) return;

  for (const to of all) {
    const packet = (src: IpAddress, ttl = 64): Layer =>
      isIpv4(to.address)
        ? { layer: 'ipv4', src: isIpv4(src) ? src : own4, dst: to.address, ttl }
        : { layer: 'ipv6', src: isIpv4(src) ? from6 : src, dst: to.address, ttl };
    const echo: Layer = isIpv4(to.address)
      ? { layer: 'icmp', id: 7, seq: 1 }
      : { layer: 'icmpv6', id: 7, seq: 1 };
    const routers = new Set(world.of('subnet').map((s) => s.gatewayMac));
    for (const dst of new Set([to.mac, ...routers, STRANGER])) {
      yield named(`echo to ${to.what} at ${dst}`, eth(dst), packet(own4), echo, DATA);
    }
    for (const ttl of [0, 1, 2]) {
      for (const router of routers) {
        yield named(`TTL ${ttl} to ${to.what} at ${router}`, eth(router), packet(own4, ttl), echo);
      }
    }
    yield named(
      `UDP to ${to.what}`,
      eth(to.mac),
      packet(own4),
      { layer: 'udp', sport: 4000, dport: 53 },
      DATA,
    );
    for (const size of [1300, 1600]) {
      const data: Layer = { layer: 'data', bytes: new Uint8Array(size) };
      yield named(`${size} bytes to ${to.what}`, eth(to.mac), packet(own4), { layer: 'udp' }, data);
    }
    yield named(`TCP to ${to.what}`, eth(to.mac), packet(own4), { layer: 'tcp', sport: 4000, dport: 80 });
    yield named(`forged MAC address to ${to.what}`, eth(to.mac, STRANGER), packet(own4), echo);
    yield named(`forged as ${to.what}`, eth(first.mac, to.mac), packet(own4), echo);
    const forger: Layer = isIpv4(to.address)
      ? { layer: 'ipv4', src: to.address, dst: own4 }
      : { layer: 'ipv6', src: to.address, dst: from6 };
    yield named(`forged from ${to.address}`, eth(first.mac), forger, { layer: 'udp', sport: 1, dport: 2 });

    if (isIpv4(to.address)) {
      const ask = { layer: 'arp', sha: own, spa: own4, tpa: to.address } as const;
      yield named(`ARP for ${to.what}`, eth(BROADCAST_MAC), ask);
      yield named(`unicast ARP for ${to.what}`, eth(to.mac), ask);
      yield named(`ARP probe for ${to.what}`, eth(BROADCAST_MAC), { ...ask, spa: ipv4('0.0.0.0') });
      yield named(`ARP with a forged MAC address for ${to.what}`, eth(BROADCAST_MAC), {
        ...ask,
        sha: STRANGER,
      });
      yield named(`ARP that says to be ${to.what}`, eth(BROADCAST_MAC), { ...ask, spa: to.address });
      const reply = { layer: 'arp', op: 2, sha: own, spa: own4, tha: to.mac, tpa: to.address } as const;
      yield named(`ARP reply to ${to.what}`, eth(to.mac), reply);
      yield named(`forged ARP reply as ${to.what}`, eth(first.mac), { ...reply, spa: to.address });
      yield named(`gratuitous ARP as ${to.what}`, eth(BROADCAST_MAC), {
        ...reply,
        spa: to.address,
        tpa: to.address,
      });
    } else yield* discovery(to, own, from6, own6);
  }

  // DHCP: the request of the guest, and what only a server says.
  const anyone = ipv4('255.255.255.255');
  const zero = ipv4('0.0.0.0');
  const dhcp: Layer[] = [
    { layer: 'udp', sport: 68, dport: DHCP_SERVER_PORT },
    { layer: 'dhcp', type: 1, chaddr: own },
  ];
  yield named('DHCP discover', eth(BROADCAST_MAC), { layer: 'ipv4', src: zero, dst: anyone }, ...dhcp);
  yield named(
    'DHCP renewal',
    eth(first.mac),
    { layer: 'ipv4', src: own4, dst: ipv4('192.0.2.253') },
    ...dhcp,
  );
  yield named(
    'DHCP discover, forged',
    eth(BROADCAST_MAC, STRANGER),
    { layer: 'ipv4', src: zero, dst: anyone },
    ...dhcp,
  );
  const offer = { layer: 'udp', sport: DHCP_SERVER_PORT, dport: 68 } as const;
  yield named('DHCP offer', eth(BROADCAST_MAC), { layer: 'ipv4', src: own4, dst: anyone }, offer, DATA);
  yield named(
    'DHCPv6 advertise',
    eth(first.mac),
    { layer: 'ipv6', src: from6, dst: ipv6('ff02::1:2') },
    { layer: 'udp', sport: 547, dport: 546 },
    DATA,
  );

  yield* questions(own, from6);

  // Groups.
  for (const group of ['224.0.0.251', '239.1.2.3', '255.255.255.255'].map(ipv4)) {
    const dst = group === anyone ? BROADCAST_MAC : multicastMacOf(group);
    yield named(
      `to ${group}`,
      eth(dst),
      { layer: 'ipv4', src: own4, dst: group },
      { layer: 'udp', sport: 5353, dport: 5353 },
    );
  }
  yield named(
    'to ff02::fb',
    eth(multicastMacOf(ip('ff02::fb'))),
    { layer: 'ipv6', src: from6, dst: ipv6('ff02::fb') },
    {
      layer: 'udp',
      sport: 5353,
      dport: 5353,
    },
  );
  for (const [group, what] of [
    ['01:80:c2:00:00:00', 'a bridge protocol frame'],
    ['01:80:c2:00:00:02', 'LACP'],
    ['01:80:c2:00:00:0e', 'LLDP'],
    ['01:00:0c:cc:cc:cc', 'CDP'],
  ] as const) {
    yield named(what, eth(mac(group)), { layer: 'ipv4', src: own4, dst: ABSENT4 }, DATA);
  }

  // Martians, to the routers.
  for (const { gatewayMac } of world.of('subnet')) {
    for (const martian of ['127.0.0.1', '169.254.1.1', '0.0.0.1', '240.0.0.1', '8.8.8.8'].map(ipv4)) {
      const echo: Layer = { layer: 'icmp' };
      yield named(
        `to ${martian} by ${gatewayMac}`,
        eth(gatewayMac),
        { layer: 'ipv4', src: own4, dst: martian },
        echo,
      );
      yield named(
        `from ${martian} by ${gatewayMac}`,
        eth(gatewayMac),
        { layer: 'ipv4', src: martian, dst: own4 },
        echo,
      );
    }
    for (const martian of ['::1', 'fe80::1', 'ff02::1', '2001:db8::1'].map(ipv6)) {
      const echo: Layer = { layer: 'icmpv6' };
      yield named(
        `to ${martian} by ${gatewayMac}`,
        eth(gatewayMac),
        { layer: 'ipv6', src: from6, dst: martian },
        echo,
      );
      yield named(
        `from ${martian} by ${gatewayMac}`,
        eth(gatewayMac),
        { layer: 'ipv6', src: martian, dst: from6 },
        echo,
      );
    }
  }

  // Neither IPv4, IPv6 nor ARP; tagged; fragments; headers that do not hold.
  yield named('an unknown protocol', eth(first.mac), DATA);
  const plain: Layer[] = [{ layer: 'ipv4', src: own4, dst: ABSENT4 }, { layer: 'icmp' }];
  for (const vid of new Set([0, 5, 4095, ...vlansOf(world)])) {
    const inVlan = port.addresses.find((a) => a.vlan === vid)?.address ?? own4;
    const src = isIpv4(inVlan) ? inVlan : own4;
    for (const dst of [first.mac, BROADCAST_MAC]) {
      const packet: Layer[] = [{ layer: 'ipv4', src, dst: ABSENT4 }, { layer: 'icmp' }];
      yield named(
        `tagged ${vid} with a priority, to ${dst}`,
        eth(dst),
        { layer: 'vlan', vid, pcp: 5 },
        ...packet,
      );
    }
    yield named(`tagged ${vid}`, eth(first.mac), { layer: 'vlan', vid }, ...plain);
    yield named(
      `IPv6 tagged ${vid}`,
      eth(first.mac),
      { layer: 'vlan', vid },
      { layer: 'ipv6', src: from6, dst: ABSENT6 },
      { layer: 'icmpv6' },
    );
    yield named(
      `ARP tagged ${vid}`,
      eth(BROADCAST_MAC),
      { layer: 'vlan', vid },
      { layer: 'arp', sha: own, spa: own4 },
    );
    yield named(
      `two tags ${vid}`,
      eth(first.mac),
      { layer: 'vlan', vid },
      { layer: 'vlan', vid: 0 },
      ...plain,
    );
  }
  for (const [frag, mf] of [
    [0, true],
    [8, true],
    [64, false],
  ] as const) {
    for (const to of all.slice(0, 3)) {
      if (!isIpv4(to.address)) continue;
      yield named(
        `fragment at ${frag} to ${to.what}`,
        eth(to.mac),
        { layer: 'ipv4', src: own4, dst: to.address, frag, mf, proto: 1 },
        DATA,
      );
    }
  }
  const six = { layer: 'ipv6', src: from6, dst: ABSENT6 } as const;
  const piece: Layer = { layer: 'fragment', mf: true };
  for (const [what, layers] of [
    ['of a datagram', [{ layer: 'ipv4', src: own4, dst: ABSENT4, mf: true }, { layer: 'udp' }, DATA]],
    ['of an IPv6 datagram', [six, piece, { layer: 'udp' }, DATA]],
    ['of a solicitation', [six, piece, { layer: 'icmpv6', type: 135, target: ABSENT6, sll: own }]],
    ['of an echo', [six, piece, { layer: 'icmpv6' }, DATA]],
  ] as const) {
    yield named(`first fragment ${what}`, eth(first.mac), ...layers);
  }
  const short: Layer = { layer: 'data', bytes: new Uint8Array(4) };
  for (const [what, ...layers] of [
    ['of a datagram', { layer: 'ipv4', src: own4, dst: ABSENT4, mf: true, proto: 17 }],
    ['of an IPv6 datagram', six, { ...piece, proto: 17 }],
    ['of ICMPv6', six, { ...piece, proto: 58 }],
  ] as const) {
    yield named(`first fragment ${what} that is cut short`, eth(first.mac), ...layers, short);
  }
  for (const type of [133, 134, 136, 137, 148]) {
    const bytes = Uint8Array.of(type, ...new Uint8Array(39));
    const message: Layer = { layer: 'data', bytes };
    yield named(`first fragment of ICMPv6 ${type}`, eth(first.mac), six, { ...piece, proto: 58 }, message);
  }
  for (const type of [135, 136]) {
    const target = ipv6('::');
    yield named(`neighbour discovery ${type} of nothing`, eth(first.mac), six, {
      layer: 'icmpv6',
      type,
      target,
    });
  }
  yield named(
    'a chain of IPv6 headers that is cut short',
    eth(first.mac),
    { ...six, proto: 0, len: 4 },
    DATA,
  );
  const whole = frame(eth(first.mac), ...plain);
  for (const length of [14, 20, 33, 34])
    yield { name: `cut to ${length} bytes`, frame: whole.slice(0, length) };
  yield named('ARP of an unknown operation', eth(BROADCAST_MAC), {
    layer: 'arp',
    op: 9,
    sha: own,
    spa: own4,
  });
  yield named('reverse ARP', eth(BROADCAST_MAC), { layer: 'arp', op: 3, sha: own, spa: own4, tpa: own4 });
  yield named(
    'router advertisement',
    eth(multicastMacOf(ip('ff02::1'))),
    { layer: 'ipv6', src: linkLocalOf(own), dst: ipv6('ff02::1') },
    { layer: 'icmpv6', type: 134, lifetime: 1800, sll: own },
  );
  yield named(
    'redirect',
    eth(first.mac),
    { layer: 'ipv6', src: linkLocalOf(own), dst: from6 },
    { layer: 'icmpv6', type: 137, target: ABSENT6, destination: ABSENT6 },
  );
}

function* discovery(to: Station, own: Mac, from: Ipv6, own6: Ipv6 | undefined): Iterable<NamedFrame> {
  const address = to.address as Ipv6;
  const group = solicitedNodeOf(address);
  const eth = (dst: Mac): Layer => ({ layer: 'eth', src: own, dst });
  const named = (name: string, ...layers: Layer[]): NamedFrame => ({ name, frame: frame(...layers) });
  const solicit = { layer: 'icmpv6', type: 135, target: address, sll: own } as const;
  const toGroup = { layer: 'ipv6', src: from, dst: group } as const;
  yield named(`solicitation for ${to.what}`, eth(multicastMacOf(group)), toGroup, solicit);
  yield named(
    `solicitation for ${to.what}, from a group`,
    eth(to.mac),
    { ...toGroup, src: ipv6('ff02::1') },
    solicit,
  );
  yield named(`solicitation for ${to.what}, unicast`, eth(to.mac), { ...toGroup, dst: address }, solicit);
  yield named(
    `solicitation for ${to.what} that a router has passed on`,
    eth(to.mac),
    { ...toGroup, ttl: 254 },
    solicit,
  );
  yield named(`solicitation for ${to.what} with a forged MAC address`, eth(multicastMacOf(group)), toGroup, {
    ...solicit,
    sll: STRANGER,
  });
  yield named(`solicitation for ${to.what} without MAC address`, eth(to.mac), toGroup, {
    layer: 'icmpv6',
    type: 135,
    target: address,
  });
  yield named(
    `detection of duplicates of ${to.what} with a MAC address`,
    eth(multicastMacOf(group)),
    { ...toGroup, src: ipv6('::') },
    solicit,
  );
  yield named(
    `detection of duplicates of ${to.what}`,
    eth(multicastMacOf(group)),
    { ...toGroup, src: ipv6('::') },
    { layer: 'icmpv6', type: 135, target: address },
  );
  for (const target of [address, linkLocalOf(own), ...(own6 ? [own6] : [])]) {
    for (const tll of [own, STRANGER, undefined]) {
      yield named(
        `advertisement of ${target} at ${tll ?? 'no MAC address'}`,
        eth(to.mac),
        { layer: 'ipv6', src: from, dst: address },
        { layer: 'icmpv6', type: 136, target, solicited: true, ...(tll ? { tll } : {}) },
      );
    }
  }
}

/** What a guest asks of the network in IPv6: for a router, and for addresses. */
function* questions(own: Mac, from: Ipv6): Iterable<NamedFrame> {
  const routers = ipv6('ff02::2');
  const servers = ipv6('ff02::1:2');
  const named = (name: string, src: Mac, dst: Ipv6, ip: Ipv6, ...layers: Layer[]): NamedFrame => {
    const eth: Layer = { layer: 'eth', src, dst: multicastMacOf(dst) };
    return { name, frame: frame(eth, { layer: 'ipv6', src: ip, dst, ttl: 255 }, ...layers) };
  };
  const solicitation = { layer: 'icmpv6', type: 133 } as const;
  const known = { ...solicitation, sll: own };
  const request: Layer[] = [
    { layer: 'udp', sport: 546, dport: 547 },
    { layer: 'dhcp6', type: 1, xid: 7 },
  ];
  for (const ip of [linkLocalOf(own), from, ipv6('::'), linkLocalOf(STRANGER)]) {
    yield named(`router solicitation from ${ip}`, own, routers, ip, ip === '::' ? solicitation : known);
    yield named(`DHCPv6 solicit from ${ip}`, own, servers, ip, ...request);
  }
  yield named('router solicitation, forged', STRANGER, routers, linkLocalOf(own), known);
  yield named('DHCPv6 solicit, forged', STRANGER, servers, linkLocalOf(own), ...request);
}

/** What may come out of a tunnel: from hosts that may send it and from others, with VSIDs that exist and others. */
export function* framesOfTunnel(world: World, provider: ProviderRecord): Iterable<NamedFrame> {
  const lookups = world.of('lookup');
  const hosts = [...new Set([...lookups.map((l) => l.pa), ip('192.0.2.66')])].filter(
    (pa) => pa !== provider.pa,
  );
  const shift = provider.encapsulation === 'nvgre' ? 8n : 0n;
  const vsids = [...new Set([...world.of('subnet').map((s) => s.vsid), 9999])];
  for (const source of hosts) {
    for (const vsid of vsids) {
      const key = (BigInt(vsid) << shift) | (shift ? 0x3cn : 0n);
      for (const { name, frame: bytes } of inside(lookups)) {
        yield { name: `from ${source} with VSID ${vsid}: ${name}`, frame: bytes, tunnel: { source, key } };
      }
    }
  }
}

function* inside(lookups: readonly LookupRecord[]): Iterable<NamedFrame> {
  const from = ipv4('10.0.0.7');
  for (const dst of new Set([
    ...lookups.map((l) => l.mac),
    STRANGER,
    BROADCAST_MAC,
    multicastMacOf(ip('224.0.0.251')),
  ])) {
    const eth: Layer = { layer: 'eth', src: STRANGER, dst };
    yield {
      name: `UDP to ${dst}`,
      frame: frame(eth, { layer: 'ipv4', src: from, dst: ipv4('10.0.0.5') }, { layer: 'udp' }),
    };
    yield {
      name: `ARP to ${dst}`,
      frame: frame(eth, { layer: 'arp', sha: STRANGER, spa: from, tpa: ipv4('10.0.0.5') }),
    };
  }
  const eth: Layer = { layer: 'eth', src: STRANGER, dst: BROADCAST_MAC };
  yield { name: 'of an unknown protocol', frame: frame(eth, DATA) };
}

/** What may come from the physical network, or from an interface of the host. */
export function* framesOfOutside(world: World, own: Mac): Iterable<NamedFrame> {
  const ports = world.of('port');
  const providers = world.of('provider');
  const macs = new Set<Mac>([
    ...ports.map((p) => p.mac),
    ...providers.map((p) => p.mac),
    STRANGER,
    BROADCAST_MAC,
  ]);
  const addresses: Ipv4[] = [
    ...ports.flatMap((p) => p.addresses.map((a) => a.address)),
    ...providers.map((p) => p.pa),
  ].filter(isIpv4);
  for (const dst of macs) {
    for (const src of [own, STRANGER]) {
      const eth: Layer = { layer: 'eth', src, dst };
      const to = addresses[0] ?? ABSENT4;
      const packet: Layer = { layer: 'ipv4', src: ABSENT4, dst: to };
      yield { name: `from ${src} to ${dst}`, frame: frame(eth, packet, { layer: 'icmp' }) };
      for (const vid of new Set([0, 5, 4095, ...vlansOf(world)])) {
        yield {
          name: `from ${src} to ${dst}, tagged ${vid}`,
          frame: frame(eth, { layer: 'vlan', vid }, packet, { layer: 'icmp' }),
        };
      }
    }
  }
  for (const tpa of addresses) {
    const eth: Layer = { layer: 'eth', src: own, dst: BROADCAST_MAC };
    yield { name: `ARP for ${tpa}`, frame: frame(eth, { layer: 'arp', sha: own, spa: ABSENT4, tpa }) };
    yield {
      name: `gratuitous ARP as ${tpa}`,
      frame: frame(eth, { layer: 'arp', op: 2, sha: own, spa: tpa, tpa }),
    };
  }
  for (const group of ['01:80:c2:00:00:00', '01:80:c2:00:00:0e', '33:33:00:00:00:01'].map(mac)) {
    const eth: Layer = { layer: 'eth', src: STRANGER, dst: group };
    yield {
      name: `to ${group}`,
      frame: frame(
        eth,
        { layer: 'ipv6', src: ipv6('fe80::1'), dst: ipv6('ff02::1') },
        { layer: 'icmpv6', type: 134 },
      ),
    };
  }
  yield { name: 'of an unknown protocol', frame: frame({ layer: 'eth', src: own, dst: STRANGER }, DATA) };
}
