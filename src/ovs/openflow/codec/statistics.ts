/**
 * Statistics of flows as OpenFlow 1.5 has them (7.2.4, "OXS TLVs"): a list like that of a match, of which a switch says
 * what it knows.
 */

import type { Reader } from './reader.ts';
import type { FlowCounters } from './state.ts';
import type { Writer } from './writer.ts';

/** OFPXSC_OPENFLOW_BASIC. */
const BASIC = 0x8002;
const DURATION = 0;
const IDLE_TIME = 1;
const FLOW_COUNT = 3;
const PACKET_COUNT = 4;
const BYTE_COUNT = 5;

export interface Statistics extends FlowCounters {
  /** Of a number of flows together. */
  readonly flows: number;
}

export function writeStatistics(writer: Writer, statistics: Partial<Statistics>): void {
  const start = writer.length;
  writer.zeros(4);
  const { duration, idle, flows, packets, bytes } = statistics;
  if (duration !== undefined) put(writer, DURATION, timeOf(duration));
  if (idle !== undefined) put(writer, IDLE_TIME, timeOf(idle));
  if (packets !== undefined) put(writer, PACKET_COUNT, packets);
  if (bytes !== undefined) put(writer, BYTE_COUNT, bytes);
  if (flows !== undefined) put(writer, FLOW_COUNT, BigInt(flows), 4);
  writer.lengthAt(start + 2, start);
  writer.pad8(start);
}

function put(writer: Writer, number: number, value: bigint, size = 8): void {
  writer.u16(BASIC);
  writer.u8(number << 1);
  writer.u8(size);
  writer.uint(value, size);
}

/** What is not said is 0. */
export function readStatistics(reader: Reader): Statistics {
  const list = reader.element(2, 4, 8);
  list.skip(4);
  const values = new Map<number, bigint>();
  while (list.left > 0) {
    const group = list.u16();
    const number = list.u8() >> 1;
    const value = list.part(list.u8());
    if (group === BASIC && value.left <= 8) values.set(number, value.uint(value.left));
  }
  const value = (number: number) => values.get(number) ?? 0n;
  return {
    duration: millisecondsOf(value(DURATION)),
    idle: millisecondsOf(value(IDLE_TIME)),
    packets: value(PACKET_COUNT),
    bytes: value(BYTE_COUNT),
    flows: Number(value(FLOW_COUNT)),
  };
}

/** Seconds in the high half, nanoseconds in the low one, which are less than a second. */
export function millisecondsOf(time: bigint): number {
  const nanoseconds = Math.min(Number(time & 0xffffffffn), 999_999_999);
  return Number(time >> 32n) * 1000 + Math.floor(nanoseconds / 1_000_000);
}

export function timeOf(milliseconds: number): bigint {
  const seconds = Math.floor(milliseconds / 1000);
  return (BigInt(seconds) << 32n) | BigInt((milliseconds % 1000) * 1_000_000);
}
