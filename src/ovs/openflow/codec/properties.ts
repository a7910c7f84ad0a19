/**
 * Properties: how OpenFlow 1.4 and later, and Nicira's newer messages, hang more onto a structure: type, length
 * without padding, value, padding to 8 bytes. Those of experimenters are of type 0xffff, and say whose they are.
 */
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

export interface Property {
  readonly type: number;
  /** What is behind type and length. */
  readonly value: Reader;
}

/** The properties that are left in a reader, in their order. */
export function* properties(list: Reader): Generator<Property> {
  while (list.left > 0) {
    const value = list.element(2, 4, 8);
    const type = value.u16();
    value.skip(2);
    yield { type, value };
  }
}

/** Begins a property; the answer is for `endProperty`. */
export function startProperty(writer: Writer, type: number): number {
  const start = writer.length;
  writer.u16(type);
  writer.u16(0);
  return start;
}

/** Writes the length of the property and pads it. */
export function endProperty(writer: Writer, start: number): void {
  writer.lengthAt(start + 2, start);
  writer.pad8(start);
}

/** A property with one number of 32 bits. */
export function put32(writer: Writer, type: number, value: number): void {
  const start = startProperty(writer, type);
  writer.u32(value);
  endProperty(writer, start);
}

/** A property with one number of 16 bits, which the standard gives two bytes of padding that count. */
export function put16(writer: Writer, type: number, value: number): void {
  const start = startProperty(writer, type);
  writer.u16(value);
  writer.zeros(2);
  endProperty(writer, start);
}
