/** NORMAL over ports with VLANs of every kind: learning, moves, ageing. */
import type { PortVlan } from '../../src/flow/datapath.ts';
import type { Draft, Feature } from './draft.ts';
import type { Random } from './random.ts';
import { PORT_NUMBERS } from './scenario.ts';

/** Those that frames are tagged with (test/support/switch-frames.ts), and one that none is. */
const VLANS = [0, 5, 7, 9];

export const NORMAL: Feature = {
  name: 'normal',
  // See "Learning and connections" in docs/parity.md.
  unless: 'connections',
  often: 30,
  slowPath: true,
  waits: true,
  begin: (draft: Draft) => {
    if (draft.random.chance(80)) draft.vlans = PORT_NUMBERS.map(() => vlanOf(draft.random));
  },
  actions: [[30, () => ({ type: 'output', port: 'normal' })]],
};

function vlanOf(random: Random): PortVlan {
  const tag = random.pick([5, 5, 7, 0]);
  const trunks = random.chance(50) ? [] : random.some(VLANS, 2);
  return random.pick<PortVlan>([
    { mode: 'access', tag },
    { mode: 'trunk', trunks },
    { mode: 'native-tagged', tag, trunks },
    { mode: 'native-untagged', tag, trunks },
  ]);
}
