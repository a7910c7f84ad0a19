/** Random groups and meters that a switch takes, for property tests. */
import fc from 'fast-check';
import { groupFindings } from '../../src/flow/check-group.ts';
import type { Bucket, Group, Meter } from '../../src/flow/datapath.ts';
import type { FieldName } from '../../src/flow/fields.ts';
import { arbitraryActions, type FlowLimits } from './flow-arbitraries.ts';

/** A group that passes every check; watched groups are none of its own. */
export function arbitraryGroup(id: number, limits: FlowLimits): fc.Arbitrary<Group> {
  const watched = fc.constantFrom(...limits.ports);
  const bucket = (type: Group['type'], place: number): fc.Arbitrary<Bucket> =>
    fc.record(
      {
        id: fc.constant(place * 3),
        weight: type === 'select' ? fc.constantFrom(0, 1, 2, 100, 0xffff) : fc.constant(0),
        actions: arbitraryActions(undefined, limits),
        ...(type === 'ff' || type === 'select' ? { watchPort: watched } : {}),
      },
      {
        requiredKeys: type === 'ff' ? ['id', 'weight', 'actions', 'watchPort'] : ['id', 'weight', 'actions'],
      },
    );
  const selection = fc.oneof(
    fc.record({
      method: fc.constant('hash' as const),
      param: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fields: fc.uniqueArray(fc.constantFrom(...HASHABLE), { maxLength: 4 }),
    }),
    fc.record({
      method: fc.constant('dp_hash' as const),
      param: fc.constantFrom(0n, 1n),
      fields: fc.constant([]),
    }),
  );
  return fc
    .constantFrom<Group['type'][]>('all', 'select', 'indirect', 'ff')
    .chain((type) =>
      fc
        .tuple(
          fc.integer({ min: type === 'indirect' ? 1 : 0, max: type === 'indirect' ? 1 : 4 }),
          fc.option(selection, { nil: undefined }),
        )
        .chain(([count, how]) =>
          fc.tuple(...Array.from({ length: count }, (_, place) => bucket(type, place))).map(
            (buckets): Group => ({
              id,
              type,
              ...(type === 'select' && how ? { selection: how } : {}),
              buckets,
            }),
          ),
        ),
    )
    .filter((group) => groupFindings(group).length === 0);
}

/** Fields that a hash of a group can name. */
const HASHABLE: readonly FieldName[] = [
  'eth_src',
  'eth_dst',
  'ip_src',
  'ip_dst',
  'ip_proto',
  'tcp_src',
  'tcp_dst',
  'ipv6_src',
];

export function arbitraryMeter(id: number): fc.Arbitrary<Meter> {
  const number = fc.integer({ min: 1, max: 0xffffffff });
  const bands = (hasBurst: boolean) =>
    fc.array(
      fc.record({ type: fc.constant('drop' as const), rate: number, ...(hasBurst ? { burst: number } : {}) }),
      { minLength: 1, maxLength: 3 },
    );
  return fc.record(
    {
      id: fc.constant(id),
      unit: fc.constantFrom('kbps' as const, 'pktps' as const),
      stats: fc.constant(true),
      bands: fc.boolean().chain(bands),
    },
    { requiredKeys: ['id', 'unit', 'bands'] },
  );
}
