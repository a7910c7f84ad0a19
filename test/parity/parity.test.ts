/**
 * The softswitch is frame for frame what Open vSwitch is: random programs and frames through both (docs/parity.md).
 * `npm run parity` runs more of them.
 */
import { describe, expect } from 'vitest';
import { itWithOpenVswitch } from '../ovs/open-vswitch.ts';
import { seed } from '../support/seed.ts';
import { runParity } from './parity.ts';

const FRAMES = 100_000;

describe('softswitch == Open vSwitch', () => {
  itWithOpenVswitch('every frame, counter and address of random programs', async () => {
    const result = await runParity({ seed, frames: FRAMES, accident: (what) => console.warn(what) });
    expect(result.difference ?? '', `seed ${seed}`).toBe('');
    expect(result.frames).toBeGreaterThanOrEqual(FRAMES);
    // A comparison of nothing with nothing is no comparison.
    expect(result.delivered).toBeGreaterThan(FRAMES);
    expect(result.coverage.missing(), `never happened with seed ${seed}`).toEqual([]);
    console.log(`${result.frames} frames, seed ${seed}\n${result.coverage.text()}`);
  });
});
