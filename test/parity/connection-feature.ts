/** Connection tracking: zones, marks, labels, translation of addresses, and tables that look at what was found. */

import { fullMask } from '../../src/flow/fields.ts';
import type { Action, ConnectionAction, Masked, Match, Nat } from '../../src/flow/flow.ts';
import { matchFindings } from '../../src/flow/match.ts';
import { type IpAddress, ip, ipToBigint, ipv4, ipv6 } from '../../src/packet/address.ts';
import { readField } from '../../src/softswitch/frame/key.ts';
import { Packet } from '../../src/softswitch/frame/packet.ts';
import { Conversations } from '../support/conversations.ts';
import { actionsFor } from './base-actions.ts';
import { addFlow, type Draft, type Feature, type MakeAction, TABLES } from './draft.ts';
import type { Sample } from './frames.ts';
import type { Random } from './random.ts';
import { PORT_NUMBERS } from './scenario.ts';
import { bitsOf } from './values.ts';

/** Where frames go on that were tracked. */
const TRACKED_TABLE = TABLES + 1;
const ZONES = [0, 1, 2];

const INSIDE = [ipv4('10.0.0.5'), ipv4('10.0.0.7'), ipv6('fd00::5'), ipv6('fd00::7')];
const OUTSIDE = [ipv4('192.168.4.22'), ipv4('10.1.1.1'), ipv6('fd00:1::1'), ipv6('fd00::9')];

/** Frames that hosts behind the ports send each other; the first two ports are inside. */
function conversation(random: Random, count: number): Sample[] {
  const hostsOf = (port: number): readonly IpAddress[] => (port <= 2 ? INSIDE : OUTSIDE);
  const talk = new Conversations(random, {
    behind: new Map(PORT_NUMBERS.map((port) => [port, hostsOf(port)])),
    targets: new Map(PORT_NUMBERS.map((port) => [port, port <= 2 ? OUTSIDE : INSIDE])),
    shortQuotes: false,
    errors6: false,
  });
  return Array.from({ length: count }, () => {
    const sending = talk.next();
    talk.arrives(sending.port <= 2 ? random.pick([3, 4, 5]) : random.pick([1, 2]), sending.frame);
    return { frame: sending.frame, key: Packet.read(sending.frame).key };
  });
}

/** To one address, and one port or the one that the connection has: which of several is taken, chance decides. */
function natOf(random: Random, family: 'ipv4' | 'ipv6'): Nat {
  const type = random.pick(['src', 'dst'] as const);
  const pool =
    family === 'ipv4' ? ['10.1.1.1', '192.168.4.22', '10.0.0.7'] : ['fd00:1::1', 'fd00::9', 'fd00::7'];
  const address = ipToBigint(ip(random.pick(pool)));
  const port = random.pick([80, 5000]);
  const ports = random.chance(30) ? { first: port, last: port } : undefined;
  return { type, first: address, last: address, family, ports, persistent: false, selection: undefined };
}

function executed(random: Random): Action[] {
  const mark = {
    type: 'set',
    field: 'ct_mark',
    value: BigInt(random.below(4)),
    mask: fullMask('ct_mark'),
  } as const;
  const half = { type: 'set', field: 'ct_label', value: random.bits(8) << 64n, mask: 0xffn << 64n } as const;
  const from = bitsOf(random, random.pick(['in_port', 'reg0', 'metadata'] as const), 16);
  const moved = { type: 'move', from, to: bitsOf(random, 'ct_label', 16) } as const;
  return random.some([mark, half, moved], random.below(3));
}

const track: MakeAction = ({ random, translates }, { match, depth }): ConnectionAction | undefined => {
  // See "Copies and connections" in docs/parity.md.
  if (depth > 0) return undefined;
  const type = match.eth_type?.value;
  const commit = random.chance(45);
  const family = type === 0x86ddn ? 'ipv6' : 'ipv4';
  const nat = random.weighted<() => Nat | undefined>([
    [5, () => undefined],
    [commit && !translates ? 0 : 3, () => ({ type: 'existing' })],
    [commit && translates ? 3 : 0, () => natOf(random, family)],
  ])();
  return {
    type: 'ct',
    commit,
    force: commit && !translates && random.chance(10),
    zone: random.chance(80) ? random.pick(ZONES) : { field: 'reg0', from: 0, to: 1 },
    table: random.chance(commit ? 40 : 90) ? TRACKED_TABLE : undefined,
    nat,
    alg: undefined,
    actions: commit ? executed(random) : [],
  };
};

const [NEW, EST, REL, RPL, INV, TRK, SNAT, DNAT] = [1n, 2n, 4n, 8n, 16n, 32n, 64n, 128n];

/** `+trk+new` and the like. */
const STATES: readonly Masked[] = [
  { value: TRK | NEW, mask: TRK | NEW },
  { value: TRK | NEW, mask: TRK | NEW },
  { value: TRK | EST, mask: TRK | EST },
  { value: TRK | EST, mask: TRK | EST | RPL },
  { value: TRK | RPL, mask: TRK | RPL },
  { value: TRK | REL, mask: TRK | REL },
  { value: TRK | INV, mask: TRK | INV },
  { value: TRK | SNAT, mask: TRK | SNAT },
  { value: TRK | DNAT, mask: TRK | DNAT },
  { value: TRK, mask: TRK | NEW | INV },
  { value: 0n, mask: TRK },
];

/** Of frames that were tracked, and come from table 0 or later. */
function trackedMatch(random: Random): Match {
  const type = { eth_type: { value: random.pick([0x0800n, 0x86ddn]), mask: 0xffffn } };
  const match: Match = {
    ...(random.chance(80) ? type : {}),
    ...(random.chance(80) ? { ct_state: random.pick(STATES) } : {}),
    ...(random.chance(15) ? { ct_zone: { value: BigInt(random.pick(ZONES)), mask: 0xffffn } } : {}),
    ...(random.chance(20) ? { ct_mark: { value: BigInt(random.below(4)), mask: fullMask('ct_mark') } } : {}),
    ...(random.chance(10) ? { ct_label: { value: 0n, mask: 0xffn << 64n } } : {}),
  };
  return matchFindings(match).length === 0 ? match : {};
}

function addTrackedTable(draft: Draft): void {
  const { random } = draft;
  const onward: Action[] = [{ type: 'resubmit', table: TABLES - 1 }];
  addFlow(draft, { table: TRACKED_TABLE, match: {}, actions: onward });
  for (let i = random.between(3, 9); i > 0; i--) {
    const match = trackedMatch(random);
    const place = { table: TRACKED_TABLE, match, sample: random.pick(draft.samples), depth: 0 };
    const port = random.pick(PORT_NUMBERS);
    const actions = actionsFor(draft, place, 3).filter(({ type }) => type !== 'drop');
    addFlow(draft, { table: TRACKED_TABLE, match, actions: [...actions, { type: 'output', port }] });
  }
}

export const CONNECTIONS: Feature = {
  name: 'connections',
  often: 30,
  waits: true,
  // Their loops end in different ways, and a group by dp_hash goes round once more.
  unless: 'loops',
  // Open vSwitch leaves out a write of what the frame had before it was translated.
  keeps: ['ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'tcp_src', 'tcp_dst', 'udp_src', 'udp_dst'],
  begin: (draft) => {
    draft.translates = draft.random.chance(50);
    // A connection of TCP that begins anew keeps its translated port from itself until Open vSwitch has swept it out.
    const isFor = ({ key }: Sample) => !draft.translates || readField(key, 'ip_proto') !== 6n;
    const talk = conversation(draft.random, 400).filter(isFor);
    draft.stream.push(...talk.map(({ frame }) => frame));
    draft.samples.splice(0, Infinity, ...draft.samples.filter(isFor), ...talk.slice(0, 100));
    addTrackedTable(draft);
  },
  actions: [
    [20, track],
    [1, () => ({ type: 'ct_clear' })],
  ],
};
