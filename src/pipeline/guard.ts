/** What no guest may send, whoever it is: the rules of `guest-guard` that every switch has. Those of a vNIC: port.ts. */
import type { ExplainedFlow } from '../flow/flow.ts';
import { type MatchValues, matchOf } from '../flow/match.ts';
import { bits, GUARD_DHCP, GUARD_ROUTER } from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

const GUARDED = {
  dhcp: bits(GUARD_DHCP, GUARD_DHCP),
  router: bits(GUARD_ROUTER, GUARD_ROUTER),
};
const ICMPV6 = { eth_type: 0x86dd, ip_proto: 58 } as const;
/** 01:80:c2:00:00:00 to 0f (IEEE 802.1Q-2018, table 8-1): spanning tree, LACP, LLDP, EAPOL … */
const BRIDGE_GROUPS = bits(0x0180c2000000n, 0xfffffffffff0n);
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** What no node may send in fragments, and every node ignores then (RFC 6980, 5): neighbour discovery, and SEND's question. */
const NEVER_IN_FRAGMENTS = [133, 134, SOLICITATION, ADVERTISEMENT, 137, 148];

export const guard: FeatureRule = {
  name: 'guard',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'base', thing: 'base', origin: '' } as const;
    const drop = (priority: number, match: MatchValues, words: string): ExplainedFlow =>
      rule(at, 'guest-guard', priority, matchOf(match), [], words);
    const allow = (priority: number, match: MatchValues, words: string): ExplainedFlow =>
      rule(at, 'guest-guard', priority, matchOf(match), [next('acl')], words);

    yield drop(250, { eth_dst: BRIDGE_GROUPS }, 'no bridge passes that on');
    // Protocol 0 is also what the switch reads where an IP header, or the chain of IPv6 headers, does not hold
    // (RFC 7112): the rules below could not see what such a packet is.
    yield drop(240, { eth_type: 0x0800, ip_proto: 0 }, 'the IPv4 header does not hold');
    yield drop(240, { eth_type: 0x86dd, ip_proto: 0 }, 'the chain of IPv6 headers is cut short');

    const dhcp = 'a guest may not be a DHCP server';
    yield drop(200, { reg0: GUARDED.dhcp, eth_type: 0x0800, ip_proto: 17, udp_src: 67 }, dhcp);
    yield drop(200, { reg0: GUARDED.dhcp, eth_type: 0x86dd, ip_proto: 17, udp_src: 547 }, dhcp);
    for (const [type, what] of [
      [134, 'a guest may not advertise itself as a router'],
      [137, 'a guest may not redirect others'],
    ] as const) {
      yield drop(200, { reg0: GUARDED.router, ...ICMPV6, icmpv6_type: type }, what);
    }

    // The first fragment shows its ports and its type as a whole packet does, so the rules above see them. One that
    // ends before them reads as 0, which no sender means; whatever the guards look for could then come in the second.
    // Later fragments come to nothing without the first, and receivers drop those that overlap it (RFC 5722).
    const short = 'the first fragment ends before what the guards look for';
    for (const eth_type of [0x0800, 0x86dd]) {
      const udp = { reg0: GUARDED.dhcp, eth_type, ip_proto: 17, ip_frag: 'first' };
      yield drop(190, { ...udp, udp_src: 0, udp_dst: 0 }, short);
    }
    yield drop(190, { ...ICMPV6, ip_frag: 'first', icmpv6_type: 0 }, short);
    for (const icmpv6_type of NEVER_IN_FRAGMENTS) {
      const match = { ...ICMPV6, ip_frag: 'first', icmpv6_type };
      yield drop(190, match, 'neighbour discovery never comes in fragments (RFC 6980)');
    }
    for (const icmpv6_type of [SOLICITATION, ADVERTISEMENT]) {
      // No target is also what the switch reads where the message does not hold.
      yield drop(170, { ...ICMPV6, icmpv6_type, nd_target: 0 }, 'no valid neighbour discovery');
    }
    yield allow(120, { eth_type: 0x0806, arp_op: 1 }, 'an ARP request');
    yield allow(120, { eth_type: 0x0806, arp_op: 2 }, 'an ARP reply');
    yield drop(110, { eth_type: 0x0806 }, 'no valid ARP for IPv4');
    yield allow(0, {}, 'nothing that a guest may not send');
  },
};
