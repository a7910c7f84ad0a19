/** Random actions that a switch takes beyond those that rewrite and send: connection tracking, learning, groups … */
import fc from 'fast-check';
import { FIELD_NAMES, type FieldName, fieldOf } from '../../src/flow/fields.ts';
import type { Action, FieldBits, LearnSpec, Nat } from '../../src/flow/flow.ts';

/** Kinds of actions that a test may want or not. */
export type ExtraAction =
  | 'output_field'
  | 'group'
  | 'meter'
  | 'ct'
  | 'learn'
  | 'bundle'
  | 'check_pkt_larger'
  | 'goto_table';

export const EXTRA_ACTIONS: readonly ExtraAction[] = [
  'output_field',
  'group',
  'meter',
  'ct',
  'learn',
  'bundle',
  'check_pkt_larger',
  'goto_table',
];

export interface ExtraLimits {
  readonly tables: number;
  readonly ports: readonly number[];
  /** Groups and meters that may be named; default: a few. */
  readonly groups?: readonly number[];
  readonly meters?: readonly number[];
}

const bits = (n: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(n)) - 1n });
const WRITABLE = FIELD_NAMES.filter((name) => fieldOf(name).writable && !name.startsWith('ct_'));
const BASIS = fc.nat({ max: 0xffff });

/** Some bits of the field; `width` of them, or as many as it has. */
export function fieldBits(name: FieldName, width?: number): fc.Arbitrary<FieldBits> {
  const total = fieldOf(name).bits;
  const count =
    width === undefined ? fc.integer({ min: 1, max: total }) : fc.constant(Math.min(width, total));
  return count.chain((n) =>
    fc.nat({ max: total - n }).map((from) => ({ field: name, from, to: from + n - 1 })),
  );
}

/** Actions of one kind; some of them are refused where they stand. */
export function arbitraryExtra(kind: ExtraAction, limits: ExtraLimits): fc.Arbitrary<Action> {
  const table = fc.nat({ max: limits.tables - 1 });
  switch (kind) {
    case 'output_field':
      return fc
        .constantFrom<FieldName>('reg0', 'reg15', 'in_port', 'xxreg1', 'vlan_tci')
        .chain((name) => fieldBits(name).map((from) => ({ type: 'output_field', from, maxLength: 0xffff })));
    case 'group':
      return fc.constantFrom(...(limits.groups ?? [0, 1, 7, 0xffffff00])).map((group) => ({
        type: 'group',
        group,
      }));
    case 'meter':
      return fc.constantFrom(...(limits.meters ?? [1, 2, 0xffff0000])).map((meter) => ({
        type: 'meter',
        meter,
      }));
    case 'check_pkt_larger':
      return fc
        .tuple(fc.nat({ max: 0xffff }), fc.constantFrom<FieldName>('reg0', 'reg9', 'metadata'))
        .chain(([length, name]) =>
          fieldBits(name, 1).map((to) => ({ type: 'check_pkt_larger' as const, length, to })),
        );
    case 'goto_table':
      return table.map((n) => ({ type: 'goto_table', table: n }));
    case 'bundle':
      return fc.record({
        type: fc.constant('bundle'),
        fields: fc.constantFrom(
          ...(['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp'] as const),
          ...(['nw_src', 'nw_dst'] as const),
        ),
        basis: BASIS,
        algorithm: fc.constantFrom('active_backup', 'hrw'),
        members: fc.array(fc.constantFrom(...limits.ports), { minLength: 1, maxLength: 4 }),
        to: fc.option(
          fc.constantFrom('reg3', 'xreg2' as const).chain((name) => fieldBits(name, 20)),
          {
            nil: undefined,
          },
        ),
      });
    case 'ct':
      return arbitraryConnection(table);
    case 'learn':
      return arbitraryLearn(table);
  }
}

function arbitraryConnection(table: fc.Arbitrary<number>): fc.Arbitrary<Action> {
  const place = fc.constantFrom<FieldName>('ct_mark', 'ct_label');
  const written = fc.oneof<fc.Arbitrary<Action>[]>(
    place.chain((field) =>
      fc
        .tuple(bits(fieldOf(field).bits), bits(fieldOf(field).bits))
        .map(([value, mask]) => ({ type: 'set', field, value: value & mask, mask })),
    ),
    fc
      .tuple(fc.constantFrom<FieldName>('reg4', 'in_port', 'eth_src', 'ip_src', 'xxreg0'), place)
      .chain(([source, field]) =>
        fieldBits(source).chain((from) =>
          fieldBits(field, from.to - from.from + 1).map((to) => ({ type: 'move' as const, from, to })),
        ),
      ),
  );
  return fc.record({
    type: fc.constant('ct'),
    commit: fc.boolean(),
    force: fc.boolean(),
    zone: fc.oneof<fc.Arbitrary<number | FieldBits>[]>(fc.nat({ max: 0xffff }), fieldBits('reg5', 16)),
    table: fc.option(table, { nil: undefined }),
    nat: fc.option(arbitraryNat(), { nil: undefined }),
    alg: fc.constant(undefined),
    actions: fc.array(written, { maxLength: 2 }),
  });
}

function arbitraryNat(): fc.Arbitrary<Nat> {
  const port = fc.integer({ min: 1, max: 0xffff });
  const ports = fc
    .tuple(port, port)
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }))
    .map((range) => (range.last - range.first > 60_000 ? { first: range.first, last: range.first } : range));
  const range = (family: 'ipv4' | 'ipv6') =>
    fc
      .tuple(bits(family === 'ipv4' ? 32 : 128), fc.constantFrom(0n, 1n, 0xffn))
      .map(([first, more]) => ({ family, first, last: first + more }));
  const translated = fc
    .record({
      type: fc.constantFrom('src' as const, 'dst' as const),
      range: fc.oneof(range('ipv4'), range('ipv6')),
      ports: fc.option(ports, { nil: undefined }),
      persistent: fc.boolean(),
      selection: fc.constantFrom(undefined, 'hash' as const, 'random' as const),
    })
    .map(({ range: addresses, ...rest }): Nat => ({ ...rest, ...addresses }));
  return fc.oneof<fc.Arbitrary<Nat>[]>(fc.constant({ type: 'existing' }), translated);
}

function arbitraryLearn(table: fc.Arbitrary<number>): fc.Arbitrary<Action> {
  const timeout = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 0xffff }));
  const source = (to: FieldBits) =>
    fc.oneof<fc.Arbitrary<FieldBits | bigint>[]>(
      fc.constant(to),
      // Open vSwitch prints a whole ct_state in a way that it does not read.
      bits(to.field === 'ct_state' ? 0 : to.to - to.from + 1),
      fc
        .constantFrom<FieldName>('eth_src', 'eth_dst', 'reg1', 'xxreg2', 'in_port')
        .chain((name) => fieldBits(name, to.to - to.from + 1)),
    );
  const matched = fc.oneof(
    fc.constantFrom(
      { field: 'eth_type' as const, from: 0, to: 15 },
      { field: 'ip_proto' as const, from: 0, to: 7 },
      { field: 'vlan_tci' as const, from: 0, to: 11 },
    ),
    fc.constantFrom(...FIELD_NAMES).chain((name) => fieldBits(name)),
    fc.constantFrom(...FIELD_NAMES).map((field) => ({ field, from: 0, to: fieldOf(field).bits - 1 })),
  );
  const spec = fc.oneof<fc.Arbitrary<LearnSpec>[]>(
    fc.constantFrom(0x0800n, 0x86ddn).map((from) => ({
      type: 'match',
      to: { field: 'eth_type', from: 0, to: 15 },
      from,
    })),
    fc.constantFrom(6n, 17n).map((from) => ({
      type: 'match',
      to: { field: 'ip_proto', from: 0, to: 7 },
      from,
    })),
    matched
      .filter(({ field }) => field !== 'ct_state')
      .chain((to) => source(to).map((from): LearnSpec => ({ type: 'match', to, from }))),
    fc
      .constantFrom(...WRITABLE)
      .chain((name) =>
        fieldBits(name).chain((to) => source(to).map((from): LearnSpec => ({ type: 'load', to, from }))),
      ),
    fc
      .constantFrom<FieldName>('in_port', 'reg6')
      .chain((name) => fieldBits(name).map((from): LearnSpec => ({ type: 'output', from }))),
  );
  return fc
    .record({
      table,
      priority: fc.nat({ max: 0xffff }),
      idleTimeout: timeout,
      hardTimeout: timeout,
      finIdleTimeout: timeout,
      finHardTimeout: timeout,
      cookie: fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: (1n << 64n) - 2n })),
      limit: fc.oneof(fc.constant(0), fc.nat({ max: 0xffffffff })),
      sendFlowRemoved: fc.boolean(),
      deleteLearned: fc.boolean(),
      specs: fc.array(spec, { maxLength: 8 }),
    })
    .map((learn) => ({ type: 'learn', learn }));
}
