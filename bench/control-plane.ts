/** One vNIC more on real hosts: from the call until the flows are in force on every host, beside OVN. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, Figure } from './lib/figure.ts';
import type { ControlPlane } from './lib/hosts/control-plane.ts';
import { openNetloom } from './lib/hosts/netloom-control-plane.ts';
import { whyNoHosts } from './lib/hosts/open-vswitch.ts';
import { whyNoOvn } from './lib/hosts/ovn.ts';
import { openOvn } from './lib/hosts/ovn-control-plane.ts';
import { processorSeconds } from './lib/hosts/processes.ts';
import { residentMegabytes } from './lib/program.ts';
import { HOSTS } from './lib/topology.ts';

const SIZES = [100, 1000, 5000] as const;
const CHANGES = 50;
/** The first ones are with cold code. */
const FIRST_CHANGES = 10;
const IDLE_SECONDS = 30;

export const benchmark: Benchmark = {
  name: 'control-plane',
  what: `One vNIC more, and all of them at once, on ${HOSTS} real hosts: from the call until the flows are in force on all of them.`,
  method: [
    `With ${SIZES.map((size) => size.toLocaleString('en-US')).join(', ')} vNICs on networks of 250, dealt out evenly, so every host takes part in every network and gets every change.`,
    'Netloom: `netloom controller` on SQLite, each commit on the disk; on each host Open vSwitch (userspace datapath) and `netloom agent run`, connected by TLS over a relay. Asked by the API, `?wait=hosts`: every agent has had its bundle confirmed by a barrier. No taps are plugged in: flows do not wait for them.',
    'OVN: both databases, ovn-northd, and on each host Open vSwitch (dummy datapath, which takes less of the processor) and ovn-controller. Until the port is up and every chassis knows where it is (`hv_cfg`), asked by OVSDB, without ovn-nbctl. Its interfaces are there before. No probes, no limit to bundles.',
    `Both are up at the same time and changed in turn: ${CHANGES} vNICs after ${FIRST_CHANGES} to warm up, each deleted again. Loading is one change for us and a transaction a switch for OVN, one after the other.`,
    `Processor: of all programs, Open vSwitch included, for one vNIC that comes and goes. Idle: ${IDLE_SECONDS} s in which nothing happens, of one core.`,
  ],
  async run() {
    const why = whyNoHosts();
    if (why !== undefined) {
      console.error(`control-plane: not measured: ${why}`);
      return [];
    }
    const missing = whyNoOvn();
    if (missing !== undefined) console.error(`control-plane: not compared with OVN: ${missing}`);
    const figures: Figure[] = [];
    for (const size of SIZES) figures.push(...(await measure(size, missing === undefined)));
    return figures;
  },
};

/** What one control plane came to. */
interface Measured {
  readonly load: number;
  readonly added: number[];
  readonly removed: number[];
  /** Milliseconds of processor for a vNIC that comes and goes. */
  readonly processor: number;
  readonly flows: readonly number[];
  /** Megabytes. */
  readonly centre: number;
  readonly agents: readonly number[];
  /** Percent of a core that each agent takes when nothing happens. */
  readonly idle: number;
}

async function measure(size: number, withOvn: boolean): Promise<Figure[]> {
  const vnics = size + FIRST_CHANGES + CHANGES;
  const planes: ControlPlane[] = [];
  try {
    planes.push(await openNetloom(HOSTS, vnics));
    if (withOvn) planes.push(await openOvn(HOSTS, vnics));
    const [ours, theirs] = await all(planes, size);
    return ours ? figuresOf(size, ours, theirs) : [];
  } finally {
    for (const plane of planes) await plane.close();
  }
}

/** All of them in turn. */
async function all(planes: readonly ControlPlane[], size: number): Promise<Measured[]> {
  const loads: number[] = [];
  for (const plane of planes) loads.push(await timed(() => plane.load(0, size)));
  const added: number[][] = planes.map(() => []);
  const removed: number[][] = planes.map(() => []);
  const processor = planes.map(() => 0);
  for (let change = 0; change < FIRST_CHANGES + CHANGES; change++) {
    for (const [i, plane] of planes.entries()) {
      const before = taken(plane);
      const [comes, goes] = [
        await timed(() => plane.add(size + change)),
        await timed(() => plane.remove(size + change)),
      ];
      if (change < FIRST_CHANGES) continue;
      added[i]?.push(comes);
      removed[i]?.push(goes);
      processor[i] = (processor[i] ?? 0) + taken(plane) - before;
    }
  }
  const before = planes.map(({ processes }) => processorSeconds(processes.agents));
  await sleep(IDLE_SECONDS * 1000);
  const idle = planes.map(
    ({ processes }, i) => (processorSeconds(processes.agents) - (before[i] ?? 0)) / processes.agents.length,
  );
  const resident = (pid: number) => residentMegabytes(pid).now;
  return Promise.all(
    planes.map(
      async (plane, i): Promise<Measured> => ({
        load: loads[i] ?? Number.NaN,
        added: added[i] ?? [],
        removed: removed[i] ?? [],
        processor: (1000 * (processor[i] ?? 0)) / CHANGES,
        flows: await plane.flows(),
        centre: plane.processes.centre.reduce((sum, pid) => sum + resident(pid), 0),
        agents: plane.processes.agents.map(resident),
        idle: (100 * (idle[i] ?? 0)) / IDLE_SECONDS,
      }),
    ),
  );
}

function figuresOf(size: number, ours: Measured, theirs: Measured | undefined): Figure[] {
  const at = `${size.toLocaleString('en-US')} vNICs`;
  const figure = (
    name: string,
    unit: Figure['unit'],
    of: (measured: Measured) => readonly number[],
    goals: Figure['goals'] = [],
  ): Figure => ({
    name,
    unit,
    samples: of(ours),
    ...(theirs ? { peer: { name: 'OVN', samples: of(theirs) } } : {}),
    // A goal that is a ratio has no meaning without the peer.
    goals: goals.filter((goal) => goal.of !== 'ratio' || theirs !== undefined),
  });
  const faster = size === 1000 ? 25 : size === 5000 ? 200 : undefined;
  const loads = size === 1000 ? 10 : size === 5000 ? 40 : undefined;
  return [
    figure(`one vNIC more, ${at}`, 'ms', ({ added }) => added, [
      { of: 'median', atMost: 5 },
      { of: 'p99', atMost: 15 },
      ...(faster === undefined ? [] : [{ of: 'ratio', atMost: 1 / faster } as const]),
    ]),
    figure(`one vNIC less, ${at}`, 'ms', ({ removed }) => removed),
    figure(`– processor of all programs for both, ${at}`, 'ms', ({ processor }) => [processor]),
    figure(
      `all at once, ${at}`,
      'ms',
      ({ load }) => [load],
      loads === undefined ? [] : [{ of: 'ratio', atMost: 1 / loads }],
    ),
    figure(`flows on a host, ${at}`, 'flows', ({ flows }) => flows, [{ of: 'ratio', atMost: 0.25 }]),
    figure(`memory of the centre, ${at}`, 'MB', ({ centre }) => [centre]),
    figure(`memory of an agent, ${at}`, 'MB', ({ agents }) => agents),
    figure(`– processor of an idle agent, ${at}`, '%', ({ idle }) => [idle]),
  ];
}

function taken({ processes: { centre, agents, switches } }: ControlPlane): number {
  return processorSeconds([...centre, ...agents, ...switches]);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
