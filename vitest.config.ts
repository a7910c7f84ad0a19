import { defineConfig } from 'vitest/config';

// Four projects: `unit` needs nothing, `ovs` and `parity` need root and Open vSwitch, `e2e` starts the real program.
const setupFiles = ['./test/support/seed.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['src/**/*.test.ts', 'test/{layers,oracle,docs}/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'ovs',
          setupFiles,
          include: ['test/ovs/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'parity', setupFiles, include: ['test/parity/**/*.test.ts'], testTimeout: 600_000 } },
      {
        test: {
          name: 'e2e',
          setupFiles,
          include: ['test/{e2e,qemu}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
