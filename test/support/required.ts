import { describe, it } from 'vitest';

/** What a test may ask of vitest. */
export interface TestRun {
  /** Aborted when the test's time is over: what still runs then would run on beside the next try. */
  readonly signal: AbortSignal;
}

export type TestBody = (run: TestRun) => void | Promise<void>;

/**
 * A test that needs something of the machine: `missing` says what is not there, undefined when it can run. It says
 * loudly why it is skipped; with CI=true in the environment it fails instead.
 */
export function itUnless(missing: string | undefined, name: string, test: TestBody, timeout?: number): void {
  if (missing === undefined) {
    it(name, ({ signal }) => test({ signal }), timeout);
  } else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`This test must run in CI, but: ${missing}`);
    });
  } else {
    console.warn(`SKIPPED: ${name}: ${missing}`);
    it.skip(`${name} (SKIPPED: ${missing})`, () => {});
  }
}

/** The same for a group of tests, which are not even collected when something is missing. */
export function describeUnless(missing: string | undefined, name: string, tests: () => void): void {
  if (missing === undefined) describe(name, tests);
  else itUnless(missing, name, () => {});
}
