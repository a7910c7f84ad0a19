/** Two real hosts with a machine on each: what a virtual network between them costs, beside what else a person could run. */
import type { Benchmark, Figure, Goal, Unit } from './lib/figure.ts';
import { linuxBridge } from './lib/hosts/linux-bridge.ts';
import { netloom } from './lib/hosts/netloom.ts';
import { whyNoHosts } from './lib/hosts/open-vswitch.ts';
import { ovn } from './lib/hosts/ovn.ts';
import { type Rates, Traffic } from './lib/hosts/traffic.ts';
import { type Contender, withTwoHosts } from './lib/hosts/two-hosts.ts';
import { quantile } from './lib/statistics.ts';

const SECONDS = 3;
const ROUNDS = 3;

interface Row {
  readonly name: string;
  readonly unit: Unit;
  readonly of: (rates: Rates) => number;
  /** What is to come of the comparison with OVN. */
  readonly goal?: Goal;
  /** The same where the NIC is used by AF_XDP. */
  readonly afXdpGoal?: Goal;
}

const ROWS: readonly Row[] = [
  {
    name: 'TCP, one stream',
    unit: 'Mbit/s',
    of: ({ tcp }) => tcp,
    goal: { of: 'ratio', atLeast: 1 },
  },
  {
    name: 'frames of 64 B',
    unit: 'frames/s',
    of: ({ frames }) => frames,
    afXdpGoal: { of: 'ratio', atLeast: 2.4 },
  },
  {
    name: '– processor of both switches for one',
    unit: 'ns',
    of: ({ processor }) => processor,
  },
  {
    name: 'UDP, at most 1 % lost',
    unit: 'packets/s',
    of: ({ udp }) => udp,
    goal: { of: 'ratio', atLeast: 1.15 },
  },
  {
    name: 'round trip, median',
    unit: 'µs',
    of: ({ roundTrips }) => quantile(roundTrips, 0.5),
    goal: { of: 'ratio', atMost: 1 },
  },
  { name: 'round trip, 99 % are faster', unit: 'µs', of: ({ roundTrips }) => quantile(roundTrips, 0.99) },
];

const asItComes = netloom(true);
const ours: readonly Contender[] = [asItComes, netloom(false)];

export const benchmark: Benchmark = {
  name: 'real-hosts',
  what: 'Two hosts with one NIC each and a cable between them, and a machine on each: what gets through.',
  method: [
    'Hosts and machines are network namespaces, cables are veth pairs; MTU 1500 in the machines. Each host has its own ovsdb-server and ovs-vswitchd with the datapath in user space; nothing is offloaded to a NIC that a switch in user space cannot pass on.',
    'Netloom: a virtual network in NVGRE, as the controller compiles it, with the protection against false addresses; the NIC by AF_XDP, as the agent uses it unless told otherwise, and without.',
    'OVN: one logical switch in Geneve, with port security, on the same Open vSwitch. Linux: a bridge and a vxlan device, both of the kernel, which neither protect nor end at a controller; its machines leave segmentation to the kernel.',
    `TCP by iperf3, ${SECONDS} s. Frames: sent by a packet socket as fast as it goes; what the receiver’s NIC counts. UDP: the highest of eight rates, by halving. Round trips: 1,000 pings, 2 ms apart.`,
    `All in turn in each round, each on hosts that are made anew; ${ROUNDS} rounds unless --rounds says otherwise.`,
  ],
  async run({ rounds = ROUNDS } = {}) {
    const why = whyNoHosts();
    if (why !== undefined) {
      console.error(`real-hosts: not measured: ${why}`);
      return [];
    }
    const peers = [ovn, linuxBridge].filter(({ name, missing }) => {
      if (missing !== undefined) console.error(`real-hosts: not compared with ${name}: ${missing}`);
      return missing === undefined;
    });
    const traffic = new Traffic();
    const measured = new Map<Contender, Rates[]>();
    try {
      for (let round = 0; round < rounds; round++) {
        for (const contender of [...ours, ...peers]) {
          const rates = await withTwoHosts(contender, (all) => traffic.measure(all, SECONDS));
          measured.set(contender, [...(measured.get(contender) ?? []), rates]);
        }
      }
    } finally {
      traffic.close();
    }
    return ROWS.flatMap((row) =>
      ours.flatMap((own) => {
        const samples = (of: Contender) => (measured.get(of) ?? []).map(row.of);
        const beside = own === asItComes ? [...ours.filter((other) => other !== own), ...peers] : peers;
        const isMeasured = (peer: Contender) => samples(peer).every(Number.isFinite);
        return beside.filter(isMeasured).map((peer): Figure => {
          const goal = peer === ovn ? goalOf(row, own) : undefined;
          return {
            name: `${row.name}, ${own.name}`,
            unit: row.unit,
            samples: samples(own),
            peer: { name: peer.name, samples: samples(peer) },
            ...(goal ? { goals: [goal] } : {}),
          };
        });
      }),
    );
  },
};

function goalOf({ goal, afXdpGoal }: Row, own: Contender): Goal | undefined {
  return own === asItComes ? (afXdpGoal ?? goal) : goal;
}
