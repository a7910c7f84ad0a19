import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyLayers } from '../../test/support/frames.ts';
import { frame } from './build.ts';
import { toHex } from './bytes.ts';
import { parseNotation } from './notation.ts';
import { parseFrame } from './parse.ts';
import { popVlan, pushVlan } from './vlan.ts';

describe('VLAN tags', () => {
  it('come off as they went on, and the frame that was given stays as it was', () => {
    fc.assert(
      fc.property(
        anyLayers.map((l) => frame(...l)),
        fc.nat(0xffff),
        (bytes, tci) => {
          const before = toHex(bytes);
          const tagged = pushVlan(bytes, tci);
          expect(parseFrame(tagged).vlans[0]?.tci).toBe(tci);
          expect(toHex(popVlan(tagged))).toBe(before);
          expect(toHex(bytes)).toBe(before);
        },
      ),
    );
  });

  it('go on outermost', () => {
    const tagged = pushVlan(parseNotation('eth/vlan(vid=5)/arp'), (3 << 13) | 7, 0x88a8);
    expect(toHex(tagged)).toBe(toHex(parseNotation('eth(type=0x88a8)/vlan(vid=7,pcp=3)/vlan(vid=5)/arp')));
  });

  it('are not looked for where there are none', () => {
    for (const text of ['eth/arp', 'eth(type=0x8100)/data(0102)', 'data(01)']) {
      const bytes = parseNotation(text);
      expect(popVlan(bytes)).toBe(bytes);
    }
  });
});
