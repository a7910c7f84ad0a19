/** Rules that every switch has, whatever its ports: how tables lead to one another. Their guards: guard.ts. */
import { move, output, setField, stripVlan } from '../flow/actions.ts';
import { matchOf, vlanId } from '../flow/match.ts';
import {
  ATTACHED_PRIVATE,
  ATTACHED_VIRTUAL,
  bits,
  KEEP_PRIORITY,
  PURPOSE,
  PURPOSE_MASK,
  TARGET4,
  TARGET6,
} from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

const VIRTUAL = bits(ATTACHED_VIRTUAL, ATTACHED_VIRTUAL);
const PRIVATE = bits(ATTACHED_PRIVATE, ATTACHED_VIRTUAL | ATTACHED_PRIVATE);
const ON_VLAN = bits(0n, ATTACHED_VIRTUAL | ATTACHED_PRIVATE);
const MULTICAST = bits(1n << 40n, 1n << 40n);

export const base: FeatureRule = {
  name: 'base',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'base', thing: 'base', origin: '' } as const;

    for (const ethertype of [0x0800, 0x0806, 0x86dd]) {
      // By the type of what is inside, so that a frame with two tags is none of these.
      yield rule(
        at,
        'spoof-guard',
        150,
        matchOf({ reg0: bits(0n, KEEP_PRIORITY), vlan_tci: vlanId(0), eth_type: ethertype }),
        [stripVlan(), next('spoof-guard')],
        'a tag that says a priority and no VLAN is taken off: the vNIC may not set priorities',
      );
    }
    yield rule(
      at,
      'services',
      100,
      matchOf({ reg0: VIRTUAL, eth_type: 0x0806, arp_op: 1 }),
      [
        setField('reg0', bits(PURPOSE.arp, PURPOSE_MASK)),
        move('arp_tpa', TARGET4),
        next('neighbour'),
        next('answer'),
      ],
      'ARP is answered in the switch, from the lookup records',
    );
    yield rule(
      at,
      'services',
      100,
      matchOf({ reg0: VIRTUAL, eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135 }),
      [
        setField('reg0', bits(PURPOSE.nd, PURPOSE_MASK)),
        move('nd_target', TARGET6),
        next('neighbour'),
        next('answer'),
      ],
      'neighbour solicitations are answered in the switch, from the lookup records',
    );
    for (const ethertype of [0x0800, 0x86dd]) {
      yield rule(
        at,
        'services',
        0,
        matchOf({ reg0: VIRTUAL, eth_type: ethertype }),
        [next('forward')],
        'for another machine of the virtual subnet',
      );
    }
    yield rule(
      at,
      'services',
      0,
      matchOf({ reg0: ON_VLAN }),
      [next('bridge')],
      'for another machine of the VLAN',
    );
    yield rule(
      at,
      'services',
      0,
      matchOf({ reg0: PRIVATE }),
      [next('private-vlan')],
      'for another machine of the private VLAN',
    );

    yield rule(
      at,
      'forward',
      10,
      matchOf({ reg0: VIRTUAL, eth_dst: MULTICAST }),
      [next('flood')],
      'broadcast and multicast go to every member',
    );
    yield rule(
      at,
      'bridge',
      0,
      matchOf({}),
      [output('normal')],
      'the learning switch: to the port where the MAC address was seen, to all ports of the VLAN until then',
    );
  },
};
