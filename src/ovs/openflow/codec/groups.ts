/** Groups (OpenFlow 1.5, 7.3.4.3 and 7.3.5), with the way to pick a bucket that is Netronome's extension. */
import type { Bucket, Group, GroupSelection } from '../../../flow/datapath.ts';
import { type FieldName, fullMask } from '../../../flow/fields.ts';
import { defaultWeight } from '../../../flow/text-group.ts';
import { readActions, writeActions } from './actions/list.ts';
import { readMasked, writeMasked } from './match.ts';
import type { GroupMod } from './message.ts';
import type { GroupCounters } from './multipart-message.ts';
import { ANY, portFrom32, portTo32 } from './ports.ts';
import { endProperty, put16, put32, startProperty } from './properties.ts';
import { named, type Reader, WireError } from './reader.ts';
import type { GroupEntry } from './state.ts';
import { millisecondsOf, timeOf } from './statistics.ts';
import type { Writer } from './writer.ts';

/** OFPGC_…. */
const ADD = 0;
const MODIFY = 1;
const DELETE = 2;
/** Open vSwitch's own. */
const ADD_OR_MODIFY = 0x8000;
/** OFPG_ALL; also OFPG_BUCKET_ALL. */
export const ALL_GROUPS = 0xfffffffc;
const ALL_BUCKETS = 0xffffffff;
/** OFPP_ANY, in 16 bits. */
const NO_PORT = 0xffff;

/** OFPGT_…: the place in the list is the number. */
const TYPES: readonly Group['type'][] = ['all', 'select', 'indirect', 'ff'];

/** OFPGBPT_…: properties of a bucket. */
const WEIGHT = 0;
const WATCH_PORT = 1;
const WATCH_GROUP = 2;

/** OFPGPT_EXPERIMENTER with NTR_VENDOR_ID and NTRT_SELECTION_METHOD. */
const EXPERIMENTER = 0xffff;
const NETRONOME = 0x0000154d;
const SELECTION_METHOD = 1;
/** Bytes of the name of a method. */
const METHOD_LENGTH = 16;

export function writeGroupMod(writer: Writer, mod: GroupMod): void {
  if (mod.command === 'delete') {
    writer.u16(DELETE);
    writer.zeros(2);
    writer.u32(mod.id ?? ALL_GROUPS);
    writer.zeros(4);
    writer.u32(ALL_BUCKETS);
    return;
  }
  const { id, type } = mod.group;
  writer.u16(mod.command === 'add' ? ADD : mod.command === 'modify' ? MODIFY : ADD_OR_MODIFY);
  writer.u8(TYPES.indexOf(type));
  writer.zeros(1);
  writer.u32(id);
  const lengthAt = writer.zeros(4);
  writer.u32(ALL_BUCKETS);
  writeBuckets(writer, mod.group, lengthAt);
}

export function readGroupMod(body: Reader): GroupMod {
  const command = body.u16();
  const type = body.u8();
  body.skip(1);
  const id = body.u32();
  const bucketsLength = body.u16();
  body.skip(6);
  if (command === DELETE)
    return { type: 'group-mod', command: 'delete', id: id === ALL_GROUPS ? undefined : id };
  const words = new Map([
    [ADD, 'add'],
    [MODIFY, 'modify'],
    [ADD_OR_MODIFY, 'add-or-modify'],
  ] as const);
  const word = words.get(command as typeof ADD);
  if (word === undefined) throw new WireError(`there is no command of group-mod ${command}`);
  const { group, unknown } = readBuckets(body, id, type, bucketsLength);
  if (unknown !== '') throw new WireError('a group-mod with parts that have no name here');
  return { type: 'group-mod', command: word, group };
}

/** OFPMP_GROUP_DESC. */
export function writeGroupEntry(writer: Writer, { group }: GroupEntry): void {
  const start = writer.length;
  writer.zeros(2);
  writer.u8(TYPES.indexOf(group.type));
  writer.zeros(1);
  writer.u32(group.id);
  const lengthAt = writer.zeros(8);
  writeBuckets(writer, group, lengthAt);
  writer.lengthAt(start, start);
}

export function readGroupEntry(list: Reader): GroupEntry {
  const body = list.element(0, 16);
  body.skip(2);
  const type = body.u8();
  body.skip(1);
  const id = body.u32();
  const bucketsLength = body.u16();
  body.skip(6);
  return readBuckets(body, id, type, bucketsLength);
}

// ------------------------------------------------------------------------------------ buckets and how one is picked

function writeBuckets(writer: Writer, group: Group, lengthAt: number): void {
  const start = writer.length;
  for (const bucket of group.buckets) writeBucket(writer, group.type, bucket);
  writer.lengthAt(lengthAt, start);
  if (group.selection) writeSelection(writer, group.selection);
}

function writeBucket(writer: Writer, type: Group['type'], bucket: Bucket): void {
  const { id, weight, watchPort, watchGroup, actions } = bucket;
  const start = writer.length;
  writer.zeros(4);
  writer.u32(id);
  const first = writer.length;
  writeActions(writer, actions);
  writer.lengthAt(start + 2, first);
  if (type === 'select' || weight !== 0) put16(writer, WEIGHT, weight);
  if (watchPort !== undefined) put32(writer, WATCH_PORT, portTo32(watchPort));
  if (watchGroup !== undefined) put32(writer, WATCH_GROUP, watchGroup);
  writer.lengthAt(start, start);
}

function writeSelection(writer: Writer, { method, param, fields }: GroupSelection): void {
  const start = startProperty(writer, EXPERIMENTER);
  writer.u32(NETRONOME);
  writer.u32(SELECTION_METHOD);
  writer.zeros(4);
  writer.text(method, METHOD_LENGTH);
  writer.u64(param);
  // For each field, the bits that count.
  for (const name of fields) writeMasked(writer, name, { value: fullMask(name), mask: fullMask(name) });
  endProperty(writer, start);
}

function readBuckets(body: Reader, id: number, typeNumber: number, length: number): GroupEntry {
  const type = named('type of group', TYPES, typeNumber);
  const list = body.part(length);
  const buckets: Bucket[] = [];
  let unknown = '';
  while (list.left > 0) {
    const read = readBucket(list, type);
    buckets.push(read.bucket);
    unknown += read.unknown;
  }
  let selection: GroupSelection | undefined;
  while (body.left > 0) {
    const start = body.position;
    const read = readSelection(body.element(2, 4, 8));
    if (read && !selection) selection = read;
    else unknown += body.hexSince(start);
  }
  return { group: { id, type, ...(selection ? { selection } : {}), buckets }, unknown };
}

function readBucket(list: Reader, type: Group['type']): { bucket: Bucket; unknown: string } {
  const body = list.element(0, 8);
  body.skip(2);
  const actionsLength = body.u16();
  const id = body.u32();
  const read = readActions(body.part(actionsLength));
  let { unknown } = read;
  let weight = defaultWeight(type);
  let watchPort: number | undefined;
  let watchGroup: number | undefined;
  while (body.left > 0) {
    const start = body.position;
    const property = body.element(2, 4, 8);
    const kind = property.u16();
    property.skip(2);
    if (kind === WEIGHT) weight = property.u16();
    else if (kind === WATCH_PORT) watchPort = portFrom32(property.u32());
    else if (kind === WATCH_GROUP) watchGroup = property.u32();
    else unknown += body.hexSince(start);
  }
  // "Any" is what a bucket watches that watches nothing.
  if (watchPort === NO_PORT) watchPort = undefined;
  if (watchGroup === ANY) watchGroup = undefined;
  const bucket: Bucket = {
    id,
    weight,
    ...(watchPort === undefined ? {} : { watchPort }),
    ...(watchGroup === undefined ? {} : { watchGroup }),
    actions: read.actions,
  };
  return { bucket, unknown };
}

/** Undefined for another property, or another way to pick. */
function readSelection(property: Reader): GroupSelection | undefined {
  const type = property.u16();
  property.skip(2);
  if (type !== EXPERIMENTER || property.left < 12 + METHOD_LENGTH + 8) return undefined;
  if (property.u32() !== NETRONOME || property.u32() !== SELECTION_METHOD) return undefined;
  property.skip(4);
  const method = property.text(METHOD_LENGTH);
  const param = property.u64();
  const fields: FieldName[] = [];
  while (property.left > 0) {
    const read = readMasked(property);
    if (!read || read.masked.value !== fullMask(read.field)) return undefined;
    fields.push(read.field);
  }
  return method === 'hash' || method === 'dp_hash' ? { method, param, fields } : undefined;
}

// ------------------------------------------------------------------------------------------------------- counters

/** OFPMP_GROUP_STATS. */
export function writeGroupCounters(writer: Writer, counters: GroupCounters): void {
  const start = writer.length;
  writer.zeros(4);
  writer.u32(counters.id);
  writer.u32(counters.references);
  writer.zeros(4);
  writer.u64(counters.packets);
  writer.u64(counters.bytes);
  writer.u64(timeOf(counters.duration));
  for (const { packets, bytes } of counters.buckets) {
    writer.u64(packets);
    writer.u64(bytes);
  }
  writer.lengthAt(start, start);
}

export function readGroupCounters(list: Reader): GroupCounters {
  const body = list.element(0, 40);
  body.skip(4);
  const id = body.u32();
  const references = body.u32();
  body.skip(4);
  const packets = body.u64();
  const bytes = body.u64();
  const duration = millisecondsOf(body.u64());
  const buckets = [];
  while (body.left > 0) buckets.push({ packets: body.u64(), bytes: body.u64() });
  return { id, references, packets, bytes, duration, buckets };
}
