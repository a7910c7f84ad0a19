import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fragmentsOf } from '../../../test/support/fragments.ts';
import { type IpAddress, ip, isIpv4 } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { toHex } from '../../packet/bytes.ts';
import { Packet } from '../frame/packet.ts';
import { Fragments, Whole } from './fragments.ts';

function datagram(src: IpAddress, dst: IpAddress, length: number, octet: number): Uint8Array {
  const rest = [
    { layer: 'udp', sport: 1000, dport: 80 },
    { layer: 'data', bytes: new Uint8Array(length).map((_, i) => (i * octet) & 0xff) },
  ] as const;
  const layer = isIpv4(src)
    ? ({ layer: 'ipv4', src, dst: dst as typeof src } as const)
    : ({ layer: 'ipv6', src, dst: dst as typeof src } as const);
  return frame({ layer: 'eth' }, layer, ...rest);
}

const HOSTS = [
  ['10.0.0.1', '10.0.0.2'],
  ['fd00::1', 'fd00::2'],
].map(([src, dst]) => [ip(src!), ip(dst!)] as const);

describe('fragments that wait', () => {
  it('are whole when the last one comes, in whatever order, and go on in order', () => {
    const order = fc.array(fc.nat(1000), { minLength: 20, maxLength: 20 });
    const size = fc.integer({ min: 156, max: 180 }).map((units) => units * 8);
    fc.assert(
      fc.property(
        fc.constantFrom(...HOSTS),
        fc.integer({ min: 1500, max: 9000 }),
        size,
        order,
        (hosts, length, unit, keys) => {
          const bytes = datagram(hosts[0], hosts[1], length, 3);
          const cut = fragmentsOf(bytes, unit, 7);
          const places = cut.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
          const fragments = new Fragments(100);
          const taken = places.map((place) => fragments.take(Packet.read(cut[place]!), 1, '', 0));
          expect(taken.slice(0, -1).every((answer) => answer === undefined)).toBe(true);
          const whole = taken.at(-1);
          if (!(whole instanceof Whole)) throw new Error('the packet is not whole');
          const { bytes: joined, l4, end } = whole.packet.ipHeaders!;
          const original = Packet.read(bytes).ipHeaders!;
          expect(toHex(joined, l4, end)).toBe(toHex(bytes, original.l4, original.end));
          whole.packet.tracking = {
            state: 0x21,
            zone: 1,
            mark: 5,
            label: 0n,
            original: undefined,
            connection: undefined,
            isReply: false,
            isRelated: false,
          };
          whole.divide();
          const leaving = fragments.leaving(original.family, 0, 0);
          expect(leaving.map((packet) => toHex(packet.share()))).toEqual(cut.map((one) => toHex(one)));
          expect(leaving.every(({ tracking }) => tracking?.mark === 5)).toBe(true);
          expect(fragments.isDue(1_000_000)).toBe(false);
        },
      ),
    );
  });

  const [first, second, third] = fragmentsOf(datagram(...HOSTS[0]!, 3000, 3), 1400, 7).map((cut) =>
    Packet.read(cut),
  ) as [Packet, Packet, Packet];

  it('are given up after 15 s, and dropped when nobody came by for 10 s more', () => {
    const waiting = () => {
      const fragments = new Fragments(100);
      fragments.take(first, 1, '', 0);
      fragments.take(third, 1, '', 5000);
      return fragments;
    };
    const fragments = waiting();
    expect([fragments.isDue(15_000), fragments.isDue(15_001)]).toEqual([false, true]);
    expect(fragments.leaving(6, 1, 15_001)).toEqual([]);
    expect(fragments.leaving(4, 1, 15_001).map(({ tracking }) => tracking?.state)).toEqual([0x10, 0x10]);
    expect(fragments.isDue(20_000)).toBe(false);
    expect(waiting().leaving(4, 1, 25_000)).toEqual([]);
  });

  it.each<readonly [string, (fragments: Fragments) => Packet]>([
    ['comes twice', () => first],
    ['overlaps another', () => Packet.read(fragmentsOf(datagram(...HOSTS[0]!, 3000, 3), 1392, 7)[0]!)],
    [
      'is small, and not the last',
      () => Packet.read(fragmentsOf(datagram(...HOSTS[0]!, 3000, 3), 800, 8)[0]!),
    ],
  ])('are invalid where one %s', (_, make) => {
    const fragments = new Fragments(100);
    fragments.take(first, 1, '', 0);
    expect(fragments.take(make(fragments), 1, '', 0)).toBe('invalid');
    // In another zone, or on another way, it is one of its own, unless it is small.
    expect(fragments.take(first, 2, '', 0)).toBeUndefined();
    expect(fragments.take(first, 1, 'again', 0)).toBeUndefined();
  });

  it('are no more than the limit', () => {
    const fragments = new Fragments(2);
    const answers = [first, second, third].map((packet, zone) => fragments.take(packet, zone, '', 0));
    expect(answers).toEqual([undefined, undefined, 'invalid']);
    fragments.leaving(4, 0, 15_001);
    expect(fragments.take(third, 9, '', 15_001)).toBeUndefined();
  });

  it('go on 32 at a time', () => {
    const cut = fragmentsOf(datagram(...HOSTS[0]!, 50_000, 3), 1232, 7);
    const fragments = new Fragments(100);
    const taken = cut.map((one) => fragments.take(Packet.read(one), 1, '', 0));
    const whole = taken.at(-1);
    if (!(whole instanceof Whole)) throw new Error('the packet is not whole');
    whole.packet.tracking = {
      state: 0x21,
      zone: 1,
      mark: 0,
      label: 0n,
      original: undefined,
      connection: undefined,
      isReply: false,
      isRelated: false,
    };
    whole.divide();
    expect(fragments.leaving(4, 0, 0)).toHaveLength(32);
    expect(fragments.isDue(0)).toBe(true);
    expect(fragments.leaving(4, 1, 0)).toHaveLength(cut.length - 32);
    expect(fragments.isDue(0)).toBe(false);
  });
});
