/**
 * node test/fuzz/openflow.ts [--runs 1000000] [--seed N]
 *
 * Fuzzing of the OpenFlow codec with so many changed messages (openflow-fuzzer.ts says what is checked). Ends with 1 when
 * something was found.
 */
import { parseArgs } from 'node:util';
import { toHex } from '../../src/packet/bytes.ts';
import { fuzz } from './openflow-fuzzer.ts';

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

console.log(`seed ${seed}, ${runs} messages`);
const start = performance.now();
const found = fuzz(runs, seed);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(
  found ? `FAILED (${seconds} s): ${found.what}\n  ${toHex(found.input)}` : `nothing found (${seconds} s)`,
);
process.exitCode = found ? 1 : 0;
