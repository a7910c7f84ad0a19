/**
 * The pass between `find` and `apply` (passes.ts) that asks whether frames still fit their connections, as a
 * ConnectionGate does, for gates of one connection of UDP or TCP over IPv4: the rest of the record of the megaflow says which,
 * and what changes with each packet is in arrays. So it is a loop over numbers, without an object for a connection.
 */
import type { ConnectionTable } from '../conntrack/connection-table.ts';
import { isPlainAck, TCP_WORDS, updatePlainTcp } from '../conntrack/tcp.ts';
import { ASKS, KIND, LIST, PROGRAM, RECORD } from './layout.ts';

/** Words from the start of a frame to its IPv4 header, and from there to what it carries. */
const IPV4 = 4;
const PAYLOAD = 5;

/**
 * Goes over the frames of a batch from `first` on, and gives where it stops, or `count`: before one that `apply` stops
 * at, one that does not fit its connection, of which nothing is changed then, and one with a gate of another kind.
 */
export function passConnections(
  words: Int32Array,
  records: number,
  frames: Int32Array,
  base: number,
  first: number,
  count: number,
  headroom: number,
  { versions, expiration, tcp }: ConnectionTable,
  now: number,
): number {
  let program = -1;
  let isSlow = true;
  for (let i = first; i < count; i++) {
    const id = words[LIST.FOUND + i]!;
    if (id < 0) return i;
    const r = records + (id << RECORD.SHIFT);
    const p = words[r + RECORD.PROGRAM]!;
    if (p !== program) {
      program = p;
      isSlow = words[p + PROGRAM.KIND] === KIND.SLOW || words[p + PROGRAM.HEADROOM]! > headroom;
    }
    if (isSlow || words[LIST.LENGTH + i]! > words[r + RECORD.LONGEST]!) return i;
    const asks = words[r + RECORD.ASKS]!;
    if ((asks & (ASKS.GATES | ASKS.CONNECTION)) === 0) continue;
    if ((asks & ASKS.GATES) !== 0) return i;
    const slot = words[r + RECORD.SLOT]!;
    if (versions[slot] !== words[r + RECORD.VERSION] || now >= expiration[slot]!) return i;
    const ip = ((words[LIST.AT + i]! + base) >> 2) + IPV4;
    const start = frames[ip]!;
    const size = (((start >>> 8) & 0xff00) | (start >>> 24)) - 4 * PAYLOAD;
    if (!headerHolds(frames, ip)) return i;
    if ((asks & ASKS.TCP) === 0) {
      const second = frames[ip + PAYLOAD + 1]!;
      const length = swap16(second);
      if (length < 8 || length > size) return i;
      if (second >>> 16 !== 0 && !payloadHolds(frames, ip, size, 17)) return i;
    } else {
      const word = frames[ip + PAYLOAD + 3]!;
      if (!isPlainAck((word >>> 8) & 0xff) || !payloadHolds(frames, ip, size, 6)) return i;
      const seq = swap32(frames[ip + PAYLOAD + 1]!);
      const ack = swap32(frames[ip + PAYLOAD + 2]!);
      const data = size - ((word >>> 4) & 0xf) * 4;
      const isReply = (asks & ASKS.REPLY) !== 0;
      if (!updatePlainTcp(tcp, slot * TCP_WORDS, isReply, seq, ack, swap16(word >>> 16), data)) return i;
    }
    expiration[slot] = now + words[r + RECORD.TIMEOUT]!;
  }
  return count;
}

/** Whether the checksum of an IPv4 header without options is right. Words are added as they stand in memory (RFC 1071, 2). */
function headerHolds(frames: Int32Array, ip: number): boolean {
  const first = frames[ip]!;
  const second = frames[ip + 1]!;
  const third = frames[ip + 2]!;
  const fourth = frames[ip + 3]!;
  const fifth = frames[ip + 4]!;
  const low = (first & 0xffff) + (second & 0xffff) + (third & 0xffff) + (fourth & 0xffff) + (fifth & 0xffff);
  return (
    fold(low + (first >>> 16) + (second >>> 16) + (third >>> 16) + (fourth >>> 16) + (fifth >>> 16)) ===
    0xffff
  );
}

/** The same for `size` bytes of UDP or TCP behind it; false, too, where the memory does not end with a word. */
function payloadHolds(frames: Int32Array, ip: number, size: number, protocol: number): boolean {
  const last = ip + PAYLOAD + (size >> 2);
  const rest = size & 3;
  if (last + Number(rest > 0) > frames.length) return false;
  let low = swap16(size) + (protocol << 8);
  let high = 0;
  // From the addresses on, which count as the pseudo header.
  for (let i = ip + 3; i < last; i++) {
    const word = frames[i]!;
    low += word & 0xffff;
    high += word >>> 16;
  }
  if (rest > 0) {
    const word = frames[last]! & ((1 << (8 * rest)) - 1);
    low += word & 0xffff;
    high += word >>> 16;
  }
  return fold(fold(low) + fold(high)) === 0xffff;
}

/** Into 16 bits: for sums of less than 2^31. */
function fold(sum: number): number {
  const folded = (sum & 0xffff) + (sum >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

function swap32(value: number): number {
  return (swap16(value) << 16) | swap16(value >>> 16);
}
