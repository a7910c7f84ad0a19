/** Meters (OpenFlow 1.5, 7.3.4.4 and 7.3.5): bands that drop what is above a rate. */
import type { Meter, MeterBand } from '../../../flow/datapath.ts';
import type { MeterMod } from './message.ts';
import type { MeterCounters } from './multipart-message.ts';
import { type Reader, WireError } from './reader.ts';
import type { MeterEntry } from './state.ts';
import { millisecondsOf, timeOf } from './statistics.ts';
import type { Writer } from './writer.ts';

/** OFPMC_…. */
const ADD = 0;
const MODIFY = 1;
const DELETE = 2;
/** OFPM_ALL. */
export const ALL_METERS = 0xffffffff;

/** OFPMF_…. */
const KBPS = 1;
const PKTPS = 2;
const BURST = 4;
const STATS = 8;

/** OFPMBT_DROP. */
const DROP = 1;
const BAND_BYTES = 16;

export function writeMeterMod(writer: Writer, mod: MeterMod): void {
  if (mod.command === 'delete') {
    writer.u16(DELETE);
    writer.zeros(2);
    writer.u32(mod.id ?? ALL_METERS);
    return;
  }
  writer.u16(mod.command === 'add' ? ADD : MODIFY);
  writeMeter(writer, mod.meter);
}

export function readMeterMod(body: Reader): MeterMod {
  const command = body.u16();
  const flags = body.u16();
  const id = body.u32();
  if (command === DELETE)
    return { type: 'meter-mod', command: 'delete', id: id === ALL_METERS ? undefined : id };
  if (command !== ADD && command !== MODIFY)
    throw new WireError(`there is no command of meter-mod ${command}`);
  const { meter, unknown } = readBands(body, id, flags);
  if (unknown !== '') throw new WireError('a meter-mod with parts that have no name here');
  return { type: 'meter-mod', command: command === ADD ? 'add' : 'modify', meter };
}

/** OFPMP_METER_CONFIG. */
export function writeMeterEntry(writer: Writer, { meter }: MeterEntry): void {
  const start = writer.length;
  writer.zeros(2);
  writeMeter(writer, meter);
  writer.lengthAt(start, start);
}

export function readMeterEntry(list: Reader): MeterEntry {
  const body = list.element(0, 8);
  body.skip(2);
  const flags = body.u16();
  return readBands(body, body.u32(), flags);
}

/** Flags, number and bands, as they stand in all three. */
function writeMeter(writer: Writer, { id, unit, stats, bands }: Meter): void {
  const hasBurst = bands.some(({ burst }) => burst !== undefined);
  writer.u16((unit === 'kbps' ? KBPS : PKTPS) | (hasBurst ? BURST : 0) | (stats ? STATS : 0));
  writer.u32(id);
  for (const { rate, burst = 0 } of bands) {
    writer.u16(DROP);
    writer.u16(BAND_BYTES);
    writer.u32(rate);
    writer.u32(burst);
    writer.zeros(4);
  }
}

function readBands(list: Reader, id: number, flags: number): MeterEntry {
  const bands: MeterBand[] = [];
  let unknown = '';
  while (list.left > 0) {
    const start = list.position;
    const band = list.element(2, 12);
    const type = band.u16();
    band.skip(2);
    const rate = band.u32();
    const burst = band.u32();
    if (type === DROP) bands.push({ type: 'drop', rate, ...((flags & BURST) === 0 ? {} : { burst }) });
    else unknown += list.hexSince(start);
  }
  const meter: Meter = {
    id,
    unit: (flags & PKTPS) === 0 ? 'kbps' : 'pktps',
    ...((flags & STATS) === 0 ? {} : { stats: true }),
    bands,
  };
  return { meter, unknown };
}

/** OFPMP_METER. */
export function writeMeterCounters(writer: Writer, counters: MeterCounters): void {
  const start = writer.length;
  writer.u32(counters.id);
  writer.zeros(8);
  writer.u32(counters.flows);
  writer.u64(counters.packets);
  writer.u64(counters.bytes);
  writer.u64(timeOf(counters.duration));
  for (const { packets, bytes } of counters.bands) {
    writer.u64(packets);
    writer.u64(bytes);
  }
  writer.lengthAt(start + 4, start);
}

export function readMeterCounters(list: Reader): MeterCounters {
  const body = list.element(4, 40);
  const id = body.u32();
  body.skip(8);
  const flows = body.u32();
  const packets = body.u64();
  const bytes = body.u64();
  const duration = millisecondsOf(body.u64());
  const bands = [];
  while (body.left > 0) bands.push({ packets: body.u64(), bytes: body.u64() });
  return { id, flows, packets, bytes, duration, bands };
}
