/**
 * Finding a small counterexample ends after so many attempts, with the smallest one found until then. A world with forty
 * frames has thousands of smaller ones, and a test of it that never waits for anything real keeps the event loop, and so
 * the time limits of tests, from ever having their turn: a failure then looks like a test that hangs. Set up for fast-check
 * in all projects (vitest.config.ts). `SHRINKS=n` for another number; the path that is printed continues where it ended.
 */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';

const SHRINKS = Number(process.env.SHRINKS ?? 200);

export function boundedShrinking(limit: number): fc.Plugin<unknown> {
  return () => {
    let attempts = 0;
    let hasFailed = false;
    const noted = <T>(result: T): T => {
      hasFailed ||= result !== null && !fc.PreconditionFailure.isFailure(result);
      return result;
    };
    return {
      decorateRun: (run) => (value) => {
        if (hasFailed && ++attempts > limit) return new fc.PreconditionFailure(true);
        const result = run(value);
        if (!(result instanceof Promise)) return noted(result);
        return result.then(async (settled) => {
          // Everything else that waits for its turn has it between two runs.
          await setImmediate();
          return noted(settled);
        });
      },
    };
  };
}

fc.installGlobalPlugin(boundedShrinking(SHRINKS));
