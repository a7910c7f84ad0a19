/** Random matches, actions and flows that a switch takes, for property tests. Groups: group-arbitraries.ts. */
import fc from 'fast-check';
import { actionFindings } from '../../src/flow/check-actions.ts';
import { FIELD_NAMES, type FieldName, fieldOf, fullMask } from '../../src/flow/fields.ts';
import type { Action, Flow, Masked, Match } from '../../src/flow/flow.ts';
import { canonicalMatch, matchFindings, TAGGED, UNTAGGED, vlanId } from '../../src/flow/match.ts';
import {
  arbitraryExtra,
  EXTRA_ACTIONS,
  type ExtraAction,
  type ExtraLimits,
  fieldBits,
} from './action-arbitraries.ts';

export interface FlowLimits extends ExtraLimits {
  /** Tables 0..tables-1. */
  readonly tables: number;
  /** Ports that outputs and in_port matches name. */
  readonly ports: readonly number[];
  /** Values that fields often have, so that flows meet frames and each other. */
  readonly values?: Partial<Record<FieldName, readonly bigint[]>>;
  /** Whether `controller`, NORMAL, FLOOD … may be used. */
  readonly reserved: boolean;
  /** Actions besides those that rewrite and send; default: none. */
  readonly extra?: readonly ExtraAction[];
  /** Whether flows may have timeouts. */
  readonly timeouts?: boolean;
}

/** Everything that the flow language has. */
export const WHOLE_LANGUAGE: FlowLimits = {
  tables: 255,
  ports: [1, 2, 7, 0xfeff],
  reserved: true,
  extra: EXTRA_ACTIONS,
  timeouts: true,
};

const WIDE: FlowLimits = { tables: 255, ports: [1, 2, 7, 0xfeff], reserved: true };

/** Layers that give the other fields their prerequisites. */
const BASES: readonly Match[] = [
  {},
  base(0x0800),
  base(0x0800, 1),
  base(0x0800, 6),
  base(0x0800, 17),
  base(0x0806),
  base(0x86dd),
  base(0x86dd, 6),
  base(0x86dd, 17),
  base(0x86dd, 58),
  base(0x86dd, 58, 135),
  base(0x86dd, 58, 136),
  base(0x88cc),
];

function base(type: number, protocol?: number, icmpv6?: number): Match {
  return {
    eth_type: { value: BigInt(type), mask: 0xffffn },
    ...(protocol === undefined ? {} : { ip_proto: { value: BigInt(protocol), mask: 0xffn } }),
    ...(icmpv6 === undefined ? {} : { icmpv6_type: { value: BigInt(icmpv6), mask: 0xffn } }),
  };
}

const bits = (n: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(n)) - 1n });

/** A value of the field, with a mask where the field takes one. */
function maskedOf(name: FieldName, limits: FlowLimits): fc.Arbitrary<Masked> {
  const known = limits.values?.[name] ?? [];
  const value =
    name === 'in_port'
      ? fc.constantFrom(...limits.ports.map(BigInt))
      : known.length > 0
        ? fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...known) }, bits(fieldOf(name).bits))
        : bits(fieldOf(name).bits);
  const full = fullMask(name);
  if (name === 'vlan_tci') {
    return fc.oneof(fc.constantFrom(UNTAGGED, TAGGED), fc.constantFrom(5, 7, 100).map(vlanId));
  }
  if (name === 'ip_frag') {
    return fc.constantFrom(...[0n, 1n, 3n].map((v) => ({ value: v, mask: 3n })), { value: 1n, mask: 1n });
  }
  if (!fieldOf(name).maskable) return value.map((v) => ({ value: v, mask: full }));
  const width = fieldOf(name).bits;
  const mask = fc.oneof(
    { weight: 4, arbitrary: fc.constant(full) },
    fc.nat({ max: width }).map((length) => full ^ ((1n << BigInt(length)) - 1n)),
    // ovs-ofctl takes an IPv6 mask that begins with a decimal digit for a prefix length; such masks have no text.
    bits(width).map((m) => (fieldOf(name).form === 'ipv6' ? m | (0xan << 124n) : m)),
  );
  return fc.tuple(value, mask).map(([v, m]) => ({ value: v & m, mask: m }));
}

/** A canonical match that passes every check. */
export function arbitraryMatch(limits: FlowLimits = WIDE): fc.Arbitrary<Match> {
  return fc.constantFrom(...BASES).chain((start) => {
    const names = FIELD_NAMES.filter((name) => !start[name] && name !== 'eth_type' && name !== 'ip_proto');
    return fc.uniqueArray(fc.constantFrom(...names), { maxLength: 12 }).chain((picked) =>
      fc
        .tuple(...picked.map((name) => maskedOf(name, limits).map((masked) => [name, masked] as const)))
        .map((fields) => {
          let match: Match = start;
          for (const [name, masked] of fields) {
            const more = { ...match, [name]: masked };
            if (matchFindings(more).length === 0) match = more;
          }
          return canonicalMatch(match);
        }),
    );
  });
}

const WRITABLE = FIELD_NAMES.filter((name) => fieldOf(name).writable);

function arbitraryAction(limits: FlowLimits, depth: number): fc.Arbitrary<Action> {
  const port = fc.constantFrom(...limits.ports);
  const simple: fc.Arbitrary<Action>[] = [
    port.map((p) => ({ type: 'output', port: p })),
    fc.constant({ type: 'output', port: 'in_port' }),
    fc.constant({ type: 'dec_ttl' }),
    fc.constantFrom(0x8100, 0x88a8).map((ethertype) => ({ type: 'push_vlan', ethertype })),
    fc.constant({ type: 'strip_vlan' }),
    fc.nat({ max: limits.tables - 1 }).map((table) => ({ type: 'resubmit', table })),
    fc
      .constantFrom(...WRITABLE)
      .filter((name) => limits.reserved || name !== 'in_port')
      .chain((field) =>
        maskedOf(field, limits).map((masked) => ({
          type: 'set' as const,
          field,
          ...(field === 'vlan_vid'
            ? { value: masked.value | 0x1000n, mask: 0x1fffn }
            : field === 'vlan_tci'
              ? { value: masked.value, mask: 0xffffn }
              : masked),
        })),
      ),
    fc
      .tuple(fc.constantFrom(...FIELD_NAMES), fc.constantFrom(...WRITABLE))
      .filter(([, to]) => limits.reserved || (to !== 'in_port' && !to.startsWith('vlan')))
      .chain(([from, to]) =>
        fieldBits(from).chain((a) =>
          a.to - a.from < fieldOf(to).bits
            ? fieldBits(to, a.to - a.from + 1).map((b) => ({ type: 'move' as const, from: a, to: b }))
            : fc.constant<Action>({ type: 'output', port: 'in_port' }),
        ),
      ),
    fc
      .tuple(
        fc.nat({ max: 0xffff }),
        fc.integer({ min: 1, max: 256 }),
        fc.constantFrom('tun_id', 'reg5', 'reg7'),
      )
      .map(([basis, links, name]) => ({
        type: 'multipath',
        basis,
        links,
        to: { field: name as FieldName, from: 0, to: 7 },
      })),
  ];
  if (limits.reserved) {
    simple.push(
      fc
        .constantFrom('normal', 'flood', 'all', 'local', 'controller')
        .map((p) => ({ type: 'output', port: p as 'normal' })),
      fc
        .tuple(fc.uint8Array({ maxLength: 12 }), fc.constantFrom(0xffff, 128, 1))
        .map(([data, maxLength]) => ({
          type: 'controller',
          userdata: Buffer.from(data).toString('hex'),
          maxLength,
        })),
    );
  }
  const extra = (limits.extra ?? []).filter((kind) => kind !== 'goto_table');
  for (const kind of extra) simple.push(arbitraryExtra(kind, limits));
  if (depth === 0) return fc.oneof(...simple);
  return fc.oneof<fc.MaybeWeightedArbitrary<Action>[]>(
    { weight: 12, arbitrary: fc.oneof(...simple) },
    {
      weight: 1,
      arbitrary: fc
        .array(arbitraryAction(limits, depth - 1), { maxLength: 4 })
        .map((actions) => ({ type: 'clone', actions })),
    },
  );
}

/** Actions that pass every check on frames of this match; `table` is that of the flow that they are for. */
export function arbitraryActions(
  match: Match | undefined,
  limits: FlowLimits = WIDE,
  table?: number,
): fc.Arbitrary<Action[]> {
  const jump: fc.Arbitrary<Action[]> = limits.extra?.includes('goto_table')
    ? fc.array(arbitraryExtra('goto_table', limits), { maxLength: 1 })
    : fc.constant([]);
  return fc.tuple(fc.array(arbitraryAction(limits, 2), { maxLength: 16 }), jump).map(([candidates, last]) => {
    const actions: Action[] = [];
    for (const action of [...candidates, ...last]) {
      if (actionFindings([...actions, action], match, table).length === 0) actions.push(action);
    }
    return actions;
  });
}

export function arbitraryFlow(limits: FlowLimits = WIDE): fc.Arbitrary<Flow> {
  const seconds = fc.integer({ min: 1, max: limits.timeouts ? 0xffff : 1 });
  return fc.tuple(arbitraryMatch(limits), fc.nat({ max: limits.tables - 1 })).chain(([match, table]) =>
    fc
      .record(
        {
          table: fc.constant(table),
          priority: fc.nat({ max: 0xffff }),
          match: fc.constant(match),
          actions: arbitraryActions(match, limits, table),
          cookie: fc.bigInt({ min: 0n, max: (1n << 64n) - 2n }),
          ...(limits.timeouts ? { idleTimeout: seconds, hardTimeout: seconds } : {}),
        },
        { requiredKeys: ['table', 'priority', 'match', 'actions', 'cookie'] },
      )
      .map((flow): Flow => flow),
  );
}
