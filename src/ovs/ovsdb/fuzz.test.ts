// A slice of the fuzzing of test/fuzz/ovsdb.ts, which is to be run with more inputs when readers change.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fuzzOvsdb } from '../../../test/fuzz/ovsdb-fuzzer.ts';

const [seed = 0] = fc.sample(fc.integer({ min: 1, max: 2 ** 31 }), 1);

it(`withstands what no server says (seed ${seed})`, () => {
  expect(fuzzOvsdb(3000, seed)).toBeUndefined();
});
