/** Actions that change a frame, or what is noted about it: set_field, move, tags, TTL. */
import type { Action } from '../../../../flow/flow.ts';
import { readFieldName } from '../fields.ts';
import { readMasked, writeMasked } from '../match.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { type ActionTable, bitsOf, finish, nicira, standard, writeFieldName } from './form.ts';

const PUSH_VLAN = 17;
const POP_VLAN = 18;
const DEC_NW_TTL = 24;
/** Since OpenFlow 1.5 with a mask, so that it also stands for `load`. */
const SET_FIELD = 25;
/** `move`; in OpenFlow since 1.5. */
const COPY_FIELD = 28;
/** NXAST_CHECK_PKT_LARGER. */
const CHECK_PKT_LARGER = 49;

export function writeSet(writer: Writer, { field, value, mask }: Action & { type: 'set' }): void {
  const start = standard(writer, SET_FIELD);
  writeMasked(writer, field, { value, mask });
  finish(writer, start);
}

export function writeMove(writer: Writer, { from, to }: Action & { type: 'move' }): void {
  const start = standard(writer, COPY_FIELD);
  writer.u16(to.to - to.from + 1);
  writer.u16(from.from);
  writer.u16(to.from);
  writer.zeros(2);
  writeFieldName(writer, from);
  writeFieldName(writer, to);
  finish(writer, start);
}

export function writePushVlan(writer: Writer, { ethertype }: Action & { type: 'push_vlan' }): void {
  const start = standard(writer, PUSH_VLAN);
  writer.u16(ethertype);
  finish(writer, start);
}

export function writePopVlan(writer: Writer): void {
  finish(writer, standard(writer, POP_VLAN));
}

export function writeDecTtl(writer: Writer): void {
  finish(writer, standard(writer, DEC_NW_TTL));
}

export function writeCheckLarger(
  writer: Writer,
  { length, to }: Action & { type: 'check_pkt_larger' },
): void {
  const start = nicira(writer, CHECK_PKT_LARGER);
  writer.u16(length);
  writer.u16(to.from);
  writeFieldName(writer, to);
  finish(writer, start);
}

export const STANDARD_REWRITES: ActionTable = new Map([
  [SET_FIELD, readSet],
  [COPY_FIELD, readMove],
  [PUSH_VLAN, (body: Reader): Action => ({ type: 'push_vlan', ethertype: body.u16() })],
  [POP_VLAN, (): Action => ({ type: 'strip_vlan' })],
  [DEC_NW_TTL, (): Action => ({ type: 'dec_ttl' })],
]);

export const NICIRA_REWRITES: ActionTable = new Map([[CHECK_PKT_LARGER, readCheckLarger]]);

function readSet(body: Reader): Action | undefined {
  const read = readMasked(body);
  return read && { type: 'set', field: read.field, ...read.masked };
}

function readMove(body: Reader): Action | undefined {
  const count = body.u16();
  const source = body.u16();
  const destination = body.u16();
  body.skip(2);
  const from = bitsOf(readFieldName(body), source, count);
  const to = bitsOf(readFieldName(body), destination, count);
  return from && to && { type: 'move', from, to };
}

function readCheckLarger(body: Reader): Action | undefined {
  const length = body.u16();
  const bit = body.u16();
  const to = bitsOf(readFieldName(body), bit, 1);
  return to && { type: 'check_pkt_larger', length, to };
}
