/**
 * What somebody on the fabric may send to a host, as data: one list, run on the softswitch (foreign-packets.test.ts) and on real
 * Open vSwitches (test/ovs/foreign-packets.test.ts). Each is one packet to the provider address of host2 with a legal frame of
 * blue1 for blue2 inside, so whatever comes out of the tunnel is taken.
 *
 * The fabric is trusted to deliver, and addresses on it can be forged: what comes with the provider address of a host that
 * has machines of Blue is taken for that host's (docs/security-tests.md). Everything else must not be.
 */
import type { Mac } from '../../src/packet/address.ts';
import { toHex, write16 } from '../../src/packet/bytes.ts';
import { checksumFor } from '../../src/packet/checksum.ts';
import { parseNotation } from '../../src/packet/notation.ts';
import { type Encapsulation, type Scene, VSID } from './scene.ts';

export interface ForeignPacket {
  readonly id: string;
  readonly what: string;
  readonly frame: Uint8Array;
  /** What comes out of the tunnel where it is taken. */
  readonly inside: Uint8Array;
  /** Bytes that are in no other packet: the frame inside has them, wherever it comes out. */
  readonly mark: Uint8Array;
  /** By one engine alone where they differ: from a known host only, and for its VSID, so nobody gains by it. */
  readonly arrives: 'nowhere' | 'everywhere' | 'open-vswitch' | 'softswitch';
  /** It gets as far as the rules, and one counts that it drops it. */
  readonly isCounted: boolean;
}

/** Where the packets go to. */
export interface Fabric extends Scene {
  readonly encapsulation: Encapsulation;
  /** Of the provider interfaces: of host1, which the packets come from or pretend to, and of host2. */
  readonly hereMac: Mac;
  readonly thereMac: Mac;
}

const STRANGER_MAC = '02:00:00:00:00:99';
/** A part of the words of the rule that counts them. */
export const STRANGER_WORDS = 'from a provider address that is not expected for its VSID';

export function foreignPackets(fabric: Fabric): readonly ForeignPacket[] {
  const made = new Maker(fabric);
  for (const list of [injected, confused, headers]) list(made);
  return made.packets;
}

/**
 * P11: what U1.1 shows to be taken from the fabric, sent by blue1 to its router, with the provider address of its host as the
 * source and with its own.
 */
export function tunnelsOfGuest(fabric: Fabric): readonly Pick<ForeignPacket, 'id' | 'frame' | 'mark'>[] {
  const { me, router, here } = fabric;
  const own = fabric.there.includes(':') ? me.v6 : me.v4;
  const made = new Maker({ ...fabric, hereMac: me.mac, thereMac: router.mac });
  for (const src of [here, own])
    for (const vsid of Object.values(VSID))
      made.add('P11', `from ${src}`, 'dropped', { src, vsid, from: me.mac });
  return made.packets;
}

/** Of `arrives` and `isCounted`, by a word. */
const FATES = {
  arrives: { arrives: 'everywhere', isCounted: false },
  /** Open vSwitch takes it. It does not tell flows of these bits, so no rule could refuse them. */
  lenient: { arrives: 'open-vswitch', isCounted: false },
  /** Only the softswitch takes it. */
  unlike: { arrives: 'softswitch', isCounted: false },
  dropped: { arrives: 'nowhere', isCounted: false },
  counted: { arrives: 'nowhere', isCounted: true },
} as const;
type Fate = keyof typeof FATES;

interface Outer {
  readonly src?: string;
  /** MAC address of the sender; default: of host1, or of a stranger. */
  readonly from?: Mac;
  /** More fields of the IP header. */
  readonly ip?: string;
  /** Of the tunnel; default: Blue. */
  readonly vsid?: number;
  /** In place of what the host sends itself. */
  readonly tunnel?: string;
  /** Layers in place of the frame inside, which end with this data; empty: none. */
  readonly inner?: (data: string) => string;
  /** In place of tunnel and frame: an IP protocol, and what follows made of the frame, in hexadecimal. */
  readonly raw?: readonly [protocol: number, payload: (frame: string) => string];
}

class Maker {
  readonly fabric: Fabric;
  readonly packets: ForeignPacket[] = [];
  readonly six: boolean;
  constructor(fabric: Fabric) {
    this.fabric = fabric;
    this.six = fabric.there.includes(':');
  }

  /** The tunnel as hosts send it. */
  tunnel(encapsulation: Encapsulation = this.fabric.encapsulation, vsid: number = VSID.blue): string {
    if (encapsulation === 'nvgre') return `gre(vsid=${vsid},flow=7)`;
    return encapsulation === 'vxlan'
      ? `udp(sport=40000,dport=4789,checksum=0)/vxlan(vni=${vsid})`
      : `udp(sport=40000,dport=6081,checksum=0)/geneve(vni=${vsid})`;
  }

  add(
    group: string,
    what: string,
    fate: Fate,
    outer: Outer,
    change: (bytes: Uint8Array, at: number) => Uint8Array = (bytes) => bytes,
  ): void {
    const { me, you, here, there, hereMac, thereMac } = this.fabric;
    const id = `${group}.${this.packets.filter((each) => each.id.startsWith(`${group}.`)).length + 1}`;
    const mark = new TextEncoder().encode(id.padEnd(8));
    const data = `data(${toHex(mark)})`;
    const legal = `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4})/udp(dport=7)/${data}`;
    const inner = outer.inner?.(data) ?? legal;
    const { src = here, raw, tunnel = this.tunnel(undefined, outer.vsid) } = outer;
    const { from = src === here ? hereMac : STRANGER_MAC } = outer;
    const fields = [`src=${src}`, `dst=${there}`, outer.ip ?? [], raw ? `proto=${raw[0]}` : []].flat();
    const parts = raw ? [`data(${raw[1](toHex(parseNotation(legal)))})`] : [tunnel, inner];
    const ip = `${this.six ? 'ipv6' : 'ipv4'}(${fields.join()})`;
    const bytes = parseNotation(
      [`eth(src=${from},dst=${thereMac})`, ip, ...parts].filter((part) => part !== '').join('/'),
    );
    const frame = change(bytes, 14 + (this.six ? 40 : 20));
    const inside = parseNotation(FATES[fate].arrives === 'nowhere' ? legal : inner);
    this.packets.push({ id, what, frame, inside, mark, ...FATES[fate] });
  }

  /** A change of the first bytes behind the IP header. */
  addWith(group: string, what: string, fate: Fate, at: number, ...bytes: number[]): void {
    this.add(group, what, fate, {}, (frame, payload) => {
      frame.set(bytes, payload + at);
      return frame;
    });
  }
}

/** U1: frames for a tenant, from whoever can send to the host. */
function injected(made: Maker): void {
  const { here, there } = made.fabric;
  made.add('U1', 'a known host, a VSID that it has', 'arrives', {});
  const strangers = made.six
    ? ['2001:db8:4::99', '2001:db8:4::1', '2001:db8:5::11', 'fd00:0:0:1::5', 'fe80::11', '2001:db8:4::1:11']
    : ['192.168.4.99', '192.168.4.1', '192.168.5.11', '10.0.0.5', '172.16.0.1', '8.8.8.8', '192.168.4.12'];
  for (const src of strangers)
    for (const [tenant, vsid] of Object.entries(VSID))
      made.add('U1', `the stranger ${src}, the VSID of ${tenant}`, 'counted', { src, vsid });
  const nobody = made.six
    ? ['::', '::1', 'ff02::1', there]
    : ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', there];
  for (const src of nobody) made.add('U1', `from ${src}`, 'dropped', { src });
  for (const vsid of [0, 1, 4095, 4999, 7777, 0xffffff])
    made.add('U1', `a known host, VSID ${vsid}, which nobody has`, 'counted', { vsid });
  const { me, you } = made.fabric;
  for (const vid of [0, 30])
    made.add('U1', `a known host, a tag of VLAN ${vid} inside`, 'dropped', {
      src: here,
      inner: (data) =>
        `eth(src=${me.mac},dst=${you.mac})/vlan(vid=${vid})/ipv4(src=${me.v4},dst=${you.v4})/udp(dport=7)/${data}`,
    });
}

/** U2: what is not the encapsulation that the logical network has. */
function confused(made: Maker): void {
  const { encapsulation } = made.fabric;
  const vni = `${VSID.blue.toString(16).padStart(6, '0')}00`;
  const ipOf = (frame: string) => frame.slice(2 * 14);
  for (const sent of ['nvgre', 'vxlan', 'geneve'] as const)
    made.add('U2', sent, sent === encapsulation ? 'arrives' : 'dropped', { tunnel: made.tunnel(sent) });
  const GRE = 47;
  for (const [what, protocol, payload] of [
    ['GRE without a key', GRE, (frame) => `00006558${frame}`],
    ['GRE with IPv4 inside', GRE, (frame) => `20000800${vni}${ipOf(frame)}`],
    ['GRE of version 1 (PPTP)', GRE, (frame) => `3001880b00000000${frame}`],
    ['ERSPAN', GRE, (frame) => `100088be00000001100000010000000000${frame}`],
    ['IP in IP', 4, ipOf],
    ['EtherIP', 97, (frame) => `3000${frame}`],
    ['L2TPv3', 115, (frame) => `00000001${frame}`],
  ] satisfies [string, number, (frame: string) => string][])
    made.add('U2', what, 'dropped', { raw: [protocol, payload] });
  for (const [what, port, header] of [
    ['VXLAN-GPE', 4790, `0c000003${vni}`],
    ['VXLAN at the port that Linux once had', 8472, `08000000${vni}`],
    ['NSH in VXLAN-GPE', 4790, `0c000004${vni}`],
    ['GUE', 6080, '00000000'],
    ['MPLS in UDP', 6635, '00001140'],
  ] as const) {
    const words = (length: number) => [40_000, port, length, 0].map((n) => n.toString(16).padStart(4, '0'));
    made.add('U2', what, 'dropped', {
      raw: [17, (frame) => `${words(8 + (header + frame).length / 2).join('')}${header}${frame}`],
    });
  }
}

/** U3: headers that are not as hosts send them; all from a known host, for a VSID that it has. */
function headers(made: Maker): void {
  const { encapsulation } = made.fabric;
  if (encapsulation === 'nvgre') greHeaders(made);
  else {
    udpHeaders(made);
    if (encapsulation === 'vxlan') vxlanHeaders(made);
    else geneveHeaders(made);
  }
  if (!made.six) ipHeaders(made);
  made.add('U3', 'a hop limit of 1', 'arrives', { ip: 'ttl=1' });
  made.add('U3', 'no frame inside', 'dropped', { inner: () => '' });
  const { me, you } = made.fabric;
  made.add('U3', 'a frame that ends within its header', 'dropped', {
    inner: () => `data(${'00'.repeat(13)})`,
  });
  const nested = `eth(src=${me.mac},dst=${you.mac})/ipv4(src=${me.v4},dst=${you.v4})`;
  for (const sent of ['nvgre', 'vxlan', 'geneve'] as const)
    made.add('U3', `${sent} of Red inside, which stays a packet of Blue's`, 'arrives', {
      inner: (data) => `${nested}/${made.tunnel(sent, VSID.red)}/${nested}/udp(dport=7)/${data}`,
    });
}

function greHeaders(made: Maker): void {
  made.add('U3', 'another FlowID', 'arrives', { tunnel: `gre(vsid=${VSID.blue},flow=255)` });
  made.add('U3', 'GRE with a checksum', 'lenient', { tunnel: `gre(vsid=${VSID.blue},flow=7,c)` });
  made.add('U3', 'GRE with a sequence number', 'lenient', { tunnel: `gre(vsid=${VSID.blue},flow=7,seq=1)` });
  made.add('U3', 'GRE with a checksum that does not hold', 'dropped', {
    tunnel: `gre(vsid=${VSID.blue},flow=7,c,checksum=1)`,
  });
  made.add('U3', 'GRE with an EtherType that is none', 'dropped', {
    tunnel: `gre(vsid=${VSID.blue},proto=0x6559)`,
  });
  for (let bit = 0; bit < 16; bit++) {
    // C, K and S are above.
    if ([15, 13, 12].includes(bit)) continue;
    const flags = 0x2000 | (1 << bit);
    made.addWith('U3', `GRE flags ${flags.toString(16)}`, 'dropped', 0, flags >>> 8, flags & 255);
  }
}

function udpHeaders(made: Maker): void {
  for (const port of [0, 53, 4789, 65535])
    made.addWith('U3', `from the UDP port ${port}`, 'arrives', 0, port >>> 8, port & 255);
  made.add(
    'U3',
    'a UDP checksum',
    'arrives',
    { tunnel: made.tunnel().replace(',checksum=0', '') },
    (frame, at) => {
      // Over IPv4 the builder leaves it out (RFC 7348, 5).
      if (made.six) return frame;
      write16(frame, at + 6, 0);
      const sum = frame
        .slice(26, 34)
        .reduce((all, byte, i) => all + (i % 2 ? byte : byte << 8), 17 + frame.length - at);
      write16(frame, at + 6, checksumFor(frame, at, frame.length, at + 6, sum) || 0xffff);
      return frame;
    },
  );
  made.addWith('U3', 'a UDP checksum that does not hold', 'dropped', 6, 0x12, 0x34);
  made.addWith('U3', 'a UDP length of 0', 'lenient', 4, 0, 0);
  made.addWith('U3', 'a UDP length that is too short', 'lenient', 4, 0, 20);
  made.addWith('U3', 'a UDP length that is too long', 'lenient', 4, 0x7f, 0xff);
}

function vxlanHeaders(made: Maker): void {
  made.addWith('U3', 'VXLAN without I', 'dropped', 8, 0);
  for (const flags of [0x09, 0x0a, 0x0c, 0x18, 0x28, 0x48, 0x88, 0xff])
    made.addWith('U3', `VXLAN flags ${flags.toString(16)}`, 'dropped', 8, flags);
  made.addWith('U3', 'VXLAN with a group policy id', 'dropped', 8, 0x88, 0, 0x12, 0x34);
  made.addWith('U3', 'VXLAN with reserved bytes', 'dropped', 9, 0, 0, 1);
  made.addWith('U3', 'VXLAN with a reserved last byte', 'dropped', 15, 1);
}

function geneveHeaders(made: Maker): void {
  made.addWith('U3', 'Geneve of version 1', 'dropped', 8, 0x40);
  made.addWith('U3', 'Geneve, a message between the ends', 'lenient', 9, 0x80);
  made.addWith('U3', 'Geneve, critical options but none there', 'lenient', 9, 0x40);
  made.addWith('U3', 'Geneve, reserved bits', 'lenient', 9, 0x01);
  made.addWith('U3', 'Geneve, a reserved last byte', 'lenient', 15, 1);
  const options = (critical: string, code: string) =>
    made.tunnel().replace(')/geneve(', ')/geneve(').replace(/\)$/, `${critical},${code}=00000000)`);
  made.add('U3', 'Geneve with an option', 'lenient', { tunnel: options('', 'o1') });
  made.add('U3', 'Geneve with a critical option', 'lenient', { tunnel: options(',critical', 'o128') });
  made.addWith('U3', 'Geneve with IPv4 inside', 'dropped', 10, 0x08, 0x00);
}

function ipHeaders(made: Maker): void {
  made.add('U3', 'the first fragment', 'dropped', { ip: 'mf' });
  made.add('U3', 'a later fragment', 'dropped', { ip: 'frag=8' });
  made.add('U3', 'an IPv4 checksum that does not hold', 'dropped', { ip: 'checksum=1' });
  made.add('U3', 'marked for congestion, which the packet inside cannot bear', 'dropped', { ip: 'tos=3' });
  made.add('U3', 'with options of IPv4', 'unlike', { ip: 'options=01010101' });
  made.add('U3', 'longer than it says, behind its end', 'arrives', {}, (frame) => {
    const longer = new Uint8Array(frame.length + 6);
    longer.set(frame);
    return longer;
  });
}
