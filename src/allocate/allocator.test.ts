import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutputChange } from '../base/derive.ts';
import { Allocator, type Grant } from './allocator.ts';
import { type Demand, type Need, needKey, type Pool, sameNeed } from './need.ts';
import { numberOf, textOf } from './space.ts';

const SCOPE = 'ip/AAA/test';

function pool(first: number, last: number, key = 'CA Pool'): Pool {
  const base = numberOf('ipv4', '10.10.0.0');
  const range = { from: base + BigInt(first), to: base + BigInt(last) };
  return { kind: 'pool', key, scope: SCOPE, space: 'ipv4', ranges: [range] };
}

function demand(owner: string, value?: string, pools: readonly string[] = ['CA Pool']): Demand {
  return {
    kind: 'demand',
    scope: SCOPE,
    owner,
    space: 'ipv4',
    pools,
    place: 'VM subnet "AAA/test"',
    remedy: 'Add an IP pool.',
    path: `VirtualMachine/${owner}`,
    ...(value === undefined ? {} : { value }),
  };
}

const address = (n: number) => textOf('ipv4', numberOf('ipv4', '10.10.0.0') + BigInt(n));

/** An allocator that is told the needs as they are now, and finds out itself what changed. */
class Told {
  readonly allocator: Allocator;
  /** Wall-clock milliseconds. */
  now = 0;
  #needs = new Map<string, Need>();
  #before = this.#needs;

  constructor() {
    let next = 0;
    this.allocator = new Allocator(() => `00000000-0000-4000-8000-${String(next++).padStart(12, '0')}`);
  }

  tell(needs: readonly Need[]): Grant {
    const now = new Map(needs.map((need) => [needKey(need), need]));
    const changes: OutputChange<Need>[] = [];
    for (const key of new Set([...this.#needs.keys(), ...now.keys()])) {
      const before = this.#needs.get(key);
      const after = now.get(key);
      if (before && after && sameNeed(before, after)) continue;
      changes.push({ key, ...(before ? { before } : {}), ...(after ? { after } : {}) });
    }
    const grant = this.allocator.apply(changes, this.now);
    this.#before = this.#needs;
    if (grant.findings.length === 0) this.#needs = now;
    return grant;
  }

  undo(): void {
    this.allocator.undo();
    this.#needs = this.#before;
  }

  held(): Record<string, string> {
    return Object.fromEntries(this.allocator.allocations().map((a) => [a.owner, a.value]));
  }
}

describe('Allocator', () => {
  it('gives the lowest free address, in the order of owners, around those that are fixed', () => {
    const told = new Told();
    const grant = told.tell([pool(100, 130), demand('b'), demand('c', address(101)), demand('a')]);
    expect(grant.findings).toEqual([]);
    expect(grant.changes).toEqual([
      { scope: SCOPE, owner: 'a', before: null, after: '10.10.0.100' },
      { scope: SCOPE, owner: 'b', before: null, after: '10.10.0.102' },
      { scope: SCOPE, owner: 'c', before: null, after: '10.10.0.101' },
    ]);
  });

  it('frees what is no longer needed, and gives it out again', () => {
    const told = new Told();
    told.tell([pool(1, 9), demand('a'), demand('b')]);
    expect(told.tell([pool(1, 9), demand('b')]).changes).toEqual([
      { scope: SCOPE, owner: 'a', before: '10.10.0.1', after: null },
    ]);
    told.tell([pool(1, 9), demand('b'), demand('c')]);
    expect(told.held()).toEqual({ b: '10.10.0.2', c: '10.10.0.1' });
  });

  it('takes from the pools in their order', () => {
    const told = new Told();
    const pools = [pool(50, 51, 'one'), pool(10, 11, 'two')];
    told.tell([...pools, ...['a', 'b', 'c'].map((owner) => demand(owner, undefined, ['one', 'two']))]);
    expect(told.held()).toEqual({ a: '10.10.0.50', b: '10.10.0.51', c: '10.10.0.10' });
  });

  it('lets owners swap fixed values in one change', () => {
    const told = new Told();
    told.tell([demand('a', address(5)), demand('b', address(6))]);
    expect(told.tell([demand('a', address(6)), demand('b', address(5))]).findings).toEqual([]);
    expect(told.held()).toEqual({ a: '10.10.0.6', b: '10.10.0.5' });
  });

  it('keeps an address when the pool is narrowed or the address is no longer fixed', () => {
    const told = new Told();
    told.tell([pool(1, 9), demand('a', address(200)), demand('b')]);
    expect(told.tell([pool(5, 9), demand('a'), demand('b')]).changes).toEqual([]);
    expect(told.held()).toEqual({ a: '10.10.0.200', b: '10.10.0.1' });
  });

  it('gives another address when the subnet has another prefix', () => {
    const told = new Told();
    const within = { from: numberOf('ipv4', address(8)), to: numberOf('ipv4', address(15)) };
    told.tell([pool(1, 9), demand('a')]);
    told.tell([pool(8, 9), { ...demand('a'), within }]);
    expect(told.held()).toEqual({ a: '10.10.0.8' });
  });

  it('names the holder of a fixed address that is taken', () => {
    const told = new Told();
    told.tell([pool(1, 9), demand('a')]);
    const { findings } = told.tell([pool(1, 9), demand('a'), demand('b', address(1))]);
    expect(findings.map((f) => [f.code, f.path])).toEqual([['address-taken', 'VirtualMachine/b']]);
    expect(findings[0]!.message).toBe('10.10.0.1 is already held by a, on VM subnet "AAA/test".');
  });

  it('says every reason, and changes nothing', () => {
    const told = new Told();
    told.tell([pool(1, 3), demand('a')]);
    const before = told.held();
    const grant = told.tell([
      pool(1, 3),
      demand('a'),
      ...['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((owner) => demand(owner)),
      demand('x', address(1)),
      demand('y', undefined, []),
    ]);
    expect(grant.changes).toEqual([]);
    expect(grant.findings.map((f) => f.code)).toEqual(['address-taken', 'pool-exhausted', 'pool-missing']);
    expect(grant.findings[1]!.message).toBe(
      'All 3 values of CA Pool are in use, and 5 more are needed: by d, e, f and 2 more.',
    );
    expect(told.held()).toEqual(before);
    expect(told.allocator.poolUse('CA Pool', told.now)).toEqual({
      size: 3n,
      used: 1n,
      inactive: 0n,
      free: 2n,
    });
    // Nothing stuck: the part of the change that can be had is granted.
    expect(told.tell([pool(1, 3), demand('a'), demand('b'), demand('c')]).findings).toEqual([]);
  });

  it('refuses to remove the last pool under those who live on it', () => {
    const told = new Told();
    told.tell([pool(1, 9), demand('a')]);
    expect(told.tell([demand('a', undefined, [])]).findings.map((f) => f.code)).toEqual(['pool-missing']);
    expect(told.held()).toEqual({ a: '10.10.0.1' });
  });

  it('gives out 10,000 addresses of a /16, and takes back every other one', () => {
    const told = new Told();
    const owners = Array.from({ length: 10_000 }, (_, i) => `vm${String(i).padStart(5, '0')}`);
    told.tell([pool(10, 65_000), ...owners.map((owner) => demand(owner))]);
    expect(told.held().vm00000).toBe('10.10.0.10');
    expect(told.held().vm09999).toBe(address(10_009));
    told.tell([pool(10, 65_000), ...owners.filter((_, i) => i % 2).map((owner) => demand(owner))]);
    expect(told.allocator.poolUse('CA Pool', told.now)!.used).toBe(5_000n);
    told.tell([pool(10, 65_000), ...owners.filter((_, i) => i % 2 || i === 4).map((owner) => demand(owner))]);
    expect(told.held().vm00004).toBe('10.10.0.10');
  });

  it.each([
    ['ipv4', '10.0.0.250'],
    ['ipv6', 'fd00::fa'],
    ['mac', '02:00:00:00:00:fa'],
    ['number', '16777205'],
  ] as const)(
    'gives the last 10 of a pool (%s) to 10 of 64, and leaves nothing of the others behind',
    (space, first) => {
      const from = numberOf(space, first);
      const last: Pool = { kind: 'pool', key: 'P', scope: SCOPE, space, ranges: [{ from, to: from + 9n }] };
      const told = new Told();
      const granted: string[] = [];
      for (let i = 0; i < 64; i++) {
        const wish = { ...demand(`o${i}`, undefined, ['P']), space };
        const { findings } = told.tell([
          last,
          ...granted.map((o) => ({ ...demand(o, undefined, ['P']), space })),
          wish,
        ]);
        if (findings.length === 0) granted.push(`o${i}`);
        else expect(findings.map(({ code }) => code)).toEqual(['pool-exhausted']);
      }
      expect(granted.length).toBe(10);
      expect(Object.values(told.held())).toEqual(
        Array.from({ length: 10 }, (_, i) => textOf(space, from + BigInt(i))),
      );
      expect(told.allocator.poolUse('P', 0)).toEqual({ size: 10n, used: 10n, inactive: 0n, free: 0n });
    },
  );

  it('sweeps away what is left over from before a crash', () => {
    const told = new Told();
    told.allocator.restore([
      { scope: SCOPE, owner: 'a', value: address(7) },
      { scope: SCOPE, owner: 'gone', value: address(1) },
    ]);
    expect(told.tell([pool(1, 9), demand('a')]).changes).toEqual([]);
    expect(told.allocator.sweep(0).changes).toEqual([
      { scope: SCOPE, owner: 'gone', before: '10.10.0.1', after: null },
    ]);
    expect(told.held()).toEqual({ a: '10.10.0.7' });
  });

  const owner = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const wish = fc.option(fc.integer({ min: 0, max: 12 }), { freq: 3 });
  const world = fc.record({
    from: fc.integer({ min: 1, max: 3 }),
    to: fc.integer({ min: 4, max: 8 }),
    wishes: fc.uniqueArray(fc.tuple(owner, wish), { selector: ([name]) => name }),
  });
  const needsOf = ({ from, to, wishes }: { from: number; to: number; wishes: [string, number | null][] }) => [
    pool(from, to),
    ...wishes.map(([name, value]) => demand(name, value === null ? undefined : address(value))),
  ];

  it('is unique, complete, stable and accounted for, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(world, { maxLength: 12 }), (worlds) => {
        const told = new Told();
        for (const w of worlds) {
          const before = told.held();
          const use = told.allocator.poolUse('CA Pool', told.now);
          const { findings, changes } = told.tell(needsOf(w));
          const after = told.held();
          if (findings.length > 0) {
            expect(after).toEqual(before);
            expect(told.allocator.poolUse('CA Pool', told.now)).toEqual(use);
            continue;
          }
          expect(new Set(Object.values(after)).size).toBe(Object.keys(after).length);
          expect(Object.keys(after).sort()).toEqual(w.wishes.map(([name]) => name).sort());
          for (const [name, value] of w.wishes) {
            if (value !== null) expect(after[name]).toBe(address(value));
            else if (before[name] !== undefined) expect(after[name]).toBe(before[name]);
          }
          const expected = { ...before };
          for (const change of changes) {
            expect(change.before).toBe(expected[change.owner] ?? null);
            if (change.after === null) delete expected[change.owner];
            else expected[change.owner] = change.after;
          }
          expect(after).toEqual(expected);
          const { size, used, free } = told.allocator.poolUse('CA Pool', told.now)!;
          expect(size).toBe(BigInt(w.to - w.from + 1));
          expect(free + used).toBe(size);
          const inPool = Object.values(after).filter((value) => {
            const number = Number(numberOf('ipv4', value) - numberOf('ipv4', '10.10.0.0'));
            return w.from <= number && number <= w.to;
          });
          expect(used).toBe(BigInt(inPool.length));
        }
      }),
    );
  });

  it('comes to the same in whatever order the parts of one change are said', () => {
    const worldAndOrder = world.chain((w) => {
      const needs = needsOf(w);
      return fc.tuple(fc.constant(needs), fc.shuffledSubarray(needs, { minLength: needs.length }));
    });
    fc.assert(
      fc.property(world, worldAndOrder, (first, [needs, shuffled]) => {
        const [a, b] = [new Told(), new Told()];
        a.tell(needsOf(first));
        b.tell(needsOf(first).reverse());
        expect(b.tell(shuffled)).toEqual(a.tell(needs));
        expect(b.held()).toEqual(a.held());
      }),
    );
  });

  it('takes back a change as if it had never been', () => {
    fc.assert(
      fc.property(world, world, world, (first, second, third) => {
        const [undone, never] = [new Told(), new Told()];
        undone.tell(needsOf(first));
        never.tell(needsOf(first));
        undone.tell(needsOf(second));
        undone.undo();
        expect(undone.held()).toEqual(never.held());
        expect(undone.tell(needsOf(third))).toEqual(never.tell(needsOf(third)));
        expect(undone.held()).toEqual(never.held());
      }),
    );
  });
});
