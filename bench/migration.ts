/** A machine moves to another host: how long the network keeps frames from it. */
import type { Benchmark, Figure } from './lib/figure.ts';
import { type Mover, netloomMover, ovnMover, withMover } from './lib/hosts/moving.ts';
import { whyNoHosts } from './lib/hosts/open-vswitch.ts';
import { Traffic } from './lib/hosts/traffic.ts';

const ROUNDS = 5;
/** Seconds that are listened to after the move. */
const LIMIT = 3;

export const benchmark: Benchmark = {
  name: 'migration',
  what: 'A machine moves to another host: the longest silence in a stream that a third host sends to it, without the time that the machine itself stands still.',
  method: [
    'Both hosts have been told (Netloom: `vm migrate` is prepared; OVN: `requested-chassis` with both, `activation-strategy=rarp`). The machine is on both, with the same addresses. Then the link of the one goes down, that of the other up, and a reverse ARP is sent from there, within microseconds.',
    'Three hosts, network namespaces with the userspace datapath of Open vSwitch, at a bridge of the kernel; NVGRE and Geneve.',
    `2,000 UDP packets a second; silence is counted from the move on, and ends with the ${LIMIT} s that are listened to.`,
    `In turn in each round, each on hosts that are made anew; ${ROUNDS} rounds unless --rounds says otherwise.`,
  ],
  async run({ rounds = ROUNDS } = {}) {
    const why = whyNoHosts();
    if (why !== undefined) {
      console.error(`migration: not measured: ${why}`);
      return [];
    }
    if (ovnMover.missing !== undefined)
      console.error(`migration: not compared with OVN: ${ovnMover.missing}`);
    const traffic = new Traffic();
    const [ours, theirs]: [number[], number[]] = [[], []];
    try {
      for (let round = 0; round < rounds; round++) {
        ours.push(await silence(netloomMover, traffic));
        if (ovnMover.missing === undefined) theirs.push(await silence(ovnMover, traffic));
      }
    } finally {
      traffic.close();
    }
    const figure: Figure = {
      name: 'silence',
      unit: 'ms',
      samples: ours,
      goals: [
        { of: 'median', atMost: 2 },
        { of: 'p99', atMost: 5 },
      ],
    };
    return [theirs.length > 0 ? { ...figure, peer: { name: ovnMover.name, samples: theirs } } : figure];
  },
};

function silence(mover: Mover, traffic: Traffic): Promise<number> {
  return withMover(mover, ([, from, to], { machines: [client, before, after] }) => {
    if (!client || !before || !after) throw new Error('there are three machines');
    return traffic.silence(client, [before, after], LIMIT, () => traffic.move(from, to, before.mac));
  });
}
