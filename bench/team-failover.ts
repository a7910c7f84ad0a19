/** One of two NICs of a host fails: how long nothing gets through. */
import type { Benchmark, Figure, Goal } from './lib/figure.ts';
import { whyNoHosts } from './lib/hosts/open-vswitch.ts';
import { bond, type Failure, netloomTeam, type Teaming, withTeam } from './lib/hosts/team.ts';
import { Traffic } from './lib/hosts/traffic.ts';

const ROUNDS = 5;
/** Seconds that are listened to after the failure: what lasts longer counts as this. */
const LIMIT = 3;

const FAILURES: readonly { readonly how: Failure; readonly name: string; readonly goal: Goal }[] = [
  { how: 'carrier', name: 'its cable is pulled', goal: { of: 'ratio', atMost: 1 } },
  {
    how: 'silence',
    name: 'the far end takes nothing, with carrier',
    goal: { of: 'median', atMost: 50 },
  },
];

export const benchmark: Benchmark = {
  name: 'team-failover',
  what: 'The active one of two NICs of a host fails: the longest silence in a stream that a machine on the host sends.',
  method: [
    'Netloom: an uplink of two NICs, one active and one in reserve, without LACP, as the agent’s engine makes it; beside a bond of Open vSwitch of the same kind. Userspace datapath, network namespaces, a bridge of the kernel as the switch outside.',
    `2,000 UDP packets a second; silence is counted from the failure on, and ends with the ${LIMIT} s that are listened to.`,
    `In turn in each round, each on a host that is made anew; ${ROUNDS} rounds unless --rounds says otherwise.`,
  ],
  async run({ rounds = ROUNDS } = {}) {
    const why = whyNoHosts();
    if (why !== undefined) {
      console.error(`team-failover: not measured: ${why}`);
      return [];
    }
    const traffic = new Traffic();
    const figures: Figure[] = [];
    const silence = (teaming: Teaming, how: Failure) =>
      withTeam(teaming, ({ near, far, fail }) => traffic.silence(near, [far], LIMIT, () => fail(how)));
    try {
      for (const { how, name, goal } of FAILURES) {
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let round = 0; round < rounds; round++) {
          ours.push(await silence(netloomTeam, how));
          theirs.push(await silence(bond, how));
        }
        const peer = { name: bond.name, samples: theirs };
        figures.push({ name, unit: 'ms', samples: ours, peer, goals: [goal] });
      }
    } finally {
      traffic.close();
    }
    return figures;
  },
};
