import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ip, ipv6FromBigint, mac, macFromNumber, prefix, prefixContains } from './address.ts';
import { hasSlaacForm, slaacAddress } from './slaac.ts';

it('makes the address of RFC 4291, appendix A, behind the prefix', () => {
  const address = slaacAddress(prefix('2001:db8:0:1::/64'), mac('00:1d:d8:b7:1c:01'));
  expect(address).toBe('2001:db8:0:1:21d:d8ff:feb7:1c01');
  // A locally administered address loses its bit.
  expect(slaacAddress(prefix('fd00::/64'), mac('02:4e:4c:00:00:fd'))).toBe('fd00::4e:4cff:fe00:fd');
});

it('lies in the prefix, and has the form that is recognized', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (n) => {
      const within = prefix('fd00:0:0:7::/64');
      const address = slaacAddress(within, macFromNumber(n));
      expect(prefixContains(within, address)).toBe(true);
      expect(hasSlaacForm(address, address)).toBe(true);
    }),
  );
});

it('finds a form within a range exactly when one of its addresses has it', () => {
  const low = (0xfd00n << 112n) | (5n << 40n);
  // Around the marks ff:fe of two identifiers: few enough to look at each end, and ranges that hold a whole block.
  const place = fc.oneof(
    fc.bigInt({ min: 0n, max: 40n }).map((n) => low + (0xfffen << 24n) - 20n + n),
    fc.bigInt({ min: 0n, max: 40n }).map((n) => low + (0xffffn << 24n) - 20n + n),
    fc.bigInt({ min: 0n, max: 40n }).map((n) => low + n),
    fc.bigInt({ min: 0n, max: 40n }).map((n) => low + (1n << 40n) + (0xfffen << 24n) - 20n + n),
  );
  fc.assert(
    fc.property(place, place, (a, b) => {
      const [from, to] = a <= b ? [a, b] : [b, a];
      const blocks = [low, low + (1n << 40n)].map((base) => base + (0xfffen << 24n));
      const meets = blocks.some((first) => from < first + (1n << 24n) && first <= to);
      expect(hasSlaacForm(ipv6FromBigint(from), ipv6FromBigint(to))).toBe(meets);
    }),
  );
});

it('is not a form of IPv4', () => {
  expect(hasSlaacForm(ip('10.0.0.1'), ip('10.0.0.200'))).toBe(false);
});
