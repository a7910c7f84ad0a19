import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { ip } from '../packet/address.ts';
import { askRegularly, NeighbourSchedule } from './neighbour-schedule.ts';
import type { Neighbour } from './neighbours.ts';

const neighbour = (n: number): Neighbour => ({
  logicalNetwork: 'Fabric',
  address: ip(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`),
});
const MANY = Array.from({ length: 1000 }, (_, n) => neighbour(n));
const ONE = [neighbour(1)];
const MINUTE = 60_000;

/** When a schedule asks, until this moment, by what it says itself. */
function timesOf(schedule: NeighbourSchedule, until: number): { at: number; count: number }[] {
  const times: { at: number; count: number }[] = [];
  for (let at = schedule.next(); at !== undefined && at <= until; at = schedule.next())
    times.push({ at, count: schedule.take(at).length });
  return times;
}

describe('a neighbour', () => {
  it('is asked at once, a few times in the first minutes, and then every four minutes', () => {
    const schedule = new NeighbourSchedule(() => 0);
    schedule.set(ONE, 1000);
    const seconds = timesOf(schedule, 20 * MINUTE).map(({ at }) => (at - 1000) / 1000);
    expect(seconds).toEqual([0, 1, 5, 20, 80, 320, 560, 800, 1040]);
  });

  it('keeps its turn when others come, is forgotten when it goes, and is new when it comes back', () => {
    const schedule = new NeighbourSchedule(() => 0);
    schedule.set(ONE, 0);
    expect(schedule.take(0)).toEqual(ONE);
    schedule.set([...ONE, neighbour(2)], 500);
    expect(schedule.take(500)).toEqual([neighbour(2)]);
    expect(schedule.next()).toBe(1000);
    schedule.set([], 600);
    expect(schedule.next()).toBeUndefined();
    schedule.set(ONE, 700);
    expect(schedule.take(700)).toEqual(ONE);
  });

  it('is asked anew at once when the switch has forgotten it', () => {
    const schedule = new NeighbourSchedule(() => 0);
    schedule.set(ONE, 0);
    timesOf(schedule, 10 * MINUTE);
    schedule.again(11 * MINUTE);
    expect(schedule.take(11 * MINUTE)).toEqual(ONE);
    expect(schedule.next()).toBe(11 * MINUTE + 1000);
  });
});

describe('a thousand neighbours', () => {
  it('are asked within four seconds, never more than fifty at a time', () => {
    const schedule = new NeighbourSchedule(() => 0.5);
    schedule.set(MANY, 0);
    const asked = new Set<Neighbour>();
    for (let at = 0; at < 4000; at = schedule.next() ?? Number.POSITIVE_INFINITY) {
      const now = schedule.take(at);
      expect(now.length).toBeLessThanOrEqual(50);
      for (const each of now) asked.add(each);
    }
    expect(asked.size).toBe(1000);
  });

  it('are asked often enough never to be forgotten, and spread out', () => {
    let state = 1;
    const random = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const schedule = new NeighbourSchedule(random);
    schedule.set(MANY, 0);
    const last = new Map<Neighbour, number>();
    const perSecond = new Map<number, number>();
    let longest = 0;
    for (let at = schedule.next(); at !== undefined && at <= 20 * MINUTE; at = schedule.next()) {
      for (const each of schedule.take(at)) {
        longest = Math.max(longest, at - (last.get(each) ?? at));
        last.set(each, at);
        const second = Math.floor(at / 1000);
        perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
      }
    }
    expect(last.size).toBe(1000);
    expect(longest).toBeLessThan(5 * MINUTE);
    const later = [...perSecond].filter(([second]) => second > 600).map(([, count]) => count);
    expect(Math.max(...later)).toBeLessThan(50);
  });
});

describe('asking regularly', () => {
  it('follows what the agent says of its neighbours, until it ends', () => {
    const clock = new FakeClock();
    const asked: string[] = [];
    let neighbours: readonly Neighbour[] = [];
    let tell: (what: 'changed' | 'forgotten') => void = () => {};
    const end = askRegularly(
      {
        neighbours: () => neighbours,
        onNeighbours: (handler) => {
          tell = handler;
        },
        ask: async (whom) => void asked.push(...whom.map(({ address }) => `${clock.now()} ${address}`)),
      },
      clock,
      () => 0,
    );
    clock.advance(1000);
    expect(asked).toEqual([]);
    neighbours = ONE;
    tell('changed');
    clock.advance(1500);
    tell('forgotten');
    expect(asked).toEqual(['1000 10.0.0.1', '2000 10.0.0.1', '2500 10.0.0.1']);
    end();
    tell('forgotten');
    clock.advance(10 * MINUTE);
    expect(asked).toHaveLength(3);
  });
});
