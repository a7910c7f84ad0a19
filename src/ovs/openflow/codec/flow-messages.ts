/** Flow-mod, flow-removed and flow statistics (OpenFlow 1.5, 7.3.4.2, 7.4.2, 7.3.5). */
import type { Match } from '../../../flow/flow.ts';
import { flowFrom, type ReadInstructions, readInstructions, writeInstructions } from './instructions.ts';
import { readMatch, writeMatch } from './match.ts';
import type { FlowCommand, FlowMod, FlowRemoved } from './message.ts';
import { ANY } from './ports.ts';
import { named, type Reader } from './reader.ts';
import type { FlowEntry, FlowFlags } from './state.ts';
import { readStatistics, writeStatistics } from './statistics.ts';
import { ALL_TABLES, NO_BUFFER } from './types.ts';
import type { Writer } from './writer.ts';

/** OFPFC_…: the place in the list is the number. */
const COMMANDS: readonly FlowCommand[] = ['add', 'modify', 'modify-strict', 'delete', 'delete-strict'];
/** OFPFF_…, from the lowest bit. */
const FLAGS: readonly (keyof FlowFlags)[] = [
  'sendFlowRemoved',
  'checkOverlap',
  'resetCounts',
  'noPacketCounts',
  'noByteCounts',
];
/** OFPRR_…. */
const REASONS: readonly FlowRemoved['reason'][] = [
  'idle-timeout',
  'hard-timeout',
  'delete',
  'group-delete',
  'meter-delete',
  'eviction',
];

function writeFlags(flags: FlowFlags = {}): number {
  return FLAGS.reduce((bits, name, i) => bits | (flags[name] ? 1 << i : 0), 0);
}

function readFlags(bits: number): FlowFlags {
  return Object.fromEntries(FLAGS.filter((_, i) => (bits >> i) & 1).map((name) => [name, true]));
}

// ------------------------------------------------------------------------------------------------------ flow-mod

/** What a flow does says nothing about its removal. */
const NO_INSTRUCTIONS: ReadInstructions = { actions: [], queue: undefined, unknown: '' };

/** Whether the command takes flows away: it has a match, and nothing that is done. */
export function isDelete(command: FlowCommand): boolean {
  return command === 'delete' || command === 'delete-strict';
}

export function writeFlowMod(writer: Writer, mod: FlowMod): void {
  const { command, flow, cookieMask = 0n, importance = 0, flags, queue, allTables = false } = mod;
  writer.u64(flow.cookie);
  writer.u64(cookieMask);
  writer.u8(allTables ? ALL_TABLES : flow.table);
  writer.u8(COMMANDS.indexOf(command));
  writer.u16(flow.idleTimeout ?? 0);
  writer.u16(flow.hardTimeout ?? 0);
  writer.u16(flow.priority);
  writer.u32(NO_BUFFER);
  writer.u32(ANY);
  writer.u32(ANY);
  writer.u16(writeFlags(flags));
  writer.u16(importance);
  writeMatch(writer, flow.match, flow.unknown?.match);
  if (!isDelete(command)) writeInstructions(writer, flow.actions, queue);
}

export function readFlowMod(body: Reader): FlowMod {
  const cookie = body.u64();
  const cookieMask = body.u64();
  const table = body.u8();
  const command = named('command of flow-mod', COMMANDS, body.u8());
  const timeouts = { idle: body.u16(), hard: body.u16() };
  const priority = body.u16();
  body.skip(12);
  const flags = readFlags(body.u16());
  const importance = body.u16();
  const match = readMatch(body);
  const instructions = isDelete(command) ? NO_INSTRUCTIONS : readInstructions(body);
  const allTables = table === ALL_TABLES;
  return {
    type: 'flow-mod',
    command,
    flow: flowFrom({ table: allTables ? 0 : table, priority, cookie }, timeouts, match, instructions),
    ...(cookieMask === 0n ? {} : { cookieMask }),
    ...(importance === 0 ? {} : { importance }),
    ...(Object.keys(flags).length === 0 ? {} : { flags }),
    ...(instructions.queue === undefined ? {} : { queue: instructions.queue }),
    ...(allTables ? { allTables } : {}),
  };
}

// -------------------------------------------------------------------------------------------------- flow-removed

export function writeFlowRemoved(writer: Writer, removed: FlowRemoved): void {
  const { reason, flow } = removed;
  writer.u8(flow.table);
  writer.u8(REASONS.indexOf(reason));
  writer.u16(flow.priority);
  writer.u16(flow.idleTimeout ?? 0);
  writer.u16(flow.hardTimeout ?? 0);
  writer.u64(flow.cookie);
  writeMatch(writer, flow.match, flow.unknown?.match);
  const { duration, idle, packets, bytes } = removed;
  writeStatistics(writer, { duration, idle, packets, bytes });
}

export function readFlowRemoved(body: Reader): FlowRemoved {
  const table = body.u8();
  const reason = named('reason of flow-removed', REASONS, body.u8());
  const priority = body.u16();
  const timeouts = { idle: body.u16(), hard: body.u16() };
  const cookie = body.u64();
  const match = readMatch(body);
  const { flows: _, ...counters } = readStatistics(body);
  const flow = flowFrom({ table, priority, cookie }, timeouts, match, NO_INSTRUCTIONS);
  return { type: 'flow-removed', reason, flow, ...counters };
}

// ---------------------------------------------------------------------------------------------- flow statistics

/** The body of the requests `flows` and `aggregate`. */
export interface FlowQuery {
  readonly table?: number;
  readonly match?: Match;
  readonly cookie?: bigint;
  readonly cookieMask?: bigint;
}

export function writeFlowQuery(writer: Writer, query: FlowQuery): void {
  writer.u8(query.table ?? ALL_TABLES);
  writer.zeros(3);
  writer.u32(ANY);
  writer.u32(ANY);
  writer.zeros(4);
  writer.u64(query.cookie ?? 0n);
  writer.u64(query.cookieMask ?? 0n);
  writeMatch(writer, query.match ?? {});
}

export function readFlowQuery(body: Reader): FlowQuery {
  const table = body.u8();
  body.skip(15);
  const cookie = body.u64();
  const cookieMask = body.u64();
  const { match } = readMatch(body);
  return {
    ...(table === ALL_TABLES ? {} : { table }),
    ...(Object.keys(match).length === 0 ? {} : { match }),
    ...(cookieMask === 0n ? {} : { cookie, cookieMask }),
  };
}

export function writeFlowEntry(writer: Writer, entry: FlowEntry): void {
  const { flow, importance, flags, queue, duration, idle, packets, bytes } = entry;
  const start = writer.length;
  writer.zeros(4);
  writer.u8(flow.table);
  writer.zeros(1);
  writer.u16(flow.priority);
  writer.u16(flow.idleTimeout ?? 0);
  writer.u16(flow.hardTimeout ?? 0);
  writer.u16(writeFlags(flags));
  writer.u16(importance);
  writer.u64(flow.cookie);
  writeMatch(writer, flow.match, flow.unknown?.match);
  writeStatistics(writer, { duration, idle, packets, bytes });
  writeInstructions(writer, flow.actions, queue);
  writer.lengthAt(start, start);
}

export function readFlowEntry(list: Reader): FlowEntry {
  const body = list.element(0, 24);
  body.skip(4);
  const table = body.u8();
  body.skip(1);
  const priority = body.u16();
  const timeouts = { idle: body.u16(), hard: body.u16() };
  const flags = readFlags(body.u16());
  const importance = body.u16();
  const cookie = body.u64();
  const match = readMatch(body);
  const { flows: _, ...counters } = readStatistics(body);
  const instructions = readInstructions(body);
  return {
    flow: flowFrom({ table, priority, cookie }, timeouts, match, instructions),
    importance,
    flags,
    ...(instructions.queue === undefined ? {} : { queue: instructions.queue }),
    ...counters,
  };
}
