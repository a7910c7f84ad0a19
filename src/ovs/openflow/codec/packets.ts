/**
 * Frames that come to the controller and that it sends (OpenFlow 1.5, 7.4.1 and 7.3.6; NXT_PACKET_IN2 in nicira-ext.h).
 */
import type { Match } from '../../../flow/flow.ts';
import { canonicalMatch } from '../../../flow/match.ts';
import { readActions, writeActions } from './actions/list.ts';
import { readFields, readMatch, writeFields, writeMatch } from './match.ts';
import type { PacketInMessage, PacketInReason, PacketOut } from './message.ts';
import { RESERVED } from './ports.ts';
import { endProperty, properties, startProperty } from './properties.ts';
import { named, type Reader, WireError } from './reader.ts';
import { NO_BUFFER } from './types.ts';
import type { Writer } from './writer.ts';

/** OFPR_…: the place in the list is the number. */
const REASONS: readonly PacketInReason[] = [
  'no-match',
  'action',
  'invalid-ttl',
  'action-set',
  'group',
  'packet-out',
];

/** NXPINT_…: properties of NXT_PACKET_IN2. */
const PACKET = 0;
const FULL_LEN = 1;
const TABLE_ID = 3;
const COOKIE = 4;
const REASON = 5;
const METADATA = 6;
const USERDATA = 7;

/** The cookie of no flow. */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;

/** OFPT_PACKET_IN. */
export function writePacketIn(writer: Writer, packet: PacketInMessage): void {
  writer.u32(NO_BUFFER);
  writer.u16(packet.fullLength);
  writer.u8(REASONS.indexOf(packet.reason));
  writer.u8(packet.table);
  writer.u64(packet.cookie);
  writeMatch(writer, packet.metadata);
  writer.zeros(2);
  writer.raw(packet.frame);
}

export function readPacketIn(body: Reader): PacketInMessage {
  body.skip(4);
  const fullLength = body.u16();
  const reason = named('reason of packet-in', REASONS, body.u8());
  const table = body.u8();
  const cookie = body.u64();
  const { match: metadata } = readMatch(body);
  body.skip(2);
  const frame = body.copy(body.left);
  return {
    type: 'packet-in',
    form: 'openflow',
    table,
    reason,
    cookie,
    fullLength,
    frame,
    userdata: '',
    metadata,
  };
}

/** NXT_PACKET_IN2. */
export function writePacketIn2(writer: Writer, packet: PacketInMessage): void {
  property(writer, PACKET, () => writer.raw(packet.frame));
  if (packet.fullLength !== packet.frame.length)
    property(writer, FULL_LEN, () => writer.u32(packet.fullLength));
  property(writer, TABLE_ID, () => writer.u8(packet.table));
  if (packet.cookie !== NO_COOKIE) {
    property(writer, COOKIE, () => {
      // 64 bits stand at a multiple of 8 bytes.
      writer.zeros(4);
      writer.u64(packet.cookie);
    });
  }
  property(writer, REASON, () => writer.u8(REASONS.indexOf(packet.reason)));
  property(writer, METADATA, () => writeFields(writer, packet.metadata));
  if (packet.userdata !== '') property(writer, USERDATA, () => writer.hex(packet.userdata));
}

function property(writer: Writer, type: number, write: () => void): void {
  const start = startProperty(writer, type);
  write();
  endProperty(writer, start);
}

/** What a switch needs to go on with the frame (NXPINT_CONTINUATION) is left unread: nobody goes on. */
export function readPacketIn2(body: Reader): PacketInMessage {
  let frame: Uint8Array | undefined;
  let fullLength: number | undefined;
  let table = 0;
  let cookie = NO_COOKIE;
  let reason: PacketInReason = 'no-match';
  let userdata = '';
  let metadata: Match = canonicalMatch({});
  for (const { type, value } of properties(body)) {
    if (type === PACKET) frame = value.copy(value.left);
    else if (type === FULL_LEN) fullLength = value.u32();
    else if (type === TABLE_ID) table = value.u8();
    else if (type === COOKIE) {
      value.skip(4);
      cookie = value.u64();
    } else if (type === REASON) reason = named('reason of packet-in', REASONS, value.u8());
    else if (type === METADATA) metadata = readFields(value).match;
    else if (type === USERDATA) userdata = value.hex(value.left);
  }
  if (!frame) throw new WireError('a packet-in without a packet');
  return {
    type: 'packet-in',
    form: 'nxt-packet-in2',
    table,
    reason,
    cookie,
    fullLength: fullLength ?? frame.length,
    frame,
    userdata,
    metadata,
  };
}

/** OFPT_PACKET_OUT. */
export function writePacketOut(writer: Writer, { inPort, actions, frame }: PacketOut): void {
  writer.u32(NO_BUFFER);
  const lengthAt = writer.zeros(4);
  const port = inPort === 'controller' ? RESERVED.controller : inPort;
  writeMatch(writer, { in_port: { value: BigInt(port), mask: 0xffffn } });
  const start = writer.length;
  writeActions(writer, actions);
  writer.lengthAt(lengthAt, start);
  writer.raw(frame);
}

export function readPacketOut(body: Reader): PacketOut {
  body.skip(4);
  const actionsLength = body.u16();
  body.skip(2);
  const { match } = readMatch(body);
  const port = Number(match.in_port?.value ?? BigInt(RESERVED.controller));
  const { actions, unknown } = readActions(body.part(actionsLength));
  if (unknown !== '') throw new WireError('a packet-out with actions that have no name here');
  return {
    type: 'packet-out',
    inPort: port === RESERVED.controller ? 'controller' : port,
    actions,
    frame: body.copy(body.left),
  };
}
