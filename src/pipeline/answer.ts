/** The table `answer`: what is made of the MAC address that `neighbour` has found. */
import { move, output, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { bits, FOUND, FOUND_ROUTER, PURPOSE, PURPOSE_MASK, TARGET4, TARGET6 } from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

const FOUND_MAC = `${FOUND}[0..47]` as const;
const ICMPV6 = { eth_type: 0x86dd, ip_proto: 58 } as const;
const OPTION = { none: 0, sourceLink: 1, targetLink: 2 } as const;
const purpose = (value: bigint) => bits(value, PURPOSE_MASK);

export const answer: FeatureRule = {
  name: 'answer',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'base', thing: 'base', origin: '' } as const;
    yield rule(at, 'answer', 200, matchOf({ [FOUND]: 0n }), [], 'no machine of the subnet has that address');
    yield rule(
      at,
      'answer',
      100,
      matchOf({ reg0: purpose(PURPOSE.arp), eth_type: 0x0806 }),
      [
        move('arp_sha', 'eth_dst'),
        move(FOUND_MAC, 'eth_src'),
        setField('arp_op', 2),
        move('arp_sha', 'arp_tha'),
        move(FOUND_MAC, 'arp_sha'),
        move('arp_spa', 'arp_tpa'),
        move(TARGET4, 'arp_spa'),
        output('in_port'),
      ],
      'the ARP request becomes its own answer and goes back',
    );

    // A solicitation that has passed a router is none (RFC 4861, 7.1.1).
    const solicitation = { reg0: purpose(PURPOSE.nd), ...ICMPV6, icmpv6_type: 135, ip_ttl: 255 };
    yield rule(
      at,
      'answer',
      110,
      matchOf({ ...solicitation, ipv6_src: 0, ipv6_dst: 'ff02::1:ff00:0/104', nd_options_type: OPTION.none }),
      [
        setField('eth_dst', '33:33:00:00:00:01'),
        move(FOUND_MAC, 'eth_src'),
        setField('ipv6_dst', 'ff02::1'),
        move(TARGET6, 'ipv6_src'),
        setField('icmpv6_type', 136),
        next('answer'),
      ],
      'somebody has the address that the guest wants to use: all nodes are told (RFC 4861, 7.2.4)',
    );
    yield rule(
      at,
      'answer',
      105,
      matchOf({ ...solicitation, ipv6_src: 0 }),
      [],
      'no valid detection of duplicates',
    );
    for (const option of [OPTION.none, OPTION.sourceLink]) {
      yield rule(
        at,
        'answer',
        100,
        matchOf({ ...solicitation, nd_options_type: option }),
        [
          move('eth_src', 'eth_dst'),
          move(FOUND_MAC, 'eth_src'),
          move('ipv6_src', 'ipv6_dst'),
          move(TARGET6, 'ipv6_src'),
          setField('icmpv6_type', 136),
          next('answer'),
        ],
        'the neighbour solicitation becomes an advertisement',
      );
    }
    // Rules of their own, because only an advertisement has a target link-layer address to write. Router, solicited,
    // override (RFC 4861, 4.4); a source link-layer option becomes the target's.
    const advertisement = { reg0: purpose(PURPOSE.nd), ...ICMPV6, icmpv6_type: 136 };
    for (const [priority, flags, match] of [
      [110, 0x20000000, { ipv6_dst: 'ff02::1' }],
      [100, 0x60000000, {}],
    ] as const) {
      for (const option of [OPTION.none, OPTION.sourceLink]) {
        yield rule(
          at,
          'answer',
          priority,
          matchOf({ ...advertisement, ...match, nd_options_type: option }),
          [
            setField('nd_reserved', flags),
            move(`${FOUND}[${FOUND_ROUTER}]`, 'nd_reserved[31]'),
            ...(option === OPTION.none
              ? []
              : [setField('nd_options_type', OPTION.targetLink), move(FOUND_MAC, 'nd_tll')]),
            output('in_port'),
          ],
          'the advertisement says the MAC address that was found, and goes back',
        );
      }
    }
    yield rule(
      at,
      'answer',
      100,
      matchOf({ reg0: purpose(PURPOSE.route) }),
      [move(FOUND_MAC, 'eth_dst'), next('forward')],
      'the routed packet goes to the machine that has the address',
    );
  },
};
