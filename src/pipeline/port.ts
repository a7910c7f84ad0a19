/** One vNIC: which network it is on, what it may send, and its DHCP. */
import type { Read } from '../base/derive.ts';
import { setField } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { type MatchValues, matchOf } from '../flow/match.ts';
import { ipToBigint, isIpv4, linkLocalOf } from '../packet/address.ts';
import type { PortAddress, PortRecord } from '../policy/records.ts';
import { sent } from './acl-port.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { identitiesOf, keepsPriority, type Lane, lanesOf } from './lanes.ts';
import { overlayOf, portNumber, subnetOf } from './overlay.ts';
import { vlanOfSender } from './private-vlan.ts';
import {
  ATTACHED_PRIVATE,
  ATTACHED_VIRTUAL,
  DOMAIN,
  GUARD_DHCP,
  GUARD_ROUTER,
  KEEP_PRIORITY,
  ORIGIN,
  VLAN,
  VSID,
} from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';
import { services } from './services.ts';

const IPV6_UNSPECIFIED = 0n;

export const port: FeatureRule = {
  name: 'port',
  units: (key, fact) => (fact.kind === 'port' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'port') return;
    const number = portNumber(read, portOf.vnic(record.id));
    const network = networkOf(record, read);
    const judged = number === undefined ? undefined : sent(read, record, number);
    if (number === undefined || !network || !judged) return;
    const at = { switch: record.switch, feature: 'port', thing: unit, origin: record.origin } as const;
    yield* classify(at, record, number, { ...network, actions: [...network.actions, ...judged] });
    yield* spoofGuard(at, record, number);
    yield* neighbourGuard(at, record, number);
    yield* services(at, record, number);
  },
};

/** Loads the registers that say which network the port is on; undefined while a part of its network is missing. */
function networkOf(
  record: PortRecord,
  read: Read<PipelineFact>,
): { actions: Action[]; words: string } | undefined {
  if (record.attachment.type === 'vlan') {
    const { vlan } = record.attachment;
    return { actions: [], words: vlan ? `on VLAN ${vlan}` : 'on the untagged network' };
  }
  if (record.attachment.type === 'trunk') {
    const { native, tagged } = record.attachment;
    return { actions: [], words: `on a trunk, native VLAN ${native}, tagged ${tagged.join(', ') || 'none'}` };
  }
  // No rule lets in what a destination of mirrors sends.
  if (record.attachment.type === 'monitor') return undefined;
  if (record.attachment.type === 'private') {
    const vlan = vlanOfSender(record.attachment);
    const { mode, primary } = record.attachment;
    return { actions: [setField(VLAN, vlan)], words: `${mode} on private VLAN ${primary}, as VLAN ${vlan}` };
  }
  const subnet = subnetOf(read, record.attachment.vsid);
  const overlay = subnet && overlayOf(read, subnet.rdid);
  if (!subnet || !overlay) return undefined;
  return {
    actions: [setField(VSID, subnet.vsid), setField(DOMAIN, overlay.domain.number)],
    words: `on ${subnet.name}, VSID ${subnet.vsid}`,
  };
}

function* classify(
  at: RuleContext,
  record: PortRecord,
  number: number,
  network: { actions: Action[]; words: string },
): Iterable<ExplainedFlow> {
  const flags =
    ORIGIN.vnic |
    (record.attachment.type === 'virtual' ? ATTACHED_VIRTUAL : 0n) |
    (record.attachment.type === 'private' ? ATTACHED_PRIVATE : 0n) |
    (record.security.dhcpGuard ? GUARD_DHCP : 0n) |
    (record.security.routerGuard ? GUARD_ROUTER : 0n) |
    (keepsPriority(record) ? KEEP_PRIORITY : 0n);
  const actions = [setField('reg0', flags), ...network.actions, next('spoof-guard')];
  yield rule(
    at,
    'classify',
    100,
    matchOf({ in_port: number }),
    actions,
    `from ${record.name}, ${network.words}`,
  );
}

function* spoofGuard(at: RuleContext, record: PortRecord, number: number): Iterable<ExplainedFlow> {
  for (const self of identitiesOf(record)) {
    for (const lane of lanesOf(self)) yield* guardLane(at, self, number, lane);
  }
  // The table would drop it without this rule; with it, what each vNIC tried is counted.
  yield rule(
    at,
    'spoof-guard',
    0,
    matchOf({ in_port: number }),
    [],
    `${record.name} may not send from that address, in that VLAN, or of that protocol`,
  );
}

function* guardLane(
  at: RuleContext,
  record: PortRecord,
  number: number,
  lane: Lane,
): Iterable<ExplainedFlow> {
  const { security } = record;
  // macSpoofing frees every MAC address of a frame, guestSpecifiedAddresses every IP address; neither the other.
  const from = {
    in_port: number,
    vlan_tci: lane.tag,
    ...(security.macSpoofing ? {} : { eth_src: record.mac }),
  };
  const sender = security.macSpoofing ? {} : { arp_sha: record.mac };
  const actions = [...lane.actions, next('guest-guard')];
  const allow = (match: MatchValues, words: string) =>
    rule(at, 'spoof-guard', 100, matchOf({ ...from, ...match }), actions, `${words}${lane.words}`);

  if (security.guestSpecifiedAddresses) {
    for (const [ethertype, what] of [
      [0x0800, 'IPv4'],
      [0x0806, 'ARP'],
      [0x86dd, 'IPv6'],
    ] as const) {
      const pinned = ethertype === 0x0806 ? sender : {};
      yield allow({ eth_type: ethertype, ...pinned }, `${record.name} may send ${what} from any address`);
    }
    return;
  }
  if (!lane.isTagged) {
    yield allow(
      { eth_type: 0x0800, ip_src: 0, ip_dst: 0xffffffff, ip_proto: 17, udp_src: 68, udp_dst: 67 },
      `${record.name} may ask for an address`,
    );
  }
  for (const { address } of lane.addresses) {
    const value = address;
    if (isIpv4(address)) {
      yield allow({ eth_type: 0x0800, ip_src: value }, `${record.name} may send from ${address}`);
      yield allow(
        { eth_type: 0x0806, arp_spa: value, ...sender },
        `${record.name} may say in ARP that it has ${address}`,
      );
      // RFC 5227 section 2.1.1: a probe asks for the address with no address of its own.
      yield allow(
        { eth_type: 0x0806, arp_op: 1, arp_spa: 0, arp_tpa: value, ...sender },
        `${record.name} may probe for ${address}`,
      );
    } else {
      yield allow({ eth_type: 0x86dd, ipv6_src: value }, `${record.name} may send from ${address}`);
    }
  }
  if (lane.addresses.some(({ address }) => !isIpv4(address))) {
    const linkLocal = linkLocalOf(record.mac);
    yield allow(
      { eth_type: 0x86dd, ipv6_src: ipToBigint(linkLocal) },
      `${record.name} may send from its link-local address`,
    );
    // Without an address, there is duplicate address detection (RFC 4862, 5.4) and the question for a router (RFC 4861, 4.1).
    for (const [icmpv6_type, what] of [
      [135, 'probe for its IPv6 addresses'],
      [133, 'ask for a router'],
    ] as const) {
      yield allow(
        { eth_type: 0x86dd, ipv6_src: IPV6_UNSPECIFIED, ip_proto: 58, icmpv6_type },
        `${record.name} may ${what}`,
      );
    }
  }
}

/** Neighbour discovery carries addresses inside the message; those must be the guest's own as well, in each place. */
function* neighbourGuard(at: RuleContext, record: PortRecord, number: number): Iterable<ExplainedFlow> {
  if (record.attachment.type !== 'trunk') {
    const identities = identitiesOf(record);
    for (const self of identities) {
      const from = { in_port: number, ...(identities.length > 1 ? { eth_src: self.mac } : {}) };
      yield* guardNeighbours(at, self, from, self.addresses, '');
    }
    return;
  }
  for (const { tag, addresses, words } of lanesOf(record)) {
    yield* guardNeighbours(at, record, { in_port: number, vlan_tci: tag }, addresses, words);
  }
}

function* guardNeighbours(
  at: RuleContext,
  record: PortRecord,
  from: MatchValues,
  addresses: readonly PortAddress[],
  where: string,
): Iterable<ExplainedFlow> {
  const { macSpoofing, guestSpecifiedAddresses } = record.security;
  const own = addresses.map(({ address }) => address).filter((address) => !isIpv4(address));
  if (guestSpecifiedAddresses ? macSpoofing : own.length === 0) return;
  const nd = { ...from, eth_type: 0x86dd, ip_proto: 58 };
  const allow = (match: MatchValues, words: string) =>
    rule(at, 'guest-guard', 160, matchOf({ ...nd, ...match }), [next('acl')], `${words}${where}`);
  const forged = `${record.name} may not speak for another machine's address${where}`;
  // Who answers a solicitation to itself alone may leave its MAC address out (RFC 4861, 7.2.4).
  const macs = macSpoofing ? [undefined] : [0, record.mac];
  const targets = guestSpecifiedAddresses ? [undefined] : [...own, linkLocalOf(record.mac)];
  for (const nd_sll of macs) {
    yield allow({ icmpv6_type: 135, nd_sll }, `${record.name} solicits with its own MAC address, or none`);
  }
  for (const nd_target of targets) {
    for (const nd_tll of macs) {
      const words = `${record.name} may advertise ${nd_target ?? 'any address'} at its own MAC address, or none`;
      yield allow({ icmpv6_type: 136, nd_target, nd_tll }, words);
    }
  }
  for (const icmpv6_type of [135, 136]) {
    yield rule(at, 'guest-guard', 150, matchOf({ ...nd, icmpv6_type }), [], forged);
  }
}
