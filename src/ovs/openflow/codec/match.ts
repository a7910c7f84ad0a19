/**
 * Matches: a list of fields with values and masks (OpenFlow 1.5, 7.2.3.2, "OXM TLVs"). Fields follow those that they
 * depend on; the order of flow/fields.ts has it that way.
 */
import { type FieldName, fullMask } from '../../../flow/fields.ts';
import type { Masked, Match } from '../../../flow/flow.ts';
import { canonicalMatch } from '../../../flow/match.ts';
import { bytesOf, OXM_IN_PORT, readHeader, writeHeader } from './fields.ts';
import { portFrom32 } from './ports.ts';
import { type Reader, WireError } from './reader.ts';
import type { Writer } from './writer.ts';

/** OFPMT_OXM. */
const OXM = 1;

/** A match in its canonical form; `unknown`, in hexadecimal, holds the fields that have no name here. */
export interface ReadMatch {
  readonly match: Match;
  readonly unknown: string;
}

/** `struct ofp_match`: type, length, fields, padding to 8 bytes. `unknown` stands behind the fields that are known. */
export function writeMatch(writer: Writer, match: Match, unknown = ''): void {
  const start = writer.length;
  writer.u16(OXM);
  writer.u16(0);
  writeFields(writer, match);
  writer.hex(unknown);
  writer.lengthAt(start + 2, start);
  writer.pad8(start);
}

/** The fields alone, as in the metadata of a packet-in. */
export function writeFields(writer: Writer, match: Match): void {
  const canonical = canonicalMatch(match);
  for (const name of Object.keys(canonical) as FieldName[]) writeMasked(writer, name, canonical[name]!);
}

/** One field with its value, and with its mask when that is not all ones. */
export function writeMasked(writer: Writer, name: FieldName, { value, mask }: Masked): void {
  const hasMask = mask !== fullMask(name);
  writeHeader(writer, name, hasMask);
  writer.uint(value, bytesOf(name));
  if (hasMask) writer.uint(mask, bytesOf(name));
}

export function readMatch(reader: Reader): ReadMatch {
  const type = reader.peek16();
  if (type !== OXM) throw new WireError(`a match of type ${type}`);
  const fields = reader.element(2, 4, 8);
  fields.skip(4);
  return readFields(fields);
}

/** Fields until the end of the reader. A field that comes twice, or has a value that cannot be, is unknown. */
export function readFields(fields: Reader): ReadMatch {
  const match: Partial<Record<FieldName, Masked>> = {};
  let unknown = '';
  while (fields.left > 0) {
    const start = fields.position;
    const read = readMasked(fields);
    if (read && match[read.field] === undefined) match[read.field] = read.masked;
    else unknown += fields.hexSince(start);
  }
  return { match: canonicalMatch(match), unknown };
}

/** Undefined for a field, a value or a mask that is not known here; it is read all the same. */
export function readMasked(fields: Reader): { field: FieldName; masked: Masked } | undefined {
  const { field, hasMask, length } = readHeader(fields);
  if (field === undefined) {
    fields.skip(length);
    return undefined;
  }
  if (field === OXM_IN_PORT) {
    const port = portFrom32(fields.u32());
    if (hasMask) fields.skip(4);
    if (hasMask || port === undefined) return undefined;
    return { field: 'in_port', masked: { value: BigInt(port), mask: 0xffffn } };
  }
  const full = fullMask(field);
  const value = fields.uint(bytesOf(field));
  // Bits that the field does not have may be set in a mask, which then says "all of it".
  const mask = hasMask ? fields.uint(bytesOf(field)) & full : full;
  return value > full || (value & ~mask) !== 0n ? undefined : { field, masked: { value, mask } };
}
