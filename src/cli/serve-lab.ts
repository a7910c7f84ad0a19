/** `netloom up`: everything in one process, hosts and guests too. */
import { fileURLToPath } from 'node:url';
import { guardedClock, systemClock } from '../base/clock.ts';
import { flowsOf } from '../lab/flows.ts';
import { Lab } from '../lab/lab.ts';
import type { Store } from '../store/contract.ts';
import { readFiles, throwInput } from './input.ts';
import { reportError, reportFindings } from './report.ts';
import type { Served } from './serve.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

export type Sample = 'campus' | 'blue-red' | 'none';

/** Opens a lab on the store, with a sample network where there is none yet. */
export async function openLabServer(store: Store, sample: Sample, terminal: Terminal): Promise<Served> {
  const lab = await Lab.open({
    store,
    time: 'real',
    version: version(),
    // Hosts and guests run on timers, and what one of them throws must not end all the others.
    clock: guardedClock(systemClock, (thrown) => reportError(terminal, thrown)),
    onTrouble: (name, findings) => {
      terminal.err(name ? `Host ${name}:\n` : 'Hosts:\n');
      reportFindings(terminal, findings);
    },
  });
  try {
    if (lab.controller.revision === 0 && sample !== 'none') await loadSample(lab, sample, terminal);
  } catch (thrown) {
    await lab.close();
    throw thrown;
  }
  return {
    controller: lab.controller,
    probe: {
      endpoints: () => lab.endpoints(),
      ping: (from, to, how) => lab.ping(from, to, how),
      walk: (from, to, how) => lab.walk(from, to, how),
      configure: (name, address, length) => lab.configureGuest(name, address, length),
      flows: (name) => flowsOf(lab.fabric, name),
    },
    tries: TRY[sample],
    close: () => lab.close(),
  };
}

async function loadSample(lab: Lab, sample: string, terminal: Terminal): Promise<void> {
  const file = fileURLToPath(new URL(`../../examples/${sample}.yaml`, import.meta.url));
  const { objects, findings } = await readFiles([file], terminal);
  throwInput(findings);
  const changes = objects.map(({ object }) => ({ object }));
  await lab.controller.apply(changes, { author: 'netloom', message: `the sample network ${sample}` });
  await lab.fabric.settled();
}

const TRY: Readonly<Record<Sample, readonly string[]>> = {
  none: ['get', 'apply -f examples/blue-red.yaml', 'endpoints'],
  'blue-red': ['get vm -o wide', 'ping blue1 blue2', 'ping blue1 red2', 'walk blue1 blue2'],
  campus: ['get vm -o wide', 'ping app-web01 app-web02', 'ping app-web01 db01', 'walk app-web01 app-web02'],
};
