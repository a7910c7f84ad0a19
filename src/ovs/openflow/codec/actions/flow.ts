/** Actions that say how a frame goes on: resubmit, group, meter, clone, fin_timeout. */
import type { Action } from '../../../../flow/flow.ts';
import { RESERVED } from '../ports.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { type ActionTable, finish, nicira, type ReadNested, standard, type WriteNested } from './form.ts';

const GROUP = 22;
/** An action since OpenFlow 1.5, an instruction before. */
export const METER = 29;
/** NXAST_RESUBMIT_TABLE, NXAST_FIN_TIMEOUT, NXAST_CLONE. */
const RESUBMIT_TABLE = 14;
const FIN_TIMEOUT = 19;
const CLONE = 42;

/** OFPTT_ALL; in a resubmit "the table that this is in". */
const SAME_TABLE = 0xff;

export function writeResubmit(writer: Writer, { table }: Action & { type: 'resubmit' }): void {
  const start = nicira(writer, RESUBMIT_TABLE);
  // in_port stays what it is.
  writer.u16(RESERVED.in_port);
  writer.u8(table);
  finish(writer, start);
}

export function writeGroupAction(writer: Writer, { group }: Action & { type: 'group' }): void {
  const start = standard(writer, GROUP);
  writer.u32(group);
  finish(writer, start);
}

export function writeMeterAction(writer: Writer, { meter }: Action & { type: 'meter' }): void {
  const start = standard(writer, METER);
  writer.u32(meter);
  finish(writer, start);
}

export function writeClone(
  writer: Writer,
  { actions }: Action & { type: 'clone' },
  nested: WriteNested,
): void {
  const start = nicira(writer, CLONE);
  writer.zeros(6);
  nested(writer, actions);
  finish(writer, start);
}

export function writeFinTimeout(writer: Writer, action: Action & { type: 'fin_timeout' }): void {
  const start = nicira(writer, FIN_TIMEOUT);
  writer.u16(action.idleTimeout);
  writer.u16(action.hardTimeout);
  finish(writer, start);
}

export const STANDARD_FLOW: ActionTable = new Map([
  [GROUP, (body: Reader): Action => ({ type: 'group', group: body.u32() })],
  [METER, (body: Reader): Action => ({ type: 'meter', meter: body.u32() })],
]);

export const NICIRA_FLOW: ActionTable = new Map([
  [RESUBMIT_TABLE, readResubmit],
  [CLONE, readClone],
  [
    FIN_TIMEOUT,
    (body: Reader): Action => ({ type: 'fin_timeout', idleTimeout: body.u16(), hardTimeout: body.u16() }),
  ],
]);

function readResubmit(body: Reader): Action | undefined {
  const inPort = body.u16();
  const table = body.u8();
  return inPort === RESERVED.in_port && table !== SAME_TABLE ? { type: 'resubmit', table } : undefined;
}

function readClone(body: Reader, nested: ReadNested): Action | undefined {
  body.skip(6);
  const actions = nested(body);
  return actions && { type: 'clone', actions };
}
