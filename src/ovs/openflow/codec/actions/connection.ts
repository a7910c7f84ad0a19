/** Connection tracking: ct with nat and exec inside, ct_clear (nicira-ext.h; ovs-actions(7), "ct"). */
import type { Action, ConnectionAction, Nat } from '../../../../flow/flow.ts';
import { readFieldName } from '../fields.ts';
import type { Reader } from '../reader.ts';
import { NICIRA } from '../types.ts';
import type { Writer } from '../writer.ts';
import {
  type ActionTable,
  EXPERIMENTER,
  finish,
  nicira,
  packedBits,
  type ReadNested,
  unpackedBits,
  type WriteNested,
  writeFieldName,
} from './form.ts';

/** NXAST_CT, NXAST_NAT, NXAST_CT_CLEAR. */
const CT = 35;
const NAT = 36;
const CT_CLEAR = 43;

/** NX_CT_F_… */
const COMMIT = 1;
const FORCE = 2;
/** NX_CT_RECIRC_NONE: the frame goes on with the next action. */
const NO_TABLE = 0xff;

/** NX_NAT_F_… */
const SRC = 1;
const DST = 2;
const PERSISTENT = 4;
const HASH = 8;
const RANDOM = 16;
/** NX_NAT_RANGE_…: what of a range follows, in this order. */
const IPV4_MIN = 1;
const IPV4_MAX = 2;
const IPV6_MIN = 4;
const IPV6_MAX = 8;
const PROTO_MIN = 16;
const PROTO_MAX = 32;

export function writeConnection(writer: Writer, action: ConnectionAction, nested: WriteNested): void {
  const { commit, force, zone, table, nat, actions } = action;
  const start = nicira(writer, CT);
  writer.u16((commit ? COMMIT : 0) | (force ? FORCE : 0));
  if (typeof zone === 'number') {
    writer.zeros(4);
    writer.u16(zone);
  } else {
    writeFieldName(writer, zone);
    writer.u16(packedBits(zone));
  }
  writer.u8(table ?? NO_TABLE);
  writer.zeros(3);
  // No helper for a protocol.
  writer.u16(0);
  if (nat) writeNat(writer, nat);
  nested(writer, actions);
  finish(writer, start);
}

function writeNat(writer: Writer, nat: Nat): void {
  const start = nicira(writer, NAT);
  writer.zeros(2);
  if (nat.type === 'existing') {
    writer.zeros(4);
  } else {
    const { type, first, last, family, ports, persistent, selection } = nat;
    const size = family === 'ipv4' ? 4 : 16;
    const [low, high] = family === 'ipv4' ? [IPV4_MIN, IPV4_MAX] : [IPV6_MIN, IPV6_MAX];
    const hasLast = last !== first;
    const hasLastPort = ports !== undefined && ports.last !== ports.first;
    writer.u16(
      (type === 'src' ? SRC : DST) |
        (persistent ? PERSISTENT : 0) |
        (selection === 'hash' ? HASH : selection === 'random' ? RANDOM : 0),
    );
    writer.u16(low | (hasLast ? high : 0) | (ports ? PROTO_MIN : 0) | (hasLastPort ? PROTO_MAX : 0));
    writer.uint(first, size);
    if (hasLast) writer.uint(last, size);
    if (ports) writer.u16(ports.first);
    if (hasLastPort) writer.u16(ports.last);
  }
  finish(writer, start);
}

export function writeConnectionClear(writer: Writer): void {
  finish(writer, nicira(writer, CT_CLEAR));
}

export const NICIRA_CONNECTION: ActionTable = new Map([
  [CT, readConnection],
  [CT_CLEAR, (): Action => ({ type: 'ct_clear' })],
]);

function readConnection(body: Reader, nested: ReadNested): Action | undefined {
  const flags = body.u16();
  const isImmediate = body.ahead().u32() === 0;
  const source = isImmediate ? undefined : readFieldName(body);
  if (isImmediate) body.skip(4);
  const packed = body.u16();
  const zone = isImmediate ? packed : unpackedBits(packed, source);
  const table = body.u8();
  body.skip(3);
  const helper = body.u16();
  const nat = isNat(body) ? readNat(body.element(2, 16)) : undefined;
  const actions = nested(body);
  if (flags > (COMMIT | FORCE) || zone === undefined || helper !== 0 || nat === 'unknown' || !actions) {
    return undefined;
  }
  return {
    type: 'ct',
    commit: (flags & COMMIT) !== 0,
    force: (flags & FORCE) !== 0,
    zone,
    table: table === NO_TABLE ? undefined : table,
    nat,
    alg: undefined,
    actions,
  };
}

/** It is the first of the actions inside. */
function isNat(list: Reader): boolean {
  if (list.left < 16) return false;
  const ahead = list.ahead();
  const type = ahead.u16();
  ahead.skip(2);
  return type === EXPERIMENTER && ahead.u32() === NICIRA && ahead.u16() === NAT;
}

function readNat(body: Reader): Nat | 'unknown' {
  body.skip(12);
  const flags = body.u16();
  const present = body.u16();
  if (flags === 0 && present === 0) return { type: 'existing' };
  const isSource = (flags & SRC) !== 0;
  const isHash = (flags & HASH) !== 0;
  const isRandom = (flags & RANDOM) !== 0;
  const [family, size, max] =
    (present & IPV4_MIN) !== 0 ? (['ipv4', 4, IPV4_MAX] as const) : (['ipv6', 16, IPV6_MAX] as const);
  const allowed =
    family === 'ipv4'
      ? IPV4_MIN | IPV4_MAX | PROTO_MIN | PROTO_MAX
      : IPV6_MIN | IPV6_MAX | PROTO_MIN | PROTO_MAX;
  const isOdd =
    flags > (SRC | DST | PERSISTENT | HASH | RANDOM) ||
    isSource === ((flags & DST) !== 0) ||
    (isHash && isRandom) ||
    (present & ~allowed) !== 0 ||
    (present & (IPV4_MIN | IPV6_MIN)) === 0 ||
    (present & (PROTO_MIN | PROTO_MAX)) === PROTO_MAX;
  if (isOdd) return 'unknown';
  const first = body.uint(size);
  const last = (present & max) !== 0 ? body.uint(size) : first;
  const firstPort = (present & PROTO_MIN) !== 0 ? body.u16() : undefined;
  const lastPort = (present & PROTO_MAX) !== 0 ? body.u16() : firstPort;
  return {
    type: isSource ? 'src' : 'dst',
    first,
    last,
    family,
    ports:
      firstPort === undefined || lastPort === undefined ? undefined : { first: firstPort, last: lastPort },
    persistent: (flags & PERSISTENT) !== 0,
    selection: isHash ? 'hash' : isRandom ? 'random' : undefined,
  };
}
