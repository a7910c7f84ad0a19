/**
 * Port ACLs in the oracle, from the records alone: whether what a machine sends, or is to get, passes.
 *
 * Decisions, besides those of records.ts (AclRecord):
 *
 *   - ARP always passes. So does neighbour discovery that no router has passed on (hop limit 255), and MLD (1): on VLANs as a
 *     machine of either role sends it, on virtual subnets only solicitations, which the switch answers.
 *   - Rules are about IP packets; the defaults about every frame but ARP.
 *   - A header that is not there, or is cut short, has ports 0 and type 0; so has a later fragment. A first fragment of TCP or
 *     UDP whose ports are both 0 hides them, and is dropped (RFC 1858).
 *   - A connection is one of UDP, or of questions and answers in ICMP, between good packets; TCP is not looked at here.
 */
import { type IpAddress, prefixContains } from '../../src/packet/address.ts';
import { read16 } from '../../src/packet/bytes.ts';
import { ETHERTYPE } from '../../src/packet/ethernet.ts';
import { IP_PROTOCOL } from '../../src/packet/ipv4.ts';
import type { Layers } from '../../src/packet/parse.ts';
import type { PortRange } from '../../src/packet/port-range.ts';
import type { AclRecord, AclRule } from '../../src/policy/records.ts';
import { icmpOffset, transportPorts } from './reading.ts';

export type Direction = AclRule['direction'];

/** A packet as the machine sees it. */
interface Packet {
  readonly family: 4 | 6 | undefined;
  readonly protocol: number;
  readonly local: IpAddress | undefined;
  readonly remote: IpAddress | undefined;
  readonly localPort: number;
  readonly remotePort: number;
  readonly icmpType: number;
}

const OPPOSITE = { inbound: 'outbound', outbound: 'inbound' } as const;
/** ICMP: answer -> question. */
const QUESTIONS: Readonly<Record<number, number>> = { 0: 8, 14: 13, 16: 15, 129: 128 };

export class AclJudge {
  /** Port and connection, from the machine's side -> which way its first packet went. */
  readonly #begun = new Map<string, Direction>();

  /** `port`: unique among all hosts. */
  passes(port: string, acls: readonly AclRecord[], frame: Layers, direction: Direction, isVirtual: boolean) {
    if (acls.length === 0 || frame.etherType === ETHERTYPE.ARP) return true;
    if (isLink(frame, direction, isVirtual)) return true;
    const packet = packetOf(frame, direction);
    const hasPorts = packet.protocol === IP_PROTOCOL.TCP || packet.protocol === IP_PROTOCOL.UDP;
    if (hasPorts && frame.fragment === 'first' && packet.localPort === 0 && packet.remotePort === 0)
      return false;
    const connection = `${port} ${connectionOf(packet, frame)}`;
    const began = this.#begun.get(connection);
    if (began === OPPOSITE[direction]) {
      const decided = decide(acls, { ...packet, icmpType: QUESTIONS[packet.icmpType] ?? 0 }, began, true);
      if (typeof decided === 'object' && decided.stateful) return true;
    }
    // What answers nothing begins no connection either.
    const isAnswer = frame.icmp !== undefined && packet.icmpType in QUESTIONS;
    const decided = decide(acls, packet, direction, !isAnswer || began !== undefined);
    if (typeof decided === 'string') return decided === 'allow';
    if (decided.stateful && isAnswer) this.#begun.delete(connection);
    else if (decided.stateful) this.#begun.set(connection, direction);
    return decided.action === 'allow';
  }
}

/** The rule that is about the packet, or what a default says. Stateful rules are about packets of connections. */
function decide(
  acls: readonly AclRecord[],
  packet: Packet,
  direction: Direction,
  isOfConnection: boolean,
): AclRule | 'allow' | 'deny' {
  for (const acl of acls) {
    const [rule] = acl.rules
      .filter(
        (each) => each.direction === direction && (isOfConnection || !each.stateful) && fits(each, packet),
      )
      .sort((a, b) => a.priority - b.priority);
    const decided = rule ?? acl[direction];
    if (decided !== undefined) return decided;
  }
  return 'allow';
}

function fits(rule: AclRule, packet: Packet): boolean {
  const within = (range: PortRange | undefined, port: number) =>
    range === undefined || (range.from <= port && port <= range.to);
  return (
    packet.family !== undefined &&
    (rule.family === undefined || rule.family === packet.family) &&
    (rule.protocol === undefined || rule.protocol === packet.protocol) &&
    (rule.local === undefined || (packet.local !== undefined && prefixContains(rule.local, packet.local))) &&
    (rule.remote === undefined ||
      (packet.remote !== undefined && prefixContains(rule.remote, packet.remote))) &&
    within(rule.localPorts, packet.localPort) &&
    within(rule.remotePorts, packet.remotePort) &&
    (rule.icmpType === undefined || rule.icmpType === packet.icmpType)
  );
}

function packetOf(frame: Layers, direction: Direction): Packet {
  const ip = frame.ipv4 ?? frame.ipv6;
  const { source, destination } = transportPorts(frame) ?? { source: 0, destination: 0 };
  const isOut = direction === 'outbound';
  const at = icmpOffset(frame);
  return {
    family: frame.etherType === ETHERTYPE.IPV4 ? 4 : frame.etherType === ETHERTYPE.IPV6 ? 6 : undefined,
    // Open vSwitch takes the fragment header for the protocol of a later IPv6 fragment (ovs-fields(7), nw_proto).
    protocol: frame.ipv6 && frame.fragment === 'later' ? IP_PROTOCOL.FRAGMENT : (frame.protocol ?? 0),
    local: isOut ? ip?.srcIp : ip?.dstIp,
    remote: isOut ? ip?.dstIp : ip?.srcIp,
    localPort: isOut ? source : destination,
    remotePort: isOut ? destination : source,
    icmpType: at === undefined ? 0 : frame.bytes[at]!,
  };
}

/** The same for a question and its answer. */
function connectionOf({ protocol, local, remote, localPort, remotePort }: Packet, frame: Layers): string {
  const at = icmpOffset(frame);
  const identifier = at === undefined ? '' : read16(frame.bytes, at + 4);
  return `${protocol} ${local} ${localPort} ${remote} ${remotePort} ${identifier}`;
}

const OUTBOUND: Readonly<Record<number, number>> = { 133: 255, 135: 255, 136: 255, 131: 1, 132: 1, 143: 1 };
const INBOUND: Readonly<Record<number, number>> = { 134: 255, 135: 255, 136: 255, 130: 1 };

function isLink(frame: Layers, direction: Direction, isVirtual: boolean): boolean {
  const at = frame.ipv6 && icmpOffset(frame);
  if (at === undefined || !frame.ipv6) return false;
  const type = frame.bytes[at]!;
  if (isVirtual && (direction === 'inbound' || (type !== 133 && type !== 135))) return false;
  return (direction === 'outbound' ? OUTBOUND : INBOUND)[type] === frame.ipv6.hopLimit;
}
