import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  frozenJson,
  type JsonObject,
  type JsonValue,
  MAX_JSON_DEPTH,
  sameJson,
} from './json.ts';

const anyJson = fc.jsonValue({ maxDepth: 5 }).map((value) => value as JsonValue);

/** The same value with the names of every object written down in reverse. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

describe('canonical JSON', () => {
  it('is JSON: reading it gives the value back', () => {
    fc.assert(
      // -0 has no text of its own; JSON writes it as 0.
      fc.property(anyJson, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order in which names were written', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
        expect(sameJson(reversed(value), value)).toBe(true);
      }),
    );
  });

  it('differs for different values', () => {
    expect(sameJson({ a: 1 }, { a: 2 })).toBe(false);
    expect(sameJson([1, 2], [2, 1])).toBe(false);
    expect(sameJson({ a: null }, {})).toBe(false);
  });

  it('sorts names by code unit and writes no white space', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true, 10: 0, 9: 0 })).toBe(
      '{"10":0,"9":0,"a":true,"b":[1,{"c":"x","d":null}]}',
    );
  });

  it('keeps a member with the name __proto__', () => {
    const value = JSON.parse('{"__proto__":{"a":1}}') as JsonValue;
    expect(canonicalJson(value)).toBe('{"__proto__":{"a":1}}');
    expect(canonicalJson(frozenJson(value))).toBe('{"__proto__":{"a":1}}');
  });

  it.each([
    ['NaN', { a: [Number.NaN] }, 'a[0]'],
    ['infinity', { a: Number.POSITIVE_INFINITY }, 'a'],
    ['a hole in a list', { a: Array(1) }, 'a[0]'],
    ['a big integer', { a: { b: 1n } }, 'a.b'],
    ['a function', { a: () => 1 }, 'a'],
  ])('refuses %s and says where', (_name, value, path) => {
    expect(() => canonicalJson(value as JsonValue)).toThrowError(
      expect.objectContaining({ findings: [expect.objectContaining({ code: 'value-invalid', path })] }),
    );
  });

  it('refuses what is nested too deep instead of running out of stack', () => {
    const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as JsonValue;
    expect(canonicalJson(nested(MAX_JSON_DEPTH))).toHaveLength(2 * MAX_JSON_DEPTH);
    expect(() => canonicalJson(nested(5000))).toThrowError(/nested more than/);
  });
});

describe('frozenJson', () => {
  it('shares nothing with the original and cannot be changed', () => {
    const original = { a: [{ b: 1 }] };
    const copy = frozenJson(original);
    original.a[0]!.b = 2;
    expect(copy).toEqual({ a: [{ b: 1 }] });
    expect(() => {
      copy.a[0]!.b = 3;
    }).toThrow(TypeError);
  });
});
