/** A connection as a line of text, as `ovs-appctl dpctl/dump-conntrack` prints it (lib/ct-dpif.c of Open vSwitch). */
import { ipFromBigint } from '../../packet/address.ts';
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import {
  addressOf,
  CONNECTION_KEY,
  type ConnectionKey,
  familyOf,
  portOf,
  protocolOf,
  zoneOf,
} from './connection-key.ts';
import type { Connection } from './connection-table.ts';
import { tcpStateName } from './tcp.ts';

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [2, 'igmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

/** `timeout`: seconds that are left, printed as with `-s`; undefined: not printed. `peers`: of TCP, from `at` on. */
export function formatConnection(
  { forward, reply, mark, label }: Connection,
  peers: Int32Array,
  at: number,
  timeout: number | undefined,
): string {
  const protocol = protocolOf(forward);
  const zone = zoneOf(forward);
  const more = [
    zone === 0 ? '' : `,zone=${zone}`,
    timeout === undefined ? '' : `,timeout=${timeout}`,
    mark === 0 ? '' : `,mark=${mark}`,
    label === 0n ? '' : `,labels=0x${label.toString(16)}`,
    protocol === IP_PROTOCOL.TCP ? `,protoinfo=(state=${tcpStateName(peers, at)})` : '',
  ];
  const name = NAMES.get(protocol) ?? String(protocol);
  return `${name},orig=(${formatTuple(forward)}),reply=(${formatTuple(reply)})${more.join('')}`;
}

/** `src=10.0.0.1,dst=10.0.0.2,sport=1024,dport=80` */
export function formatTuple(key: ConnectionKey): string {
  const { SRC, SRC_PORT, DST, DST_PORT } = CONNECTION_KEY;
  const family = familyOf(key);
  const addresses = `src=${ipFromBigint(addressOf(key, SRC), family)},dst=${ipFromBigint(addressOf(key, DST), family)}`;
  const source = key[SRC_PORT]!;
  const protocol = protocolOf(key);
  if (protocol === IP_PROTOCOL.ICMP || protocol === IP_PROTOCOL.ICMPV6) {
    return `${addresses},id=${portOf(source)},type=${(source >>> 8) & 0xff},code=${source & 0xff}`;
  }
  return `${addresses},sport=${portOf(source)},dport=${portOf(key[DST_PORT]!)}`;
}
