/** The flow monitor: a switch tells of flows as they come and go (OpenFlow 1.5, 7.3.5). */
import { flowFrom, readInstructions, writeInstructions } from './instructions.ts';
import { readMatch, writeMatch } from './match.ts';
import type { FlowMonitorRequest, FlowUpdate } from './multipart-message.ts';
import { ANY } from './ports.ts';
import { named, type Reader } from './reader.ts';
import { ALL_TABLES } from './types.ts';
import type { Writer } from './writer.ts';

/** OFPFMC_…. */
const MONITOR_COMMANDS = ['add', 'modify', 'delete'] as const;
/** OFPFMF_…, from the lowest bit. */
const MONITOR_EVENTS = ['initial', 'add', 'removed', 'modify'] as const;
const INSTRUCTIONS = 1 << 4;
const NO_ABBREV = 1 << 5;
const ONLY_OWN = 1 << 6;

export function writeFlowMonitor(writer: Writer, request: FlowMonitorRequest): void {
  writer.u32(request.monitor);
  writer.u32(ANY);
  writer.u32(ANY);
  const events = MONITOR_EVENTS.reduce((bits, e, i) => bits | (request.events.includes(e) ? 1 << i : 0), 0);
  writer.u16(
    events |
      (request.instructions ? INSTRUCTIONS : 0) |
      (request.noAbbreviation ? NO_ABBREV : 0) |
      (request.onlyOwn ? ONLY_OWN : 0),
  );
  writer.u8(request.table ?? ALL_TABLES);
  writer.u8(MONITOR_COMMANDS.indexOf(request.command));
  writeMatch(writer, request.match ?? {});
}

export function readFlowMonitor(body: Reader): FlowMonitorRequest {
  const monitor = body.u32();
  body.skip(8);
  const flags = body.u16();
  const table = body.u8();
  const command = named('command of a flow monitor', MONITOR_COMMANDS, body.u8());
  const { match } = readMatch(body);
  return {
    about: 'flow-monitor',
    monitor,
    command,
    ...(table === ALL_TABLES ? {} : { table }),
    ...(Object.keys(match).length === 0 ? {} : { match }),
    events: MONITOR_EVENTS.filter((_, i) => (flags >> i) & 1),
    instructions: (flags & INSTRUCTIONS) !== 0,
    noAbbreviation: (flags & NO_ABBREV) !== 0,
    onlyOwn: (flags & ONLY_OWN) !== 0,
  };
}

/** OFPFME_…. */
const EVENTS: readonly FlowUpdate['event'][] = [
  'initial',
  'added',
  'removed',
  'modified',
  'abbreviated',
  'paused',
  'resumed',
];

export function writeFlowUpdate(writer: Writer, update: FlowUpdate): void {
  const start = writer.length;
  writer.zeros(2);
  writer.u16(EVENTS.indexOf(update.event));
  if (update.event === 'abbreviated') {
    writer.u32(update.xid);
  } else if (!('flow' in update)) {
    writer.zeros(4);
  } else {
    const { flow, reason } = update;
    writer.u8(flow.table);
    writer.u8(reason);
    writer.u16(flow.idleTimeout ?? 0);
    writer.u16(flow.hardTimeout ?? 0);
    writer.u16(flow.priority);
    writer.zeros(4);
    writer.u64(flow.cookie);
    writeMatch(writer, flow.match, flow.unknown?.match);
    writeInstructions(writer, flow.actions);
  }
  writer.lengthAt(start, start);
}

export function readFlowUpdate(list: Reader): FlowUpdate {
  const body = list.element(0, 8);
  body.skip(2);
  const event = named('event of a flow monitor', EVENTS, body.u16());
  if (event === 'abbreviated') return { event, xid: body.u32() };
  if (event === 'paused' || event === 'resumed') return { event };
  const table = body.u8();
  const reason = body.u8();
  const timeouts = { idle: body.u16(), hard: body.u16() };
  const priority = body.u16();
  body.skip(4);
  const cookie = body.u64();
  const match = readMatch(body);
  const instructions = readInstructions(body);
  // A queue in an update has no place in a flow, and is nothing that was asked for.
  return { event, flow: flowFrom({ table, priority, cookie }, timeouts, match, instructions), reason };
}
