/**
 * node test/fuzz/ovsdb.ts [--runs 1000000] [--seed N]
 *
 * Structured fuzzing of what comes from ovsdb-server (ovsdb-fuzzer.ts says what is checked). Ends with 1 when something was
 * found.
 */
import { parseArgs } from 'node:util';
import { fuzzOvsdb } from './ovsdb-fuzzer.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed);
if (!Number.isInteger(runs) || !Number.isInteger(seed)) {
  console.error('--runs and --seed are whole numbers');
  process.exit(2);
}
console.log(`seed ${seed}, ${runs} inputs`);
const found = fuzzOvsdb(runs, seed);
console.log(found ?? 'nothing found');
process.exitCode = found === undefined ? 0 : 1;
