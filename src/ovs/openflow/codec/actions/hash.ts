/** Actions that pick by a hash of the frame: multipath, bundle and bundle_load (nicira-ext.h, NXAST_MULTIPATH …). */
import type { Action, BundleAction, HashFields } from '../../../../flow/flow.ts';
import { readFieldName, writeHeader } from '../fields.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { type ActionTable, finish, nicira, packedBits, unpackedBits, writeFieldName } from './form.ts';

const MULTIPATH = 10;
const BUNDLE = 12;
const BUNDLE_LOAD = 13;

/** NX_HASH_FIELDS_…: the place in the list is the number. */
const HASH_FIELDS: readonly HashFields[] = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
];
/** NX_MP_ALG_MODULO_N, and what multipath hashes in our language. */
const MODULO_N = 0;
const MULTIPATH_FIELDS = 3;
/** NX_BD_ALG_…, in their order. */
const ALGORITHMS = ['active_backup', 'hrw'] as const;

export function writeMultipath(writer: Writer, { basis, links, to }: Action & { type: 'multipath' }): void {
  const start = nicira(writer, MULTIPATH);
  writer.u16(MULTIPATH_FIELDS);
  writer.u16(basis);
  writer.zeros(2);
  writer.u16(MODULO_N);
  writer.u16(links - 1);
  // No argument to the algorithm; padding.
  writer.zeros(6);
  writer.u16(packedBits(to));
  writeFieldName(writer, to);
  finish(writer, start);
}

export function writeBundle(writer: Writer, action: BundleAction): void {
  const { fields, basis, algorithm, members, to } = action;
  const start = nicira(writer, to ? BUNDLE_LOAD : BUNDLE);
  writer.u16(ALGORITHMS.indexOf(algorithm));
  writer.u16(HASH_FIELDS.indexOf(fields));
  writer.u16(basis);
  // Members are ports.
  writeHeader(writer, 'in_port', false);
  writer.u16(members.length);
  if (to) {
    writer.u16(packedBits(to));
    writeFieldName(writer, to);
  } else {
    writer.zeros(6);
  }
  writer.zeros(4);
  for (const member of members) writer.u16(member);
  finish(writer, start);
}

export const NICIRA_HASHES: ActionTable = new Map([
  [MULTIPATH, readMultipath],
  [BUNDLE, (body: Reader) => readBundle(body, false)],
  [BUNDLE_LOAD, (body: Reader) => readBundle(body, true)],
]);

function readMultipath(body: Reader): Action | undefined {
  const fields = body.u16();
  const basis = body.u16();
  body.skip(2);
  const algorithm = body.u16();
  const links = body.u16() + 1;
  const argument = body.u32();
  body.skip(2);
  const packed = body.u16();
  const to = unpackedBits(packed, readFieldName(body));
  if (!to || fields !== MULTIPATH_FIELDS || algorithm !== MODULO_N || argument !== 0) return undefined;
  return { type: 'multipath', basis, links, to };
}

function readBundle(body: Reader, isLoad: boolean): Action | undefined {
  const algorithm = ALGORITHMS[body.u16()];
  const fields = HASH_FIELDS[body.u16()];
  const basis = body.u16();
  const memberType = readFieldName(body);
  const count = body.u16();
  const packed = body.u16();
  const place = isLoad ? unpackedBits(packed, readFieldName(body)) : undefined;
  if (!isLoad) body.skip(4);
  body.skip(4);
  if (!algorithm || !fields || memberType !== 'in_port' || (isLoad && !place)) return undefined;
  if (body.left < 2 * count) return undefined;
  const members = Array.from({ length: count }, () => body.u16());
  return { type: 'bundle', fields, basis, algorithm, members, to: place };
}
