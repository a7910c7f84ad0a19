import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4, mac } from './address.ts';
import { frame } from './build.ts';
import { fromHex, toHex } from './bytes.ts';
import { nvgreKey } from './gre.ts';
import { formatFrame, parseNotation } from './notation.ts';
import { innerFrame, parseFrame } from './parse.ts';

const golden = fromHex(
  readFileSync(new URL('../../test/fixtures/nvgre-golden.hex', import.meta.url), 'utf8').replace(
    /^#.*$|\s/gm,
    '',
  ),
)!;

describe('NVGRE', () => {
  it('of a real switch is read as it was meant', () => {
    const layers = parseFrame(golden);
    expect(layers.gre).toMatchObject({ isNvgre: true, vsid: 5001, flowId: 0x3c, protocolType: 0x6558 });
    expect(layers.payloadEnd).toBe(golden.length);
    // Nothing that would have to be said about a wrong checksum or length, inside or outside.
    expect(formatFrame(golden)).toBe(
      'eth(src=aa:55:aa:55:00:00,dst=f8:bc:12:44:34:b6)' +
        '/ipv4(src=192.168.4.11,dst=192.168.4.22,ttl=64,df)/gre(vsid=5001,flow=60)' +
        '/eth(src=00:1d:d8:b7:1c:01,dst=00:1d:d8:b7:1c:02)/ipv4(src=10.0.0.5,dst=10.0.0.7,ttl=64)' +
        '/tcp(sport=1000,dport=80,flags=S,seq=0,ack=0,window=0)',
    );
  });

  it('is the same, byte for byte, when we wrap the same inner frame', () => {
    const layers = parseFrame(golden);
    const inner = innerFrame(layers)!;
    const ours = (choices: { df: boolean; flow: number }) =>
      frame(
        { layer: 'eth', src: mac('aa:55:aa:55:00:00'), dst: mac('f8:bc:12:44:34:b6') },
        { layer: 'ipv4', src: ipv4('192.168.4.11'), dst: ipv4('192.168.4.22'), df: choices.df },
        { layer: 'gre', vsid: 5001, flow: choices.flow, proto: 0x6558 },
        { layer: 'data', bytes: golden.subarray(inner.offset, inner.end) },
      );
    expect(toHex(ours({ df: true, flow: 0x3c }))).toBe(toHex(golden));
    // A sender is free in these: DF (with the header checksum that follows from it) and the FlowID, the last of the key.
    const free = ours({ df: false, flow: 0 });
    const different = [...golden.keys()].filter((i) => golden[i] !== free[i]);
    expect(different).toEqual([14 + 6, 14 + 10, 14 + 20 + 7]);
  });

  it('has the VSID in the upper 24 bits of the key and the FlowID in the lower 8 (RFC 7637, 3.2)', () => {
    fc.assert(
      fc.property(fc.nat(0xffffff), fc.nat(0xff), (vsid, flow) => {
        const bytes = parseNotation(`eth/ipv4/gre(vsid=${vsid},flow=${flow})/eth`);
        const gre = parseFrame(bytes).gre!;
        expect([gre.key, gre.vsid, gre.flowId]).toEqual([vsid * 256 + flow, vsid, flow]);
        expect(nvgreKey(vsid, flow)).toBe(vsid * 256 + flow);
      }),
    );
  });

  it('is GRE with a key and nothing else', () => {
    const isNvgre = (gre: string) => parseFrame(parseNotation(`eth/ipv4/${gre}/eth`)).gre?.isNvgre;
    expect(isNvgre('gre(vsid=5001)')).toBe(true);
    expect(
      ['gre()', 'gre(vsid=5001,seq=1)', 'gre(vsid=5001,c)', 'gre(vsid=5001,proto=0x0800)'].map(isNvgre),
    ).toEqual([false, false, false, false]);
  });
});

describe('GRE', () => {
  it('keeps checksum, key and sequence number apart in every combination', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (hasChecksum, hasKey, hasSequence) => {
        const optional = [
          ...(hasChecksum ? ['c'] : []),
          ...(hasKey ? ['key=0x01020304'] : []),
          ...(hasSequence ? ['seq=7'] : []),
        ];
        const gre = parseFrame(parseNotation(`eth/ipv4/gre(${optional.join(',')})/data(01)`)).gre!;
        expect(gre.headerLength).toBe(4 + 4 * optional.length);
        expect([gre.key, gre.sequence]).toEqual([
          hasKey ? 0x01020304 : undefined,
          hasSequence ? 7 : undefined,
        ]);
        expect(gre.checksumWord).toBe(hasChecksum ? gre.expectedChecksum() * 0x10000 : undefined);
        expect(toHex(gre.payload())).toBe('01');
      }),
    );
  });
});
