/** Values of columns, of any type, for property tests. */
import fc from 'fast-check';
import type { AnyAtom, AnyValue, AtomicType, ColumnType } from './columns.ts';

const atoms: Record<AtomicType, fc.Arbitrary<AnyAtom>> = {
  integer: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.maxSafeInteger()),
  real: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
  boolean: fc.boolean(),
  string: fc.oneof(
    fc.constantFrom('', 'a', 'b', '__proto__'),
    fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0')),
  ),
  uuid: fc.uuid(),
};

const list = (type: AtomicType) => fc.uniqueArray(atoms[type], { maxLength: 6 });

/** Values of this type in the form in which they are read. */
export function anyValueOf(type: ColumnType): fc.Arbitrary<AnyValue> {
  switch (type.kind) {
    case 'one':
      return atoms[type.key];
    case 'optional':
      return fc.option(atoms[type.key]);
    case 'set':
      return list(type.key).map((all) => all.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    case 'map':
      return fc
        .array(fc.tuple(atoms[type.key], atoms[type.value]), { maxLength: 6 })
        .map((pairs) => new Map(pairs));
  }
}

const atomic = fc.constantFrom<AtomicType>('integer', 'boolean', 'string', 'uuid', 'real');
export const columnType: fc.Arbitrary<ColumnType> = fc.oneof(
  fc.record({ kind: fc.constantFrom('one' as const, 'optional' as const, 'set' as const), key: atomic }),
  fc.record({ kind: fc.constant('map' as const), key: atomic, value: atomic }),
);
