/** Rules that every switch has, whatever its ports: how tables lead to one another, and the common guards. */
import { move, output, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import {
  ATTACHED_VIRTUAL,
  bits,
  FOUND,
  GUARD_DHCP,
  GUARD_ROUTER,
  ORIGIN,
  ORIGIN_MASK,
  PURPOSE,
  PURPOSE_MASK,
  TARGET4,
  TARGET6,
} from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

const FROM_VNIC = bits(ORIGIN.vnic, ORIGIN_MASK);
const VIRTUAL = bits(ATTACHED_VIRTUAL, ATTACHED_VIRTUAL);
const ON_VLAN = bits(0n, ATTACHED_VIRTUAL);
const GUARDED = {
  dhcp: bits(GUARD_DHCP, GUARD_DHCP),
  router: bits(GUARD_ROUTER, GUARD_ROUTER),
};
const purpose = (value: bigint) => bits(value, PURPOSE_MASK);
const MULTICAST = bits(1n << 40n, 1n << 40n);

export const base: FeatureRule = {
  name: 'base',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'base', thing: 'base', origin: '' } as const;

    const dhcp = 'a guest may not be a DHCP server';
    yield rule(
      at,
      'guest-guard',
      200,
      matchOf({ reg0: GUARDED.dhcp, eth_type: 0x0800, ip_proto: 17, udp_src: 67 }),
      [],
      dhcp,
    );
    yield rule(
      at,
      'guest-guard',
      200,
      matchOf({ reg0: GUARDED.dhcp, eth_type: 0x86dd, ip_proto: 17, udp_src: 547 }),
      [],
      dhcp,
    );
    for (const [type, what] of [
      [134, 'a guest may not advertise itself as a router'],
      [137, 'a guest may not redirect others'],
    ] as const) {
      yield rule(
        at,
        'guest-guard',
        200,
        matchOf({ reg0: GUARDED.router, eth_type: 0x86dd, ip_proto: 58, icmpv6_type: type }),
        [],
        what,
      );
    }
    yield rule(
      at,
      'guest-guard',
      0,
      matchOf({ reg0: FROM_VNIC }),
      [next('services')],
      'nothing that a guest may not send',
    );

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

    const found = `${FOUND}[0..47]` as const;
    yield rule(at, 'answer', 200, matchOf({ [FOUND]: 0n }), [], 'no machine of the subnet has that address');
    yield rule(
      at,
      'answer',
      100,
      matchOf({ reg0: purpose(PURPOSE.arp), eth_type: 0x0806 }),
      [
        move('eth_src', 'eth_dst'),
        move(found, 'eth_src'),
        setField('arp_op', 2),
        move('arp_sha', 'arp_tha'),
        move(found, 'arp_sha'),
        move('arp_spa', 'arp_tpa'),
        move(TARGET4, 'arp_spa'),
        output('in_port'),
      ],
      'the ARP request becomes its own answer and goes back',
    );
    yield rule(
      at,
      'answer',
      100,
      matchOf({ reg0: purpose(PURPOSE.nd), eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135 }),
      [
        move('eth_src', 'eth_dst'),
        move(found, 'eth_src'),
        move('ipv6_src', 'ipv6_dst'),
        move(TARGET6, 'ipv6_src'),
        setField('icmpv6_type', 136),
        next('answer'),
      ],
      'the neighbour solicitation becomes an advertisement',
    );
    // A rule of its own, because only an advertisement has a target link-layer address to write.
    yield rule(
      at,
      'answer',
      100,
      matchOf({ reg0: purpose(PURPOSE.nd), eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 136 }),
      [
        // Solicited and override (RFC 4861 section 4.4); the source link-layer option becomes the target's.
        setField('nd_reserved', 0x60000000),
        setField('nd_options_type', 2),
        move(found, 'nd_tll'),
        output('in_port'),
      ],
      'the advertisement says the MAC address that was found, and goes back',
    );
    yield rule(
      at,
      'answer',
      100,
      matchOf({ reg0: purpose(PURPOSE.route) }),
      [move(found, 'eth_dst'), next('forward')],
      'the routed packet goes to the machine that has the address',
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
