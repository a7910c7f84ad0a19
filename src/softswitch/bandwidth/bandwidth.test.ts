/** Senders on a link in simulated time: everybody gets what is his, nobody more. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rig } from '../../../test/support/softswitch-rig.ts';
import type { Bandwidth } from '../../flow/bandwidth.ts';
import type { PortSpec, PortVlan } from '../../flow/datapath.ts';
import { newBatch } from '../batch.ts';
import { LinkShare } from './link-share.ts';
import { TokenBucket } from './token-bucket.ts';

/** Simulated milliseconds. */
const TIME = 3000;
/** As in link-share.ts: what a share holds, in bits. */
const holdOf = (capacity: number) => Math.max(65_536 * 8, capacity * 2);

interface Sender {
  readonly bandwidth: Bandwidth;
  /** What it wants to send, kbit/s, in frames of so many bytes. */
  readonly offered: number;
  readonly frame: number;
}

/** Bits that each of the senders got through in TIME; the link is theirs as ports 1, 2 … */
function run(capacity: number, senders: readonly Sender[]): number[] {
  const link = new LinkShare(0);
  link.configure(capacity, new Map(senders.map(({ bandwidth }, i) => [i + 1, bandwidth])), 0);
  const got = senders.map(() => 0);
  // When each sender's next frame comes; they take turns as time says.
  const next = senders.map((_, i) => i / 100);
  for (;;) {
    const i = next.indexOf(Math.min(...next));
    const now = next[i]!;
    if (!(now < TIME)) return got;
    const { offered, frame } = senders[i]!;
    if (link.take(i + 1, frame, now)) got[i]! += frame * 8;
    next[i] = now + (frame * 8) / offered;
  }
}

const CAPACITY = 20_000;
const frame = fc.constantFrom(200, 1000, 1514);

describe('a policer', () => {
  it('lets through burst + rate × time at most, and as much when it is offered', () => {
    const policing = fc.record({
      rateKbps: fc.integer({ min: 100, max: 50_000 }),
      burstKb: fc.integer({ min: 20, max: 400 }),
    });
    fc.assert(
      fc.property(
        policing,
        fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 300 }),
        (p, gaps) => {
          const bucket = new TokenBucket(p, 0);
          const gap = 8000 / p.rateKbps;
          let now = 0;
          let bits = 0;
          for (const g of gaps) {
            now += (g * gap) / 4;
            if (bucket.take(1000, now)) bits += 8000;
            expect(bits).toBeLessThanOrEqual(p.burstKb * 1000 + p.rateKbps * now + 1e-3);
          }
          // Steadily at its rate, nothing is lost.
          for (let i = 1; i <= 50; i++) expect(bucket.take(1000, now + i * gap * 1.001)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has a bucket of 8000 kbit where none is said, as Open vSwitch has', () => {
    const bucket = new TokenBucket({ rateKbps: 1, burstKb: 0 }, 0);
    let frames = 0;
    while (bucket.take(1000, 0)) frames++;
    expect(frames).toBe(1000);
  });
});

describe('a shared link', () => {
  const sender: fc.Arbitrary<Sender> = fc
    .record({
      minimumKbps: fc.integer({ min: 0, max: 4000 }),
      weight: fc.integer({ min: 0, max: 100 }),
      ceiling: fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined }),
      offered: fc.constantFrom(100, 1000, 3000, 8000, 30_000),
      frame,
    })
    .map(({ minimumKbps, weight, ceiling, offered, frame }) => ({
      bandwidth: {
        minimumKbps,
        weight,
        ...(ceiling === undefined ? {} : { maximumKbps: minimumKbps + ceiling + 1 }),
      },
      offered,
      frame,
    }));

  it('gives every sender its minimum, none more than its maximum, and all together no more than it has', () => {
    fc.assert(
      fc.property(fc.array(sender, { minLength: 1, maxLength: 5 }), (senders) => {
        const hold = holdOf(CAPACITY);
        const got = run(CAPACITY, senders);
        for (const [i, { bandwidth, offered, frame }] of senders.entries()) {
          const wanted = Math.min(offered, bandwidth.minimumKbps ?? 0) * TIME;
          expect(got[i]!).toBeGreaterThanOrEqual(wanted - 2 * frame * 8);
          const most = (bandwidth.maximumKbps ?? CAPACITY) * TIME + hold;
          expect(got[i]!).toBeLessThanOrEqual(most + 1e-3);
        }
        const all = got.reduce((a, b) => a + b, 0);
        expect(all).toBeLessThanOrEqual(CAPACITY * TIME + senders.length * 2 * hold + 1e-3);
      }),
      { numRuns: 60 },
    );
  });

  it('wastes nothing that somebody wants', () => {
    fc.assert(
      fc.property(fc.array(sender, { minLength: 1, maxLength: 5 }), (senders) => {
        const greedy: Sender = { bandwidth: { weight: 1 }, offered: 3 * CAPACITY, frame: 1000 };
        const got = run(CAPACITY, [...senders, greedy]);
        expect(got.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(CAPACITY * TIME);
      }),
      { numRuns: 60 },
    );
  });

  it('shares by weight among those who always want more, give or take what a share holds', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.array(frame, { minLength: 5, maxLength: 5 }), (list, frames) => {
        const hold = holdOf(CAPACITY);
        const senders = list.map((weight, i) => ({
          bandwidth: { weight },
          offered: 3 * CAPACITY,
          frame: frames[i]!,
        }));
        const got = run(CAPACITY, senders);
        const total = list.reduce((a, b) => a + b, 0);
        for (const [i, weight] of list.entries()) {
          // What it got = what its share held at first + what was dealt to it by weight - what the share holds in the
          // end; a share is not full while its sender always wants more.
          const due = (CAPACITY * TIME * weight) / total;
          expect(Math.abs(got[i]! - due)).toBeLessThanOrEqual(hold + frames[i]! * 8 + 3 * CAPACITY);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('leaves to a sparse sender what is his while others take all they can', () => {
    const sparse: Sender = { bandwidth: { weight: 50 }, offered: 200, frame: 1514 };
    const greedy: Sender = { bandwidth: { weight: 50 }, offered: 100_000, frame: 1514 };
    const [got] = run(CAPACITY, [sparse, greedy, greedy]);
    expect(got).toBeGreaterThanOrEqual(200 * TIME - 1514 * 8);
  });

  it('goes on with what it has when somebody comes or goes', () => {
    const link = new LinkShare(0);
    const senders = new Map<number, Bandwidth>([[7, { maximumKbps: 1000 }]]);
    link.configure(CAPACITY, senders, 0);
    while (link.take(7, 1000, 0));
    link.configure(CAPACITY, new Map([...senders, [9, {}]]), 0);
    expect(link.take(7, 1000, 0)).toBe(false);
    expect(link.take(9, 1000, 0)).toBe(true);
    // Who has no bandwidth is not counted.
    for (let i = 0; i < 10_000; i++) expect(link.take(3, 1500, 0)).toBe(true);
  });
});

const TRUNK: PortVlan = { mode: 'trunk', trunks: [] };
const FRAME = new Uint8Array([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, ...new Uint8Array(986)]);

/** Ports a and b send out by an uplink of 8 Mbit/s: a frame a millisecond. */
async function rigged(
  words: Record<'a' | 'b', object>,
  capacityKbps: number | undefined,
  cache = true,
): Promise<Rig> {
  const rig = new Rig(cache ? {} : { cache: false });
  for (const name of ['a', 'b'] as const)
    await rig.port({ type: 'vif', name, id: name, vlan: TRUNK, ...words[name] } as PortSpec);
  const limit = capacityKbps === undefined ? {} : { capacityKbps };
  await rig.port({
    ...{ type: 'uplink', name: 'up', nics: ['nic'], mode: 'active-backup', lacp: 'off', vlan: TRUNK },
    ...limit,
  } as PortSpec);
  await rig.flows('table=0,in_port=1,actions=output:3', 'table=0,in_port=2,actions=output:3,output:1');
  return rig;
}

describe('ports', () => {
  it.each([true, false])(
    'are policed as they come in, whatever becomes of the frame (cache: %s)',
    async (cache) => {
      const rig = await rigged({ a: { policing: { rateKbps: 800, burstKb: 80 } }, b: {} }, undefined, cache);
      for (let i = 0; i < 100; i++) rig.inject('a', FRAME);
      expect(rig.taken('nic').length).toBe(10);
      const batch = newBatch(new Uint8Array(2000));
      batch.bytes.set(FRAME, 500);
      for (batch.count = 0; batch.count < 5; batch.count++) {
        batch.at[batch.count] = 500;
        batch.length[batch.count] = FRAME.length;
      }
      batch.headroom = 0;
      rig.clock.advance(20);
      rig.at('a').receiveBatch(batch);
      expect(rig.taken('nic').length).toBe(2);
      expect(rig.datapath.limitDrops('a')).toEqual({ policed: 93n, overShare: 0n });
      for (let i = 0; i < 100; i++) rig.inject('b', FRAME);
      expect(rig.taken('nic').length).toBe(100);
      expect((await rig.datapath.dumpFlows())[0]?.packets).toBe(12n);
    },
  );

  it.each([true, false])(
    'share an uplink, by the port that a frame came in by (cache: %s)',
    async (cache) => {
      const rig = await rigged(
        { a: { bandwidth: { weight: 3 } }, b: { bandwidth: { weight: 1 } } },
        8000,
        cache,
      );
      let local = 0;
      const got = { a: 0, b: 0 };
      for (let ms = 0; ms < 2000; ms++) {
        rig.clock.advance(1);
        for (const name of ['a', 'b'] as const) {
          for (let i = 0; i < 3; i++) rig.inject(name, FRAME);
          got[name] += rig.taken('nic').length;
        }
        local += rig.taken('a').length;
      }
      // 2000 frames in all, and what a share holds at first: 65 frames.
      expect(Math.abs(got.a - 1500)).toBeLessThanOrEqual(70);
      expect(Math.abs(got.b - 500)).toBeLessThanOrEqual(70);
      // What goes elsewhere is not the uplink's business.
      expect(local).toBe(6000);
      expect(rig.datapath.limitDrops('b').overShare).toBe(6000n - BigInt(got.b));
    },
  );

  it('are refused where the minimums do not fit', async () => {
    const rig = await rigged({ a: { bandwidth: { minimumKbps: 5000 } }, b: {} }, 8000);
    const b = { type: 'vif', name: 'b', id: 'b', vlan: TRUNK } as const;
    const refused = (bandwidth: Bandwidth) =>
      expect(rig.datapath.setPort({ ...b, bandwidth })).rejects.toThrow();
    await refused({ minimumKbps: 3001 });
    await refused({ minimumKbps: 3000, maximumKbps: 2000 });
    await refused({ weight: 101 });
    await refused({ weight: Number.NaN });
    await expect(rig.datapath.setPort({ ...b, policing: { rateKbps: 0, burstKb: 1 } })).rejects.toThrow();
    await rig.datapath.setPort({ ...b, bandwidth: { minimumKbps: 3000 } });
  });
});
