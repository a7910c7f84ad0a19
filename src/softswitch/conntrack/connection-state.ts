/** The state of a connection, whatever its protocol: how it begins, what a packet makes of it, how long it lives. */
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import type { ConnectionUse } from '../cache/gate.ts';
import { protocolOf } from './connection-key.ts';
import type { Connection, ConnectionTable } from './connection-table.ts';
import {
  beginsIcmp,
  beginsIcmpv6,
  DATAGRAM,
  datagramVerdict,
  icmpTimeout,
  nextIcmp,
  nextOther,
  otherTimeout,
} from './datagrams.ts';
import type { Segment, Verdict } from './state.ts';
import { beginsTcp, isTcpEstablished, TCP_WORDS, updateTcp } from './tcp.ts';
import { TIMEOUT } from './timeouts.ts';

/** Whether a packet of this protocol may begin a connection. */
export function mayBegin(protocol: number, segment: Segment): boolean {
  switch (protocol) {
    case IP_PROTOCOL.TCP:
      return beginsTcp(segment);
    case IP_PROTOCOL.ICMP:
      return beginsIcmp(segment);
    case IP_PROTOCOL.ICMPV6:
      return beginsIcmpv6(segment);
    default:
      return true;
  }
}

/** Milliseconds that a connection of this protocol lives after its first packet. */
export function firstTimeout(protocol: number): number {
  switch (protocol) {
    case IP_PROTOCOL.TCP:
      return TIMEOUT.TCP_FIRST;
    case IP_PROTOCOL.ICMP:
    case IP_PROTOCOL.ICMPV6:
      return icmpTimeout(DATAGRAM.FIRST);
    default:
      return otherTimeout(DATAGRAM.FIRST);
  }
}

/** What a packet is to its connection, which is brought up to date. */
export function updateState(
  table: ConnectionTable,
  connection: Connection,
  segment: Segment,
  isReply: boolean,
  now: number,
): Verdict {
  const { slot } = connection;
  const protocol = protocolOf(connection.forward);
  if (protocol === IP_PROTOCOL.TCP) {
    const at = slot * TCP_WORDS;
    const wasEstablished = isTcpEstablished(table.tcp, at);
    const { verdict, timeout } = updateTcp(table.tcp, at, segment, isReply);
    if (wasEstablished !== isTcpEstablished(table.tcp, at)) table.changed(connection);
    if (timeout !== undefined) table.expiration[slot] = now + timeout;
    return verdict;
  }
  const isIcmp = protocol === IP_PROTOCOL.ICMP || protocol === IP_PROTOCOL.ICMPV6;
  const state = (isIcmp ? nextIcmp : nextOther)(connection.state, isReply);
  if (state !== connection.state) table.changed(connection);
  connection.state = state;
  table.expiration[slot] = now + (isIcmp ? icmpTimeout : otherTimeout)(state);
  return datagramVerdict(state);
}

/** After an update the state of UDP and ICMP is one that the same packet leaves as it is; that of TCP may go on. */
export function useOf(
  table: ConnectionTable,
  connection: Connection,
  isReply: boolean,
): ConnectionUse | undefined {
  const { state, slot } = connection;
  const version = table.versions[slot]!;
  const protocol = protocolOf(connection.forward);
  if (protocol === IP_PROTOCOL.TCP) {
    if (!isTcpEstablished(table.tcp, slot * TCP_WORDS)) return undefined;
    return { slot, version, isReply, timeout: TIMEOUT.TCP_ESTABLISHED };
  }
  const isIcmp = protocol === IP_PROTOCOL.ICMP || protocol === IP_PROTOCOL.ICMPV6;
  return { slot, version, isReply, timeout: (isIcmp ? icmpTimeout : otherTimeout)(state) };
}
