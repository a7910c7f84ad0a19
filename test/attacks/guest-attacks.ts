/**
 * What a guest may try against its neighbours, as data: one list, run on the softswitch (guest-attacks.test.ts) and on real
 * Open vSwitches (test/ovs/guest-attacks.test.ts). The ids are those of docs/security-tests.md.
 *
 * Each is one frame that blue1 sends, and the words of the rule that has to drop it.
 */
import { write16 } from '../../src/packet/bytes.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import type { Scene } from './scene.ts';

export interface GuestAttack {
  readonly id: string;
  readonly what: string;
  readonly frame: Uint8Array;
  /** A part of the words of the rule that drops it. */
  readonly words: string;
}

/** Of `spoof-guard`, and of `guest-guard`. */
const NOT_ITS_OWN = 'may not send from that address, in that VLAN, or of that protocol';
const FORGED = 'may not speak for another machine';
const NOT_SHOWN = 'the first fragment ends before what the guards look for';
const CUT_SHORT = 'the chain of IPv6 headers is cut short';
const IN_FRAGMENTS = 'neighbour discovery never comes in fragments';
const NO_ROUTER = 'a guest may not advertise itself as a router';
const NO_SERVER = 'a guest may not be a DHCP server';
const NO_REDIRECT = 'a guest may not redirect others';
const NOT_PASSED_ON = 'no bridge passes that on';
const NO_ARP = 'no valid ARP for IPv4';

const ALL_NODES = '33:33:00:00:00:01';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

export function guestAttacks(scene: Scene): readonly GuestAttack[] {
  const lists = [
    macSpoofing,
    arpSpoofing,
    tags,
    ipSpoofing,
    neighbourSpoofing,
    rogueRouter,
    rogueServer,
    bridges,
  ];
  return lists.flatMap((list) => [...list(scene)]);
}

type Attacks = Iterable<GuestAttack>;

function* numbered(
  id: string,
  words: string,
  frames: Readonly<Record<string, string | Uint8Array>>,
): Attacks {
  let n = 1;
  for (const [what, text] of Object.entries(frames)) {
    yield { id: `${id}.${n++}`, what, words, frame: typeof text === 'string' ? parseNotation(text) : text };
  }
}

function* macSpoofing({ me, you, third, router }: Scene): Attacks {
  const from = (mac: string) =>
    `eth(src=${mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4})/udp(dport=7)/data(aa*8)`;
  yield* numbered('P1', NOT_ITS_OWN, {
    'the MAC address of a neighbour': from(third.mac),
    'the MAC address of the victim': from(you.mac),
    'the MAC address of the router': from(router.mac),
    'a MAC address that nobody has': from('02:00:00:00:00:99'),
    'the broadcast address as source': from(BROADCAST),
    'a multicast address as source': from('01:00:5e:00:00:01'),
    'no MAC address': from('00:00:00:00:00:00'),
    'IPv6 from the MAC address of a neighbour': `eth(src=${third.mac},dst=${you.mac})/ipv6(src=${me.v6},dst=${you.v6})/udp(dport=7)/data(aa*8)`,
  });
}

function* arpSpoofing({ me, you, third, router }: Scene): Attacks {
  const arp = (fields: string, src: string = me.mac, dst: string = you.mac) =>
    `eth(src=${src},dst=${dst})/arp(${fields})`;
  yield* numbered('P2', NOT_ITS_OWN, {
    'reply for a neighbour': arp(`op=2,sha=${me.mac},spa=${third.v4},tha=${you.mac},tpa=${you.v4}`),
    'reply for the router': arp(`op=2,sha=${me.mac},spa=${router.v4},tha=${you.mac},tpa=${you.v4}`),
    'reply with the MAC address of another inside': arp(`op=2,sha=${third.mac},spa=${me.v4},tpa=${you.v4}`),
    'request as a neighbour': arp(`op=1,sha=${me.mac},spa=${third.v4},tpa=${you.v4}`, me.mac, BROADCAST),
    'gratuitous request for a neighbour': arp(
      `op=1,sha=${me.mac},spa=${third.v4},tpa=${third.v4}`,
      me.mac,
      BROADCAST,
    ),
    'gratuitous reply for the router': arp(
      `op=2,sha=${me.mac},spa=${router.v4},tpa=${router.v4}`,
      me.mac,
      BROADCAST,
    ),
    'a probe for the address of another': arp(
      `op=1,sha=${me.mac},spa=0.0.0.0,tpa=${third.v4}`,
      me.mac,
      BROADCAST,
    ),
    'wholly as a neighbour': arp(`op=2,sha=${third.mac},spa=${third.v4},tpa=${you.v4}`, third.mac),
    'RARP reply': `eth(src=${me.mac},dst=${you.mac})/rarp(op=4,sha=${me.mac},spa=${me.v4},tha=${you.mac},tpa=${third.v4})`,
    'addresses of another length': malformedArp(
      arp(`op=2,sha=${me.mac},spa=${me.v4},tpa=${you.v4}`),
      4,
      0x0806,
    ),
    'another kind of hardware': malformedArp(arp(`op=2,sha=${me.mac},spa=${third.v4},tpa=${you.v4}`), 0, 6),
  });
  yield* numbered('P2o', NO_ARP, {
    'an operation that is none': arp(`op=9,sha=${me.mac},spa=${me.v4},tpa=${you.v4}`),
    'operation 0': arp(`op=0,sha=${me.mac},spa=${me.v4},tpa=${you.v4}`),
    InARP: arp(`op=8,sha=${me.mac},spa=${me.v4},tpa=${you.v4}`),
  });
}

/** With two bytes of the ARP message, at this offset in it, made otherwise. */
function malformedArp(text: string, offset: number, value: number): Uint8Array {
  const bytes = parseNotation(text);
  write16(bytes, 14 + offset, value);
  return bytes;
}

/**
 * Tags of every type, one to four of them, around what a guest may send and around what it may not; LLC and SNAP. The victim
 * is on the same host: tags do not go through tunnels.
 */
function* tags({ me, you: third, third: you, router }: Scene): Attacks {
  const forbidden: readonly (readonly [string, string, string])[] = [
    [
      'ARP as another',
      NOT_ITS_OWN,
      `eth(src=${me.mac},dst=${you.mac})/arp(op=2,sha=${me.mac},spa=${third.v4},tha=${you.mac},tpa=${you.v4})`,
    ],
    ['RA', NO_ROUTER, routerAdvertisement(me.mac, me.linkLocal)],
    ['NA', FORGED, advertisement(me.mac, me.v6, you, router.v6)],
    [
      'DHCP',
      NO_SERVER,
      `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4})/udp(sport=67,dport=68)/dhcp(type=2,yiaddr=10.0.0.66)`,
    ],
  ];
  const legal = `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4})/udp(dport=7)/data(aa*8)`;
  const frames: Record<string, Uint8Array> = {};
  for (const [name, , text] of [...forbidden, ['IPv4', '', legal] as const]) {
    const bytes = parseNotation(text);
    for (const type of [0x8100, 0x88a8, 0x9100]) {
      for (const count of [1, 2, 3, 4]) {
        for (const vid of [0, 7]) {
          if (isPriority(type, count, vid)) continue;
          frames[`${name} in ${count} × ${type.toString(16)}, VLAN ${vid}`] = tagged(bytes, type, vid, count);
        }
      }
    }
    frames[`${name} in 88a8 and 8100`] = tagged(tagged(bytes, 0x8100, 0, 1), 0x88a8, 0, 1);
    frames[`${name} in 8100 and 88a8`] = tagged(tagged(bytes, 0x88a8, 0, 1), 0x8100, 0, 1);
    frames[`${name} in a tag of VLAN 0 in SNAP`] = inSnap(tagged(bytes, 0x8100, 0, 1), 0);
    frames[`${name} in LLC alone`] = inSnap(bytes, 0).with(14, 0x42).with(15, 0x42);
    frames[`${name} in SNAP of another organization`] = inSnap(bytes, 0).with(19, 0xf8);
  }
  for (const type of [0x8847, 0x8863, 0x8864, 0x894f, 0x88e5, 0x22f0, 0x05dc, 0x05ff]) {
    frames[`type ${type.toString(16)}`] = parseNotation(
      `eth(src=${me.mac},dst=${you.mac},type=${type})/data(${'45000014'.repeat(6)})`,
    );
  }
  yield* numbered('P3', NOT_ITS_OWN, frames);
  // These are judged by what is inside, which the switch sees as the victim would: what is legal inside arrives.
  for (const [at, [name, words, text]] of forbidden.entries()) {
    const bytes = parseNotation(text);
    yield* numbered(`P3${'abcd'[at]}`, words, {
      [`${name} in a priority tag`]: tagged(bytes, 0x8100, 0, 1),
      [`${name} in a priority tag of a provider`]: tagged(bytes, 0x88a8, 0, 1),
      [`${name} in SNAP`]: inSnap(bytes, 0),
      [`${name} in SNAP with a length that is too short`]: inSnap(bytes, -8),
      [`${name} in SNAP with a length that is too long`]: inSnap(bytes, 100),
      [`${name} in SNAP in a priority tag`]: tagged(inSnap(bytes, 0), 0x8100, 0, 1),
    });
  }
}

/** One tag of VLAN 0 says a priority, and is taken off. */
function isPriority(type: number, count: number, vid: number): boolean {
  return count === 1 && vid === 0 && type !== 0x9100;
}

function tagged(bytes: Uint8Array, type: number, vid: number, count: number): Uint8Array {
  const out = new Uint8Array(bytes.length + 4 * count);
  out.set(bytes.subarray(0, 12));
  for (let i = 0; i < count; i++) {
    write16(out, 12 + 4 * i, type);
    write16(out, 14 + 4 * i, vid);
  }
  out.set(bytes.subarray(12), 12 + 4 * count);
  return out;
}

/** Length, LLC, SNAP with organization 0 (RFC 1042); the length is wrong by so many bytes. */
function inSnap(bytes: Uint8Array, wrong: number): Uint8Array {
  const payload = bytes.subarray(12);
  const out = new Uint8Array(12 + 2 + 6 + payload.length);
  out.set(bytes.subarray(0, 12));
  write16(out, 12, 6 + payload.length + wrong);
  out.set([0xaa, 0xaa, 3, 0, 0, 0], 14);
  out.set(payload, 20);
  return out;
}

function* ipSpoofing({ me, you, third, router, here, there }: Scene): Attacks {
  const provider = (address: string) =>
    address.includes(':') ? {} : { [`as the host ${address}`]: four(address) };
  const four = (src: string) =>
    `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${src},dst=${you.v4})/udp(dport=7)/data(aa*8)`;
  const six = (src: string) =>
    `eth(src=${me.mac},dst=${you.mac})/ipv6(src=${src},dst=${you.v6})/udp(dport=7)/data(aa*8)`;
  yield* numbered('P4', NOT_ITS_OWN, {
    'as a neighbour': four(third.v4),
    'as the victim': four(you.v4),
    'as the router': four(router.v4),
    'from the broadcast address of the subnet': four('10.0.0.255'),
    'from the broadcast address': four('255.255.255.255'),
    'from loopback': four('127.0.0.1'),
    'from no address': four('0.0.0.0'),
    'from multicast': four('224.0.0.1'),
    'from another subnet': four('10.9.9.9'),
    'from a link-local address': four('169.254.169.254'),
    'from class E': four('240.0.0.1'),
    ...provider(here),
    ...provider(there),
    'DHCP from another port': `eth(src=${me.mac},dst=${BROADCAST})/ipv4(src=0.0.0.0,dst=255.255.255.255)/udp(sport=69,dport=67)/data(aa*8)`,
    'a fragment as a neighbour': `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${third.v4},dst=${you.v4},frag=64)/data(aa*8)`,
    'IPv6 as a neighbour': six(third.v6),
    'IPv6 as the victim': six(you.v6),
    'IPv6 as the router': six(router.v6),
    'IPv6 from the link-local address of a neighbour': six(third.linkLocal),
    'IPv6 from a link-local address that nobody has': six('fe80::99'),
    'IPv6 from loopback': six('::1'),
    'IPv6 from no address': six('::'),
    'IPv6 from a mapped address': six(`::ffff:${me.v4}`),
    'IPv6 from multicast': six('ff02::1'),
    'IPv6 from another prefix': six('fd00:0:0:9::9'),
  });
}

function advertisement(mac: string, src: string, you: Scene['you'], target: string, rest = ''): string {
  return `eth(src=${mac},dst=${you.mac})/ipv6(src=${src},dst=${you.v6})${rest}/icmpv6(type=136,override,solicited,target=${target},tll=${mac})`;
}

function* neighbourSpoofing({ me, you, third, router }: Scene): Attacks {
  const from = (layers: string) =>
    `eth(src=${me.mac},dst=${you.mac})/ipv6(src=${me.v6},dst=${you.v6})/${layers}`;
  yield* numbered('P5', FORGED, {
    'NA for a neighbour': advertisement(me.mac, me.v6, you, third.v6),
    'NA for the router': advertisement(me.mac, me.v6, you, router.v6),
    'NA for the link-local address of the router': advertisement(me.mac, me.linkLocal, you, router.linkLocal),
    'NA for the link-local address of a neighbour': advertisement(me.mac, me.linkLocal, you, third.linkLocal),
    'NA to all for a neighbour': `eth(src=${me.mac},dst=${ALL_NODES})/ipv6(src=${me.v6},dst=ff02::1)/icmpv6(type=136,override,target=${third.v6},tll=${me.mac})`,
    'NA for itself at the MAC address of another': from(
      `icmpv6(type=136,override,target=${me.v6},tll=${third.mac})`,
    ),
    'NS with the MAC address of another': from(`icmpv6(type=135,target=${you.v6},sll=${third.mac})`),
    'NA behind destination options': advertisement(me.mac, me.v6, you, third.v6, '/dstopts()'),
    'NA behind hop-by-hop options': advertisement(me.mac, me.v6, you, third.v6, '/hopopts()'),
    'NA behind three headers': advertisement(me.mac, me.v6, you, third.v6, '/hopopts()/routing()/dstopts()'),
    'NA in an atomic fragment': advertisement(me.mac, me.v6, you, third.v6, '/fragment(id=7)'),
    'NA with an option of no length': from(
      `icmpv6(type=136,override,target=${third.v6},tll=${me.mac})/data(0100000000000000)`,
    ),
    'NA as a router': from(`icmpv6(type=136,router,override,target=${router.v6},tll=${me.mac})`),
  });
  yield* numbered('P5a', 'no valid neighbour discovery', {
    'NA with two MAC addresses': from(
      `icmpv6(type=136,override,target=${third.v6},tll=${me.mac},o2=${third.mac.replaceAll(':', '')})`,
    ),
  });
  yield* numbered('P5b', IN_FRAGMENTS, {
    'NA in a first fragment': from(
      `fragment(mf,id=8,proto=58)/data(88000000a0000000fd0000000000000100000000000000090201${me.mac.replaceAll(':', '')})`,
    ),
    'NS in a first fragment': from(
      `fragment(mf,id=8,proto=58)/data(8700000000000000fd000000000000010000000000000009)`,
    ),
  });
  yield* numbered('P5c', NOT_SHOWN, {
    'ICMPv6 whose type comes in the second fragment': from('fragment(mf,id=9,proto=58)'),
  });
  yield* numbered('P5d', NOT_ITS_OWN, {
    'VRRP as the router': `eth(src=00:00:5e:00:02:01,dst=33:33:00:00:00:12)/ipv6(src=${me.linkLocal},dst=ff02::12,proto=112,ttl=255)/data(31016401006400003101640100640000)`,
    'NS that probes as another': `eth(src=${third.mac},dst=33:33:ff:00:00:07)/ipv6(src=::,dst=ff02::1:ff00:7)/icmpv6(type=135,target=${third.v6})`,
  });
}

function routerAdvertisement(mac: string, src: string, between = ''): string {
  return `eth(src=${mac},dst=${ALL_NODES})/ipv6(src=${src},dst=ff02::1,ttl=255)${between}/icmpv6(type=134,hoplimit=64,lifetime=1800,sll=${mac})`;
}

/** As `fake_router26 -E` of thc-ipv6 hides them: H, D, F, 1, and mixtures; each the frame that an evasion rests on. */
function* rogueRouter({ me, you, router }: Scene): Attacks {
  const ra = (between = '') => routerAdvertisement(me.mac, me.linkLocal, between);
  const to = `eth(src=${me.mac},dst=${ALL_NODES})/ipv6(src=${me.linkLocal},dst=ff02::1,ttl=255)`;
  const options = (bytes: number) => `dstopts(body=0104000000000000${'00'.repeat(bytes)})`;
  const message = '8600000040000708'.padEnd(32, '0');
  yield* numbered('P6', NO_ROUTER, {
    RA: ra(),
    'RA to the victim alone': `eth(src=${me.mac},dst=${you.mac})/ipv6(src=${me.linkLocal},dst=${you.linkLocal},ttl=255)/icmpv6(type=134,lifetime=1800)`,
    'RA from its global address': routerAdvertisement(me.mac, me.v6),
    'RA behind hop-by-hop options': ra('/hopopts()'),
    'RA behind destination options': ra('/dstopts()'),
    'RA behind large destination options': ra(`/${options(120 * 8 - 2)}`),
    'RA behind a routing header': ra('/routing()'),
    'RA behind two of each': ra('/hopopts()/dstopts()/routing()/dstopts()'),
    'RA behind an authentication header': ra('/ah()'),
    'RA in an atomic fragment': ra('/fragment(id=1)'),
    'RA in two atomic fragments': ra('/fragment(id=1)/fragment(id=2)'),
    'RA behind options in an atomic fragment': ra('/hopopts()/fragment(id=1)/dstopts()'),
    'RA of no lifetime, to take the router away': `${to}/icmpv6(type=134,lifetime=0)`,
  });
  yield* numbered('P6a', NO_REDIRECT, {
    redirect: `eth(src=${me.mac},dst=${you.mac})/ipv6(src=${me.linkLocal},dst=${you.v6},ttl=255)/icmpv6(type=137,target=${me.linkLocal},destination=${router.v6},tll=${me.mac})`,
    'redirect behind options': `eth(src=${me.mac},dst=${you.mac})/ipv6(src=${me.linkLocal},dst=${you.v6},ttl=255)/dstopts()/icmpv6(type=137,target=${me.linkLocal},destination=${router.v6})`,
  });
  yield* numbered('P6b', NO_ROUTER, {
    'the first fragment of an RA': `${to}/fragment(mf,id=3,proto=58)/data(${message})`,
    'the first fragment of an RA behind options': `${to}/hopopts()/fragment(mf,id=3)/dstopts(proto=58)/data(${message})`,
  });
  yield* numbered('P6c', NOT_SHOWN, {
    'a first fragment of options, the RA in the second': `${to}/fragment(mf,id=4)/dstopts(proto=58)`,
    'a first fragment of nothing': `${to}/fragment(mf,id=4,proto=58)`,
  });
  yield* numbered('P6d', CUT_SHORT, {
    'a first fragment that ends within the options': `${to}/fragment(mf,id=5,proto=60)/data(3a0f010c00000000)`,
    'options that are longer than the packet': `${to}/data(3aff010400000000)`.replace(
      'ttl=255',
      'ttl=255,proto=60',
    ),
  });
  yield* numbered('P6e', NOT_ITS_OWN, {
    'RA as the router': routerAdvertisement(me.mac, router.linkLocal),
    'RA wholly as the router': routerAdvertisement(router.mac, router.linkLocal),
    'RA from no address': routerAdvertisement(me.mac, '::'),
  });
}

function* rogueServer({ me, you }: Scene): Attacks {
  const offer = (dst: string, ip: string) =>
    `eth(src=${me.mac},dst=${dst})/ipv4(src=${me.v4},dst=${ip})/udp(sport=67,dport=68)/dhcp(type=2,yiaddr=10.0.0.66)`;
  const six = `eth(src=${me.mac},dst=${you.mac})/ipv6(src=${me.linkLocal},dst=${you.linkLocal})`;
  const UDP_547 = '0223022200100000';
  yield* numbered('P7', NO_SERVER, {
    'an offer to the victim': offer(you.mac, you.v4),
    'an offer to all': offer(BROADCAST, '255.255.255.255'),
    'an acknowledgement with options of IPv4': `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4},options=01010101)/udp(sport=67,dport=68)/dhcp(type=5)`,
    'the first fragment of an offer': `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4},mf,proto=17)/data(0043004400280000)`,
    'a DHCPv6 advertisement': `${six}/udp(sport=547,dport=546)/dhcp6(type=2)`,
    'a DHCPv6 answer behind options': `${six}/dstopts()/udp(sport=547,dport=546)/dhcp6(type=7)`,
    'the first fragment of a DHCPv6 answer': `${six}/fragment(mf,id=6,proto=17)/data(${UDP_547})`,
  });
  yield* numbered('P7a', NOT_SHOWN, {
    'UDP whose ports come in the second fragment': `${six}/fragment(mf,id=6,proto=17)`,
  });
}

/** What bridges and their neighbours say to each other: topology must not be made by guests. */
function* bridges({ me }: Scene): Attacks {
  const to = (last: string) => `eth(src=${me.mac},dst=01:80:c2:00:00:${last}`;
  yield* numbered('P13', NOT_ITS_OWN, {
    LLDP: `${to('0e')})/lldp(o1=0400000000000099,o2=0531,o3=0078)`,
    'LLDP to the nearest customer bridge': `${to('00')})/lldp(o1=0400000000000099,o2=0531,o3=0078)`,
    'spanning tree': `${to('00')})/llc(dsap=0x42,ssap=0x42)/data(00*35)`,
    LACP: `${to('02')},type=0x8809)/data(01*50)`,
    EAPOL: `${to('03')},type=0x888e)/data(0101000000000000)`,
    PAUSE: `${to('01')},type=0x8808)/data(0001ffff0000000000000000)`,
    CDP: `eth(src=${me.mac},dst=01:00:0c:cc:cc:cc)/llc()/snap(organization=0x0c,proto=0x2000)/data(02b4000000010005)`,
  });
  yield* numbered('P13a', NOT_PASSED_ON, {
    'IPv4 to the address of LLDP': `${to('0e')})/ipv4(src=${me.v4},dst=224.0.0.1)/udp(dport=7)/data(aa*8)`,
    'IPv6 to the address of spanning tree': `${to('00')})/ipv6(src=${me.v6},dst=ff02::1)/udp(dport=7)/data(aa*8)`,
  });
}
