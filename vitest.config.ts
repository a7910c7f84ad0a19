import { defineConfig } from 'vitest/config';

// Four projects: `unit` needs nothing, `ovs` and `parity` need root and Open vSwitch, `e2e` starts the real program.
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
          include: ['src/**/*.test.ts', 'test/{layers,oracle,docs,support}/**/*.test.ts'],
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
    ],
  },
});
