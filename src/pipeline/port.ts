/** One vNIC: which network it is on, what it may send, and its DHCP. */
import type { Read } from '../base/derive.ts';
import { controller, setField } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { type MatchValues, matchOf } from '../flow/match.ts';
import { ipToBigint, isIpv4, linkLocalOf } from '../packet/address.ts';
import type { PortRecord } from '../policy/records.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { overlayOf, portNumber, subnetOf } from './overlay.ts';
import { vlanOfSender } from './private-vlan.ts';
import { PUNT } from './punt.ts';
import {
  ATTACHED_PRIVATE,
  ATTACHED_VIRTUAL,
  DOMAIN,
  GUARD_DHCP,
  GUARD_ROUTER,
  ORIGIN,
  VLAN,
  VSID,
} from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';

const NO_TAG = 0;
const IPV6_UNSPECIFIED = 0n;

export const port: FeatureRule = {
  name: 'port',
  units: (key, fact) => (fact.kind === 'port' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'port') return;
    const number = portNumber(read, portOf.vnic(record.id));
    const network = networkOf(record, read);
    if (number === undefined || !network) return;
    const at = { switch: record.switch, feature: 'port', thing: unit, origin: record.origin } as const;
    yield* classify(at, record, number, network);
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
    (record.security.routerGuard ? GUARD_ROUTER : 0n);
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
  const { security } = record;
  // macSpoofing frees every MAC address of a frame, guestSpecifiedAddresses every IP address; neither the other.
  const from = {
    in_port: number,
    vlan_tci: NO_TAG,
    ...(security.macSpoofing ? {} : { eth_src: record.mac }),
  };
  const sender = security.macSpoofing ? {} : { arp_sha: record.mac };
  const allow = (match: Parameters<typeof matchOf>[0], words: string) =>
    rule(at, 'spoof-guard', 100, matchOf({ ...from, ...match }), [next('guest-guard')], words);

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
  yield allow(
    { eth_type: 0x0800, ip_src: 0, ip_dst: 0xffffffff, ip_proto: 17, udp_src: 68, udp_dst: 67 },
    `${record.name} may ask for an address`,
  );
  for (const { address } of record.addresses) {
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
  if (ownIpv6(record).length > 0) {
    const linkLocal = linkLocalOf(record.mac);
    yield allow(
      { eth_type: 0x86dd, ipv6_src: ipToBigint(linkLocal) },
      `${record.name} may send from its link-local address`,
    );
    // RFC 4862 section 5.4: duplicate address detection asks with the unspecified address.
    yield allow(
      { eth_type: 0x86dd, ipv6_src: IPV6_UNSPECIFIED, ip_proto: 58, icmpv6_type: 135 },
      `${record.name} may probe for its IPv6 addresses`,
    );
  }
}

/** Neighbour discovery carries addresses inside the message; those must be the guest's own as well. */
function* neighbourGuard(at: RuleContext, record: PortRecord, number: number): Iterable<ExplainedFlow> {
  const { macSpoofing, guestSpecifiedAddresses } = record.security;
  const own = ownIpv6(record);
  if (guestSpecifiedAddresses ? macSpoofing : own.length === 0) return;
  const nd = { in_port: number, eth_type: 0x86dd, ip_proto: 58 };
  const allow = (match: MatchValues, words: string) =>
    rule(at, 'guest-guard', 160, matchOf({ ...nd, ...match }), [next('services')], words);
  const forged = `${record.name} may not speak for another machine's address`;
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

function* services(at: RuleContext, record: PortRecord, number: number): Iterable<ExplainedFlow> {
  if (record.dhcpServer) {
    yield rule(
      at,
      'services',
      200,
      matchOf({ in_port: number, eth_type: 0x0800, ip_proto: 17, udp_src: 68, udp_dst: 67 }),
      [controller(PUNT.dhcp)],
      `DHCP is answered in the switch, from ${record.dhcpServer}`,
    );
  }
  if (record.attachment.type !== 'virtual') return;
  for (const { address } of record.addresses) {
    const target = address;
    const match = isIpv4(address)
      ? { in_port: number, eth_type: 0x0806, arp_op: 1, arp_tpa: target }
      : { in_port: number, eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135, nd_target: target };
    yield rule(
      at,
      'services',
      110,
      matchOf(match),
      [],
      `${record.name} asks for its own address ${address}: nobody else has it`,
    );
  }
}

function ownIpv6(record: PortRecord) {
  return record.addresses.map((a) => a.address).filter((a) => !isIpv4(a));
}
