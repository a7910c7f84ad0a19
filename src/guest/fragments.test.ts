import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { ip, ipv4, ipv6 } from '../packet/address.ts';
import { toHex } from '../packet/bytes.ts';
import { Ipv4View } from '../packet/ipv4.ts';
import { fragment, PIECE_LIMIT, REASSEMBLY_LIMIT, REASSEMBLY_MS, Reassembly } from './fragments.ts';
import { packetOf, readIp } from './ip-packet.ts';
import { Hub, pingNow } from './testing.ts';

const A = ipv4('10.0.0.5');
const B = ipv4('10.0.0.7');
const A6 = ipv6('2001:db8::5');
const B6 = ipv6('2001:db8::7');

function assembly() {
  const clock = new FakeClock();
  const drops: string[] = [];
  const reassembly = new Reassembly(clock, (reason) => drops.push(reason));
  const add = (bytes: Uint8Array) => {
    const packet = readIp(bytes, 0);
    if (typeof packet === 'string') throw new Error(packet);
    if (!packet.fragment) throw new Error('not a fragment');
    return reassembly.add(packet, packet.fragment);
  };
  return { clock, drops, add };
}

const data = fc.uint8Array({ minLength: 1, maxLength: 5000 });
const mtu = fc.integer({ min: 68, max: 1500 });
const id = fc.nat(0xffffffff);
/** Copied, not copied, no-operation: RFC 791 section 3.1. */
const options = fc.constantFrom(
  new Uint8Array(0),
  Uint8Array.of(0x94, 4, 0, 0),
  Uint8Array.of(0x44, 4, 5, 0),
  Uint8Array.of(1, 1, 0x94, 4, 0, 0, 0, 0),
);

describe('a packet in pieces', () => {
  const packets = fc.oneof(
    fc
      .record({ bytes: data, options })
      .map(({ bytes, options }) =>
        packetOf({ layer: 'ipv4', src: A, dst: B, options }, { layer: 'data', bytes }),
      ),
    data.map((bytes) => packetOf({ layer: 'ipv6', src: A6, dst: B6 }, { layer: 'data', bytes })),
    data.map((bytes) =>
      packetOf(
        { layer: 'ipv6', src: A6, dst: B6 },
        { layer: 'hopopts' },
        { layer: 'dstopts' },
        { layer: 'data', bytes },
      ),
    ),
  );

  it('is whole again whatever the order, and no piece is larger than the MTU', () => {
    fc.assert(
      fc.property(packets, mtu, id, fc.infiniteStream(fc.nat()), (packet, mtu, id, order) => {
        const pieces = fragment(packet, mtu, id).map((piece) => ({ piece, key: order.next().value }));
        if (packet.length <= mtu) {
          expect(pieces.map((p) => p.piece)).toEqual([packet]);
          return;
        }
        for (const { piece } of pieces) expect(piece.length).toBeLessThanOrEqual(mtu);
        const shuffled = pieces.toSorted((a, b) => a.key - b.key);
        const { add, drops } = assembly();
        const whole = shuffled.map(({ piece }) => add(piece));
        expect(whole.slice(0, -1).every((w) => w === undefined)).toBe(true);
        const last = whole.at(-1);
        // The identification is the only thing that has changed.
        const expected = packet.slice();
        const view = Ipv4View.at(expected, 0);
        if (view) {
          view.id = id & 0xffff;
          view.checksum = view.expectedChecksum();
        }
        expect(last && toHex(last)).toBe(toHex(expected));
        expect(drops).toEqual([]);
      }),
    );
  });

  it('is whole again when pieces were cut once more on the way', () => {
    const packet = packetOf(
      { layer: 'ipv4', src: A, dst: B },
      { layer: 'data', bytes: new Uint8Array(4000).fill(7) },
    );
    const pieces = fragment(packet, 1500, 9).flatMap((piece) => fragment(piece, 576, 10));
    const { add } = assembly();
    const whole = pieces.map(add).at(-1);
    expect(whole?.subarray(20)).toEqual(packet.subarray(20));
  });

  it('later pieces carry only the options that are to be copied', () => {
    const packet = packetOf(
      { layer: 'ipv4', src: A, dst: B, options: Uint8Array.of(0x44, 4, 5, 0, 0x94, 4, 0, 0) },
      { layer: 'data', bytes: new Uint8Array(2000) },
    );
    const [first, second] = fragment(packet, 1500, 1).map((piece) => Ipv4View.at(piece, 0)?.options());
    expect([first && toHex(first), second && toHex(second)]).toEqual(['4404050094040000', '94040000']);
  });
});

describe('reassembly', () => {
  const pieces = (size = 3000, mtu = 1500, id = 1) =>
    fragment(
      packetOf({ layer: 'ipv4', src: A, dst: B }, { layer: 'data', bytes: new Uint8Array(size) }),
      mtu,
      id,
    );
  const piece = (frag: number, size: number, mf: boolean, fill = 0) =>
    packetOf(
      { layer: 'ipv4', src: A, dst: B, frag, mf, id: 1 },
      { layer: 'data', bytes: new Uint8Array(size).fill(fill) },
    );

  it('takes a piece twice, but none that overlap', () => {
    const same = assembly();
    const [one, two, three] = pieces() as [Uint8Array, Uint8Array, Uint8Array];
    expect([one, one, three, three].map(same.add)).toEqual(Array(4).fill(undefined));
    expect(same.add(two)).toBeDefined();
    expect(same.drops).toEqual([]);

    const different = assembly();
    different.add(piece(0, 16, true));
    expect(different.add(piece(8, 16, false))).toBeUndefined();
    expect(different.add(piece(0, 16, true, 1))).toBeUndefined();
    expect(different.drops).toEqual(['fragment-overlap']);
  });

  it('refuses pieces that cannot be part of a packet', () => {
    for (const [bad, reason] of [
      [[piece(0, 12, true)], 'fragment-malformed'], // not a multiple of 8, and not the last
      [[piece(65_528, 16, false)], 'fragment-malformed'], // beyond 65535 bytes
      [[piece(16, 8, false), piece(24, 8, false)], 'fragment-malformed'], // two ends
      [[piece(32, 8, true), piece(16, 8, false)], 'fragment-malformed'], // data behind the end
    ] as const) {
      const { add, drops } = assembly();
      expect(bad.map(add).at(-1)).toBeUndefined();
      expect(drops).toEqual([reason]);
    }
  });

  it('gives up after a minute', () => {
    const { clock, add, drops } = assembly();
    const [one, two, three] = pieces() as [Uint8Array, Uint8Array, Uint8Array];
    add(one);
    clock.advance(REASSEMBLY_MS - 1);
    add(two);
    clock.advance(1);
    expect(drops).toEqual(['fragment-timeout']);
    expect(add(three)).toBeUndefined();
  });

  it('keeps no more than it may', () => {
    const { add, drops } = assembly();
    for (let id = 0; id <= REASSEMBLY_LIMIT; id++) add(pieces(3000, 1500, id)[0]!);
    expect(drops).toEqual(['fragment-limit']);
    const many = assembly();
    for (let i = 0; i <= PIECE_LIMIT; i++) many.add(piece(8 * i, 8, true));
    expect(many.drops).toEqual(['fragment-limit']);
  });

  it('a packet in one piece is whole at once (RFC 6946)', () => {
    const { add } = assembly();
    const atomic = packetOf(
      { layer: 'ipv6', src: A6, dst: B6 },
      { layer: 'fragment', id: 3 },
      { layer: 'data', bytes: Uint8Array.of(1, 2) },
    );
    const whole = add(atomic);
    expect(whole && readIp(whole, 0)).toMatchObject({ protocol: 253, payloadOffset: 40 });
  });
});

describe('large pings', () => {
  it('pass in pieces, both ways, unless that is forbidden', () => {
    const hub = new Hub();
    const [a, b] = [hub.nic(1), hub.nic(2)];
    for (const [nic, v4, v6] of [
      [a, A, A6],
      [b, B, B6],
    ] as const) {
      nic.configure({ address: v4, prefixLength: 24, mtu: 1458 });
      nic.configure({ address: v6, prefixLength: 64 });
    }
    expect(a.mtu).toBe(1458);
    for (const size of [0, 1, 1429, 1430, 1431, 9000, 60_000]) {
      expect(pingNow(hub, a, ip(B), { size })).toMatchObject({ received: 1 });
      expect(pingNow(hub, a, ip(B6), { size })).toMatchObject({ received: 1 });
      const whole = pingNow(hub, a, ip(B), { size, dontFragment: true });
      expect(whole.received).toBe(size <= 1430 ? 1 : 0);
      if (size > 1430) expect(whole.errors[0]?.message).toBe('too big for the MTU of the own interface');
    }
    expect(Math.max(...hub.frames.map((f) => f.length))).toBe(14 + 1458);
  });
});
