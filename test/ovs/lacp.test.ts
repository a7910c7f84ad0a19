// A team of the softswitch and a bond of a real Open vSwitch, cable by cable: they agree by LACP, and take out a member
// that one of them does not hear any more. Time goes on by steps, the same for both.
import { describe, expect } from 'vitest';
import { FakeClock } from '../../src/base/clock.ts';
import { flowOf, output } from '../../src/flow/actions.ts';
import { matchOf } from '../../src/flow/match.ts';
import { ipv4, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import { SoftSwitch } from '../../src/softswitch/switch.ts';
import type { TeamMode } from '../../src/softswitch/team/bond.ts';
import { BRIDGE, DummySwitch } from '../parity/dummy-port.ts';
import { itWithOpenVswitch } from './open-vswitch.ts';

const TRUNK = { mode: 'trunk', trunks: [] } as const;
/** NICs of the softswitch, and the ports of Open vSwitch that their cables lead to. */
const CABLES = [
  { nic: 'eth1', port: 'p1' },
  { nic: 'eth2', port: 'p2' },
] as const;

interface Setting {
  readonly mode: TeamMode;
  readonly ours: 'active' | 'passive';
  readonly theirs: 'active' | 'passive';
  readonly time: 'fast' | 'slow';
}

class Link {
  readonly real: DummySwitch;
  readonly soft: SoftSwitch;
  readonly clock: FakeClock;
  readonly silent = new Set<string>();
  /** What came out of the guest's port of the softswitch. */
  readonly received: Uint8Array[] = [];
  /** Data that left the softswitch, by NIC. */
  readonly sent = new Map<string, number>();
  readonly #out: { readonly port: string; readonly frame: Uint8Array }[] = [];
  readonly #ends = new Map<string, { receive(frame: Uint8Array): void; setLink(up: boolean): void }>();
  #guest: { receive(frame: Uint8Array): void } | undefined;

  private constructor(real: DummySwitch) {
    this.real = real;
    this.clock = new FakeClock();
    this.soft = new SoftSwitch({ now: () => this.clock.now(), system: mac('02:00:00:00:0a:01') });
  }

  static async open({ mode, ours, theirs, time }: Setting): Promise<Link> {
    const real = await DummySwitch.start(['guest', 'p1', 'p2']);
    const link = new Link(real);
    const { directory, vsctl } = real.ovs;
    const members = CABLES.flatMap(({ port }) => [
      ...['--', 'set', 'interface', port, 'type=dummy', `options:tx_pcap=${directory}/${port}.pcap`],
    ]);
    await vsctl(
      ...['del-port', BRIDGE, 'p1', '--', 'del-port', BRIDGE, 'p2'],
      ...['--', 'add-bond', BRIDGE, 'bond', 'p1', 'p2', ...members],
      ...[
        '--',
        'set',
        'port',
        'bond',
        `lacp=${theirs}`,
        `bond_mode=${mode}`,
        `other_config:lacp-time=${time}`,
      ],
    );
    await real.command('netdev-dummy/set-admin-state', 'up');
    await real.program({ flows: ['table=0,actions=NORMAL'] });

    const { soft } = link;
    await soft.setPort({ type: 'vif', name: 'guest', id: 'guest', vlan: TRUNK });
    const nics = CABLES.map(({ nic }) => nic);
    await soft.setPort({ type: 'uplink', name: 'up', nics, mode, lacp: ours, vlan: TRUNK });
    await soft.applyFlows({
      add: [flowOf({ table: 0, priority: 0, match: matchOf({}), actions: [output('normal')] })],
      remove: [],
    });
    link.#guest = soft.attach('guest', undefined, (bytes) => link.received.push(bytes));
    for (const { nic, port } of CABLES) {
      const end = soft.attach('up', nic, (bytes) => {
        if (!parseFrame(bytes).lacp) link.sent.set(nic, (link.sent.get(nic) ?? 0) + 1);
        link.#out.push({ port, frame: bytes });
      });
      link.#ends.set(port, end);
    }
    return link;
  }

  /** In steps of so many milliseconds. */
  async run(milliseconds: number, step = 100): Promise<void> {
    for (let gone = 0; gone < milliseconds; gone += step) {
      this.clock.advance(step);
      if (this.soft.nextWake <= this.clock.now()) this.soft.poll();
      await this.real.warp(step);
      await this.#carry();
    }
  }

  /** What is on the cables, until they are empty. */
  async #carry(): Promise<void> {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const { port, frame: bytes } of this.#out.splice(0)) {
        isBusy = true;
        if (!this.silent.has(port)) await this.real.receive(port, [bytes]);
      }
      for (const { port } of CABLES)
        for (const bytes of this.real.taken(port)) {
          isBusy = true;
          if (!this.silent.has(port)) this.#ends.get(port)?.receive(bytes);
        }
    }
  }

  setLink(port: string, up: boolean): void {
    this.#ends.get(port)?.setLink(up);
  }

  /** How many of 16 flows of each guest arrive at the other. */
  async arrive(): Promise<readonly number[]> {
    this.received.length = 0;
    this.sent.clear();
    this.real.taken('guest');
    // Once in each direction, so that the addresses are learnt.
    for (let flow = 0; flow < 17; flow++) {
      if (flow === 1) {
        this.received.length = 0;
        this.real.taken('guest');
      }
      this.#guest?.receive(datagram(0, flow));
      await this.real.receive('guest', [datagram(1, flow)]);
      await this.#carry();
    }
    const theirs = this.real.taken('guest').filter((bytes) => parseFrame(bytes).udp);
    return [theirs.length, this.received.filter((bytes) => parseFrame(bytes).udp).length];
  }

  /** Of each member: what Open vSwitch says of it, and whether it is enabled in the bond. */
  async theirs(): Promise<readonly string[]> {
    const lacp = await this.real.command('lacp/show', 'bond');
    const bond = await this.real.command('bond/show', 'bond');
    return CABLES.map(({ port }) => {
      const status = new RegExp(`member: ${port}: (.*)`).exec(lacp)?.[1] ?? '?';
      const use = new RegExp(`member ${port}: (.*)`).exec(bond)?.[1] ?? '?';
      return `${status}, ${use}`;
    });
  }

  async isNegotiated(): Promise<boolean> {
    return /lacp_status: negotiated/.test(await this.real.command('bond/show', 'bond'));
  }

  ours(): readonly (string | undefined)[] {
    return this.soft.teamStatus('up').members.map(({ lacp }) => lacp && `${lacp.receive} ${lacp.mux}`);
  }
}

function datagram(from: 0 | 1, flow: number): Uint8Array {
  const macs = [mac('02:00:00:00:00:0a'), mac('02:00:00:00:00:0b')] as const;
  const addresses = [ipv4('10.0.0.5'), ipv4('10.0.0.7')] as const;
  return frame(
    { layer: 'eth', src: macs[from], dst: macs[1 - from]! },
    { layer: 'ipv4', src: addresses[from], dst: addresses[1 - from]! },
    { layer: 'udp', sport: 1000 + flow, dport: 2000 },
    { layer: 'data', bytes: new Uint8Array(20) },
  );
}

async function withLink(setting: Setting, use: (link: Link) => Promise<void>): Promise<void> {
  const link = await Link.open(setting);
  try {
    await use(link);
  } finally {
    await link.real.stop();
  }
}

const GOOD = ['current distributing', 'current distributing'];
const THEIRS_GOOD = ['current attached, enabled', 'current attached, enabled'];

describe('LACP with a bond of Open vSwitch', () => {
  const settings: readonly Setting[] = [
    { mode: 'balance-tcp', ours: 'active', theirs: 'active', time: 'fast' },
    { mode: 'balance-tcp', ours: 'passive', theirs: 'active', time: 'fast' },
    { mode: 'balance-tcp', ours: 'active', theirs: 'passive', time: 'slow' },
    { mode: 'active-backup', ours: 'active', theirs: 'active', time: 'slow' },
  ];
  for (const setting of settings) {
    const { mode, ours, theirs, time } = setting;
    itWithOpenVswitch(`agrees: ${mode}, we ${ours}, they ${theirs} and ${time}`, async () => {
      await withLink(setting, async (link) => {
        await link.run(3000);
        expect(link.ours()).toEqual(GOOD);
        expect(await link.theirs()).toEqual(THEIRS_GOOD);
        expect(await link.isNegotiated()).toBe(true);
        expect(await link.arrive()).toEqual([16, 16]);
        expect(link.sent.size).toBe(mode === 'balance-tcp' ? 2 : 1);
        await link.run(92_000, 500);
        expect([link.ours(), await link.theirs()]).toEqual([GOOD, THEIRS_GOOD]);
      });
    });
  }

  itWithOpenVswitch(
    'a member that is silent is out on both sides within three seconds, and comes back',
    async () => {
      await withLink(settings[0]!, async (link) => {
        await link.run(5000);
        link.silent.add('p2');
        await link.run(3000);
        expect(link.ours()).toEqual(['current distributing', 'expired attached']);
        expect(await link.theirs()).toEqual(['current attached, enabled', 'expired attached, disabled']);
        expect(await link.arrive()).toEqual([16, 16]);
        expect([...link.sent.keys()]).toEqual(['eth1']);
        // Three seconds more, and both have forgotten the other.
        await link.run(3000);
        expect(link.ours()[1]).toBe('defaulted detached');
        expect((await link.theirs())[1]).toBe('defaulted detached, disabled');
        link.silent.clear();
        // They send every 30 seconds to who is not there.
        await link.run(31_000, 500);
        expect([link.ours(), await link.theirs()]).toEqual([GOOD, THEIRS_GOOD]);
      });
    },
  );

  itWithOpenVswitch(
    'a link that goes down on our side only is out at once, and on theirs in three seconds',
    async () => {
      await withLink(settings[0]!, async (link) => {
        await link.run(5000);
        link.setLink('p1', false);
        expect(link.ours()).toEqual(['expired detached', 'current distributing']);
        await link.run(3000);
        expect((await link.theirs())[0]).toBe('expired attached, disabled');
        expect(await link.arrive()).toEqual([16, 16]);
        link.setLink('p1', true);
        await link.run(1000);
        expect([link.ours(), await link.theirs()]).toEqual([GOOD, THEIRS_GOOD]);
      });
    },
  );
});
