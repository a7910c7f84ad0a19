import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gate } from '../cache/gate.ts';
import { ExpiryQueue } from './expiry.ts';
import { endOf, LearnGate, type Lifetime, newLifetime, shorten, UseGate } from './lifetime.ts';

interface Item {
  readonly name: number;
  readonly life: Lifetime | undefined;
}

describe('Lifetime', () => {
  it('ends after the shorter of its timeouts, and has its last millisecond', () => {
    const life = newLifetime(3, 10, 1000);
    expect(endOf(life)).toBe(4000);
    life.used = 9000;
    expect(endOf(life)).toBe(11_000);
    expect(endOf(newLifetime(0, 0, 5))).toBe(Number.POSITIVE_INFINITY);
  });

  it('is shortened, never made longer', () => {
    const life = newLifetime(0, 5, 0);
    shorten(life, 7, 9);
    expect([life.idle, life.hard]).toEqual([7, 5]);
    shorten(life, 0, 2);
    expect([life.idle, life.hard]).toEqual([7, 2]);
  });

  it('is kept up by a recipe that counts for it, and begun anew by one that learns it', () => {
    const life = newLifetime(2, 3, 0);
    const [use, learn] = [new UseGate(life), new LearnGate(life)];
    const at = (gate: Gate, now: number) => gate.holds(new Uint8Array(0), 0, 0, now);
    expect([at(use, 2000), life.used, at(learn, 2500), life.modified]).toEqual([true, 2000, true, 2500]);
    expect([at(use, 4000), at(use, 5501), at(learn, 5501)]).toEqual([true, false, false]);
    life.isOver = true;
    expect(at(use, 4001)).toBe(false);
  });
});

describe('ExpiryQueue', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('add' as const), idle: fc.nat(3), hard: fc.nat(5) }),
    fc.record({ type: fc.constant('use' as const), which: fc.nat(20) }),
    fc.record({ type: fc.constant('shorten' as const), which: fc.nat(20), idle: fc.nat(2), hard: fc.nat(2) }),
    fc.record({ type: fc.constant('remove' as const), which: fc.nat(20) }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 1000, 1001, 4000) }),
  );

  it('finds what is over, all of it, and nothing else', () => {
    let over = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const queue = new ExpiryQueue<Item>();
        const items: Item[] = [];
        let now = 0;
        for (const s of steps) {
          const item = 'which' in s ? items[s.which % Math.max(1, items.length)] : undefined;
          if (s.type === 'add') {
            const made = { name: items.length, life: newLifetime(s.idle, s.hard, now) };
            items.push(made);
            queue.watch(made);
          } else if (s.type === 'wait') {
            now += s.ms;
            const due = queue.due(now);
            const expected = items.filter(({ life }) => life && !life.isOver && endOf(life) < now);
            expect(due.map(({ name }) => name).sort()).toEqual(expected.map(({ name }) => name).sort());
            for (const { life } of due) if (life) life.isOver = true;
            over += due.length;
          } else if (item?.life && !item.life.isOver) {
            if (s.type === 'use') item.life.used = now;
            if (s.type === 'remove') item.life.isOver = true;
            if (s.type === 'shorten') {
              shorten(item.life, s.idle, s.hard);
              queue.watch(item);
            }
          }
        }
      }),
    );
    expect(over).toBeGreaterThan(100);
  });

  it('does not watch what never ends', () => {
    const queue = new ExpiryQueue<Item>();
    queue.watch({ name: 1, life: undefined });
    queue.watch({ name: 2, life: newLifetime(0, 0, 0) });
    expect(queue.due(1e12)).toEqual([]);
  });
});
