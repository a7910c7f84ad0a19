import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONNECTION_KEY, type ConnectionKey, newConnectionKey, reversed } from './connection-key.ts';
import { type Connection, ConnectionTable } from './connection-table.ts';

/** A UDP conversation between two of a few ports of two hosts. */
function keyOf(zone: number, source: number, destination: number): ConnectionKey {
  const key = newConnectionKey(zone, 4, 17);
  key[CONNECTION_KEY.SRC] = 0x0a000001;
  key[CONNECTION_KEY.SRC_PORT] = (source << 16) >>> 0;
  key[CONNECTION_KEY.DST] = 0x0a000002;
  key[CONNECTION_KEY.DST_PORT] = (destination << 16) >>> 0;
  return key;
}

function add(table: ConnectionTable, key: ConnectionKey, end: number, reply = reversed(key)): Connection {
  return table.add(key, reply, 'none', 0, end);
}

describe('the table of connections', () => {
  it('finds what was added, from either side, until its time is over or it is removed', () => {
    type Step =
      | { type: 'add'; port: number; zone: number; life: number; translated: boolean }
      | { type: 'expire' | 'remove'; port: number; zone: number }
      | { type: 'flush'; zone: number }
      | { type: 'wait'; ms: number };
    const place = { port: fc.integer({ min: 1, max: 6 }), zone: fc.nat(2) };
    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant('add' as const),
          ...place,
          life: fc.nat(50),
          translated: fc.boolean(),
        }),
      },
      fc.record({ type: fc.constantFrom('expire' as const, 'remove' as const), ...place }),
      fc.record({ type: fc.constant('flush' as const), zone: fc.nat(2) }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
        const table = new ConnectionTable(seed, { total: 1000 });
        const model = new Map<string, { connection: Connection; reply: ConnectionKey; end: number }>();
        let now = 0;
        for (const next of steps) {
          if (next.type === 'wait') now += next.ms;
          else if (next.type === 'flush') {
            table.flush(next.zone);
            for (const name of [...model.keys()]) if (name.startsWith(`${next.zone} `)) model.delete(name);
          } else {
            const key = keyOf(next.zone, next.port, 80);
            const name = `${next.zone} ${next.port}`;
            const known = model.get(name);
            const isLive = known !== undefined && now < known.end;
            if (next.type === 'add' && !isLive) {
              const reply = reversed(next.translated ? keyOf(next.zone, next.port + 100, 80) : key);
              const connection = add(table, key, now + next.life, reply);
              model.set(name, { connection, reply, end: now + next.life });
            } else if (known && next.type === 'expire') {
              table.expire(known.connection);
              model.delete(name);
            } else if (known && next.type === 'remove') {
              table.remove(known.connection);
              model.delete(name);
            }
          }
          for (let zone = 0; zone <= 2; zone++) {
            for (let port = 1; port <= 6; port++) {
              const known = model.get(`${zone} ${port}`);
              const live = known && now < known.end ? known : undefined;
              const key = keyOf(zone, port, 80);
              expect(table.find(key, now)?.connection).toBe(live?.connection);
              if (live)
                expect(table.find(live.reply, now)).toEqual({ connection: live.connection, isReply: true });
            }
          }
          const live = [...model.values()].filter(({ end }) => now < end);
          expect([...table.live(now)]).toHaveLength(live.length);
          expect(table.size).toBeGreaterThanOrEqual(live.length);
        }
      }),
    );
  });

  it('refuses new ones when it is full, and sweeps first what is over', () => {
    const table = new ConnectionTable(1, { total: 3 });
    for (let port = 1; port <= 3; port++) {
      expect(table.isFull(0, 0)).toBe(false);
      add(table, keyOf(0, port, 80), port * 1000);
    }
    expect(table.isFull(0, 0)).toBe(true);
    // Not swept again so soon; the first is over all the same.
    expect(table.isFull(0, 1500)).toBe(true);
    expect(table.isFull(0, 20_000)).toBe(false);
    expect(table.size).toBe(0);
  });

  it('counts against the limit of a zone, or that of the zones without', () => {
    const table = new ConnectionTable(1, { total: 100 });
    table.limitZone(undefined, 2);
    table.limitZone(7, 1);
    add(table, keyOf(7, 1, 80), 1000);
    expect([table.isFull(7, 0), table.isFull(8, 0)]).toEqual([true, false]);
    add(table, keyOf(8, 1, 80), 1000);
    const last = add(table, keyOf(9, 1, 80), 1000);
    expect([table.isFull(8, 0), table.isFull(9, 0)]).toEqual([true, true]);
    table.remove(last);
    expect(table.isFull(8, 0)).toBe(false);
    table.limitZone(7, undefined);
    expect(table.isFull(7, 0)).toBe(false);
  });

  it('lets go of what a flood left, while new ones come', () => {
    const table = new ConnectionTable(1, { total: 100_000 });
    const open = (i: number, now: number) => {
      const key = keyOf(0, i, 80);
      table.add(key, reversed(key), 'none', now, now + 100);
    };
    for (let i = 1; i <= 20_000; i++) open(i, 0);
    expect(table.size).toBe(20_000);
    for (let i = 20_001; i <= 30_000; i++) open(i, i);
    // Each new one looks at four.
    expect(table.size).toBeLessThanOrEqual(5_000);
  });
});
