/** Multipart messages: requests for what may be long, and their answers in parts (OpenFlow 1.5, 7.3.5). */
import { readFlowEntry, readFlowQuery, writeFlowEntry, writeFlowQuery } from './flow-messages.ts';
import { readFlowMonitor, readFlowUpdate, writeFlowMonitor, writeFlowUpdate } from './flow-monitor.ts';
import {
  ALL_GROUPS,
  readGroupCounters,
  readGroupEntry,
  writeGroupCounters,
  writeGroupEntry,
} from './groups.ts';
import {
  ALL_METERS,
  readMeterCounters,
  readMeterEntry,
  writeMeterCounters,
  writeMeterEntry,
} from './meters.ts';
import type { MultipartReply, MultipartRequest, SwitchDesc, TableStats } from './multipart-message.ts';
import { readPort, readPortCounters, writePort, writePortCounters } from './port-messages.ts';
import { ANY, portFrom32, portTo32 } from './ports.ts';
import type { Reader } from './reader.ts';
import { readStatistics, writeStatistics } from './statistics.ts';
import { MORE, PART } from './types.ts';
import type { Writer } from './writer.ts';

/** DESC_STR_LEN and SERIAL_NUM_LEN. */
const TEXT = 256;
const SERIAL_NUMBER = 32;
/** Types of groups, for each of which group-features has numbers. */
const GROUP_TYPES = 4;

export function writeRequest(writer: Writer, request: MultipartRequest): void {
  writer.u16(request.about === 'unknown' ? request.code : PART[request.about]);
  writer.zeros(6);
  switch (request.about) {
    case 'desc':
    case 'table-stats':
    case 'group-features':
    case 'meter-features':
      break;
    case 'flows':
    case 'aggregate':
      writeFlowQuery(writer, request);
      break;
    case 'ports':
    case 'port-stats':
      writer.u32(request.port === undefined ? ANY : portTo32(request.port));
      writer.zeros(4);
      break;
    case 'groups':
    case 'group-stats':
      writer.u32(request.group ?? ALL_GROUPS);
      writer.zeros(4);
      break;
    case 'meters':
    case 'meter-stats':
      writer.u32(request.meter ?? ALL_METERS);
      writer.zeros(4);
      break;
    case 'flow-monitor':
      writeFlowMonitor(writer, request);
      break;
    case 'unknown':
      writer.raw(request.body);
      break;
    default:
      request satisfies never;
  }
}

export function readRequest(body: Reader): MultipartRequest {
  const code = body.u16();
  const about = ABOUT.get(code);
  body.skip(6);
  switch (about) {
    case undefined:
      return { type: 'request', about: 'unknown', code, body: body.copy(body.left) };
    case 'desc':
    case 'table-stats':
    case 'group-features':
    case 'meter-features':
      return { type: 'request', about };
    case 'flows':
    case 'aggregate':
      return { type: 'request', about, ...readFlowQuery(body) };
    case 'ports':
    case 'port-stats': {
      const wide = body.u32();
      const port = portFrom32(wide);
      return { type: 'request', about, ...(wide === ANY || port === undefined ? {} : { port }) };
    }
    case 'groups':
    case 'group-stats': {
      const group = body.u32();
      return { type: 'request', about, ...(group === ALL_GROUPS ? {} : { group }) };
    }
    case 'meters':
    case 'meter-stats': {
      const meter = body.u32();
      return { type: 'request', about, ...(meter === ALL_METERS ? {} : { meter }) };
    }
    case 'flow-monitor':
      return { type: 'request', ...readFlowMonitor(body) };
  }
}

const ABOUT: ReadonlyMap<number, keyof typeof PART> = new Map(
  Object.entries(PART).map(([name, number]) => [number, name as keyof typeof PART]),
);

// ------------------------------------------------------------------------------------------------------- answers

export function writeReply(writer: Writer, reply: MultipartReply): void {
  writer.u16(reply.about === 'unknown' ? reply.code : PART[reply.about]);
  writer.u16(reply.more ? MORE : 0);
  writer.zeros(4);
  switch (reply.about) {
    case 'desc':
      writeDesc(writer, reply.desc);
      break;
    case 'flows':
      for (const entry of reply.flows) writeFlowEntry(writer, entry);
      break;
    case 'aggregate':
      writeStatistics(writer, { packets: reply.packets, bytes: reply.bytes, flows: reply.flows });
      break;
    case 'table-stats':
      for (const table of reply.tables) writeTable(writer, table);
      break;
    case 'port-stats':
      for (const counters of reply.ports) writePortCounters(writer, counters);
      break;
    case 'ports':
      for (const port of reply.ports) writePort(writer, port);
      break;
    case 'groups':
      for (const entry of reply.groups) writeGroupEntry(writer, entry);
      break;
    case 'group-stats':
      for (const counters of reply.groups) writeGroupCounters(writer, counters);
      break;
    case 'group-features':
      writer.u32(reply.types);
      writer.zeros(4);
      for (let i = 0; i < GROUP_TYPES; i++) writer.u32(reply.maximum[i] ?? 0);
      writer.zeros(4 * GROUP_TYPES);
      break;
    case 'meters':
      for (const entry of reply.meters) writeMeterEntry(writer, entry);
      break;
    case 'meter-stats':
      for (const counters of reply.meters) writeMeterCounters(writer, counters);
      break;
    case 'meter-features':
      writer.u32(reply.maximum);
      writer.u32(reply.bandTypes);
      writer.u32(reply.capabilities);
      writer.u8(reply.maximumBands);
      writer.zeros(11);
      break;
    case 'flow-monitor':
      for (const update of reply.updates) writeFlowUpdate(writer, update);
      break;
    case 'unknown':
      writer.raw(reply.body);
      break;
    default:
      reply satisfies never;
  }
}

export function readReply(body: Reader): MultipartReply {
  const code = body.u16();
  const more = (body.u16() & MORE) !== 0;
  body.skip(4);
  const about = ABOUT.get(code);
  const head = { type: 'reply', more } as const;
  switch (about) {
    case 'desc':
      return { ...head, about, desc: readDesc(body) };
    case 'flows':
      return { ...head, about, flows: all(body, readFlowEntry) };
    case 'aggregate': {
      const { packets, bytes, flows } = readStatistics(body);
      return { ...head, about, packets, bytes, flows };
    }
    case 'table-stats':
      return { ...head, about, tables: all(body, readTable) };
    case 'port-stats':
      return { ...head, about, ports: all(body, readPortCounters) };
    case 'ports':
      return { ...head, about, ports: all(body, readPort) };
    case 'groups':
      return { ...head, about, groups: all(body, readGroupEntry) };
    case 'group-stats':
      return { ...head, about, groups: all(body, readGroupCounters) };
    case 'group-features': {
      const types = body.u32();
      body.skip(4);
      return { ...head, about, types, maximum: Array.from({ length: GROUP_TYPES }, () => body.u32()) };
    }
    case 'meters':
      return { ...head, about, meters: all(body, readMeterEntry) };
    case 'meter-stats':
      return { ...head, about, meters: all(body, readMeterCounters) };
    case 'meter-features':
      return {
        ...head,
        about,
        maximum: body.u32(),
        bandTypes: body.u32(),
        capabilities: body.u32(),
        maximumBands: body.u8(),
      };
    case 'flow-monitor':
      return { ...head, about, updates: all(body, readFlowUpdate) };
    case undefined:
      return { ...head, about: 'unknown', code, body: body.copy(body.left) };
  }
}

/** Elements until the end; each of them takes at least a byte. */
function all<T>(list: Reader, read: (list: Reader) => T): T[] {
  const values: T[] = [];
  while (list.left > 0) values.push(read(list));
  return values;
}

function writeDesc(writer: Writer, desc: SwitchDesc): void {
  writer.text(desc.manufacturer, TEXT);
  writer.text(desc.hardware, TEXT);
  writer.text(desc.software, TEXT);
  writer.text(desc.serialNumber, SERIAL_NUMBER);
  writer.text(desc.datapath, TEXT);
}

function readDesc(body: Reader): SwitchDesc {
  return {
    manufacturer: body.text(TEXT),
    hardware: body.text(TEXT),
    software: body.text(TEXT),
    serialNumber: body.text(SERIAL_NUMBER),
    datapath: body.text(TEXT),
  };
}

function writeTable(writer: Writer, { table, active, lookups, matches }: TableStats): void {
  writer.u8(table);
  writer.zeros(3);
  writer.u32(active);
  writer.u64(lookups);
  writer.u64(matches);
}

function readTable(list: Reader): TableStats {
  const table = list.u8();
  list.skip(3);
  return { table, active: list.u32(), lookups: list.u64(), matches: list.u64() };
}
