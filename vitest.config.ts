import { defineConfig } from 'vitest/config';

// Six projects: `unit` needs nothing; `ovs`, `parity`, `lab` and `faults` need root and Open vSwitch; `e2e` starts the real program.
const setupFiles = ['./test/support/seed.ts', './test/support/shrinking.ts'];
// No test measures time: the limits are for what hangs, and so far away that no slow machine comes near them.
const limits = { testTimeout: 120_000, hookTimeout: 120_000 };
const longLimits = { testTimeout: 600_000, hookTimeout: 600_000 };
// Files at a time: by itself vitest leaves a processor unused, which is half of two. Projects of one `groupOrder` (0, if none is
// said) run together and must have the same.
const maxWorkers = 2;
const FAULTS = 'test/lab/restarts.test.ts';

export default defineConfig({
  test: {
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['src/**/*.test.ts', 'test/{attacks,layers,oracle,docs,support}/**/*.test.ts'],
          maxWorkers,
          ...limits,
        },
      },
      {
        test: {
          name: 'ovs',
          setupFiles,
          include: ['test/ovs/**/*.test.ts'],
          maxWorkers,
          ...limits,
        },
      },
      {
        test: {
          name: 'parity',
          setupFiles,
          include: ['test/parity/**/*.test.ts'],
          // Open vSwitch drops packet-ins for whoever does not read them in time, so this has the machine to itself, too.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          ...longLimits,
        },
      },
      {
        test: {
          name: 'e2e',
          setupFiles,
          include: ['test/{e2e,qemu}/**/*.test.ts'],
          maxWorkers,
          ...limits,
        },
      },
      {
        test: {
          name: 'lab',
          setupFiles,
          include: ['test/lab/**/*.test.ts'],
          exclude: [FAULTS],
          // Most of the time goes by in waiting for answers that must not come, so two labs have room beside each other.
          maxWorkers,
          sequence: { groupOrder: 1 },
          // Of the tests of a file that say they may run side by side.
          maxConcurrency: 2,
          // Of a machine whose processors are all taken, a switch in user space loses a frame now and then. What is lost by our
          // doing is lost each time.
          retry: 1,
          ...longLimits,
        },
      },
      {
        test: {
          name: 'faults',
          setupFiles,
          include: [FAULTS],
          // Each frame counts here, and none is forgiven: they have the machine to themselves.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          maxConcurrency: 2,
          ...longLimits,
        },
      },
    ],
  },
});
