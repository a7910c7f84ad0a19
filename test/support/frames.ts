/**
 * For property tests on frames, in src/packet and in the layers above: frames of every shape, frames that went bad on the way, and bytes
 * that tell when somebody reads where they should not.
 */
import fc from 'fast-check';
import { type Ipv6, ipv4FromNumber, ipv6FromBigint, macFromNumber } from '../../src/packet/address.ts';
import { DHCP_OPTION } from '../../src/packet/dhcp.ts';
import type { DataLayer, Layer, LldpLayer, PadLayer } from '../../src/packet/layer.ts';

const bits = (n: number) => fc.integer({ min: 0, max: 2 ** n - 1 });
const macs = bits(31).map((n) => macFromNumber(n * 2 ** 17));
const ipv4s = bits(32).map(ipv4FromNumber);
const ipv6s: fc.Arbitrary<Ipv6> = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map(ipv6FromBigint);
const blob = (maxLength: number) => fc.uint8Array({ maxLength });
/** `unit` is the granularity, `spare` what is added to a multiple of it. */
const words = (unit: number, spare = 0, max = 4) =>
  fc.nat(max).chain((n) => fc.uint8Array({ minLength: n * unit + spare, maxLength: n * unit + spare }));

/** A layer with some of these fields. */
function layer<N extends Layer['layer'], F extends object>(
  name: N,
  fields: { [K in keyof F]: fc.Arbitrary<F[K]> },
) {
  return fc.record(fields, { requiredKeys: [] }).map((values) => ({ layer: name, ...values }));
}

const data: fc.Arbitrary<Layer[]> = blob(40).map((bytes): DataLayer[] =>
  bytes.length > 0 ? [{ layer: 'data', bytes }] : [],
);
const pad: fc.Arbitrary<PadLayer> = blob(20).map((bytes) => ({ layer: 'pad', bytes }));

const vlan = layer('vlan', { vid: bits(12), pcp: bits(3), dei: fc.boolean() });
const arp = layer('arp', { op: fc.constantFrom(1, 2, 9), sha: macs, spa: ipv4s, tha: macs, tpa: ipv4s });
const ipv4 = layer('ipv4', {
  src: ipv4s,
  dst: ipv4s,
  ttl: bits(8),
  tos: bits(8),
  id: bits(16),
  df: fc.boolean(),
  options: words(4),
});
const ipv6 = layer('ipv6', { src: ipv6s, dst: ipv6s, ttl: bits(8), tos: bits(8), flow: bits(20) });
const extension = fc.oneof(
  fc
    .constantFrom('hopopts' as const, 'routing' as const, 'dstopts' as const)
    .chain((name) => layer(name, { body: words(8, 6, 2) })),
  layer('ah', { body: words(4, 6, 3) }),
  layer('fragment', { id: bits(32) }),
);
const icmp = layer('icmp', {
  type: fc.constantFrom(0, 8, 3, 11, 42),
  code: fc.constantFrom(0, 4),
  rest: bits(32),
});
const icmpv6 = layer('icmpv6', {
  type: fc.constantFrom(1, 2, 128, 129, 133, 134, 135, 136, 137, 143),
  code: bits(8),
  target: ipv6s,
  rest: fc.oneof(bits(32), fc.constantFrom(0xe0000000, 0x40c00708)),
  sll: macs,
  tll: macs,
});
const udp = layer('udp', { sport: bits(16) });
const tcp = layer('tcp', {
  sport: bits(16),
  dport: bits(16),
  seq: bits(32),
  ack: bits(32),
  flags: bits(8),
  window: bits(16),
  urgent: bits(16),
  options: words(4),
});
const ndOption = fc.oneof(
  fc.record({ code: bits(8).filter((code) => code > 2), data: words(8, 6, 3) }),
  fc.record({ code: fc.constant(25), data: words(16, 6, 2) }),
  fc.record({
    code: fc.constant(3),
    data: fc.uint8Array({ minLength: 30, maxLength: 30 }).map((d) => d.with(0, d[0]! % 129)),
  }),
);
const ndMessage = layer('icmpv6', {
  type: fc.integer({ min: 133, max: 137 }),
  target: ipv6s,
  sll: macs,
  options: fc.array(ndOption, { maxLength: 3 }),
});
const record = (width: number) => fc.record({ code: bits(3), data: words(width, width, 2) });
const igmp = layer('igmp', {
  type: fc.constantFrom(0x11, 0x12, 0x16, 0x17, 0x22),
  maxresp: bits(8),
  group: ipv4s,
  suppress: fc.boolean(),
  qqic: bits(8),
  sources: fc.array(ipv4s, { maxLength: 3 }),
  records: fc.array(record(4), { maxLength: 3 }),
});
const mld = layer('mld', {
  type: fc.constantFrom(130, 131, 132, 143),
  maxresp: bits(16),
  group: ipv6s,
  qrv: bits(3),
  sources: fc.array(ipv6s, { maxLength: 3 }),
  records: fc.array(record(16), { maxLength: 3 }),
});
const llc = layer('llc', {
  dsap: bits(8),
  ssap: bits(8),
  control: fc.oneof(
    fc.constantFrom(3, 0xf3),
    bits(14).map((n) => n << 2),
  ),
});
const snap = layer('snap', { organization: fc.constantFrom(0, 0x00000c), proto: bits(16) });
const lldp: fc.Arbitrary<LldpLayer> = fc
  .array(fc.record({ code: fc.integer({ min: 1, max: 127 }), data: blob(20) }), { maxLength: 3 })
  .map((more) => {
    const first = [1, 2, 3].map((code) => ({ code, data: Uint8Array.of(5, code) }));
    return { layer: 'lldp', options: [...first, ...more] };
  });
const lacp = layer('lacp', {
  actor: macs,
  actorkey: bits(16),
  actorstate: bits(8),
  partner: macs,
  partnerport: bits(16),
  maxdelay: bits(16),
});
const bfd = layer('bfd', {
  state: bits(2),
  diag: bits(5),
  flags: fc.constantFrom(0, 0x20, 0x10, 0x0a),
  mine: bits(32).filter((n) => n > 0),
  yours: bits(32),
  tx: bits(32),
});
const dhcp6 = layer('dhcp6', {
  type: fc.integer({ min: 1, max: 11 }),
  xid: bits(24),
  options: fc.array(
    fc.oneof(
      fc.record({ code: bits(16), data: blob(12) }),
      fc.record({ code: fc.constantFrom(1, 2, 3, 5, 6, 13, 23, 24), data: words(4, 0, 12) }),
    ),
    { maxLength: 4 },
  ),
});
const geneve = layer('geneve', {
  vni: bits(24),
  control: fc.boolean(),
  options: fc.array(fc.record({ code: bits(24), data: words(4) }), { maxLength: 3 }),
});
const dhcpOption = fc.oneof(
  fc.record({ code: fc.integer({ min: 1, max: 254 }), data: blob(12) }),
  fc.record({
    code: fc.constantFrom(DHCP_OPTION.SUBNET_MASK, DHCP_OPTION.DNS, DHCP_OPTION.LEASE_TIME),
    data: words(4, 0, 2),
  }),
  fc.record({
    code: fc.constantFrom(DHCP_OPTION.HOST_NAME, DHCP_OPTION.MESSAGE),
    data: fc.string().map((s) => new TextEncoder().encode(s)),
  }),
);
const dhcp = layer('dhcp', {
  type: bits(8),
  op: bits(8),
  hops: bits(8),
  xid: bits(32),
  secs: bits(16),
  broadcast: fc.boolean(),
  ciaddr: ipv4s,
  yiaddr: ipv4s,
  siaddr: ipv4s,
  giaddr: ipv4s,
  chaddr: macs,
  sname: fc.stringMatching(/^[ !#-[\]-~]{0,64}$/),
  file: fc.stringMatching(/^[ !#-[\]-~]{0,128}$/),
  options: fc.array(dhcpOption, { maxLength: 5 }),
});
const domainName = fc
  .array(fc.stringMatching(/^[a-z0-9_-]{1,6}$/), { minLength: 1, maxLength: 3 })
  .map((labels) => labels.join('.'));
const dnsRecord = fc.oneof(
  fc.tuple(domainName, ipv4s).map(([name, address]) => `${name} 60 A ${address}`),
  fc.tuple(domainName, ipv6s).map(([name, address]) => `${name} 60 AAAA ${address}`),
  fc.tuple(domainName, domainName).map(([name, to]) => `${name} 60 CNAME ${to}`),
  fc.tuple(domainName, bits(16), domainName).map(([name, n, to]) => `${name} 0 MX ${n} ${to}`),
  fc.tuple(bits(16), bits(16)).map(([size, type]) => `. 0 CLASS${size} TYPE${type} 0x00ff`),
);
const dnsRecords = fc.array(dnsRecord, { minLength: 1, maxLength: 3 });
const dns = layer('dns', {
  id: bits(16),
  response: fc.boolean(),
  opcode: bits(4),
  rd: fc.boolean(),
  rcode: bits(4),
  names: fc.constantFrom(0, 1, 2),
  question: fc.array(
    domainName.map((name) => `${name} A`),
    { minLength: 1, maxLength: 2 },
  ),
  answer: dnsRecords,
  additional: dnsRecords,
});
const nvgre = layer('gre', { vsid: bits(24), flow: bits(8) });
const gre = layer('gre', { key: bits(32), seq: bits(32), c: fc.boolean() });
const vxlan = layer('vxlan', { vni: bits(24) });

const chain = (...parts: fc.Arbitrary<Layer | Layer[]>[]): fc.Arbitrary<Layer[]> =>
  fc.tuple(...parts).map((lists) => lists.flat());

/** Layers of a frame, `depth` more frames inside at most; no pads. Everything has the checksums it should have. */
function layersTo(depth: number): fc.Arbitrary<Layer[]> {
  const inner = depth > 0 ? layersTo(depth - 1) : data;
  const overIp = [
    chain(udp, data),
    chain(udp, vxlan, inner),
    chain(udp, geneve, inner),
    chain(udp, bfd, data),
    chain(fc.constant({ layer: 'udp' as const }), dns, data),
    chain(tcp, data),
    chain(gre, data),
    chain(fc.oneof(nvgre, gre), inner),
    data,
  ];
  const overIpv4 = fc.oneof(
    chain(icmp, data),
    chain(igmp, data),
    chain(fc.constant({ layer: 'udp' as const }), dhcp, data),
    ...overIp,
  );
  // The options of a Neighbor Discovery message have to be whole, so no data behind one.
  const nd = (l: Layer) => l.layer === 'icmpv6' && (l.type ?? 0) >= 133 && (l.type ?? 0) <= 137;
  const overIpv6 = fc.oneof(
    ndMessage.map((l): Layer[] => [l]),
    chain(mld, data),
    chain(udp, dhcp6),
    chain(icmpv6, data).map((list) => (list[0] && nd(list[0]) ? list.slice(0, 1) : list)),
    ...overIp,
  );
  const network = fc.oneof(
    arp.map((l): Layer[] => [l]),
    arp.map((l): Layer[] => [{ ...l, layer: 'rarp' }]),
    lldp.map((l): Layer[] => [l]),
    chain(lacp, data),
    chain(llc, data),
    chain(fc.constant({ layer: 'llc' as const }), snap, data),
    chain(fc.constant({ layer: 'llc' as const }), fc.constant({ layer: 'snap' as const }), ipv4, overIpv4),
    { weight: 3, arbitrary: chain(ipv4, overIpv4) },
    { weight: 3, arbitrary: chain(ipv6, fc.array(extension, { maxLength: 2 }), overIpv6) },
    data,
  );
  const eth = layer('eth', { src: macs, dst: macs });
  return chain(eth, fc.array(vlan, { maxLength: 2 }), network);
}

/** Layers that `frame` takes, with up to two frames inside the outer one, and padding behind each. */
export const anyLayers: fc.Arbitrary<Layer[]> = fc
  .tuple(layersTo(2), fc.array(pad, { maxLength: 3 }))
  .map(([layers, pads]) => [...layers, ...pads.slice(0, layers.filter((l) => l.layer === 'eth').length)]);

/** A copy with some bytes changed, and cut or lengthened. */
export function mutated(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edit = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ at: fc.nat(200), value: fc.oneof(bits(8), fc.constantFrom(0, 1, 0xff)) }),
    },
    // The flags of an IPv4 packet without tags before it: "more fragments".
    { weight: 1, arbitrary: fc.constant({ at: 20, value: 0x20 }) },
  );
  return fc
    .tuple(bytes, fc.array(edit, { maxLength: 4 }), fc.option(fc.nat(200)), blob(6))
    .map(([original, edits, cut, tail]) => {
      const copy = new Uint8Array([...original.subarray(0, cut ?? original.length), ...tail]);
      for (const { at, value } of edits) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    });
}

/** The same memory, but whoever reads or writes outside from..to gets a RangeError. */
export function guarded(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  const check = (key: string | symbol) => {
    if (typeof key !== 'string' || !/^-?\d+$/.test(key)) return;
    if (Number(key) < from || Number(key) >= to)
      throw new RangeError(`byte ${key} is outside ${from}..${to}`);
  };
  return new Proxy(bytes, {
    get(target, key) {
      check(key);
      if (key === 'subarray') {
        return (start = 0, end = target.length) => {
          if (start < from || end > to)
            throw new RangeError(`window ${start}..${end} is outside ${from}..${to}`);
          return target.subarray(start, end);
        };
      }
      return Reflect.get(target, key, target);
    },
    set(target, key, value) {
      check(key);
      return Reflect.set(target, key, value, target);
    },
  });
}
