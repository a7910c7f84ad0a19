// A NIC of a team without LACP fails: what the softswitch and a real Open vSwitch tell the switches outside by the NIC
// that takes over is the same, byte for byte.
import { describe, expect } from 'vitest';
import { FakeClock } from '../../src/base/clock.ts';
import { flowOf, output } from '../../src/flow/actions.ts';
import { matchOf } from '../../src/flow/match.ts';
import { type Mac, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { formatFrame } from '../../src/packet/notation.ts';
import { SoftSwitch } from '../../src/softswitch/switch.ts';
import { BRIDGE, DummySwitch } from '../parity/dummy-port.ts';
import { itWithOpenVswitch } from './open-vswitch.ts';

const TRUNK = { mode: 'trunk', trunks: [] } as const;
const GROUP = mac('ff:ff:ff:ff:ff:ff');

/** What guests said before: untagged, and in a VLAN. */
const GUESTS: readonly Uint8Array[] = [
  said(mac('02:00:00:00:00:0a'), 0),
  said(mac('02:00:00:00:00:0b'), 7),
  said(mac('02:00:00:00:00:0c'), 7),
];
/** What came in from outside. */
const OUTSIDE = said(mac('02:00:00:00:00:0d'), 7);

function said(src: Mac, vid: number): Uint8Array {
  const tag = vid === 0 ? [] : [{ layer: 'vlan', vid } as const];
  return frame({ layer: 'eth', src, dst: GROUP }, ...tag, { layer: 'data', bytes: new Uint8Array(46) });
}

async function ofOpenVswitch(mode: string): Promise<readonly Uint8Array[]> {
  const real = await DummySwitch.start(['guest', 'p1', 'p2']);
  try {
    const { directory, vsctl } = real.ovs;
    const members = ['p1', 'p2'].flatMap((port) => [
      ...['--', 'set', 'interface', port, 'type=dummy', `options:tx_pcap=${directory}/${port}.pcap`],
    ]);
    await vsctl(
      ...['del-port', BRIDGE, 'p1', '--', 'del-port', BRIDGE, 'p2'],
      ...['--', 'add-bond', BRIDGE, 'bond', 'p1', 'p2', ...members],
      ...['--', 'set', 'port', 'bond', `bond_mode=${mode}`],
    );
    await real.command('netdev-dummy/set-admin-state', 'up');
    await real.program({ flows: ['table=0,actions=NORMAL'] });
    await real.warp(1000);
    const shown = await real.command('bond/show', 'bond');
    const active = /member (p[12]): enabled\n\s*active member/.exec(shown)?.[1];
    const other = active === 'p1' ? 'p2' : 'p1';
    if (!active) throw new Error(`which member is active? ${shown}`);
    await real.receive('guest', GUESTS);
    await real.receive(active, [OUTSIDE]);
    await real.warp(1000);
    real.taken(other);
    await real.command('netdev-dummy/set-admin-state', active, 'down');
    await real.warp(1000);
    return real.taken(other);
  } finally {
    await real.stop();
  }
}

async function ofSoftswitch(mode: 'active-backup' | 'balance-slb'): Promise<readonly Uint8Array[]> {
  const clock = new FakeClock();
  const soft = new SoftSwitch({ now: () => clock.now() });
  await soft.setPort({ type: 'vif', name: 'guest', id: 'guest', vlan: TRUNK });
  await soft.setPort({ type: 'uplink', name: 'up', nics: ['eth1', 'eth2'], mode, lacp: 'off', vlan: TRUNK });
  await soft.applyFlows({
    add: [flowOf({ table: 0, priority: 0, match: matchOf({}), actions: [output('normal')] })],
    remove: [],
  });
  const taken: Uint8Array[] = [];
  const guest = soft.attach('guest', undefined, () => {});
  const active = soft.attach('up', 'eth1', () => {});
  soft.attach('up', 'eth2', (bytes) => taken.push(bytes));
  for (const bytes of GUESTS) guest.receive(bytes);
  active.receive(OUTSIDE);
  taken.length = 0;
  active.setLink(false);
  return taken;
}

describe('a NIC of a team fails', () => {
  for (const mode of ['active-backup', 'balance-slb'] as const) {
    itWithOpenVswitch(`${mode}: the addresses behind the switch are told as by Open vSwitch`, async () => {
      const [ours, theirs] = [await ofSoftswitch(mode), await ofOpenVswitch(mode)];
      expect(ours.map(formatFrame).sort()).toEqual(theirs.map(formatFrame).sort());
      expect(ours.map((bytes) => toHex(bytes)).sort()).toEqual(theirs.map((bytes) => toHex(bytes)).sort());
      expect(ours).toHaveLength(GUESTS.length);
    });
  }
});
