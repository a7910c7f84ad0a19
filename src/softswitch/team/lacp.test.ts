import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { LACP_STATE, LacpView } from '../../packet/lacp.ts';
import type { LacpLayer } from '../../packet/layer.ts';
import { Lacp, type LacpSettings } from './lacp.ts';

const A: LacpSettings = {
  system: mac('02:00:00:00:00:0a'),
  systemPriority: 65_534,
  key: 1,
  active: true,
  fast: true,
};
const B: LacpSettings = { ...A, system: mac('02:00:00:00:00:0b'), key: 7 };

function viewOf(layer: LacpLayer): LacpView {
  return LacpView.at(frame({ layer: 'eth' }, layer), 14)!;
}

/** Two sides with a cable for each member; a cable that is cut, or loses frames, says nothing to either side. */
class Pair {
  now = 0;
  readonly sides: readonly [Lacp, Lacp];
  readonly cut = new Set<string>();
  /** To which member of the other side a cable leads; to the one of the same name by default. */
  readonly crossed = new Map<string, string>();
  sent = 0;

  constructor(a: LacpSettings, b: LacpSettings, members: readonly string[] = ['eth1', 'eth2']) {
    this.sides = [new Lacp(a), new Lacp(b)];
    for (const side of this.sides) {
      side.setMembers(members);
      for (const name of members) side.setCarrier(name, true, 0);
    }
  }

  /** `loses`: asked for every LACPDU. */
  run(milliseconds: number, loses: () => boolean = () => false, each: () => void = () => {}): void {
    for (const end = this.now + milliseconds; ; ) {
      this.#settle(loses, each);
      const next = Math.min(...this.sides.map((side) => side.nextWake));
      expect(next).toBeGreaterThan(this.now);
      if (next > end) {
        this.now = end;
        return;
      }
      this.now = next;
    }
  }

  /** Sends what is due until nothing is. */
  #settle(loses: () => boolean, each: () => void): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const [i, side] of this.sides.entries()) {
        for (const { member, layer } of side.poll(this.now)) {
          isBusy = true;
          this.sent++;
          const to = this.crossed.get(member) ?? member;
          if (!this.cut.has(member) && !loses()) this.sides[1 - i]!.receive(to, viewOf(layer), this.now);
        }
        each();
      }
    }
  }

  muxes(): string[][] {
    return this.sides.map((side) => side.status().map(({ mux }) => mux));
  }
}

const BOTH = ['distributing', 'distributing'];

describe('LACP', () => {
  it('agrees at once when one side is active', () => {
    for (const [a, b] of [
      [true, true],
      [true, false],
      [false, true],
    ]) {
      const pair = new Pair({ ...A, active: a! }, { ...B, active: b! });
      pair.run(100);
      expect(pair.muxes()).toEqual([BOTH, BOTH]);
      expect(pair.sides.every((side) => side.isNegotiated)).toBe(true);
    }
  });

  it('never speaks when both sides are passive', () => {
    const pair = new Pair({ ...A, active: false }, { ...B, active: false });
    pair.run(120_000);
    expect(pair.sent).toBe(0);
    expect(pair.sides.some((side) => side.isNegotiated)).toBe(false);
  });

  it('sends as often as the other side wants: every second, or every 30', () => {
    for (const [fast, expected] of [
      [true, 60],
      [false, 2],
    ] as const) {
      const pair = new Pair({ ...A, fast: true }, { ...B, fast }, ['eth1']);
      pair.run(5000);
      const before = pair.sent;
      pair.run(60_000);
      // A wants to hear every second in both cases.
      expect(pair.sent - before).toBe(60 + expected);
    }
  });

  it('takes a silent member out after three periods, and forgets the partner three seconds later', () => {
    for (const [fast, patience] of [
      [true, 3000],
      [false, 90_000],
    ] as const) {
      const pair = new Pair({ ...A, fast }, { ...B, fast });
      // A moment at which both have just been heard.
      pair.run(60_000);
      pair.cut.add('eth2');
      const [side] = pair.sides;
      pair.run(patience - 1);
      expect(side.isDistributing('eth2')).toBe(true);
      pair.run(1);
      expect(pair.muxes().map(([, second]) => second)).toEqual(['attached', 'attached']);
      expect(side.status()[1]?.receive).toBe('expired');
      expect([side.isCollecting('eth2'), side.isDistributing('eth1')]).toEqual([false, true]);
      pair.run(3000);
      expect(side.status()[1]).toMatchObject({ receive: 'defaulted', mux: 'detached' });
      expect(side.status()[1]?.actor.state).toBe(0x47 & (fast ? 0xff : 0xfd));
      pair.cut.clear();
      pair.run(31_000);
      expect(pair.muxes()).toEqual([BOTH, BOTH]);
    }
  });

  it('a link that goes down is out at once, on the other side too when it is seen there', () => {
    const pair = new Pair(A, B);
    pair.run(1000);
    for (const side of pair.sides) side.setCarrier('eth1', false, pair.now);
    expect(pair.muxes()).toEqual([
      ['detached', 'distributing'],
      ['detached', 'distributing'],
    ]);
    for (const side of pair.sides) side.setCarrier('eth1', true, pair.now);
    pair.run(100);
    expect(pair.muxes()).toEqual([BOTH, BOTH]);
  });

  it('keeps out a member that leads to another system, whichever comes first', () => {
    const team = new Lacp(A);
    team.setMembers(['eth1', 'eth2']);
    const others = [new Lacp(B), new Lacp({ ...B, system: mac('02:00:00:00:00:0c') })];
    for (const [i, other] of others.entries()) {
      other.setMembers([`eth${i + 1}`, 'spare']);
      for (const side of [other, team]) side.setCarrier(`eth${i + 1}`, true, 0);
    }
    for (let now = 0; now < 5000; now += 100) {
      for (const { member, layer } of team.poll(now)) {
        others[member === 'eth1' ? 0 : 1]!.receive(member, viewOf(layer), now);
      }
      for (const other of others)
        for (const { member, layer } of other.poll(now)) team.receive(member, viewOf(layer), now);
    }
    expect(team.status().filter(({ mux }) => mux === 'distributing')).toHaveLength(1);
    expect(team.status().filter(({ mux }) => mux === 'detached')).toHaveLength(1);
  });

  describe('with partners that say different things by each member', () => {
    /** What a partner that agrees says, and what is different about it. */
    const hears = (team: Lacp, name: string, what: Partial<LacpLayer>, now = 0) => {
      const actor = team.status().find((member) => member.name === name)!.actor;
      const agreed: LacpLayer = {
        layer: 'lacp',
        actor: B.system,
        actorpriority: B.systemPriority,
        actorkey: B.key,
        actorportpriority: 1,
        actorport: 1,
        actorstate: 0x3d,
        partner: actor.system,
        partnerpriority: actor.systemPriority,
        partnerkey: actor.key,
        partnerportpriority: actor.portPriority,
        partnerport: actor.port,
        partnerstate: actor.state,
      };
      team.receive(name, viewOf({ ...agreed, ...what }), now);
    };
    const teamOf = (settings: LacpSettings) => {
      const team = new Lacp(settings);
      team.setMembers(['eth1', 'eth2']);
      for (const name of ['eth1', 'eth2']) team.setCarrier(name, true, 0);
      return team;
    };
    const muxes = (team: Lacp) => team.status().map(({ mux }) => mux);

    it('stays with the one that works already', () => {
      const team = teamOf(A);
      hears(team, 'eth2', {});
      // Its port would come first.
      hears(team, 'eth1', { actor: mac('02:00:00:00:00:0c') });
      expect(muxes(team)).toEqual(['detached', 'distributing']);
    });

    it('joins links with the same key only; the better system says which ones', () => {
      for (const [settings, expected] of [
        [A, ['distributing', 'detached']],
        [{ ...A, systemPriority: 65_535 }, ['detached', 'distributing']],
        [{ ...A, system: mac('02:00:00:00:00:0f') }, ['detached', 'distributing']],
      ] as const) {
        const team = teamOf(settings);
        // To us eth1 comes first, to the partner eth2: its port has the lower priority there.
        hears(team, 'eth1', { actorportpriority: 9 });
        hears(team, 'eth2', { actorportpriority: 3 });
        expect(muxes(team)).toEqual(BOTH);
        hears(team, 'eth2', { actorportpriority: 3, actorkey: 8 });
        expect(muxes(team)).toEqual(expected);
      }
    });

    it('asks for a silent partner every second, and for one at a new link when it is active', () => {
      for (const active of [true, false]) {
        const team = teamOf({ ...A, active, fast: false });
        expect(team.status().map(({ receive }) => receive)).toEqual(
          Array(2).fill(active ? 'expired' : 'defaulted'),
        );
        hears(team, 'eth1', {});
        let sent: number[] = [];
        for (let now = 0; now <= 100_000; now += 500) {
          sent.push(...team.poll(now).flatMap(({ member }) => (member === 'eth1' ? now : [])));
        }
        sent = sent.filter((now) => now >= 90_000);
        // At the end of its patience, then for three seconds more; a passive side gives up then.
        expect(sent.slice(0, 4)).toEqual([90_000, 91_000, 92_000, ...(active ? [93_000] : [])]);
      }
    });
  });

  it('does not aggregate what leads back to itself, nor what the partner calls individual', () => {
    const looped = new Pair(A, A);
    looped.run(10_000);
    expect(looped.muxes().flat()).toEqual(Array(4).fill('detached'));

    const pair = new Pair(A, B);
    const individual = (layer: LacpLayer) => ({
      ...layer,
      actorstate: layer.actorstate! & ~LACP_STATE.AGGREGATION,
    });
    const [a, b] = pair.sides;
    for (let now = 0; now < 3000; now += 100) {
      for (const { member, layer } of a.poll(now)) b.receive(member, viewOf(layer), now);
      for (const { member, layer } of b.poll(now)) a.receive(member, viewOf(individual(layer)), now);
    }
    expect(a.status().map(({ mux }) => mux)).toEqual(['distributing', 'detached']);
  });

  it('believes no partner that takes it for another', () => {
    const pair = new Pair(A, B, ['eth1']);
    const [a, b] = pair.sides;
    for (let now = 0; now < 3000; now += 100) {
      for (const { member, layer } of a.poll(now)) b.receive(member, viewOf(layer), now);
      for (const { member, layer } of b.poll(now))
        a.receive(member, viewOf({ ...layer, partner: mac('02:00:00:00:00:0f') }), now);
    }
    expect(a.status()[0]?.mux).toBe('attached');
  });

  it('sends three a second at most, whatever it hears', () => {
    const side = new Lacp(A);
    side.setMembers(['eth1']);
    side.setCarrier('eth1', true, 0);
    let sent = 0;
    for (let now = 0; now < 10_000; now += 10) {
      // Somebody who never has the right picture of us.
      side.receive('eth1', viewOf({ layer: 'lacp', actor: B.system, actorkey: 1, actorstate: 0x07 }), now);
      sent += side.poll(now).length;
    }
    expect(sent).toBeGreaterThan(20);
    expect(sent).toBeLessThanOrEqual(33);
  });

  it('converges when the link stops losing, and never sends to who is not in sync', () => {
    const settings = fc.record({ active: fc.boolean(), fast: fc.boolean() });
    fc.assert(
      fc.property(
        settings,
        settings,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        fc.boolean(),
        (a, b, loss, chance, isCrossed) => {
          fc.pre(a.active || b.active);
          const pair = new Pair({ ...A, ...a }, { ...B, ...b });
          // Cables may lead to the ports in another order.
          if (isCrossed)
            for (const [one, other] of [['eth1', 'eth2'] as const]) {
              pair.crossed.set(one, other);
              pair.crossed.set(other, one);
            }
          const draw = () => chance.next().value < loss;
          const isSound = () => {
            for (const side of pair.sides)
              for (const { mux, partner, receive } of side.status()) {
                if (mux !== 'distributing') continue;
                const needed = LACP_STATE.SYNCHRONIZATION | LACP_STATE.COLLECTING;
                expect(partner.state & needed).toBe(needed);
                expect(receive).toBe('current');
              }
          };
          pair.run(100_000, draw, isSound);
          pair.run(95_000, () => false, isSound);
          expect(pair.muxes()).toEqual([BOTH, BOTH]);
        },
      ),
      { numRuns: 40 },
    );
  });
});
