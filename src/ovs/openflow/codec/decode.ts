/** Bytes as messages. Whatever the bytes are, the answer is a value: `malformed` says what cannot be. */

import { readFlowMod, readFlowRemoved } from './flow-messages.ts';
import { readGroupMod } from './groups.ts';
import { type Message, OPENFLOW_VERSION, type Received } from './message.ts';
import { readMeterMod } from './meters.ts';
import { readReply, readRequest } from './multipart.ts';
import { readPacketIn, readPacketIn2, readPacketOut } from './packets.ts';
import { readPort } from './port-messages.ts';
import { named, Reader, WireError } from './reader.ts';
import { readAsync, readConfig, readError, readFeatures, readHello, readRole } from './session.ts';
import { BUNDLE_ACTIONS, NICIRA, NICIRA_TYPE, PACKET_IN_FORMATS, PORT_REASONS, TYPE } from './types.ts';

/** Bytes of the header of every message: version, type, length, transaction id. */
export const HEADER_BYTES = 8;

/**
 * One message: as many bytes as its header says. What it holds is copied, so the buffer may be used again. Nothing is
 * thrown, and nothing is read beyond the bytes.
 */
export function decode(bytes: Uint8Array): Received {
  if (bytes.length < HEADER_BYTES) {
    return { version: 0, xid: 0, message: malformed(0, `${bytes.length} bytes are no header`) };
  }
  const reader = new Reader(bytes);
  const version = reader.u8();
  const code = reader.u8();
  const length = reader.u16();
  const xid = reader.u32();
  if (length !== bytes.length) {
    const reason = `${bytes.length} bytes came of a message that says it has ${length}`;
    return { version, xid, message: malformed(code, reason) };
  }
  // What is needed to agree on a version is the same in all of them.
  if (version !== OPENFLOW_VERSION && code > TYPE['echo-reply']) {
    return { version, xid, message: malformed(code, `it is of version 0x0${version.toString(16)}`) };
  }
  try {
    return { version, xid, message: readMessage(reader, version, code, xid, 0) };
  } catch (thrown) {
    if (thrown instanceof WireError) return { version, xid, message: malformed(code, thrown.message) };
    throw thrown;
  }
}

function malformed(code: number, reason: string): Message {
  return { type: 'malformed', code, reason };
}

function readMessage(body: Reader, version: number, code: number, xid: number, depth: number): Message {
  switch (code) {
    case TYPE.hello:
      return { type: 'hello', versions: readHello(body, version) };
    case TYPE.error:
      return readError(body);
    case TYPE['echo-request']:
      return { type: 'echo-request', data: body.copy(body.left) };
    case TYPE['echo-reply']:
      return { type: 'echo-reply', data: body.copy(body.left) };
    case TYPE.experimenter:
      return readExperimenter(body, code);
    case TYPE['features-request']:
      return { type: 'features-request' };
    case TYPE['features-reply']:
      return readFeatures(body);
    case TYPE['get-config-request']:
      return { type: 'get-config-request' };
    case TYPE['get-config-reply']:
      return { type: 'get-config-reply', ...readConfig(body) };
    case TYPE['set-config']:
      return { type: 'set-config', ...readConfig(body) };
    case TYPE['packet-in']:
      return readPacketIn(body);
    case TYPE['flow-removed']:
      return readFlowRemoved(body);
    case TYPE['port-status']: {
      const reason = named('reason of port-status', PORT_REASONS, body.u8());
      body.skip(7);
      return { type: 'port-status', reason, port: readPort(body) };
    }
    case TYPE['packet-out']:
      return readPacketOut(body);
    case TYPE['flow-mod']:
      return readFlowMod(body);
    case TYPE['group-mod']:
      return readGroupMod(body);
    case TYPE.request:
      return readRequest(body);
    case TYPE.reply:
      return readReply(body);
    case TYPE['barrier-request']:
      return { type: 'barrier-request' };
    case TYPE['barrier-reply']:
      return { type: 'barrier-reply' };
    case TYPE['role-request']:
      return { type: 'role-request', ...readRole(body) };
    case TYPE['role-reply']:
      return { type: 'role-reply', ...readRole(body) };
    case TYPE['set-async']:
      return { type: 'set-async', wanted: readAsync(body) };
    case TYPE['meter-mod']:
      return readMeterMod(body);
    case TYPE['bundle-control']:
      return readBundleControl(body);
    case TYPE['bundle-add']:
      return readBundleAdd(body, xid, depth);
    default:
      return { type: 'unknown', code, body: body.copy(body.left) };
  }
}

/** Messages of Nicira's; others are unknown. */
function readExperimenter(body: Reader, code: number): Message {
  const whole = body.ahead();
  const isNicira = body.left >= 8 && body.u32() === NICIRA;
  switch (isNicira ? body.u32() : undefined) {
    case NICIRA_TYPE['packet-in2']:
      return readPacketIn2(body);
    case NICIRA_TYPE['ct-flush-zone']:
      body.skip(6);
      return { type: 'ct-flush-zone', zone: body.u16() };
    case NICIRA_TYPE['set-packet-in-format']: {
      const number = body.u32();
      for (const format of ['openflow', 'nxt-packet-in2'] as const) {
        if (PACKET_IN_FORMATS[format] === number) return { type: 'set-packet-in-format', format };
      }
      throw new WireError(`there is no format of packet-ins ${number}`);
    }
    default:
      return { type: 'unknown', code, body: whole.copy(whole.left) };
  }
}

function readBundleControl(body: Reader): Message {
  const bundle = body.u32();
  const number = body.u16();
  const action = named('request about a bundle', BUNDLE_ACTIONS, number >> 1);
  return { type: 'bundle-control', bundle, action, reply: (number & 1) === 1, flags: readBundleFlags(body) };
}

function readBundleAdd(body: Reader, xid: number, depth: number): Message {
  // A bundle in a bundle would be a way to have us go down without end.
  if (depth > 0) throw new WireError('a bundle stands in a bundle');
  const bundle = body.u32();
  body.skip(2);
  const flags = readBundleFlags(body);
  const inner = body.element(2, HEADER_BYTES, 8);
  const version = inner.u8();
  const code = inner.u8();
  inner.skip(2);
  if (inner.u32() !== xid) throw new WireError('the message in a bundle has another transaction id');
  return { type: 'bundle-add', bundle, flags, message: readMessage(inner, version, code, xid, depth + 1) };
}

function readBundleFlags(body: Reader): { readonly atomic: boolean; readonly ordered: boolean } {
  const flags = body.u16();
  return { atomic: (flags & 1) !== 0, ordered: (flags & 2) !== 0 };
}
