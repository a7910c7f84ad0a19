/**
 * Messages as bytes.
 *
 *     const encoder = new Encoder();
 *     encoder.add(7, { type: 'flow-mod', command: 'add', flow });
 *     encoder.add(8, { type: 'barrier-request' });
 *     socket.write(encoder.bytes());
 *
 * Flows, groups and meters are those that passed their checks (flow/check.ts, flow/check-group.ts).
 */
import { finding, NetloomError } from '../../../base/error.ts';
import { writeFlowMod, writeFlowRemoved } from './flow-messages.ts';
import { writeGroupMod } from './groups.ts';
import { type BundleFlags, type Message, OPENFLOW_VERSION } from './message.ts';
import { writeMeterMod } from './meters.ts';
import { writeReply, writeRequest } from './multipart.ts';
import { writePacketIn, writePacketIn2, writePacketOut } from './packets.ts';
import { writePort } from './port-messages.ts';
import { WireError } from './reader.ts';
import { writeAsync, writeConfig, writeError, writeFeatures, writeHello, writeRole } from './session.ts';
import { BUNDLE_ACTIONS, NICIRA, NICIRA_TYPE, PACKET_IN_FORMATS, PORT_REASONS, TYPE } from './types.ts';
import { Writer } from './writer.ts';

/** Many messages, one behind the other. */
export class Encoder {
  #writer = new Writer();

  /** Throws NetloomError (flow-invalid) when the message has more than 65,535 bytes; nothing of it is there then. */
  add(xid: number, message: Message): void {
    const start = this.#writer.length;
    try {
      writeMessage(this.#writer, xid, message);
    } catch (thrown) {
      this.#writer.cut(start);
      if (thrown instanceof WireError) throw tooLong(message, thrown);
      throw thrown;
    }
  }

  /** All of them. The encoder begins anew. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.#writer.bytes();
    this.#writer = new Writer();
    return bytes;
  }
}

/** One message. Throws as `Encoder.add`. */
export function encode(xid: number, message: Message): Uint8Array<ArrayBuffer> {
  const encoder = new Encoder();
  encoder.add(xid, message);
  return encoder.bytes();
}

function tooLong(message: Message, cause: WireError): NetloomError {
  const what = message.type === 'bundle-add' ? message.message.type : message.type;
  const words = `A ${what} does not fit into a message of OpenFlow: ${cause.message}.`;
  return new NetloomError([finding('flow-invalid', '', words, 'Use fewer actions, buckets or bytes.')], {
    cause,
  });
}

function writeMessage(writer: Writer, xid: number, message: Message): void {
  const start = writer.length;
  writer.u8(OPENFLOW_VERSION);
  writer.u8(typeOf(message));
  writer.zeros(2);
  writer.u32(xid);
  writeBody(writer, xid, message);
  writer.lengthAt(start + 2, start);
}

function typeOf(message: Message): number {
  switch (message.type) {
    case 'unknown':
    case 'malformed':
      return message.code;
    case 'set-packet-in-format':
    case 'ct-flush-zone':
      return TYPE.experimenter;
    case 'packet-in':
      return message.form === 'openflow' ? TYPE['packet-in'] : TYPE.experimenter;
    default:
      return TYPE[message.type];
  }
}

function writeBody(writer: Writer, xid: number, message: Message): void {
  switch (message.type) {
    case 'features-request':
    case 'get-config-request':
    case 'barrier-request':
    case 'barrier-reply':
    case 'malformed':
      break;
    case 'hello':
      writeHello(writer, message.versions);
      break;
    case 'error':
      writeError(writer, message);
      break;
    case 'echo-request':
    case 'echo-reply':
      writer.raw(message.data);
      break;
    case 'features-reply':
      writeFeatures(writer, message);
      break;
    case 'get-config-reply':
    case 'set-config':
      writeConfig(writer, message);
      break;
    case 'role-request':
    case 'role-reply':
      writeRole(writer, message.role, message.generation);
      break;
    case 'set-async':
      writeAsync(writer, message.wanted);
      break;
    case 'set-packet-in-format':
      writeNicira(writer, NICIRA_TYPE['set-packet-in-format']);
      writer.u32(PACKET_IN_FORMATS[message.format]);
      break;
    case 'ct-flush-zone':
      writeNicira(writer, NICIRA_TYPE['ct-flush-zone']);
      writer.zeros(6);
      writer.u16(message.zone);
      break;
    case 'packet-in':
      if (message.form === 'openflow') {
        writePacketIn(writer, message);
      } else {
        writeNicira(writer, NICIRA_TYPE['packet-in2']);
        writePacketIn2(writer, message);
      }
      break;
    case 'packet-out':
      writePacketOut(writer, message);
      break;
    case 'flow-mod':
      writeFlowMod(writer, message);
      break;
    case 'flow-removed':
      writeFlowRemoved(writer, message);
      break;
    case 'port-status':
      writer.u8(PORT_REASONS.indexOf(message.reason));
      writer.zeros(7);
      writePort(writer, message.port);
      break;
    case 'group-mod':
      writeGroupMod(writer, message);
      break;
    case 'meter-mod':
      writeMeterMod(writer, message);
      break;
    case 'bundle-control':
      writer.u32(message.bundle);
      writer.u16(2 * BUNDLE_ACTIONS.indexOf(message.action) + (message.reply ? 1 : 0));
      writer.u16(bundleFlags(message.flags));
      break;
    case 'bundle-add':
      writer.u32(message.bundle);
      writer.zeros(2);
      writer.u16(bundleFlags(message.flags));
      writeMessage(writer, xid, message.message);
      break;
    case 'request':
      writeRequest(writer, message);
      break;
    case 'reply':
      writeReply(writer, message);
      break;
    case 'unknown':
      writer.raw(message.body);
      break;
    default:
      message satisfies never;
  }
}

function writeNicira(writer: Writer, subtype: number): void {
  writer.u32(NICIRA);
  writer.u32(subtype);
}

/** OFPBF_ATOMIC and OFPBF_ORDERED. */
function bundleFlags({ atomic, ordered }: BundleFlags): number {
  return (atomic ? 1 : 0) | (ordered ? 2 : 0);
}
