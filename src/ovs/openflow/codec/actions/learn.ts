/**
 * learn (nicira-ext.h, NXAST_LEARN and NXAST_LEARN2). What is learnt is a list of specifications, each of which begins with
 * 16 bits:
 *
 *      15 14 13   12 11        10 9            0
 *     +---------+------------+---+--------------+
 *     | source  | what it is | 0 | bits         |    followed by the source, then the destination
 *     +---------+------------+---+--------------+
 */
import type { Action, FieldBits, Learn, LearnSpec } from '../../../../flow/flow.ts';
import { readFieldName } from '../fields.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { type ActionTable, bitsOf, finish, nicira, writeFieldName } from './form.ts';

const LEARN = 16;
/** With a limit. */
const LEARN2 = 45;

/** NX_LEARN_F_… */
const SEND_FLOW_REM = 1;
const DELETE_LEARNED = 2;

const BITS = 0x3ff;
const IMMEDIATE = 1 << 13;
const MATCH = 0 << 11;
const LOAD = 1 << 11;
const OUTPUT = 2 << 11;

export function writeLearn(writer: Writer, { learn }: Action & { type: 'learn' }): void {
  const start = nicira(writer, learn.limit === 0 ? LEARN : LEARN2);
  writer.u16(learn.idleTimeout);
  writer.u16(learn.hardTimeout);
  writer.u16(learn.priority);
  writer.u64(learn.cookie);
  writer.u16((learn.sendFlowRemoved ? SEND_FLOW_REM : 0) | (learn.deleteLearned ? DELETE_LEARNED : 0));
  writer.u8(learn.table);
  writer.zeros(1);
  writer.u16(learn.finIdleTimeout);
  writer.u16(learn.finHardTimeout);
  if (learn.limit !== 0) {
    writer.u32(learn.limit);
    // The result is written nowhere.
    writer.zeros(4);
  }
  for (const spec of learn.specs) writeSpec(writer, spec);
  finish(writer, start);
}

function writeSpec(writer: Writer, spec: LearnSpec): void {
  const place = spec.type === 'output' ? spec.from : spec.to;
  const count = place.to - place.from + 1;
  const what = spec.type === 'match' ? MATCH : spec.type === 'load' ? LOAD : OUTPUT;
  writer.u16(count | what | (typeof spec.from === 'bigint' ? IMMEDIATE : 0));
  if (typeof spec.from === 'bigint') writer.uint(spec.from, immediateBytes(count));
  else writePlace(writer, spec.from);
  if (spec.type !== 'output') writePlace(writer, spec.to);
}

function writePlace(writer: Writer, place: FieldBits): void {
  writeFieldName(writer, place);
  writer.u16(place.from);
}

/** Values stand in whole words of 16 bits. */
function immediateBytes(count: number): number {
  return 2 * Math.ceil(count / 16);
}

export const NICIRA_LEARN: ActionTable = new Map([
  [LEARN, (body: Reader) => readLearn(body, false)],
  [LEARN2, (body: Reader) => readLearn(body, true)],
]);

function readLearn(body: Reader, hasLimit: boolean): Action | undefined {
  const idleTimeout = body.u16();
  const hardTimeout = body.u16();
  const priority = body.u16();
  const cookie = body.u64();
  const flags = body.u16();
  const table = body.u8();
  body.skip(1);
  const finIdleTimeout = body.u16();
  const finHardTimeout = body.u16();
  const limit = hasLimit ? body.u32() : 0;
  if (hasLimit) body.skip(4);
  // Another flag: the result is to be written, in a place whose name stands here.
  if (flags > (SEND_FLOW_REM | DELETE_LEARNED)) return undefined;
  const specs = readSpecs(body);
  if (!specs) return undefined;
  const learn: Learn = {
    idleTimeout,
    hardTimeout,
    finIdleTimeout,
    finHardTimeout,
    priority,
    cookie,
    table,
    limit,
    sendFlowRemoved: (flags & SEND_FLOW_REM) !== 0,
    deleteLearned: (flags & DELETE_LEARNED) !== 0,
    specs,
  };
  return { type: 'learn', learn };
}

function readSpecs(body: Reader): LearnSpec[] | undefined {
  const specs: LearnSpec[] = [];
  while (body.left >= 2) {
    const head = body.u16();
    // The padding of the action.
    if (head === 0) break;
    const spec = readSpec(body, head);
    if (!spec) return undefined;
    specs.push(spec);
  }
  return specs;
}

function readSpec(body: Reader, head: number): LearnSpec | undefined {
  const count = head & BITS;
  const what = head & (MATCH | LOAD | OUTPUT);
  if ((head & ~(BITS | IMMEDIATE | LOAD | OUTPUT)) !== 0 || count > 128) return undefined;
  const from = (head & IMMEDIATE) === 0 ? readPlace(body, count) : body.uint(immediateBytes(count));
  if (from === undefined) return undefined;
  if (what === OUTPUT) return typeof from === 'bigint' ? undefined : { type: 'output', from };
  if (what !== MATCH && what !== LOAD) return undefined;
  const to = readPlace(body, count);
  if (!to || (typeof from === 'bigint' && from >> BigInt(count) !== 0n)) return undefined;
  return { type: what === MATCH ? 'match' : 'load', to, from };
}

function readPlace(body: Reader, count: number): FieldBits | undefined {
  const field = readFieldName(body);
  return bitsOf(field, body.u16(), count);
}
