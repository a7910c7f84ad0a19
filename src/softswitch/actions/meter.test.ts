import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMeter } from '../../flow/parse-group.ts';
import { MeterTable, newMeter, rememberMeter, takeTokens, takeTokensOfAll } from './meter.ts';

const meter = (text: string, now = 0) => newMeter(parseMeter(`meter=1,${text}`), now);

describe('takeTokens', () => {
  it('lets the burst pass at once, and then the rate', () => {
    const entry = meter('pktps,burst,stats,bands=type=drop,rate=10,burst_size=4');
    const passed = (count: number, now: number) =>
      Array.from({ length: count }, () => takeTokens(entry, 100, now)).filter(Boolean).length;
    expect(passed(10, 0)).toBe(4);
    expect(passed(10, 99)).toBe(0);
    expect(passed(10, 100)).toBe(1);
    expect(passed(10, 60_000)).toBe(4);
  });

  it('comes to the same for frames together, when none of them is refused', () => {
    const bands = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), {
      minLength: 1,
      maxLength: 3,
    });
    const lengths = fc.array(fc.integer({ min: 60, max: 1500 }), { minLength: 1, maxLength: 8 });
    const runs = fc.array(fc.tuple(fc.nat(2000), lengths), { maxLength: 20 });
    let together = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom('pktps', 'kbps'), bands, runs, (unit, some, list) => {
        const texts = some.map(([rate, burst]) => `type=drop,rate=${rate},burst_size=${burst}`);
        const [all, each] = [0, 0].map(() => meter(`${unit},burst,stats,bands=${texts.join(',')}`));
        let now = 0;
        for (const [pause, run] of list) {
          now += pause;
          const bytes = run.reduce((sum, length) => sum + length);
          const before = structuredClone(all!.bands);
          const isTaken = takeTokensOfAll(all!, run.length, bytes, now);
          if (!isTaken) expect(all!.bands).toEqual(before);
          const passed = run.map((length) => takeTokens(each!, length, now));
          expect(isTaken).toBe(passed.every(Boolean));
          if (isTaken) together++;
          else refused++;
          if (!isTaken) for (const length of run) takeTokens(all!, length, now);
          expect(all).toEqual(each);
        }
      }),
    );
    expect(together).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it('never passes more than burst and rate allow, whatever the times', () => {
    const frames = fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 60, max: 1500 })), { maxLength: 200 });
    const bands = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(fc.constantFrom('pktps', 'kbps'), bands, frames, (unit, [rate, burst], list) => {
        const entry = meter(`${unit},burst,stats,bands=type=drop,rate=${rate},burst_size=${burst}`);
        let now = 0;
        let passed = 0;
        for (const [pause, length] of list) {
          now += pause;
          if (takeTokens(entry, length, now)) passed += unit === 'pktps' ? 1000 : length * 8;
        }
        expect(passed).toBeLessThanOrEqual(burst * 1000 + now * rate);
        const [band] = entry.bands;
        expect(entry.counters.packets).toBe(BigInt(list.length));
        expect(band!.tokens).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('counts a frame for the fastest band that it exceeds, and takes from those that have enough', () => {
    const entry = meter(
      'pktps,burst,stats,bands=type=drop,rate=1,burst_size=1,type=drop,rate=5,burst_size=1,type=drop,rate=2,burst_size=3',
    );
    const passed = [0, 1, 2, 3].map(() => takeTokens(entry, 60, 0));
    expect(passed).toEqual([true, false, false, false]);
    expect(entry.bands.map((band) => band.counters.packets)).toEqual([0n, 3n, 0n]);
    // The third band gave its tokens to the second and third frame too.
    expect(entry.bands[2]!.tokens).toBe(0);
  });

  it('may leave a bucket a little short, as Open vSwitch does', () => {
    const entry = meter('pktps,burst,stats,bands=type=drop,rate=3,burst_size=1');
    expect(takeTokens(entry, 60, 0)).toBe(true);
    // 333 milliseconds count at most, which is 999 tokens.
    expect(takeTokens(entry, 60, 100_000)).toBe(false);
    expect(takeTokens(entry, 60, 100_001)).toBe(true);
  });

  it('does nothing when time goes back', () => {
    const entry = meter('kbps,stats,bands=type=drop,rate=1', 5000);
    expect(takeTokens(entry, 125, 4000)).toBe(true);
    expect(takeTokens(entry, 125, 4000)).toBe(false);
  });

  it('can be taken back', () => {
    const entry = meter('pktps,stats,bands=type=drop,rate=1');
    const before = structuredClone({ ...entry });
    const undo = rememberMeter(entry);
    takeTokens(entry, 60, 10);
    takeTokens(entry, 60, 10);
    expect(entry.bands[0]!.counters.packets).toBe(1n);
    undo();
    expect({ ...entry }).toEqual(before);
  });
});

describe('MeterTable', () => {
  it('begins anew with a meter that changes, and keeps the entry that recipes hold', () => {
    const meters = new MeterTable();
    meters.set(parseMeter('meter=1,pktps,stats,bands=type=drop,rate=1'), 0);
    const entry = meters.get(1)!;
    takeTokens(entry, 60, 0);
    meters.set(parseMeter('meter=1,pktps,stats,bands=type=drop,rate=2'), 0);
    expect(meters.get(1)).toBe(entry);
    expect(meters.dump()).toMatchObject([{ packets: 0n, bands: [{ packets: 0n }] }]);
    expect([takeTokens(entry, 60, 0), takeTokens(entry, 60, 0), takeTokens(entry, 60, 0)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
