import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Nat } from '../../flow/flow.ts';
import {
  addressOf,
  CONNECTION_KEY,
  type ConnectionKey,
  newConnectionKey,
  portOf,
  reversed,
} from './connection-key.ts';
import { translateReply } from './nat.ts';

const { SRC, SRC_PORT, DST, DST_PORT } = CONNECTION_KEY;

function openingOf(source: number, protocol = 6): ConnectionKey {
  const key = newConnectionKey(1, 4, protocol);
  key[SRC] = 0x0a000001;
  key[SRC_PORT] = (source << 16) >>> 0;
  key[DST] = 0x0a000002;
  key[DST_PORT] = (80 << 16) >>> 0;
  return key;
}

function natOf(
  type: 'src' | 'dst',
  first: number,
  last: number,
  ports?: { first: number; last: number },
): Nat {
  return {
    type,
    family: 'ipv4',
    first: BigInt(first),
    last: BigInt(last),
    ports,
    persistent: false,
    selection: undefined,
  };
}

/** A table of keys in use, and the reply that the next connection gets; undefined: there is none. */
class Pool {
  readonly #taken = new Set<string>();

  open(nat: Nat, forward: ConnectionKey, seed = 7): ConnectionKey | undefined {
    const reply = reversed(forward);
    const found = translateReply(nat, forward, reply, {
      seed,
      random: () => this.#taken.size * 7919,
      isTaken: (key) => this.#taken.has(key.join()),
    });
    if (!found) return undefined;
    this.#taken.add(reply.join());
    return reply;
  }
}

describe('translation', () => {
  it('keeps the port of the source where it can, and goes on from there', () => {
    const pool = new Pool();
    const nat = natOf('src', 0x0a010101, 0x0a010101);
    const ports = [5000, 5000, 5000, 65_535, 65_535].map((port) =>
      portOf(pool.open(nat, openingOf(port))![DST_PORT]!),
    );
    expect(ports).toEqual([5000, 5001, 5002, 65_535, 1024]);
  });

  it.each([
    [80, 1, 511],
    [700, 600, 1023],
  ])('turns port %i into one between %i and %i', (port, low, high) => {
    const pool = new Pool();
    const nat = natOf('src', 0x0a010101, 0x0a010101);
    for (let i = 0; i < 100; i++) {
      const chosen = portOf(pool.open(nat, openingOf(port))![DST_PORT]!);
      expect(chosen).toBeGreaterThanOrEqual(low);
      expect(chosen).toBeLessThanOrEqual(high);
    }
  });

  it('takes addresses and ports of the range only, none twice, and says when all are taken', () => {
    const range = fc.record({
      first: fc.integer({ min: 1, max: 65_000 }),
      size: fc.integer({ min: 1, max: 60 }),
    });
    const type = fc.constantFrom('src' as const, 'dst' as const);
    fc.assert(
      fc.property(type, range, fc.nat(3), fc.integer(), (kind, { first, size }, more, seed) => {
        const pool = new Pool();
        const nat = natOf(kind, 0x0a010101, 0x0a010101 + more, { first, last: first + size - 1 });
        const seen = new Set<string>();
        // One opening for each port: the address is the same for the same opening.
        for (let i = 0; i < size; i++) {
          const reply = pool.open(nat, openingOf(5000), seed)!;
          expect(reply).toBeDefined();
          seen.add(reply.join());
          const [address, port] =
            kind === 'src'
              ? [addressOf(reply, DST), reply[DST_PORT]!]
              : [addressOf(reply, SRC), reply[SRC_PORT]!];
          expect(address).toBeGreaterThanOrEqual(0x0a010101n);
          expect(address).toBeLessThanOrEqual(BigInt(0x0a010101 + more));
          expect(portOf(port)).toBeGreaterThanOrEqual(first);
          expect(portOf(port)).toBeLessThan(first + size);
        }
        expect(seen.size).toBe(size);
        const next = pool.open(nat, openingOf(5000), seed);
        // The destination may stay as it is when the source becomes another.
        if (kind === 'src') expect(next).toBeUndefined();
        else expect(portOf(next![DST_PORT]!)).not.toBe(5000);
      }),
    );
  });

  it('gives up on a full range after some attempts', () => {
    const nat = natOf('src', 0x0a010101, 0x0a010101, { first: 1, last: 65_535 });
    let tries = 0;
    const all = { seed: 7, random: () => 99, isTaken: () => ++tries > 0 };
    expect(translateReply(nat, openingOf(5000), reversed(openingOf(5000)), all)).toBe(false);
    // 128, then 64, 32, 16 and 8 from random places.
    expect(tries).toBe(248);
  });

  it('has no ports to choose for other protocols', () => {
    const pool = new Pool();
    const nat = natOf('src', 0x0a010101, 0x0a010101);
    expect(pool.open(nat, openingOf(0, 47))).toBeDefined();
    expect(pool.open(nat, openingOf(0, 47))).toBeUndefined();
  });
});
