import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokenFrame, switchFrame } from '../../../test/support/switch-frames.ts';
import { type IpAddress, ip, ipToBigint, isIpv4 } from '../../packet/address.ts';
import { fromHex, read16, toHex, write16 } from '../../packet/bytes.ts';
import { checksumFor, checksumHolds, pseudoHeaderSum } from '../../packet/checksum.ts';
import { popVlan } from '../../packet/vlan.ts';
import { Packet } from '../frame/packet.ts';
import { decapsulate, encapsulate, type Tunnel } from './tunnel.ts';

const KINDS = ['nvgre', 'vxlan', 'geneve'] as const;
const HERE4 = ip('192.168.4.11');
const THERE4 = ip('192.168.4.22');
const HERE6 = ip('fd01::11');
const THERE6 = ip('fd01::22');
const ID = 0x138900n;

function outerOf(tunnel: Tunnel, to: IpAddress, inner: Uint8Array, id = ID): Uint8Array {
  const packet = Packet.read(inner);
  packet.set('tun_id', id);
  packet.set(isIpv4(to) ? 'tun_dst' : 'tun_ipv6_dst', ipToBigint(to));
  const made = encapsulate(tunnel, packet);
  if ('drop' in made) throw new Error(made.drop);
  expect(made.destination).toBe(to);
  return made.outer;
}

const untagged = switchFrame.map((bytes) => popVlan(bytes));
const pairs = KINDS.flatMap((encapsulation) =>
  (
    [
      [HERE4, THERE4],
      [HERE6, THERE6],
    ] as const
  ).map(([here, there]) => [encapsulation, here, there] as const),
);

describe.each(pairs)('%s from %s', (encapsulation, here, there) => {
  const sender: Tunnel = { encapsulation, local: here };
  const receiver: Tunnel = { encapsulation, local: there };
  // VXLAN and Geneve have 24 bits of id, GRE has 32.
  const id = encapsulation === 'nvgre' ? 0xfedc_ba98n : 0xfedcban;

  it('brings the frame across as it was', () => {
    fc.assert(
      fc.property(untagged, (inner) => {
        const read = decapsulate(receiver, outerOf(sender, there, inner, id));
        expect(read).toEqual({
          inner: expect.anything(),
          isCongested: false,
          tunnelId: id,
          source: here,
          destination: there,
        });
        if ('inner' in read) expect(toHex(read.inner)).toBe(toHex(inner));
      }),
    );
  });

  it('takes tags off before', () => {
    fc.assert(
      fc.property(untagged, fc.nat(0xfff), (inner, vid) => {
        const packet = Packet.read(inner);
        packet.pushTag({ type: 0x8100, tci: 0x1000 | vid });
        const read = decapsulate(receiver, outerOf(sender, there, packet.share()));
        expect('inner' in read && toHex(read.inner)).toBe(toHex(inner));
      }),
    );
  });

  it('sends sound packets', () => {
    const inner = fc.sample(untagged, { numRuns: 1, seed: 1 })[0]!;
    const outer = outerOf(sender, there, inner);
    // Congestion inside is not the business of this network (RFC 3168, 9.1.1).
    const ecn = Math.min(2, Number(Packet.read(inner).get('ip_ecn')));
    if (isIpv4(here)) {
      expect(checksumHolds(outer, 0, 20)).toBe(true);
      // DSCP 0, identification 0, "don't fragment", TTL 64.
      expect([outer[1], read16(outer, 4), read16(outer, 6), outer[8]]).toEqual([ecn, 0, 0x4000, 64]);
    } else {
      expect([read16(outer, 0), outer[7]]).toEqual([0x6000 | (ecn << 4), 64]);
      if (encapsulation !== 'nvgre') {
        const pseudo = pseudoHeaderSum(outer, 0, 17, outer.length - 40);
        expect(checksumHolds(outer, 40, outer.length, pseudo)).toBe(true);
      }
    }
  });

  it('is not taken for another encapsulation, nor by another address', () => {
    const inner = fc.sample(untagged, { numRuns: 1, seed: 2 })[0]!;
    const outer = outerOf(sender, there, inner);
    for (const other of KINDS) {
      const read = decapsulate({ encapsulation: other, local: there }, outer);
      expect('inner' in read).toBe(other === encapsulation);
    }
    expect(decapsulate(sender, outer)).toEqual({ drop: 'outer-destination' });
    const otherFamily: Tunnel = { encapsulation, local: isIpv4(here) ? HERE6 : HERE4 };
    expect(decapsulate(otherFamily, outer)).toEqual({
      drop: isIpv4(here) ? expect.stringMatching(/outer/) : 'outer-version',
    });
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 80 }),
          brokenFrame.map((b) => outerOf(sender, there, b)),
        ),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }),
        fc.nat(120),
        (bytes, edits, cut) => {
          const copy = bytes.slice(0, cut);
          for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
          const read = decapsulate(receiver, copy);
          if ('inner' in read) expect(read.inner.length).toBeGreaterThanOrEqual(14);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('strict decapsulation', () => {
  const inner = fc.sample(untagged, { numRuns: 1, seed: 3 })[0]!;
  const receive = (
    encapsulation: Tunnel['encapsulation'],
    edit: (outer: Uint8Array) => Uint8Array | undefined,
  ) => {
    const tunnel: Tunnel = { encapsulation, local: THERE4 };
    const outer = outerOf({ encapsulation, local: HERE4 }, THERE4, inner);
    const changed = edit(outer) ?? outer;
    // The header checksum is right unless it is what the case is about.
    write16(changed, 10, checksumFor(changed, 0, 20, 10));
    return decapsulate(tunnel, changed);
  };
  const put = (at: number, value: number) => (outer: Uint8Array) => {
    outer[at] = value;
    return undefined;
  };

  it.each(KINDS)('%s: takes the packet that is right', (kind) => {
    expect('inner' in receive(kind, () => undefined)).toBe(true);
  });

  it.each([
    ['nvgre', 'checksum bit', put(20, 0xa0), 'gre-flags'],
    ['nvgre', 'sequence bit', put(20, 0x30), 'gre-flags'],
    ['nvgre', 'no key', put(20, 0x00), 'gre-key-missing'],
    ['nvgre', 'version 1', put(21, 0x01), 'gre-flags'],
    ['nvgre', 'reserved bit', put(21, 0x08), 'gre-flags'],
    ['nvgre', 'IPv4 inside', put(22, 0x08), 'tunnel-protocol'],
    ['nvgre', 'more fragments', put(6, 0x20), 'outer-fragment'],
    ['nvgre', 'fragment offset', put(7, 0x01), 'outer-fragment'],
    ['nvgre', 'another protocol', put(9, 17), 'outer-protocol'],
    ['nvgre', 'another destination', put(19, 23), 'outer-destination'],
    ['nvgre', 'version 6', put(0, 0x65), 'outer-version'],
    ['nvgre', 'cut short', (o: Uint8Array) => o.slice(0, 30), 'outer-truncated'],
    ['vxlan', 'no I flag', put(28, 0x00), 'tunnel-flags'],
    ['vxlan', 'a reserved flag', put(28, 0x88), 'tunnel-flags'],
    ['vxlan', 'reserved bytes', put(30, 1), 'tunnel-reserved'],
    ['vxlan', 'last reserved byte', put(35, 1), 'tunnel-reserved'],
    ['vxlan', 'another port', put(23, 1), 'udp-port'],
    ['vxlan', 'wrong UDP length', put(25, 0), 'udp-length'],
    ['vxlan', 'wrong UDP checksum', put(27, 1), 'udp-checksum'],
    ['geneve', 'version', put(28, 0x40), 'tunnel-flags'],
    ['geneve', 'options', put(28, 0x01), 'tunnel-flags'],
    ['geneve', 'control message', put(29, 0x80), 'tunnel-flags'],
    ['geneve', 'critical options', put(29, 0x40), 'tunnel-flags'],
    ['geneve', 'reserved', put(35, 1), 'tunnel-reserved'],
    ['geneve', 'not Ethernet inside', put(30, 0x08), 'tunnel-protocol'],
  ] as const)('%s: %s is refused', (kind, _, edit, drop) => {
    expect(receive(kind, edit)).toEqual({ drop });
  });

  it('a header checksum that is wrong is refused', () => {
    const outer = outerOf({ encapsulation: 'nvgre', local: HERE4 }, THERE4, inner);
    outer[11]! ^= 1;
    expect(decapsulate({ encapsulation: 'nvgre', local: THERE4 }, outer)).toEqual({ drop: 'outer-checksum' });
  });

  it.each(KINDS)('%s: a tag inside is refused, and so is a runt', (kind) => {
    const at = kind === 'nvgre' ? 28 : 36;
    expect(receive(kind, (o) => put(at + 12, 0x81)(o) ?? put(at + 13, 0)(o))).toEqual({
      drop: 'inner-tagged',
    });
    const runt = receive(kind, (o) => {
      const cut = o.slice(0, at + 13);
      write16(cut, 2, cut.length);
      if (kind !== 'nvgre') write16(cut, 24, cut.length - 20);
      return cut;
    });
    expect(runt).toEqual({ drop: 'inner-truncated' });
  });
});

describe('encapsulation', () => {
  const packetTo = (
    field: 'tun_dst' | 'tun_ipv6_dst' | 'reg0',
    value: bigint,
    inner = new Uint8Array(60),
  ) => {
    const packet = Packet.read(inner);
    packet.set(field, value);
    return packet;
  };
  const tunnel: Tunnel = { encapsulation: 'nvgre', local: HERE4 };

  it('needs a destination of its own family that is somebody else', () => {
    expect(encapsulate(tunnel, packetTo('reg0', 1n))).toEqual({ drop: 'no-tunnel-destination' });
    expect(encapsulate(tunnel, packetTo('tun_ipv6_dst', 1n))).toEqual({ drop: 'no-tunnel-destination' });
    expect(encapsulate(tunnel, packetTo('tun_dst', ipToBigint(HERE4)))).toEqual({ drop: 'tunnel-to-itself' });
    const huge = packetTo('tun_dst', ipToBigint(THERE4), new Uint8Array(65_520));
    expect(encapsulate(tunnel, huge)).toEqual({ drop: 'too-long-for-tunnel' });
    expect('outer' in encapsulate(tunnel, packetTo('tun_dst', ipToBigint(THERE4)))).toBe(true);
  });

  it('makes the packet that a real switch made', () => {
    // Of Open vSwitch, tunnel port type=gre, key=flow: outer Ethernet, IPv4, GRE, then the inner frame.
    const text = readFileSync(new URL('../../../test/fixtures/nvgre-golden.hex', import.meta.url), 'utf8');
    const golden = fromHex(text.replace(/^#.*$|\s/gm, ''));
    if (!golden) throw new Error('the fixture is not hexadecimal');
    const outer = golden.subarray(14);
    const local = ip([...outer.subarray(12, 16)].join('.'));
    const to = ip([...outer.subarray(16, 20)].join('.'));
    const read = decapsulate({ encapsulation: 'nvgre', local: to }, outer);
    if ('drop' in read) throw new Error(read.drop);
    const made = outerOf({ encapsulation: 'nvgre', local }, to, read.inner, read.tunnelId);
    expect(toHex(made)).toBe(toHex(outer));
  });
});
