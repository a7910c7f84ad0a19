/**
 * A long comparison: `npm run parity -- --frames 5000000 --seed 1`. It ends with the first difference, and says how to
 * see it again. `--scenario n` runs one scenario of a seed, `--feature name` (several times) only what it names.
 */
import { parseArgs } from 'node:util';
import { seed as randomSeed } from '../support/seed.ts';
import { runParity } from './parity.ts';

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    scenario: { type: 'string' },
    feature: { type: 'string', multiple: true },
    coverage: { type: 'boolean', default: false },
  },
});
const seed = values.seed === undefined ? randomSeed : whole('seed', values.seed);
console.log(`seed ${seed}`);
const begun = performance.now();
let told = begun;
const result = await runParity({
  seed,
  frames: whole('frames', values.frames),
  ...(values.scenario === undefined ? {} : { scenario: whole('scenario', values.scenario) }),
  ...(values.feature ? { features: values.feature } : {}),
  found: (where) => console.log(`difference in ${where}; making it smaller`),
  accident: (what) => console.log(`does not count: ${what}`),
  progress: ({ scenarios, frames, delivered }) => {
    if (performance.now() - told < 5000) return;
    told = performance.now();
    const seconds = (told - begun) / 1000;
    console.log(
      `${seconds.toFixed(0)} s: ${scenarios} programs, ${frames} frames in, ${delivered} out, the same in both`,
    );
  },
});
const { scenarios, frames, delivered, coverage, difference } = result;
console.log(`${scenarios} programs, ${frames} frames in, ${delivered} out, the same in both`);
if (difference !== undefined || values.coverage) console.log(coverage.text());
if (difference === undefined) {
  const missing = coverage.missing();
  if (missing.length > 0) console.log(`never happened: ${missing.join(', ')}`);
} else {
  console.log(`\nDIFFERENCE\n${difference}`);
  process.exitCode = 1;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new RangeError(`--${name} is a whole number, not ${JSON.stringify(text)}`);
}
