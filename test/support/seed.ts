/**
 * The seed of everything random in tests. In CI it stands fixed, so that a commit passes or fails for what it changes;
 * elsewhere every run explores anew. `SEED=n` repeats a run. Set up for fast-check in all projects (vitest.config.ts).
 */
import fc from 'fast-check';

const CI_SEED = 20_260_101;

export const seed = readSeed(process.env.SEED) ?? (process.env.CI ? CI_SEED : Date.now() % 2 ** 31);

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });

function readSeed(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value)) throw new RangeError(`SEED is a whole number, not ${JSON.stringify(text)}`);
  return value;
}
