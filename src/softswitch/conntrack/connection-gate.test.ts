/** With and without the flow cache, connection tracking comes to the same: frames, connections, counters. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../test/parity/random.ts';
import { CONNECTION_HOSTS, CONNECTION_PROGRAMS } from '../../../test/support/connection-programs.ts';
import { Conversations } from '../../../test/support/conversations.ts';
import { FakeClock } from '../../base/clock.ts';
import { parseFlow } from '../../flow/parse.ts';
import { formatFlow } from '../../flow/text.ts';
import { ipv4 } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { fromHex, toHex } from '../../packet/bytes.ts';
import { type FrameBatch, newBatch } from '../batch.ts';
import { CACHE_LIMITS, type CacheLimits } from '../cache/flow-cache.ts';
import { SoftSwitch } from '../switch.ts';
import { ConnectionGate } from './connection-gate.ts';
import { newConnectionKey, reversed } from './connection-key.ts';
import { ConnectionTable } from './connection-table.ts';
import { Fragments } from './fragments.ts';
import { beginTcp, TCP_WORDS, updateTcp } from './tcp.ts';

const PORTS = [1, 2] as const;

/** A switch whose every output is written down. */
class Noted {
  readonly clock = new FakeClock();
  readonly soft: SoftSwitch;
  readonly #cables = new Map<number, ReturnType<SoftSwitch['attach']>>();
  #sent: string[] = [];

  readonly #memory: Uint8Array | undefined;

  /** `kernel`: batches are in its memory; undefined: elsewhere. */
  constructor(cache: CacheLimits | false, kernel?: 'wasm' | 'typescript') {
    const now = () => this.clock.now();
    this.soft = new SoftSwitch({ now, cache, ...(kernel ? { kernel } : {}) });
    if (kernel) this.#memory = this.soft.frameMemory();
  }

  async program(program: readonly string[]): Promise<void> {
    for (const n of PORTS) {
      const name = `p${n}`;
      await this.soft.setPort({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } });
      const deliver = (bytes: Uint8Array) => this.#sent.push(`${n} ${toHex(bytes)}`);
      const deliverBatch = ({ bytes, at, length, count }: FrameBatch) => {
        for (let i = 0; i < count; i++) deliver(bytes.subarray(at[i]!, at[i]! + length[i]!));
      };
      this.#cables.set(n, this.soft.attach(name, undefined, deliver, deliverBatch));
    }
    await this.soft.applyFlows({ add: program.map(parseFlow), remove: [] });
  }

  /** What came out; one frame alone, or several as a batch. */
  send(port: number, frames: readonly Uint8Array[]): readonly string[] {
    this.#sent = [];
    const [only, ...more] = frames;
    if (only && more.length === 0) this.#cables.get(port)?.receive(only);
    else this.#cables.get(port)?.receiveBatch(batchOf(frames, this.#memory));
    return this.#sent;
  }

  connections(): readonly string[] {
    return this.soft.dumpConnections({ timeouts: true }).toSorted();
  }

  async counters(): Promise<readonly string[]> {
    const flows = await this.soft.dumpFlows();
    return flows.map(({ flow, packets, bytes }) => `${formatFlow(flow)} ${packets} ${bytes}`);
  }
}

function batchOf(frames: readonly Uint8Array[], memory?: Uint8Array) {
  const room = 2048;
  const batch = newBatch(memory ?? new Uint8Array(room * frames.length), frames.length);
  for (const [i, bytes] of frames.entries()) {
    batch.at[i] = i * room + 66;
    batch.length[i] = bytes.length;
    batch.bytes.set(bytes, i * room + 66);
  }
  batch.count = frames.length;
  return batch;
}

describe('a connection gate', () => {
  it('changes nothing of what comes of random conversations', async () => {
    let hits = 0;
    const names = fc.constantFrom(...Object.keys(CONNECTION_PROGRAMS));
    const kernels = fc.constantFrom('wasm', 'typescript', undefined);
    const run = fc.asyncProperty(names, kernels, fc.nat(2 ** 31), async (name, kernel, seed) => {
      const program = CONNECTION_PROGRAMS[name]!;
      const [cached, plain] = [new Noted(CACHE_LIMITS, kernel), new Noted(false)];
      for (const noted of [cached, plain]) await noted.program(program);
      const random = new Random(seed);
      const hosts = { ...CONNECTION_HOSTS, shortQuotes: true, errors6: true, fragments: 4, duplicates: true };
      const conversations = new Conversations(random, hosts);
      for (let i = 0; i < 120; i++) {
        const first = conversations.next();
        const frames = [first.frame];
        // Frames of one connection often come in a row, and alike.
        while (random.chance(45)) {
          const next = random.chance(50) ? first : conversations.next();
          if (next.port === first.port) frames.push(next.frame);
        }
        const note = `${name}, seed ${seed}, frame ${i}: ${frames.map((f) => toHex(f)).join(' ')}`;
        const sent = cached.send(first.port, frames);
        expect(sent.toSorted(), note).toEqual(plain.send(first.port, frames).toSorted());
        expect(cached.connections(), note).toEqual(plain.connections());
        for (const text of sent) {
          const [port, hex] = text.split(' ');
          conversations.arrives(Number(port), fromHex(hex!)!);
        }
        const pause = random.chance(8) ? random.pick([10, 999, 29_000, 31_000, 61_000]) : 0;
        for (const { clock } of [cached, plain]) clock.advance(pause);
      }
      expect(await cached.counters(), `${name}, seed ${seed}`).toEqual(await plain.counters());
      hits += cached.soft.cacheStatistics().hits;
    });
    await fc.assert(run, { numRuns: 60 });
    expect(hits).toBeGreaterThan(100);
  });

  const [CLIENT, SERVER] = [ipv4('10.0.0.1'), ipv4('10.0.0.7')];

  const udp = (from: 'inside' | 'outside', checksum?: number) => {
    const [src, dst, sport, dport] =
      from === 'inside' ? ([CLIENT, SERVER, 1000, 53] as const) : ([SERVER, CLIENT, 53, 1000] as const);
    return frame(
      { layer: 'eth' },
      { layer: 'ipv4', src, dst },
      { layer: 'udp', sport, dport, ...(checksum === undefined ? {} : { checksum }) },
    );
  };

  async function answered(): Promise<Noted> {
    const noted = new Noted(CACHE_LIMITS);
    await noted.program(CONNECTION_PROGRAMS['commits all that is new from inside']!);
    noted.send(1, [udp('inside')]);
    noted.send(2, [udp('outside')]);
    noted.send(1, [udp('inside')]);
    return noted;
  }

  it('lets frames of an answered conversation pass without the tables, and keeps the connection', async () => {
    const noted = await answered();
    const before = noted.soft.cacheStatistics().hits;
    for (let i = 0; i < 10; i++) {
      noted.clock.advance(20_000);
      expect(noted.send(1, [udp('inside')])).toHaveLength(1);
    }
    expect(noted.soft.cacheStatistics().hits - before).toBe(10);
    expect(noted.soft.dumpConnections({ timeouts: true })[0]).toContain('timeout=30');
  });

  it('does not let pass what has a wrong checksum, or comes after the end', async () => {
    const noted = await answered();
    const before = noted.soft.cacheStatistics().hits;
    const [good] = noted.send(1, [udp('inside')]);
    const [bad] = noted.send(1, [udp('inside', 1)]);
    // ct_state stands in the last octet of the source address: est|trk, inv|trk; 0 of what was just committed.
    expect([good, bad].map((text) => text?.slice(24, 26))).toEqual(['22', '30']);
    noted.clock.advance(30_000);
    const [late] = noted.send(1, [udp('inside')]);
    expect(late?.slice(24, 26)).toBe('00');
    expect(noted.soft.cacheStatistics().hits - before).toBe(1);
  });

  it('leaves a connection as it was when another one refuses the frame', () => {
    const table = new ConnectionTable(1, { total: 10 });
    const segment = (flags: number, seq: number, ack: number, length = 0) => {
      const bytes = frame(
        { layer: 'eth' },
        { layer: 'ipv4', src: CLIENT, dst: SERVER },
        { layer: 'tcp', sport: 1000, dport: 80, flags, seq, ack, window: 1000 },
        { layer: 'data', bytes: new Uint8Array(length) },
      );
      return { bytes, l4: 34, end: bytes.length };
    };
    // The second connection is far ahead of the first.
    const uses = [0, 1_000_000].map((ahead, zone) => {
      const key = newConnectionKey(zone, 4, 6);
      const connection = table.add(key, reversed(key), 'none', 0, 5000);
      const at = connection.slot * TCP_WORDS;
      beginTcp(table.tcp, at, segment(2, 100 + ahead, 0));
      updateTcp(table.tcp, at, segment(18, 500, 101 + ahead), true);
      updateTcp(table.tcp, at, segment(16, 101 + ahead, 501), false);
      return {
        slot: connection.slot,
        version: table.versions[connection.slot]!,
        isReply: false,
        timeout: 90_000,
      };
    });
    const { bytes } = segment(24, 101, 501, 10);
    const gateOf = (...some: typeof uses) => {
      const gate = new ConnectionGate(table, new Fragments(0), 6, 0);
      for (const use of some) gate.add(use);
      return gate;
    };
    const before = [table.tcp.slice(), table.expiration.slice()];
    expect(gateOf(...uses).holds(bytes, 0, bytes.length, 10)).toBe(false);
    expect([table.tcp, table.expiration]).toEqual(before);
    expect(gateOf(uses[0]!).holds(bytes, 0, bytes.length, 10)).toBe(true);
    expect([table.tcp, table.expiration]).not.toEqual(before);
  });

  it('notices that the connections were forgotten', async () => {
    const noted = await answered();
    expect(noted.send(1, [udp('inside')])[0]?.slice(24, 26)).toBe('22');
    noted.soft.flushConnections(5);
    expect(noted.soft.dumpConnections()).toEqual([]);
    expect(noted.send(1, [udp('inside')])[0]?.slice(24, 26)).toBe('00');
  });
});
