import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { flowOf, output } from '../../flow/actions.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import { matchOf } from '../../flow/match.ts';
import { ipv4, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { toHex } from '../../packet/bytes.ts';
import { formatFrame } from '../../packet/notation.ts';
import { parseFrame } from '../../packet/parse.ts';
import type { SwitchEvent } from '../events.ts';
import { type Attachment, SoftSwitch } from '../switch.ts';
import type { TeamMode } from './bond.ts';

const TRUNK = { mode: 'trunk', trunks: [] } as const;
const GUEST = [mac('02:00:00:00:00:0a'), mac('02:00:00:00:00:0b')] as const;
const NICS = ['eth1', 'eth2'] as const;

/** A frame from guest 0 to guest 1; `flow` tells flows apart. */
function datagram(from: 0 | 1, flow: number): Uint8Array {
  const addresses = [ipv4('10.0.0.5'), ipv4('10.0.0.7')] as const;
  return frame(
    { layer: 'eth', src: GUEST[from], dst: GUEST[1 - from]! },
    { layer: 'ipv4', src: addresses[from], dst: addresses[1 - from]! },
    { layer: 'udp', sport: 1000 + flow, dport: 2000 },
    { layer: 'data', bytes: new Uint8Array(20) },
  );
}

/** Two switches with a guest each, and a cable between each two NICs of their teams. */
class Link {
  readonly clock = new FakeClock();
  readonly switches = [0, 1].map(
    (i) =>
      new SoftSwitch({
        now: () => this.clock.now(),
        system: mac(`02:00:00:00:01:0${i}`),
        onWake: () => this.#arm(),
      }),
  );
  readonly received: [Uint8Array[], Uint8Array[]] = [[], []];
  readonly guests: Attachment[] = [];
  readonly ends: Attachment[][] = [[], []];
  /** Cables that let nothing through, although there is a link. */
  readonly silent = new Set<number>();
  /** Which cable each frame of a guest went by. */
  readonly used = new Map<string, number>();
  #armed: () => void = () => {};

  async open(mode: TeamMode, lacp: readonly ['off' | 'active' | 'passive', 'off' | 'active' | 'passive']) {
    for (const i of [0, 1] as const) {
      const sw = this.switches[i]!;
      const vif: PortSpec = { type: 'vif', name: 'guest', id: 'guest', vlan: TRUNK };
      await sw.setPort(vif);
      await sw.setPort({ type: 'uplink', name: 'up', nics: NICS, mode, lacp: lacp[i], vlan: TRUNK });
      await sw.applyFlows({
        add: [flowOf({ table: 0, priority: 0, match: matchOf({}), actions: [output('normal')] })],
        remove: [],
      });
      this.guests[i] = sw.attach('guest', undefined, (bytes) => this.received[i].push(bytes));
    }
    for (const i of [0, 1] as const)
      for (const [n, nic] of NICS.entries())
        this.ends[i]![n] = this.switches[i]!.attach('up', nic, (bytes) => {
          if (!parseFrame(bytes).lacp) this.used.set(toHex(bytes), n);
          if (!this.silent.has(n)) this.ends[1 - i]?.[n]?.receive(bytes);
        });
    return this;
  }

  /** As a host does it: wakes each switch when it wants to be woken. */
  run(milliseconds: number): void {
    this.clock.advance(milliseconds);
  }

  #arm(): void {
    this.#armed();
    const wake = Math.min(...this.switches.map((sw) => sw.nextWake));
    if (wake === Number.POSITIVE_INFINITY) return;
    this.#armed = this.clock.after(wake - this.clock.now(), () => {
      for (const sw of this.switches) if (sw.nextWake <= this.clock.now()) sw.poll();
    });
  }

  /** How many of so many flows from each guest arrive. */
  arrive(flows = 16): readonly number[] {
    for (const list of this.received) list.length = 0;
    this.used.clear();
    for (let flow = 0; flow < flows; flow++)
      for (const i of [0, 1] as const) this.guests[i]!.receive(datagram(i, flow));
    return this.received.map((list) => list.length);
  }

  muxes(): (string | undefined)[][] {
    return this.switches.map((sw) => sw.teamStatus('up').members.map(({ lacp }) => lacp?.mux));
  }
}

describe('two switches with LACP between their teams', () => {
  it('carry nothing before they agree, and everything from then on, by all members', async () => {
    const link = await new Link().open('balance-tcp', ['active', 'passive']);
    expect(link.arrive()).toEqual([0, 0]);
    link.run(100);
    expect(link.muxes().flat()).toEqual(Array(4).fill('distributing'));
    expect(link.arrive()).toEqual([16, 16]);
    expect(new Set(link.used.values())).toEqual(new Set([0, 1]));
  });

  it('take a silent member out within three seconds, and back when it speaks again', async () => {
    const link = await new Link().open('balance-tcp', ['active', 'active']);
    link.run(10_000);
    expect(link.arrive()).toEqual([16, 16]);
    link.silent.add(1);
    // Frames that the cache knows go by the member that is lost, until it is known to be.
    link.run(3000);
    expect(link.muxes()).toEqual([
      ['distributing', 'attached'],
      ['distributing', 'attached'],
    ]);
    expect(link.arrive()).toEqual([16, 16]);
    expect(new Set(link.used.values())).toEqual(new Set([0]));
    link.silent.clear();
    link.run(3000);
    expect(link.muxes().flat()).toEqual(Array(4).fill('distributing'));
    link.arrive();
    expect(new Set(link.used.values())).toEqual(new Set([0, 1]));
  });

  it('carry nothing when nobody answers, and say why', async () => {
    const link = await new Link().open('balance-tcp', ['active', 'off']);
    const events: SwitchEvent[] = [];
    link.run(10_000);
    link.switches[0]!.observe((event) => events.push(event));
    link.guests[0]!.receive(datagram(0, 1));
    expect(events).toContainEqual(expect.objectContaining({ type: 'drop', reason: 'team-not-agreed' }));
    expect(link.switches[0]!.teamStatus('up')).toMatchObject({ lacp: 'configured', active: undefined });
    expect(link.switches[1]!.teamStatus('up')).toMatchObject({ lacp: 'off' });
  });

  it('keep LACP to themselves: no flow sees it, no port gets it, and the flow cache does not take it for another', async () => {
    const link = await new Link().open('balance-slb', ['active', 'active']);
    const [sw] = link.switches;
    const flood = flowOf({ table: 0, priority: 9, match: matchOf({}), actions: [output(1)] });
    await sw!.applyFlows({ add: [flood], remove: [] });
    link.run(1000);
    link.received[0].length = 0;
    // The cache has a rule for frames of no protocol that it knows, to a group, now.
    link.ends[0]![0]!.receive(
      frame(
        { layer: 'eth', src: GUEST[1], dst: mac('01:80:c2:00:00:20') },
        { layer: 'data', bytes: new Uint8Array(50) },
      ),
    );
    expect(link.received[0]).toHaveLength(1);
    const before = sw!.teamStatus('up').members[0]!.lacp!.receive;
    link.run(60_000);
    expect([before, sw!.teamStatus('up').members[0]!.lacp!.receive]).toEqual(['current', 'current']);
    expect(link.received[0]).toHaveLength(1);
    expect((await sw!.dumpFlows())[0]?.packets).toBe(1n);
  });

  it('ask for nothing when there is nothing to do', async () => {
    const link = await new Link().open('active-backup', ['off', 'off']);
    expect(link.switches.map((sw) => sw.nextWake)).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(() => link.switches[0]!.teamStatus('guest')).toThrowError(/no uplink/);
  });
});

describe('a team without LACP whose NIC fails', () => {
  it.each(['active-backup', 'balance-slb'] as const)(
    '%s: tells the switches outside where its addresses are now',
    async (mode) => {
      const link = await new Link().open(mode, ['off', 'off']);
      link.arrive(1);
      const [sw] = link.switches;
      const came: string[] = [];
      link.switches[1]!.observe((event) => {
        if (event.type === 'frame-in') came.push(`${event.nic} ${formatFrame(event.frame)}`);
      });
      link.ends[0]![0]!.setLink(false);
      const [own] = GUEST;
      expect(came).toEqual([
        `eth2 eth(src=${own},dst=ff:ff:ff:ff:ff:ff)/rarp(reverse-request,sha=${own},spa=0.0.0.0,tha=${own},tpa=0.0.0.0)`,
      ]);
      // Not of an address that is out there, and not again.
      came.length = 0;
      link.ends[0]![0]!.setLink(true);
      sw!.poll();
      expect(came).toEqual([]);
    },
  );
});
