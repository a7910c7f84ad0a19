/**
 * What all actions have in common on the wire (OpenFlow 1.5, 7.2.6): a type and a length, then what the type asks for, and
 * zeros to a multiple of 8 bytes. Those of Nicira are of type 0xffff and go on with whose they are and which one.
 *
 *      standard                        Nicira
 *     +--------+--------+-----        +--------+--------+-----------------+---------+-----
 *     | type   | length | …           | 0xffff | length | 0x00002320      | subtype | …
 *     +--------+--------+-----        +--------+--------+-----------------+---------+-----
 */
import { fieldOf } from '../../../../flow/fields.ts';
import type { Action, FieldBits } from '../../../../flow/flow.ts';
import { writeHeader } from '../fields.ts';
import type { Reader } from '../reader.ts';
import { NICIRA } from '../types.ts';
import type { Writer } from '../writer.ts';

/** OFPAT_EXPERIMENTER. */
export const EXPERIMENTER = 0xffff;

/** Reads the rest of an action, after its type; undefined for a form of it that our language does not have. */
export type ReadAction = (body: Reader, nested: ReadNested) => Action | undefined;
/** Reads actions inside an action until the end of the reader; undefined when one of them is not known. */
export type ReadNested = (list: Reader) => readonly Action[] | undefined;
/** Actions of a module by their type, or by their subtype. */
export type ActionTable = ReadonlyMap<number, ReadAction>;
/** Writes actions that stand inside another. */
export type WriteNested = (writer: Writer, actions: readonly Action[]) => void;

/** Begins a standard action; the answer is for `finish`. */
export function standard(writer: Writer, type: number): number {
  const start = writer.length;
  writer.u16(type);
  writer.u16(0);
  return start;
}

/** Begins an action of Nicira's. */
export function nicira(writer: Writer, subtype: number): number {
  const start = standard(writer, EXPERIMENTER);
  writer.u32(NICIRA);
  writer.u16(subtype);
  return start;
}

/** Pads the action that began at `start` and writes its length. */
export function finish(writer: Writer, start: number): void {
  writer.pad8(start);
  writer.lengthAt(start + 2, start);
}

/** The first bit and the number of bits in 16 bits: at most 64 of them, from one of the first 1024. */
export function packedBits({ from, to }: FieldBits): number {
  return (from << 6) | (to - from);
}

/** The name of the field, without a value. */
export function writeFieldName(writer: Writer, bits: FieldBits): void {
  writeHeader(writer, bits.field, false);
}

/** `packedBits` and a field, as bits that the field has. */
export function unpackedBits(packed: number, field: FieldBits['field'] | undefined): FieldBits | undefined {
  return bitsOf(field, packed >> 6, (packed & 0x3f) + 1);
}

/** Undefined where the field does not have these bits, or is none. */
export function bitsOf(
  field: FieldBits['field'] | undefined,
  from: number,
  count: number,
): FieldBits | undefined {
  if (field === undefined || count < 1 || from + count > fieldOf(field).bits) return undefined;
  return { field, from, to: from + count - 1 };
}
