import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4, ipv6 } from './address.ts';
import { frame } from './build.ts';
import { fromHex, read16, read32, write16, write32 } from './bytes.ts';
import {
  checksumFor,
  checksumHolds,
  finish,
  fold,
  sumRange,
  updateChecksum,
  updateChecksum32,
  updateChecksumBytes,
} from './checksum.ts';
import { parseFrame } from './parse.ts';

describe('checksum', () => {
  it('is that of the example in RFC 1071, section 3', () => {
    const bytes = fromHex('0001f203f4f5f6f7')!;
    expect(fold(sumRange(bytes, 0, 8))).toBe(0xddf2);
    expect(finish(sumRange(bytes, 0, 8))).toBe(0x220d);
  });

  it('takes an odd last byte as the high half of a word', () => {
    expect(sumRange(fromHex('0102ff')!, 0, 3)).toBe(0x0102 + 0xff00);
    expect(sumRange(fromHex('01')!, 0, 0)).toBe(0);
  });

  it('holds for what it was computed for, and for nothing else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 64 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (bytes, where, flip) => {
          write16(bytes, 2, checksumFor(bytes, 0, bytes.length, 2));
          expect(checksumHolds(bytes, 0, bytes.length)).toBe(true);
          bytes[where % bytes.length]! ^= flip;
          expect(checksumHolds(bytes, 0, bytes.length)).toBe(false);
        },
      ),
    );
  });

  it('is updated as if it were computed anew (RFC 1624)', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        (bytes, word, long) => {
          // A header that is not all zeros, as every real one: the two forms of zero are then never confused.
          bytes[0] = 0x45;
          const before = finish(sumRange(bytes, 0, 12));
          const changed = bytes.slice();
          write16(changed, 2, word);
          expect(updateChecksum(before, read16(bytes, 2), word)).toBe(finish(sumRange(changed, 0, 12)));
          write32(changed, 4, long);
          const both = updateChecksum32(
            updateChecksum(before, read16(bytes, 2), word),
            read32(bytes, 4),
            long,
          );
          expect(both).toBe(finish(sumRange(changed, 0, 12)));
          expect(updateChecksumBytes(before, bytes.subarray(2), changed.subarray(2))).toBe(both);
        },
      ),
    );
  });

  it('of UDP is sent as 0xffff when it comes out as 0', () => {
    const build = (value: number) => {
      const bytes = Uint8Array.of(value >>> 8, value);
      return parseFrame(
        frame(
          { layer: 'eth' },
          { layer: 'ipv4', src: ipv4('10.0.0.5') },
          { layer: 'udp' },
          { layer: 'data', bytes },
        ),
      ).udp!;
    };
    const zero = build(0).checksum;
    const udp = build(zero);
    expect(zero).not.toBe(0);
    expect(udp.checksum).toBe(0xffff);
  });

  it('changes with the TTL without a sum over the header', () => {
    const bytes = frame({ layer: 'eth' }, { layer: 'ipv4', src: ipv4('10.0.0.5'), ttl: 64 });
    const ip = parseFrame(bytes).ipv4!;
    for (let ttl = 63; ttl >= 0; ttl--) {
      ip.decrementTtl();
      expect([ip.ttl, ip.checksum]).toEqual([ttl, ip.expectedChecksum()]);
    }
  });

  it('over IPv6 takes the pseudo header in', () => {
    const build = (src: string) =>
      parseFrame(frame({ layer: 'eth' }, { layer: 'ipv6', src: ipv6(src) }, { layer: 'icmpv6' })).icmpv6!;
    expect(build('::1').checksum).not.toBe(build('::2').checksum);
    const view = build('::1');
    expect(view.expectedChecksum(14)).toBe(view.checksum);
  });
});
