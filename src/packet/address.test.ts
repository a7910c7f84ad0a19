import { BlockList, isIPv4 as netIsIpv4, isIPv6 as netIsIpv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressWidth,
  broadcastAddress,
  firstHost,
  ip,
  ipFromBigint,
  ipToBigint,
  ipv4,
  ipv4FromNumber,
  ipv4ToNumber,
  ipv6,
  ipv6FromBigint,
  ipv6ToBigint,
  isIpv4,
  isMulticastIp,
  isMulticastMac,
  lastAddress,
  linkLocalOf,
  mac,
  macFromNumber,
  macToNumber,
  multicastMacOf,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
  prefix,
  prefixContains,
  prefixMask,
  prefixOf,
  prefixOverlaps,
  prefixParts,
  prefixProblem,
  solicitedNodeOf,
} from './address.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u48 = fc.maxSafeNat().map((n) => n % 2 ** 48);
const u128 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  // Sparse groups, so that runs of zeros of every length and place occur.
  fc
    .array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    })
    .map((groups) => groups.reduce((v, g) => (v << 16n) | BigInt(g), 0n)),
  u32.map((n) => 0xffff_0000_0000n | BigInt(n)),
);
const address = fc.oneof(u32.map(ipv4FromNumber), u128.map(ipv6FromBigint));
/** Texts near enough to addresses that both answers occur. */
const nearIp = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF:.%/ x'), maxLength: 42 }),
  fc
    .array(fc.constantFrom('', '0', '1', '00', 'ffff', 'ABCD', '12345', '1.2.3.4', '256', 'g'), {
      maxLength: 10,
    })
    .map((p) => p.join(':')),
  fc
    .array(fc.constantFrom('0', '1', '01', '10', '255', '256', '', '-1', ' 1', '1e1', '0x1'), {
      maxLength: 5,
    })
    .map((p) => p.join('.')),
  fc
    .tuple(address, fc.nat(40), fc.constantFrom('', ':', '.', '0', '%eth0', ' ', '\n'))
    .map(([a, i, c]) => a.slice(0, i) + c + a.slice(i)),
  fc.ipV4(),
  fc.ipV6(),
);

describe('IP addresses', () => {
  it('accept what node:net accepts, without zone ids', () => {
    fc.assert(
      fc.property(nearIp, (text) => {
        expect([text, parseIpv4(text) !== undefined]).toEqual([text, netIsIpv4(text)]);
        expect([text, parseIpv6(text) !== undefined]).toEqual([text, netIsIpv6(text) && !text.includes('%')]);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    '',
    '127.1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4.',
    '1.2.3.256',
    '0x7f.0.0.1',
    '１.2.3.4',
    '1.2.3.4\n',
  ])('refuses %j as IPv4', (text) => {
    expect(parseIpv4(text)).toBeUndefined();
    expect(() => ipv4(text)).toThrow(RangeError);
    expect(() => ipv4(text)).toThrow(JSON.stringify(text));
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2:3:4:5:6:7:8',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '12345::',
    '::g',
  ])('refuses %j as IPv6', (text) => {
    expect(parseIpv6(text)).toBeUndefined();
    expect(() => ipv6(text)).toThrow(RangeError);
  });

  it.each([
    // RFC 5952, sections 4 and 5
    ['2001:0DB8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('writes %s as %s', (text, canonical) => {
    expect(ipv6(text)).toBe(canonical);
  });

  it('are the same through numbers, and one text per address', () => {
    fc.assert(
      fc.property(address, (a) => {
        expect(parseIp(a)).toBe(a);
        expect(ipFromBigint(ipToBigint(a), isIpv4(a) ? 4 : 6)).toBe(a);
        expect(ipToBigint(a) >> BigInt(addressWidth(a))).toBe(0n);
      }),
    );
    fc.assert(fc.property(u32, (n) => ipv4ToNumber(ipv4FromNumber(n)) === n));
    fc.assert(fc.property(u128, (n) => ipv6ToBigint(ipv6FromBigint(n)) === n));
  });

  it('agree with node:net on the meaning of every IPv6 text', () => {
    fc.assert(
      fc.property(nearIp, (text) => {
        const a = parseIpv6(text);
        if (!a) return;
        const list = new BlockList();
        list.addAddress(text, 'ipv6');
        expect(list.check(a, 'ipv6')).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('know groups', () => {
    for (const text of ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff00::'])
      expect(isMulticastIp(ip(text))).toBe(true);
    for (const text of ['223.255.255.255', '240.0.0.0', 'fe80::1', 'ff::1', '::ff02'])
      expect(isMulticastIp(ip(text))).toBe(false);
  });

  it('give the link-local, solicited-node and group addresses of the RFCs', () => {
    expect(linkLocalOf(mac('34:56:78:9a:bc:de'))).toBe('fe80::3656:78ff:fe9a:bcde');
    expect(linkLocalOf(mac('00:00:00:00:00:01'))).toBe('fe80::200:ff:fe00:1');
    expect(solicitedNodeOf(ipv6('4037::01:800:200e:8c6c'))).toBe('ff02::1:ff0e:8c6c');
    expect(multicastMacOf(ip('ff02::1:ff0e:8c6c'))).toBe('33:33:ff:0e:8c:6c');
    expect(multicastMacOf(ip('224.0.0.251'))).toBe('01:00:5e:00:00:fb');
    expect(multicastMacOf(ip('239.255.255.250'))).toBe('01:00:5e:7f:ff:fa');
  });

  it('refuse numbers that do not fit', () => {
    for (const n of [-1, 2 ** 32, 1.5, Number.NaN]) expect(() => ipv4FromNumber(n)).toThrow(RangeError);
    for (const n of [-1n, 1n << 128n]) expect(() => ipv6FromBigint(n)).toThrow(RangeError);
    expect(() => ipFromBigint(1n << 32n, 4)).toThrow(RangeError);
    for (const n of [-1, 2 ** 48, 0.5]) expect(() => macFromNumber(n)).toThrow(RangeError);
  });
});

describe('Mac', () => {
  it('takes colons or dashes and any case, and writes one form', () => {
    expect(mac('00-1D-D8-B7-1C-00')).toBe('00:1d:d8:b7:1c:00');
    for (const text of [
      '',
      '00:1d:d8:b7:1c',
      '00:1d:d8:b7:1c:00:00',
      '00:1d-d8:b7:1c:00',
      '001dd8b71c00',
      '0:1d:d8:b7:1c:00',
      '00:1d:d8:b7:1c:0g',
      ' 00:1d:d8:b7:1c:00',
    ]) {
      expect(parseMac(text)).toBeUndefined();
      expect(() => mac(text)).toThrow(RangeError);
    }
  });

  it('is the same through numbers', () => {
    fc.assert(
      fc.property(u48, (n) => {
        const m = macFromNumber(n);
        expect(parseMac(m)).toBe(m);
        expect(macToNumber(m)).toBe(n);
        expect(isMulticastMac(m)).toBe(Math.floor(n / 2 ** 40) % 2 === 1);
      }),
    );
  });
});

describe('Prefix', () => {
  const anyPrefix = fc.tuple(address, fc.nat(128)).map(([a, n]) => prefixOf(a, n % (addressWidth(a) + 1)));

  it('holds what node:net says it holds', () => {
    fc.assert(
      fc.property(
        anyPrefix,
        fc.array(address, { maxLength: 4 }),
        fc.bigInt({ min: 0n, max: 1n << 128n }),
        (p, others, seed) => {
          const { address: network, length, family } = prefixParts(p);
          const list = new BlockList();
          list.addSubnet(network, length, family === 4 ? 'ipv4' : 'ipv6');
          const span = ipToBigint(lastAddress(p)) - ipToBigint(network) + 1n;
          const inside = ipFromBigint(ipToBigint(network) + (seed % span), family);
          expect(prefixContains(p, inside)).toBe(true);
          for (const a of [inside, ...others, firstHost(p), lastAddress(p)]) {
            // BlockList treats ::ffff:a.b.c.d and a.b.c.d as one; we keep the families apart.
            if (a.startsWith('::ffff:') || network.startsWith('::ffff:')) continue;
            const expected = isIpv4(a) === (family === 4) && list.check(a, isIpv4(a) ? 'ipv4' : 'ipv6');
            expect(prefixContains(p, a)).toBe(expected);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads its own text, and its parts make it again', () => {
    fc.assert(
      fc.property(anyPrefix, (p) => {
        expect(parsePrefix(p)).toBe(p);
        expect(prefixProblem(p)).toBeUndefined();
        const { address: network, length, family } = prefixParts(p);
        expect(prefixOf(network, length)).toBe(p);
        expect(prefixMask(p).toString(2).replaceAll('0', '').length).toBe(length);
        expect(ipToBigint(lastAddress(p)) & prefixMask(p)).toBe(ipToBigint(network));
        expect(family).toBe(isIpv4(network) ? 4 : 6);
      }),
    );
  });

  it('overlaps exactly where one end of one lies in the other', () => {
    // Few bits, so that overlaps are common.
    const small = fc
      .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 28, max: 32 }))
      .map(([n, l]) => prefixOf(ipv4FromNumber(n), l));
    fc.assert(
      fc.property(small, small, (p, q) => {
        const numbers = (x: typeof p) =>
          [prefixParts(x).address, lastAddress(x)].map((a) => Number(ipToBigint(a)));
        const [[pLow = 0, pHigh = 0], [qLow = 0, qHigh = 0]] = [numbers(p), numbers(q)];
        expect(prefixOverlaps(p, q)).toBe(pLow <= qHigh && qLow <= pHigh);
        expect(prefixOverlaps(q, p)).toBe(prefixOverlaps(p, q));
      }),
    );
    expect(prefixOverlaps(prefix('0.0.0.0/0'), prefix('::/0'))).toBe(false);
  });

  it.each([
    ['10.0.0.5/24', 'host bits set; the prefix is 10.0.0.0/24'],
    ['10.0.0.0/33', 'prefix length "33"; it must be 0..32'],
    ['2001:db8::/129', 'it must be 0..128'],
    ['10.0.0.0/024', 'prefix length "024"'],
    ['10.0.0.0/', 'prefix length ""'],
    ['10.0.0.0', 'is not a prefix'],
    ['10.0/16', 'is not a prefix'],
    ['10.0.0.0/24/8', 'prefix length "24/8"'],
    ['', 'is not a prefix'],
  ])('refuses %s and says why', (text, why) => {
    expect(parsePrefix(text)).toBeUndefined();
    expect(prefixProblem(text)).toContain(why);
    expect(() => prefix(text)).toThrow(why);
  });

  it('knows first, last and broadcast address', () => {
    expect(firstHost(prefix('10.10.0.0/16'))).toBe('10.10.0.1');
    expect(firstHost(prefix('2001:db8::/64'))).toBe('2001:db8::1');
    expect(firstHost(prefix('10.0.0.0/31'))).toBe('10.0.0.1');
    expect(firstHost(prefix('10.0.0.9/32'))).toBe('10.0.0.9');
    expect(broadcastAddress(prefix('10.10.0.0/16'))).toBe('10.10.255.255');
    expect(broadcastAddress(prefix('10.0.0.0/31'))).toBeUndefined();
    expect(broadcastAddress(prefix('2001:db8::/64'))).toBeUndefined();
    expect(prefix('2001:DB8:0::/48')).toBe('2001:db8::/48');
  });
});
