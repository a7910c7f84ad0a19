/**
 * node test/fuzz/packets.ts [--runs 1000000] [--seed N] [--only view]
 *
 * Structured fuzzing of src/packet: so many changed inputs per view (packet-fuzzer.ts says what is checked). Ends with 1
 * when something was found; then the line for test/fixtures/hostile-packets.txt is printed.
 */
import { parseArgs } from 'node:util';
import { toHex } from '../../src/packet/bytes.ts';
import { fuzz, TARGETS } from './packet-fuzzer.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
    only: { type: 'string' },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed);
const targets = TARGETS.filter((target) => values.only === undefined || target === values.only);
if (!Number.isInteger(runs) || !Number.isInteger(seed) || targets.length === 0) {
  console.error(`--runs and --seed are whole numbers; --only is one of ${TARGETS.join(', ')}`);
  process.exit(2);
}

console.log(`seed ${seed}, ${runs} inputs per view`);
let found = 0;
for (const target of targets) {
  const start = performance.now();
  const crash = fuzz(target, runs, seed);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${target.padEnd(9)} ${crash ? `FAILED: ${crash.what}` : 'ok'} (${seconds} s)`);
  if (crash) {
    found++;
    console.log(`  ${crash.target} ${toHex(crash.input)} what it is`);
  }
}
console.log(found === 0 ? 'nothing found' : `${found} of ${targets.length} failed`);
process.exitCode = found === 0 ? 0 : 1;
