// Shares of an uplink as queues: every minimum fits, weights are told apart, and nobody's queue changes with another's.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seed } from '../../../test/support/seed.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import { queueOf, queuesOf } from './qos.ts';

const CAPACITY = 1_000_000;

const port = fc
  .record({
    number: fc.integer({ min: 0x1000, max: 0xfeff }),
    minimumKbps: fc.nat(10_000),
    weight: fc.nat(100),
    maximumKbps: fc.integer({ min: 10_000, max: 2 * CAPACITY }),
  })
  .map(({ number, ...bandwidth }) => {
    const spec: PortSpec = {
      type: 'vif',
      name: `v${number}`,
      id: 'v',
      vlan: { mode: 'access', tag: 1 },
      bandwidth,
    };
    return { number, spec, bandwidth };
  });
const ports = fc.uniqueArray(port, { selector: ({ number }) => number, maxLength: 20 });

const rate = (
  columns: ReturnType<typeof queuesOf> extends ReadonlyMap<number, infer C> ? C | undefined : never,
  key: string,
) => Number(columns?.other_config?.[key]);

describe('queues of an uplink', () => {
  it('give every port its minimum and its maximum, and have a number that linux-htb has', () => {
    fc.assert(
      fc.property(ports, (all) => {
        const queues = queuesOf(CAPACITY, all);
        expect(queues.size).toBe(all.length + 1);
        for (const each of all) {
          const queue = queueOf(each) ?? 0;
          expect(queue).toBeGreaterThan(0);
          expect(queue).toBeLessThan(0xf000);
          const columns = queues.get(queue);
          expect(rate(columns, 'min-rate')).toBeGreaterThanOrEqual(each.bandwidth.minimumKbps * 1000);
          expect(rate(columns, 'max-rate')).toBe(Math.min(CAPACITY, each.bandwidth.maximumKbps) * 1000);
          expect(rate(columns, 'min-rate')).toBeLessThanOrEqual(CAPACITY * 1000);
          // Nobody else matters.
          expect(queuesOf(CAPACITY, [each]).get(queue)).toEqual(columns);
        }
      }),
      { seed },
    );
  });

  it('a port without a bandwidth has none of its own', () => {
    const spec: PortSpec = { type: 'vif', name: 'v', id: 'v', vlan: { mode: 'access', tag: 1 } };
    expect(queueOf({ number: 0x1000, spec })).toBeUndefined();
    expect([...queuesOf(CAPACITY, [{ number: 0x1000, spec }]).keys()]).toEqual([0]);
  });
});
