/** Frames and flow values from small pools, so that random flows meet random frames. */
import fc from 'fast-check';
import type { FieldName } from '../../src/flow/fields.ts';
import { ipToBigint, ipv4, ipv6, mac, macToNumber } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import type { Layer } from '../../src/packet/layer.ts';

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:05'].map(mac);
const HOSTS = ['10.0.0.5', '10.0.0.7', '192.168.4.22'].map(ipv4);
const HOSTS6 = ['fd00::5', 'fd00::7', 'ff02::1:ff00:7'].map(ipv6);
const PORTS = [53, 80, 4789, 49152];
const VLANS = [0, 5, 7];
const TTLS = [0, 1, 2, 64, 255];

/** For FlowLimits.values of flow-arbitraries.ts. */
export const POOL: Partial<Record<FieldName, readonly bigint[]>> = {
  eth_src: MACS.map((m) => BigInt(macToNumber(m))),
  eth_dst: MACS.map((m) => BigInt(macToNumber(m))),
  arp_sha: MACS.map((m) => BigInt(macToNumber(m))),
  arp_tha: MACS.map((m) => BigInt(macToNumber(m))),
  nd_sll: MACS.map((m) => BigInt(macToNumber(m))),
  nd_tll: MACS.map((m) => BigInt(macToNumber(m))),
  ip_src: HOSTS.map(ipToBigint),
  ip_dst: HOSTS.map(ipToBigint),
  arp_spa: HOSTS.map(ipToBigint),
  arp_tpa: HOSTS.map(ipToBigint),
  ipv6_src: HOSTS6.map(ipToBigint),
  ipv6_dst: HOSTS6.map(ipToBigint),
  nd_target: HOSTS6.map(ipToBigint),
  tcp_src: PORTS.map(BigInt),
  tcp_dst: PORTS.map(BigInt),
  udp_src: PORTS.map(BigInt),
  udp_dst: PORTS.map(BigInt),
  ip_ttl: TTLS.map(BigInt),
  ip_dscp: [0n, 46n],
  arp_op: [1n, 2n],
  icmp_type: [0n, 8n],
  icmp_code: [0n, 4n],
  icmpv6_code: [0n],
  nd_options_type: [1n, 2n],
  reg0: [0n, 1n, 0x64n],
  reg1: [0n, 1n],
  metadata: [0n, 1n],
  tun_id: [0n, 0x138800n],
};

const pick = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const data: fc.Arbitrary<Layer[]> = fc
  .uint8Array({ minLength: 0, maxLength: 24 })
  .map((bytes): Layer[] => (bytes.length > 0 ? [{ layer: 'data', bytes }] : []));

const ports = { sport: pick(PORTS), dport: pick(PORTS) };
const transport: fc.Arbitrary<Layer[]> = fc.oneof(
  fc
    .tuple(fc.record({ layer: fc.constant('tcp' as const), ...ports, flags: fc.nat(255) }), data)
    .map(([l, d]) => [l, ...d]),
  fc.tuple(fc.record({ layer: fc.constant('udp' as const), ...ports }), data).map(([l, d]) => [l, ...d]),
  fc.record({ layer: fc.constant('udp' as const), ...ports, checksum: fc.constant(0) }).map((l) => [l]),
);
const icmp: fc.Arbitrary<Layer[]> = fc
  .tuple(fc.record({ layer: fc.constant('icmp' as const), type: pick([0, 8, 3]), code: pick([0, 4]) }), data)
  .map(([l, d]) => [l, ...d]);
const icmpv6: fc.Arbitrary<Layer[]> = fc.oneof(
  fc.tuple(fc.constant<Layer>({ layer: 'icmpv6', type: 128 }), data).map(([l, d]) => [l, ...d]),
  fc
    .record(
      {
        layer: fc.constant('icmpv6' as const),
        type: pick([135, 136]),
        code: pick([0, 0, 0, 1]),
        target: pick(HOSTS6),
        sll: pick(MACS),
        tll: pick(MACS),
      },
      { requiredKeys: ['layer', 'type', 'target'] },
    )
    .map((l) => [l]),
);
const ip: fc.Arbitrary<Layer[]> = fc.oneof(
  fc
    .tuple(
      fc.record(
        {
          layer: fc.constant('ipv4' as const),
          src: pick(HOSTS),
          dst: pick(HOSTS),
          ttl: pick(TTLS),
          tos: pick([0, 184, 187]),
          options: pick([new Uint8Array(4), new Uint8Array(8)]),
        },
        { requiredKeys: ['layer', 'src', 'dst', 'ttl'] },
      ),
      pick([{}, {}, {}, {}, { mf: true }, { frag: 8 }, { frag: 64, mf: true }]),
      fc.oneof(transport, icmp, data),
    )
    .map(([l, fragment, rest]) => [{ ...l, ...fragment }, ...rest]),
  fc
    .tuple(
      fc.record({
        layer: fc.constant('ipv6' as const),
        src: pick(HOSTS6),
        dst: pick(HOSTS6),
        ttl: pick(TTLS),
        tos: pick([0, 184]),
      }),
      pick<Layer[]>([
        [],
        [],
        [],
        [{ layer: 'hopopts' }],
        [{ layer: 'routing' }],
        [{ layer: 'fragment', mf: true }],
        [{ layer: 'fragment', frag: 16 }],
        [{ layer: 'dstopts' }, { layer: 'ah' }],
      ]),
      fc.oneof(transport, icmpv6, data),
    )
    .map(([l, extensions, rest]) => [l, ...extensions, ...rest]),
);
const arp: fc.Arbitrary<Layer[]> = fc
  .record({
    layer: fc.constant('arp' as const),
    op: pick([1, 2, 300]),
    sha: pick(MACS),
    spa: pick(HOSTS),
    tha: pick(MACS),
    tpa: pick(HOSTS),
  })
  .map((l) => [l]);

/** A whole frame with right lengths and checksums (but for fragments, whose transport checksum covers more). */
export const switchFrame: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.record({ layer: fc.constant('eth' as const), src: pick(MACS.slice(0, 2)), dst: pick(MACS) }),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<Layer[]>([]) },
      { weight: 1, arbitrary: pick(VLANS).map((vid): Layer[] => [{ layer: 'vlan', vid, pcp: vid }]) },
    ),
    fc.oneof(
      { weight: 4, arbitrary: ip },
      { weight: 1, arbitrary: arp },
      { weight: 1, arbitrary: fc.constant<Layer[]>([{ layer: 'data', bytes: new Uint8Array(46) }]) },
    ),
  )
  .map(([eth, vlan, rest]) => frame(eth, ...vlan, ...rest));

/** One with bytes changed, or cut short; never shorter than an Ethernet header. */
export const brokenFrame: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    switchFrame,
    fc.array(fc.tuple(fc.nat(80), fc.oneof(fc.nat(255), pick([0, 1, 0xff, 0x81, 0x88]))), { maxLength: 4 }),
    fc.option(fc.nat(120)),
  )
  .map(([whole, edits, cut]) => {
    const bytes = whole.slice(0, cut === null ? whole.length : Math.max(14, cut));
    for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
