/**
 * The meters of a switch (OpenFlow 1.3, 5.7). A band is a bucket of tokens that fills with its rate and holds its
 * burst; a frame that finds too few in it is dropped, and counts for the band with the highest rate of those that it
 * exceeds. Every band gives tokens to every frame that it has enough for, whatever the other bands say.
 *
 * Tokens are thousandths of packets (a packet a second gives one each millisecond) or bits (a kilobit a second gives
 * one each millisecond), and time counts in whole milliseconds, as in Open vSwitch (dpif-netdev.c,
 * dp_netdev_run_meter), so the same frames pass.
 */
import type { Meter } from '../../flow/datapath.ts';
import type { Toll } from '../cache/gate.ts';
import { type Counters, newCounters } from '../flows/counters.ts';

interface Band {
  readonly rate: number;
  /** Tokens that the bucket holds. */
  readonly size: number;
  tokens: number;
  /** Of the frames that were dropped. */
  readonly counters: Counters;
}

/** A meter in a switch. */
export interface MeterEntry {
  meter: Meter;
  bands: readonly Band[];
  /**
   * Milliseconds that count at most: what fills the slowest bucket, rounded down, so that one that its rate does not
   * divide may stay a little short of full.
   */
  longest: number;
  /** Milliseconds; of the last frame. */
  used: number;
  /** Of the frames that came to it. */
  counters: Counters;
  /** What recipes have of it. */
  tolls: Map<number, MeterToll>;
}

/** What a meter has counted. */
export interface MeterStats {
  readonly meter: Meter;
  /** Frames that came to it, dropped or not. */
  readonly packets: bigint;
  readonly bytes: bigint;
  /** Frames that each band dropped. */
  readonly bands: readonly { readonly packets: bigint; readonly bytes: bigint }[];
}

export class MeterTable {
  readonly #meters = new Map<number, MeterEntry>();

  get(id: number): MeterEntry | undefined {
    return this.#meters.get(id);
  }

  has(id: number): boolean {
    return this.#meters.has(id);
  }

  /** A meter that changes begins anew with full buckets, as in Open vSwitch; `now` in milliseconds. */
  set(meter: Meter, now: number): void {
    const fresh = newMeter(meter, now);
    const old = this.#meters.get(meter.id);
    // Recipes of the flow cache hold on to the entry.
    if (old) Object.assign(old, fresh);
    else this.#meters.set(meter.id, fresh);
  }

  remove(id: number): boolean {
    return this.#meters.delete(id);
  }

  clear(): void {
    this.#meters.clear();
  }

  /** The meters themselves, by id. */
  list(): ReadonlyMap<number, Meter> {
    return new Map([...this.#meters].map(([id, { meter }]) => [id, meter]));
  }

  /** By id. */
  dump(): readonly MeterStats[] {
    return [...this.#meters.values()]
      .map(({ meter, counters: { packets, bytes }, bands }) => ({
        meter,
        packets,
        bytes,
        bands: bands.map(({ counters: c }) => ({ packets: c.packets, bytes: c.bytes })),
      }))
      .sort((a, b) => a.meter.id - b.meter.id);
  }
}

export function newMeter(meter: Meter, now: number): MeterEntry {
  const bands = meter.bands.map(({ rate, burst }) => {
    const size = (burst || rate) * 1000;
    return { rate, size, tokens: size, counters: newCounters() };
  });
  const longest = Math.max(0, ...bands.map(({ size, rate }) => Math.floor(size / rate)));
  return { meter, bands, longest, used: Math.floor(now), counters: newCounters(), tolls: new Map() };
}

/** The meter in recipes of the flow cache. */
export class MeterToll implements Toll {
  readonly #entry: MeterEntry;
  readonly #longer: number;

  /** `longer`: by so much the frame has grown when it comes to the meter. */
  constructor(entry: MeterEntry, longer: number) {
    this.#entry = entry;
    this.#longer = longer;
  }

  take(length: number, now: number): boolean {
    return takeTokens(this.#entry, length + this.#longer, now);
  }

  takeAll(count: number, bytes: number, now: number): boolean {
    return takeTokensOfAll(this.#entry, count, bytes + count * this.#longer, now);
  }
}

/** The same for all recipes that take the same of a frame, so that frames of several of them can pay together. */
export function tollOf(entry: MeterEntry, longer: number): MeterToll {
  const known = entry.tolls.get(longer);
  if (known) return known;
  const toll = new MeterToll(entry, longer);
  entry.tolls.set(longer, toll);
  return toll;
}

/** Takes back, when it is called, everything that the meter does from now on. */
export function rememberMeter(entry: MeterEntry): () => void {
  const { used } = entry;
  const counters = { ...entry.counters };
  const bands = entry.bands.map((band) => ({ tokens: band.tokens, counters: { ...band.counters } }));
  return () => {
    entry.used = used;
    Object.assign(entry.counters, counters);
    for (const [i, { tokens, counters: count }] of bands.entries()) {
      const band = entry.bands[i]!;
      band.tokens = tokens;
      Object.assign(band.counters, count);
    }
  };
}

/** Takes the tokens for `count` frames of `bytes` together that come at once; false: some would be dropped, so none are taken. */
export function takeTokensOfAll(entry: MeterEntry, count: number, bytes: number, now: number): boolean {
  const moment = Math.floor(now);
  const passed = timeFor(entry, moment);
  const cost = entry.meter.unit === 'pktps' ? 1000 * count : bytes * 8;
  const { bands } = entry;
  for (let i = 0; i < bands.length; i++) {
    const { size, tokens, rate } = bands[i]!;
    if (Math.min(size, tokens + passed * rate) < cost) return false;
  }
  entry.used = moment;
  entry.counters.packets += BigInt(count);
  entry.counters.bytes += BigInt(bytes);
  for (let i = 0; i < bands.length; i++) {
    const band = bands[i]!;
    band.tokens = Math.min(band.size, band.tokens + passed * band.rate) - cost;
  }
  return true;
}

/** Takes the tokens for a frame of `length` bytes; false: it is dropped. */
export function takeTokens(entry: MeterEntry, length: number, now: number): boolean {
  const moment = Math.floor(now);
  const passed = timeFor(entry, moment);
  entry.used = moment;
  entry.counters.packets += 1n;
  entry.counters.bytes += BigInt(length);
  const cost = entry.meter.unit === 'pktps' ? 1000 : length * 8;
  let exceeded: Band | undefined;
  const { bands } = entry;
  for (let i = 0; i < bands.length; i++) {
    const band = bands[i]!;
    band.tokens = Math.min(band.size, band.tokens + passed * band.rate);
    if (band.tokens >= cost) band.tokens -= cost;
    else if (!exceeded || band.rate > exceeded.rate) exceeded = band;
  }
  if (!exceeded) return true;
  exceeded.counters.packets += 1n;
  exceeded.counters.bytes += BigInt(length);
  return false;
}

/** Milliseconds that count for its buckets since the last frame. */
function timeFor({ longest, used }: MeterEntry, moment: number): number {
  return Math.min(longest, Math.max(0, moment - used));
}
