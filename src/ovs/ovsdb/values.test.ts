import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../base/json.ts';
import type { AnyAtom, AnyValue, ColumnType } from './columns.ts';
import { anyValueOf, columnType } from './fixture.ts';
import { changedValue, defaultValue, readValue, sameValue, type Writable, writeValue } from './values.ts';

const typed = (count: number) =>
  columnType.chain((type) =>
    fc.tuple(fc.constant(type), ...Array.from({ length: count }, () => anyValueOf(type))),
  );

/** What a server tells of a change (ovsdb-server(7), 4.1.14). */
function difference(type: ColumnType, before: AnyValue, after: AnyValue): AnyValue {
  if (before instanceof Map && after instanceof Map) {
    const gone = [...before].filter(([key]) => !after.has(key));
    return new Map<AnyAtom, AnyAtom>([...gone, ...[...after].filter(([key, v]) => before.get(key) !== v)]);
  }
  if (type.kind !== 'set' || !Array.isArray(before) || !Array.isArray(after)) return after;
  return [...new Set(before).symmetricDifference(new Set(after))];
}

describe('values of columns', () => {
  it('are read as they were written (property)', () => {
    fc.assert(
      fc.property(typed(1), ([type, value]) => {
        const json = JSON.parse(JSON.stringify(writeValue(type, value as Writable, 'x')));
        expect(readValue(type, json)).toEqual(value);
      }),
    );
  });

  it('become what the difference makes of them (property)', () => {
    fc.assert(
      fc.property(typed(2), ([type, before = null, after = null]) => {
        const now = changedValue(type, before, difference(type, before, after));
        expect(now).toEqual(after);
        expect(sameValue(now, after)).toBe(true);
        expect(sameValue(before, after)).toBe(JSON.stringify(plain(before)) === JSON.stringify(plain(after)));
      }),
    );
  });

  it('are read in every form that RFC 7047 has', () => {
    const words = { kind: 'set', key: 'string' } as const;
    expect(readValue(words, 'a')).toEqual(['a']);
    expect(readValue(words, ['set', []])).toEqual([]);
    expect(readValue(words, ['set', ['b', 'a']])).toEqual(['a', 'b']);
    const uuid = '4c86fa19-d32e-4a4e-8a21-bb1efb52e725';
    const rows = { kind: 'set', key: 'uuid' } as const;
    expect(readValue(rows, ['uuid', uuid])).toEqual([uuid]);
    expect(readValue(rows, ['set', [['uuid', uuid]]])).toEqual([uuid]);
    expect(readValue({ kind: 'optional', key: 'integer' }, ['set', []])).toBe(null);
    expect(readValue({ kind: 'optional', key: 'integer' }, ['set', [7]])).toBe(7);
    expect(writeValue(rows, [{ named: 'br' }], 'x')).toEqual(['set', [['named-uuid', 'br']]]);
    expect(writeValue({ kind: 'map', key: 'integer', value: 'uuid' }, { 7: uuid }, 'x')).toEqual([
      'map',
      [[7, ['uuid', uuid]]],
    ]);
  });

  it('have defaults that are values of their type (property)', () => {
    fc.assert(
      fc.property(columnType, (type) => {
        const value = defaultValue(type);
        expect(readValue(type, writeValue(type, value as Writable, 'x'))).toEqual(value);
      }),
    );
  });

  it.each([
    [{ kind: 'one', key: 'string' }, ['set', []]],
    [{ kind: 'one', key: 'integer' }, 1.5],
    [{ kind: 'one', key: 'integer' }, '1'],
    [{ kind: 'one', key: 'uuid' }, ['uuid', 'me']],
    [{ kind: 'one', key: 'uuid' }, ['named-uuid', 'me']],
    [{ kind: 'optional', key: 'string' }, ['set', ['a', 'b']]],
    [{ kind: 'set', key: 'string' }, ['set', 'a']],
    [{ kind: 'map', key: 'string', value: 'string' }, ['set', []]],
    [{ kind: 'map', key: 'string', value: 'string' }, ['map', [['a']]]],
    [{ kind: 'map', key: 'string', value: 'string' }, { a: 'b' }],
  ] as const)('of %j are not %j', (type, json) => {
    expect(() => readValue(type, json)).toThrow('cannot be understood');
  });

  it.each([
    [{ kind: 'one', key: 'string' }, 'a\0b'],
    [{ kind: 'one', key: 'string' }, '\ud800'],
    [{ kind: 'one', key: 'string' }, 1],
    [{ kind: 'one', key: 'string' }, null],
    [{ kind: 'one', key: 'integer' }, 1.5],
    [{ kind: 'one', key: 'integer' }, 2 ** 53],
    [{ kind: 'one', key: 'real' }, Number.NaN],
    [{ kind: 'one', key: 'uuid' }, 'br0'],
    [{ kind: 'one', key: 'uuid' }, { named: 'a-b' }],
    [{ kind: 'set', key: 'string' }, 'a'],
    [{ kind: 'map', key: 'string', value: 'string' }, []],
    [{ kind: 'map', key: 'integer', value: 'string' }, { a: 'b' }],
  ] as const)('of %j cannot be written as %j', (type, value) => {
    expect(() => writeValue(type, value, 'Bridge.name')).toThrow('error[value-invalid] Bridge.name');
  });

  it('throw nothing but findings when anything comes (property)', () => {
    fc.assert(
      fc.property(columnType, fc.jsonValue(), (type, json) => {
        try {
          readValue(type, json as JsonValue);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'ovsdb-protocol' });
        }
      }),
    );
  });
});

/** Maps in the order of their keys, as lists. */
function plain(value: AnyValue): unknown {
  return value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : value;
}
