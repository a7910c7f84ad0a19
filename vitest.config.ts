import { defineConfig } from 'vitest/config';

// Five projects: `unit` needs nothing, `ovs`, `parity` and `lab` need root and Open vSwitch, `e2e` starts the real program.
const setupFiles = ['./test/support/seed.ts', './test/support/shrinking.ts'];
// No test measures time: the limits are for what hangs, and so far away that no slow machine comes near them.
const limits = { testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['src/**/*.test.ts', 'test/{attacks,layers,oracle,docs,support}/**/*.test.ts'],
          ...limits,
        },
      },
      {
        test: {
          name: 'ovs',
          setupFiles,
          include: ['test/ovs/**/*.test.ts'],
          ...limits,
        },
      },
      { test: { name: 'parity', setupFiles, include: ['test/parity/**/*.test.ts'], testTimeout: 600_000 } },
      {
        test: {
          name: 'e2e',
          setupFiles,
          include: ['test/{e2e,qemu}/**/*.test.ts'],
          ...limits,
        },
      },
      {
        test: {
          name: 'lab',
          setupFiles,
          include: ['test/lab/**/*.test.ts'],
          // A lab has the machine to itself: each runs a dozen programs.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          // Of the tests that say they may run side by side.
          maxConcurrency: 3,
          // Of a machine whose processors are all taken, a switch in user space loses a frame now and then, and a deadline
          // passes. What is lost by our doing is lost each time.
          retry: 2,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
