import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLayers, guarded, mutated } from '../../test/support/frames.ts';
import { frame } from './build.ts';
import { parseNotation } from './notation.ts';
import { innerFrame, type Layers, parseFrame } from './parse.ts';

const parse = (text: string) => parseFrame(parseNotation(text));

describe('parseFrame', () => {
  it('takes any bytes, and the parts that it names lie in order within the frame', () => {
    const anyBytes = fc.oneof(mutated(anyLayers.map((l) => frame(...l))), fc.uint8Array({ maxLength: 100 }));
    fc.assert(
      fc.property(anyBytes, fc.nat(5), fc.nat(5), (bytes, before, after) => {
        const around = new Uint8Array([...new Uint8Array(before), ...bytes, ...new Uint8Array(after)]);
        const end = before + bytes.length;
        let layers: Layers | undefined = parseFrame(guarded(around, before, end), before, end);
        for (; layers; layers = innerFrame(layers)) {
          const { offset, payloadOffset, payloadEnd } = layers;
          expect([offset, payloadOffset, payloadEnd, layers.end]).toEqual(
            [offset, payloadOffset, payloadEnd, layers.end].toSorted((a, b) => a - b),
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('finds the layers of a tagged frame', () => {
    const l = parse(
      'eth/vlan(vid=5,pcp=2)/vlan(vid=7)/ipv4(src=10.0.0.5,dst=10.0.0.7)/tcp(dport=80,flags=S)/data(0102)/pad(00*6)',
    );
    expect(l.vlans.map((v) => [v.vid, v.pcp])).toEqual([
      [5, 2],
      [7, 0],
    ]);
    expect([l.etherType, l.protocol, l.fragment]).toEqual([0x0800, 6, 'none']);
    expect([l.ipv4?.srcIp, l.tcp?.dstPort, l.tcp?.flags]).toEqual(['10.0.0.5', 80, 2]);
    expect([l.payloadEnd - l.payloadOffset, l.end - l.payloadEnd]).toEqual([2, 6]);
  });

  it('reads no transport header in the middle of a packet', () => {
    expect(parse('eth/ipv4(frag=8,proto=17)/data(00*16)')).toMatchObject({
      fragment: 'later',
      protocol: 17,
      udp: undefined,
    });
    expect(parse('eth/ipv6/fragment(frag=8,proto=17)/data(00*16)')).toMatchObject({
      fragment: 'later',
      protocol: 17,
      udp: undefined,
    });
    const later = parse('eth/ipv6/fragment(frag=8,proto=60)/data(00*16)');
    expect([later.protocol, later.extensions.length]).toEqual([60, 1]);
  });

  it('reads the ports of a first fragment, whose length goes beyond it', () => {
    for (const text of [
      'eth/ipv4(mf)/udp(sport=1,dport=2,len=4000)/data(00*16)',
      'eth/ipv6/fragment(mf)/udp(sport=1,dport=2,len=4000)/data(00*16)',
    ]) {
      const l = parse(text);
      expect([l.fragment, l.udp?.dstPort]).toEqual(['first', 2]);
    }
    // Positive control: the same length is refused where there are no other fragments.
    expect(parse('eth/ipv4/udp(len=4000)/data(00*16)').udp).toBeUndefined();
  });

  it('walks over the extension headers of IPv6', () => {
    const l = parse('eth/ipv6/hopopts/routing/dstopts/ah(00000000000102030405)/fragment(id=7)/udp(dport=5)');
    expect(l.extensions.map((e) => e.type)).toEqual([0, 43, 60, 51, 44]);
    expect([l.fragment, l.udp?.dstPort]).toEqual(['none', 5]);
  });

  it('stops at an extension header that is cut short, and says which', () => {
    const bytes = parseNotation('eth/ipv6/hopopts/udp(dport=5)');
    bytes[14 + 40 + 1] = 200;
    expect(parseFrame(bytes)).toMatchObject({ protocol: 0, extensions: [], udp: undefined });
  });

  it('finds the frame inside NVGRE and VXLAN, and none elsewhere', () => {
    const inner = 'eth/ipv4(dst=10.0.0.7)/icmp()';
    for (const text of [`eth/ipv4/gre(vsid=5001)/${inner}`, `eth/ipv6/udp()/vxlan(vni=5001)/${inner}`]) {
      const l = parse(text);
      expect(l.gre?.vsid ?? l.vxlan?.vni).toBe(5001);
      expect(innerFrame(l)?.ipv4?.dstIp).toBe('10.0.0.7');
      expect(innerFrame(innerFrame(l)!)).toBeUndefined();
    }
    expect(innerFrame(parse('eth/ipv4/gre(key=1,proto=0x0800)/data(00*40)'))).toBeUndefined();
    expect(innerFrame(parse(`eth/ipv4(mf)/gre(vsid=5001)/${inner}`))).toBeUndefined();
    expect(parse('eth/ipv4/udp(dport=4789)/data(00*40)').vxlan).toBeUndefined();
  });

  it.each([
    ['a total length beyond the frame', 'eth/ipv4(len=60)/data(00)'],
    ['a total length within the header', 'eth/ipv4(len=19)/data(00)'],
    ['a payload length beyond the frame', 'eth/ipv6(len=60)/data(00)'],
  ])('takes no IP packet with %s', (_what, text) => {
    const l = parse(text);
    expect([l.ipv4, l.ipv6, l.protocol]).toEqual([undefined, undefined, undefined]);
  });

  it('takes no GRE packet with the bits that RFC 2784 refuses', () => {
    for (const [bit, taken] of [
      [0x40, false],
      [0x08, false],
      [0x04, false],
      [0x02, true],
    ] as const) {
      const bytes = parseNotation('eth/ipv4/gre(vsid=5001)/eth');
      bytes[34]! |= bit;
      expect([bit, parseFrame(bytes).gre !== undefined]).toEqual([bit, taken]);
    }
  });

  it('takes no Neighbor Discovery message with an option of length 0 (RFC 4861, 4.6)', () => {
    const bytes = parseNotation(
      'eth/ipv6/icmpv6(neighbor-solicitation,target=fe80::1,sll=02:00:00:00:00:01)',
    );
    expect(parseFrame(bytes).icmpv6?.linkAddress(1)).toBe('02:00:00:00:00:01');
    bytes[14 + 40 + 24 + 1] = 0;
    expect(parseFrame(bytes)).toMatchObject({ protocol: 58, icmpv6: undefined });
  });
});
