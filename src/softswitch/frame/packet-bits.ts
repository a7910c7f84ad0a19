/** Bits of a field of a packet, as `output:reg0[0..15]`, `learn` and the like name them. */
import type { FieldBits } from '../../flow/flow.ts';
import { maskWords } from './key.ts';
import type { Packet } from './packet.ts';

/** Read under the eyes of the packet's trail. */
export function readBits(packet: Packet, { field, from, to }: FieldBits): bigint {
  const ones = onesOf(from, to);
  for (const [word, mask] of maskWords(field, ones << BigInt(from))) packet.trail?.look(word, mask);
  return (packet.get(field) >> BigInt(from)) & ones;
}

/** What does not fit is cut off at the top. */
export function writeBits(packet: Packet, { field, from, to }: FieldBits, value: bigint): void {
  const ones = onesOf(from, to);
  packet.set(field, (value & ones) << BigInt(from), ones << BigInt(from));
}

function onesOf(from: number, to: number): bigint {
  return (1n << BigInt(to - from + 1)) - 1n;
}
