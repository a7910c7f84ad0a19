import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutputChange } from '../base/derive.ts';
import { Allocator, type Grant } from './allocator.ts';
import { type Demand, type Need, needKey, type Pool, sameNeed } from './need.ts';
import { type Inactive, inactiveRow, readRows } from './quarantine.ts';
import { numberOf, textOf } from './space.ts';

const SCOPE = 'ip/AAA/test';
const POOL = 'CA Pool';
const BASE = numberOf('ipv4', '10.10.1.100');
const address = (n: number) => textOf('ipv4', BASE + BigInt(n));

function pool(size: number, quarantineSeconds: number): Pool {
  const ranges = [{ from: BASE, to: BASE + BigInt(size - 1) }];
  return { kind: 'pool', key: POOL, scope: SCOPE, space: 'ipv4', ranges, quarantineSeconds };
}

function demand(owner: string, value?: string): Demand {
  return {
    kind: 'demand',
    scope: SCOPE,
    owner,
    space: 'ipv4',
    pools: [POOL],
    place: 'VM subnet "AAA/test"',
    remedy: '',
    path: owner,
    ...(value === undefined ? {} : { value }),
  };
}

/** What a store would keep, so that a restart can be played. */
class World {
  allocator = new Allocator(() => 'no uuid');
  now = 0;
  /** Scope and owner -> value. */
  rows = new Map<string, { scope: string; owner: string; value: string }>();
  needs = new Map<string, Need>();

  tell(needs: readonly Need[], keep = true): Grant {
    const now = new Map(needs.map((need) => [needKey(need), need]));
    const changes: OutputChange<Need>[] = [];
    for (const key of new Set([...this.needs.keys(), ...now.keys()])) {
      const before = this.needs.get(key);
      const after = now.get(key);
      if (before && after && sameNeed(before, after)) continue;
      changes.push({ key, ...(before ? { before } : {}), ...(after ? { after } : {}) });
    }
    const grant = this.allocator.apply(changes, this.now);
    if (grant.findings.length > 0) return grant;
    if (keep) {
      this.needs = now;
      this.store(grant);
    } else this.allocator.undo();
    return grant;
  }

  store({ changes, inactive }: Pick<Grant, 'changes' | 'inactive'>): void {
    const held = changes.map(({ scope, owner, after }) => ({ scope, owner, value: after }));
    for (const { scope, owner, value } of [...held, ...inactive.map(inactiveRow)]) {
      const key = `${scope}\0${owner}`;
      if (value === null) expect(this.rows.delete(key)).toBe(true);
      else this.rows.set(key, { scope, owner, value });
    }
  }

  restart(): void {
    const { allocations, inactive, findings } = readRows(this.rows.values());
    expect(findings).toEqual([]);
    this.allocator = new Allocator(() => 'no uuid');
    this.allocator.restore(allocations, inactive);
    const all = [...this.needs].map(([key, after]) => ({ key, after }));
    const grant = this.allocator.apply(all, this.now);
    expect(grant.findings).toEqual([]);
    expect(grant.changes).toEqual([]);
    this.store(this.allocator.sweep(this.now));
  }

  release(values?: readonly string[]): readonly string[] {
    const { inactive, rest } = this.allocator.release(POOL, values, this.now);
    this.store({ changes: [], inactive });
    return rest;
  }

  held(): Record<string, string> {
    return Object.fromEntries(this.allocator.allocations().map((a) => [a.value, a.owner]));
  }

  inactive(): string[] {
    return this.allocator.inactive(SCOPE, this.now).map(({ value, owner }) => `${value} ${owner}`);
  }
}

describe('an address whose owner is gone', () => {
  it('is given to nobody else until its quarantine is over', () => {
    const world = new World();
    world.tell([pool(2, 300), demand('a')]);
    world.now = 1000;
    world.tell([pool(2, 300)]);
    expect(world.inactive()).toEqual([`${address(0)} a`]);
    world.now = 300_999;
    world.tell([pool(2, 300), demand('b')]);
    expect(world.held()).toEqual({ [address(1)]: 'b' });
    const refused = world.tell([pool(2, 300), demand('b'), demand('c')]);
    expect(refused.findings.map(({ message }) => message)).toEqual([
      'All 2 values of CA Pool are in use (1 of them inactive, their owners gone), and 1 more is needed: by c.',
    ]);
    world.now = 301_000;
    expect(world.inactive()).toEqual([]);
    expect(world.allocator.poolUse(POOL, world.now)).toEqual({ size: 2n, used: 1n, inactive: 0n, free: 1n });
    world.tell([pool(2, 300), demand('b'), demand('c')]);
    expect(world.held()).toEqual({ [address(0)]: 'c', [address(1)]: 'b' });
  });

  it('is free at once where the pool has no quarantine', () => {
    const world = new World();
    world.tell([pool(1, 0), demand('a')]);
    world.tell([pool(1, 0)]);
    expect(world.tell([pool(1, 0), demand('b')]).findings).toEqual([]);
  });

  it('goes back to its owner who returns, before and after a restart', () => {
    const world = new World();
    world.tell([pool(9, 300), demand('a'), demand('b')]);
    world.tell([pool(9, 300)]);
    world.restart();
    world.tell([pool(9, 300), demand('b')]);
    expect(world.held()).toEqual({ [address(1)]: 'b' });
    world.tell([pool(9, 300), demand('a'), demand('b'), demand('c')]);
    expect(world.held()).toEqual({ [address(0)]: 'a', [address(1)]: 'b', [address(2)]: 'c' });
    expect(world.inactive()).toEqual([]);
  });

  it('cannot be fixed for another, except in the change that takes it from its owner', () => {
    const world = new World();
    world.tell([pool(9, 300), demand('a')]);
    // Positive control: the same wish, as one change.
    expect(world.tell([pool(9, 300), demand('b', address(0))], false).findings).toEqual([]);
    world.tell([pool(9, 300)]);
    const { findings } = world.tell([pool(9, 300), demand('b', address(0))]);
    expect(findings.map(({ code }) => code)).toEqual(['address-quarantined']);
    expect(findings[0]?.message).toContain(
      'belonged to a and is given to nobody else until 1970-01-01T00:05:00.000Z',
    );
    expect(world.tell([pool(9, 300), demand('a', address(0))]).findings).toEqual([]);
  });

  it('can be released by hand', () => {
    const world = new World();
    world.tell([pool(1, 300), demand('a')]);
    world.tell([pool(1, 300)]);
    expect(world.release(['10.9.9.9', address(0)])).toEqual(['10.9.9.9']);
    expect(world.release([address(0)])).toEqual([address(0)]);
    world.restart();
    expect(world.tell([pool(1, 300), demand('b')]).findings).toEqual([]);
  });

  it('has its latest quarantine, not an earlier one', () => {
    const world = new World();
    const tell = (...owners: string[]) => world.tell([pool(3, 300), ...owners.map((o) => demand(o))]);
    tell('a', 'b');
    tell();
    tell('z');
    tell('a', 'z');
    world.now = 200_000;
    tell('z');
    world.now = 400_000;
    // That of b is over, the second one of a is not.
    tell('y', 'z');
    expect(world.held()).toEqual({ [address(1)]: 'y', [address(2)]: 'z' });
    expect(tell('x', 'y', 'z').findings.map(({ code }) => code)).toEqual(['pool-exhausted']);
    world.now = 500_000;
    expect(tell('x', 'y', 'z').findings).toEqual([]);
  });

  it('has the quarantine that its pool had when it was given back', () => {
    const world = new World();
    world.tell([pool(2, 300), demand('a'), demand('b')]);
    world.tell([pool(2, 300), demand('b')]);
    world.tell([pool(2, 10), demand('b')]);
    world.tell([pool(2, 10)]);
    world.now = 10_000;
    expect(world.inactive()).toEqual([`${address(0)} a`]);
    expect(world.tell([pool(2, 10), demand('c')]).findings).toEqual([]);
    expect(world.held()).toEqual({ [address(1)]: 'c' });
  });

  it('is nobody’s any more once it was released, though its owner returns', () => {
    const world = new World();
    const tell = (...owners: string[]) => world.tell([pool(3, 300), ...owners.map((o) => demand(o))]);
    tell('a', 'q');
    tell();
    world.release([address(0)]);
    tell('b');
    expect(tell('a', 'b').findings).toEqual([]);
    expect(world.held()).toEqual({ [address(0)]: 'b', [address(2)]: 'a' });
  });

  it('is forgotten with the last pool of its subnet', () => {
    const world = new World();
    world.tell([pool(9, 300), demand('a')]);
    world.tell([pool(9, 300)]);
    world.tell([]);
    expect(world.rows.size).toBe(0);
  });
});

describe('what the store holds', () => {
  it('is read as it was written, whatever the owner is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(), fc.nat(), (owner, since, until) => {
        const entry: Inactive = { scope: SCOPE, value: address(1), owner, since, until };
        const row = inactiveRow({ scope: SCOPE, value: entry.value, before: null, after: entry });
        const rows = row.value === null ? [] : [{ ...row, value: row.value }];
        expect(readRows(rows)).toEqual({ allocations: [], inactive: [entry], findings: [] });
      }),
    );
  });

  it('is refused where it is damaged', () => {
    const row = { scope: `~inactive/${SCOPE}`, owner: address(1), value: `0 1 ${address(2)} a` };
    expect(readRows([row]).findings.map(({ code }) => code)).toEqual(['store-corrupt']);
  });
});

const owner = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('tell', 'try'),
      wishes: fc.uniqueArray(fc.tuple(owner, fc.option(fc.integer({ min: 0, max: 4 }), { freq: 4 })), {
        selector: ([name]) => name,
      }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait'), seconds: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release'), value: fc.integer({ min: 0, max: 2 }) }) },
);
type Step = {
  readonly do: string;
  readonly wishes?: readonly (readonly [string, number | null])[];
  readonly seconds?: number;
  readonly value?: number;
};

const SIZE = 3;
const SECONDS = 30;

describe('any history of changes, failures, undos, releases and restarts', () => {
  it('accounts for every address, and gives none out again before its quarantine is over', () => {
    fc.assert(
      fc.property(fc.array<Step>(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        /** Address -> who gave it up, and when; kept by the test on its own. */
        const gone = new Map<string, { owner: string; at: number }>();
        world.tell([pool(SIZE, SECONDS)]);
        for (const { do: what, wishes = [], seconds = 0, value = 0 } of steps) {
          const before = world.held();
          const idle = world.inactive();
          if (what === 'wait') world.now += seconds * 1000;
          if (what === 'restart') world.restart();
          if (what === 'release') {
            if (world.release([address(value)]).length === 0) gone.delete(address(value));
          }
          if (what === 'tell' || what === 'try') {
            const needs = wishes.map(([name, n]) => demand(name, n === null ? undefined : address(n)));
            const { findings } = world.tell([pool(SIZE, SECONDS), ...needs], what === 'tell');
            if (findings.length > 0 || what === 'try') {
              expect(world.held()).toEqual(before);
              expect(world.inactive()).toEqual(idle);
            }
          }
          const after = world.held();
          for (const [value, owner] of Object.entries(after)) {
            if (before[value] === owner) continue;
            const left = gone.get(value);
            const over = left === undefined || left.at + SECONDS * 1000 <= world.now;
            expect(over || left.owner === owner).toBe(true);
            gone.delete(value);
          }
          for (const [value, owner] of Object.entries(before)) {
            const outside = numberOf('ipv4', value) >= BASE + BigInt(SIZE);
            if (after[value] === undefined && !outside) gone.set(value, { owner, at: world.now });
          }
          const use = world.allocator.poolUse(POOL, world.now);
          const inPool = Object.keys(after).filter((v) => numberOf('ipv4', v) < BASE + BigInt(SIZE));
          const waiting = [...gone].filter(([, { at }]) => at + SECONDS * 1000 > world.now);
          expect(world.inactive()).toEqual(waiting.map(([v, { owner }]) => `${v} ${owner}`).sort());
          expect(use).toEqual({
            size: BigInt(SIZE),
            used: BigInt(inPool.length),
            inactive: BigInt(waiting.length),
            free: BigInt(SIZE - inPool.length - waiting.length),
          });
          // Bounded: what is kept is what is held and what was inactive in this pool.
          expect(world.rows.size).toBeLessThanOrEqual(Object.keys(after).length + SIZE);
        }
      }),
      { numRuns: 300 },
    );
  });
});
