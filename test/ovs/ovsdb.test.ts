/** The client of OVSDB against the real ovsdb-server, and one against a real switch. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { Finding } from '../../src/base/error.ts';
import type { JsonValue } from '../../src/base/json.ts';
import { type Database, openDatabase } from '../../src/ovs/ovsdb/client.ts';
import { TABLE_NAMES, watchedColumns } from '../../src/ovs/ovsdb/columns.ts';
import { insert, mutate, remove, update, verify } from '../../src/ovs/ovsdb/operations.ts';
import { readValue } from '../../src/ovs/ovsdb/values.ts';
import { until } from '../support/until.ts';
import { DatabaseServer, Middleman } from './database-server.ts';
import { itWithOpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const SOON = { minBackoff: 20, maxBackoff: 50 };

/** A bridge with a port, as ovs-vsctl makes it. */
function newBridge(name: string) {
  return [
    insert('Interface', { name, type: 'internal' }, 'i'),
    insert('Port', { name, interfaces: [{ named: 'i' }], tag: 4095 }, 'p'),
    insert('Bridge', { name, datapath_type: 'dummy', ports: [{ named: 'p' }] }, 'b'),
    mutate('Open_vSwitch', [], [['bridges', 'insert', [{ named: 'b' }]]]),
  ];
}

/** Compares the replica with what `ovsdb-client dump` prints, table by table. */
async function expectMirrors(server: DatabaseServer, database: Database): Promise<void> {
  const text = await server.tool(
    'ovsdb-client',
    '-f',
    'json',
    'dump',
    `unix:${server.socket}`,
    'Open_vSwitch',
  );
  const dumped = new Map(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { caption: string; headings: string[]; data: JsonValue[][] })
      .map((table) => [table.caption.replace(' table', ''), table]),
  );
  for (const name of TABLE_NAMES) {
    const { headings = [], data = [] } = dumped.get(name) ?? {};
    const types = Object.entries({ _uuid: { kind: 'one', key: 'uuid' } as const, ...watchedColumns(name) });
    const expected = data.map((cells) =>
      Object.fromEntries(types.map(([c, type]) => [c, readValue(type, cells[headings.indexOf(c)] ?? null)])),
    );
    const byUuid = (a: object, b: object) => (Reflect.get(a, '_uuid') < Reflect.get(b, '_uuid') ? -1 : 1);
    expect([...database.rows(name).values()].sort(byUuid)).toEqual(expected.sort(byUuid));
  }
}

async function withServer(
  use: (server: DatabaseServer, open: (socket?: string) => Database, troubles: Finding[]) => Promise<void>,
  clustered = false,
): Promise<void> {
  const server = await DatabaseServer.start(clustered);
  const databases: Database[] = [];
  const troubles: Finding[] = [];
  try {
    const open = (socket = server.socket) => {
      const database = openDatabase({
        socket,
        clock: systemClock,
        random: Math.random,
        reconnect: SOON,
        onTrouble: (trouble) => trouble && troubles.push(trouble),
      });
      databases.push(database);
      return database;
    };
    await use(server, open, troubles);
  } finally {
    for (const database of databases) database.close();
    await server.remove();
  }
}

describe('the database of an Open vSwitch', () => {
  itWithOpenVswitch('makes a bridge and hears that the switch has it', async () => {
    const ovs = await startOpenVswitch({ dummy: true });
    const database = openDatabase({
      socket: join(ovs.directory, 'db.sock'),
      clock: systemClock,
      random: Math.random,
    });
    try {
      const results = await database.configure(newBridge('br7'), { comment: 'test' });
      const uuid = results[2]?.uuid ?? '';
      // Carried out: the switch has chosen its number and its MAC.
      expect(database.rows('Bridge').get(uuid)).toMatchObject({ name: 'br7', fail_mode: null });
      const [local] = database.rows('Interface').values();
      expect(local).toMatchObject({ name: 'br7', ofport: 65534, error: null, mtu: 1500 });
      expect(await ovs.vsctl('--columns=_uuid', '--bare', 'list', 'bridge')).toContain(uuid);
      const [counters] = await database.read('Interface', ['name', 'statistics']);
      expect(counters?.name).toBe('br7');
      expect(counters?.statistics.get('rx_packets')).toBe(0);
    } finally {
      database.close();
      await ovs.stop();
    }
  });

  itWithOpenVswitch(
    'says so when there is no switch to carry it out, and it is written all the same',
    async () => {
      await withServer(async (server, open) => {
        const database = open();
        await database.whenCurrent();
        const late = database.configure(newBridge('br7'), { comment: 'test', within: 1000 });
        await expect(late).rejects.toMatchObject({ code: 'switch-silent' });
        expect(await server.vsctl('list-br')).toBe('br7\n');
      });
    },
  );

  itWithOpenVswitch('mirrors what ovs-vsctl and we do, in any order', async () => {
    await withServer(async (server, open) => {
      const database = open();
      const told = new Map<string, unknown>();
      database.onChange((changes) => {
        for (const { uuid, after } of changes) {
          if (after) told.set(uuid, after);
          else told.delete(uuid);
        }
      });
      const names = fc.constantFrom('br1', 'br2', 'br3');
      const step = fc.oneof(
        names.map((name) => async () => {
          await server.vsctl(
            '--may-exist',
            'add-br',
            name,
            '--',
            'set',
            'bridge',
            name,
            'external_ids:a="b c"',
          );
        }),
        names.map((name) => async () => {
          await server.vsctl('--if-exists', 'del-br', name);
        }),
        fc.tuple(names, fc.integer({ min: 0, max: 4094 })).map(([name, tag]) => async () => {
          const where = [['name', '==', name]] as const;
          await database.transact(
            [
              mutate('Bridge', where, [['external_ids', 'insert', { [`k${tag % 3}`]: `${tag}` }]]),
              mutate('Bridge', where, [['external_ids', 'delete', ['a', `k${(tag + 1) % 3}`]]]),
              mutate('Port', where, [['trunks', 'insert', [tag, (tag + 1) % 4095]]]),
              mutate('Port', where, [['trunks', 'delete', [tag]]]),
              update('Port', where, { tag: tag % 2 ? tag : null, vlan_mode: 'native-tagged' }),
            ],
            { comment: 'test' },
          );
        }),
        fc.constant(async () => {
          await database.transact(
            [
              insert('QoS', { type: 'linux-htb', queues: { 7: { named: 'q' } } }),
              insert('Queue', { dscp: 3 }, 'q'),
            ],
            { comment: 'test' },
          );
        }),
        fc.constant(async () => {
          await database.transact([remove('QoS', []), remove('Queue', [])], { comment: 'test' });
        }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
          for (const take of steps) await take();
          // The answer to a question comes behind everything that happened before it.
          await database.read('Bridge', ['name']);
          await expectMirrors(server, database);
          const rows = TABLE_NAMES.flatMap((table) => [...database.rows(table)]);
          expect(told).toEqual(new Map(rows));
        }),
        { numRuns: 15 },
      );
    });
  });

  itWithOpenVswitch('tells the server’s words when it refuses, and nothing of it is done', async () => {
    await withServer(async (_, open) => {
      const database = open();
      await database.transact(newBridge('br1'), { comment: 'test' });
      const again = database.transact([update('Port', [], { tag: 7 }), ...newBridge('br1')], {
        comment: 'test',
      });
      await expect(again).rejects.toMatchObject({ code: 'ovsdb-refused' });
      await expect(again).rejects.toThrow('constraint violation (Transaction causes multiple rows in "Port"');
      await expect(
        database.transact([update('Port', [], { tag: 9999 })], { comment: 'test' }),
      ).rejects.toThrow('constraint violation (9999 is not in the valid range');
      const moved = database.transact(
        [verify('Port', [['name', '==', 'br1']], [{ tag: 12 }]), update('Port', [], { tag: 13 })],
        { comment: 'test' },
      );
      await expect(moved).rejects.toMatchObject({ code: 'ovsdb-refused' });
      expect([...database.rows('Port').values()].map(({ tag }) => tag)).toEqual([4095]);
      expect(database.connected).toBe(true);
    });
  });

  for (const clustered of [false, true])
    itWithOpenVswitch(
      `${clustered ? 'clustered' : 'standalone'}: the server is killed; what changed meanwhile is told at once`,
      async () => {
        await withServer(async (server, open) => {
          const database = open();
          await database.transact(newBridge('br1'), { comment: 'test' });
          await database.transact([insert('Queue', { dscp: 1 })], { comment: 'test' });
          const told: string[][] = [];
          database.onChange((changes) =>
            told.push(
              changes.map((c) => `${c.table} ${c.before ? 'was' : 'new'} ${c.after ? 'is' : 'gone'}`),
            ),
          );
          await server.kill();
          await until('a lost connection', () => !database.connected);
          // What was known stays readable.
          expect(database.rows('Bridge').size).toBe(1);
          await expect(
            database.transact([remove('Queue', [])], { comment: 'test', within: 200 }),
          ).rejects.toMatchObject({ code: 'ovsdb-unreachable' });
          if (!clustered) {
            // Somebody works on the file while no server does.
            const change = ['Open_vSwitch', { op: 'delete', table: 'Queue', where: [] }];
            const set = { op: 'update', table: 'Port', where: [], row: { tag: 9 } };
            await server.tool('ovsdb-tool', 'transact', server.file, JSON.stringify([...change, set]));
          }
          await server.run();
          await database.whenCurrent();
          expect(told).toEqual(clustered ? [] : [['Port was is', 'Queue was gone']]);
          await expectMirrors(server, database);
          await database.transact(newBridge('br2'), { comment: 'test' });
          await expectMirrors(server, database);
        }, clustered);
      },
    );

  itWithOpenVswitch('a cluster tells only what was missed while the connection was cut', async () => {
    await withServer(async (server, open) => {
      const middle = await Middleman.before(server);
      try {
        const database = open(middle.socket);
        // It remembers changes for as long as they are smaller than the whole.
        for (const name of ['br1', 'br2', 'br3'])
          await database.transact(newBridge(name), { comment: 'test' });
        await database.transact([update('Port', [], { tag: 4 })], { comment: 'test' });
        let back = '';
        middle.toClient = (piece) => {
          back += piece.toString('latin1');
          return [piece];
        };
        // Nobody gets through until the change has been made.
        middle.toServer = () => [];
        middle.cut();
        await server.vsctl('set', 'port', 'br1', 'tag=5');
        middle.toServer = (piece) => [piece];
        middle.cut();
        await until('the tag', () => [...database.rows('Port').values()].some(({ tag }) => tag === 5));
        expect(back).toContain('[true,');
        expect(back).not.toContain('"initial"');
        await expectMirrors(server, database);
      } finally {
        await middle.close();
      }
    }, true);
  });

  itWithOpenVswitch(
    'works with older servers that lack monitor_cond_since, or monitor_cond too',
    async () => {
      for (const lacking of [['monitor_cond_since'], ['monitor_cond_since', 'monitor_cond']]) {
        await withServer(async (server, open) => {
          const middle = await Middleman.before(server);
          try {
            // An older server does not know the name; this one is given a name that it does not know.
            middle.toServer = (piece) => [
              Buffer.from(lacking.reduce((text, m) => text.replace(`"${m}"`, `"no_${m}"`), piece.toString())),
            ];
            const database = open(middle.socket);
            await database.whenCurrent();
            await database.transact(newBridge('br1'), { comment: 'test' });
            await server.vsctl('set', 'bridge', 'br1', 'external_ids:a=b', '--', 'add-br', 'br2');
            await server.vsctl('remove', 'bridge', 'br1', 'external_ids', 'a', '--', 'del-br', 'br2');
            await database.read('Bridge', ['name']);
            await expectMirrors(server, database);
            middle.cut();
            await server.vsctl('add-br', 'br3');
            await until('the new bridge', () => database.rows('Bridge').size === 2);
            await expectMirrors(server, database);
          } finally {
            await middle.close();
          }
        });
      }
    },
  );

  itWithOpenVswitch('does not mind how the bytes are cut, nor when the connection is', async () => {
    await withServer(async (server, open) => {
      const middle = await Middleman.before(server);
      try {
        middle.toClient = (piece) => [...piece].map((byte) => Uint8Array.of(byte));
        const database = open(middle.socket);
        for (let i = 0; i < 5; i++) {
          await database.transact(newBridge(`br${i}`), { comment: `ä€🙂 ${i}` });
          let left = 300 * i;
          // In the middle of what it says after so many bytes, the connection is gone.
          middle.toClient = (piece) => {
            left -= piece.length;
            if (left < 0) middle.cut();
            return [piece.subarray(0, Math.max(0, left + piece.length))];
          };
          await server.vsctl('add-br', `x${i}`);
          await server.vsctl('set', 'bridge', `x${i}`, 'external_ids:a=ä€🙂');
          middle.cut();
          middle.toClient = (piece) => [...piece].map((byte) => Uint8Array.of(byte));
          await until('all bridges', () => database.rows('Bridge').size === 2 * (i + 1));
          await until('the words', () =>
            [...database.rows('Bridge').values()].some(
              (b) => b.name === `x${i}` && b.external_ids.get('a') === 'ä€🙂',
            ),
          );
          await expectMirrors(server, database);
        }
      } finally {
        await middle.close();
      }
    });
  });

  itWithOpenVswitch('believes nothing that makes no sense, and reads everything again', async () => {
    const update3 = (tables: JsonValue) =>
      JSON.stringify({
        id: null,
        method: 'update3',
        params: ['netloom', '4c86fa19-d32e-4a4e-8a21-bb1efb52e725', tables],
      });
    await withServer(async (server, open, troubles) => {
      const middle = await Middleman.before(server);
      try {
        const database = open(middle.socket);
        await database.transact(newBridge('br1'), { comment: 'test' });
        const nonsense = [
          'GET / HTTP/1.1\r\n\r\n',
          ']]]]',
          Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d),
          '"hello"',
          '[]',
          '{"id":null,"method":"update3","params":7}',
          update3({ Port: { '4c86fa19-d32e-4a4e-8a21-bb1efb52e725': { modify: { tag: 7 } } } }),
          update3({ Bridge: { nonsense: { insert: { name: 'evil' } } } }),
          update3({ Bridge: { '4c86fa19-d32e-4a4e-8a21-bb1efb52e725': { insert: { name: 7 } } } }),
          '{"id":null,"method":"monitor_canceled","params":["netloom"]}',
        ];
        for (const text of nonsense) {
          const { connections } = middle;
          const { length } = troubles;
          middle.say(text);
          await until('a new connection', () => troubles.length > length && middle.connections > connections);
          expect(troubles.at(-1)?.code).toBe('ovsdb-protocol');
          await database.whenCurrent();
          await expectMirrors(server, database);
        }
        // What is not for us is passed over: an answer that nobody waits for, a monitor of somebody else, a lock.
        const { connections } = middle;
        for (const text of [
          '{"id":99999,"result":{},"error":null}',
          '{"id":null,"method":"update","params":["other",{"Bridge":{}}]}',
          '{"id":null,"method":"locked","params":["l"]}',
          ' \n ',
        ])
          middle.say(text);
        await database.transact(newBridge('br2'), { comment: 'test' });
        expect(middle.connections).toBe(connections);
      } finally {
        await middle.close();
      }
    });
  });

  itWithOpenVswitch('gives up a request that is not answered, and a server that says nothing', async () => {
    await withServer(async (server, open, troubles) => {
      const database = open();
      await database.whenCurrent();
      server.signal('SIGSTOP');
      const silent = database.transact([insert('Queue', { dscp: 1 })], { comment: 'test', within: 300 });
      await expect(silent).rejects.toMatchObject({ code: 'ovsdb-unreachable' });
      await expect(silent).rejects.toThrow('Nobody knows whether');
      server.signal('SIGCONT');
      // It was done after all, and the replica knows.
      await until('the row', () => database.rows('Queue').size === 1);
      expect(troubles).toEqual([]);
      // Silent for longer, and it is taken for gone, until it is back.
      const impatient = openDatabase({
        socket: server.socket,
        clock: systemClock,
        random: Math.random,
        reconnect: { ...SOON, heartbeatEvery: 50, deadAfter: 300 },
        onTrouble: (trouble) => trouble && troubles.push(trouble),
      });
      try {
        await impatient.whenCurrent();
        server.signal('SIGSTOP');
        await until('a lost connection', () => !impatient.connected);
        expect(troubles[0]?.message).toContain('it says nothing');
        server.signal('SIGCONT');
        await impatient.whenCurrent();
      } finally {
        impatient.close();
      }
      database.close();
      await expect(database.whenCurrent()).rejects.toMatchObject({ code: 'ovsdb-unreachable' });
    });
  });

  itWithOpenVswitch('says why there is no connection', async () => {
    await withServer(async (server, open, troubles) => {
      const nowhere = open(`${server.socket}.nowhere`);
      await expect(nowhere.whenCurrent(200)).rejects.toThrow('ENOENT');
      // A database of something else, under the name of ours.
      const middle = await Middleman.before(server);
      try {
        middle.toClient = (piece) => [
          Buffer.from(piece.toString('latin1').replace('"QoS"', '"qos"'), 'latin1'),
        ];
        const other = open(middle.socket);
        await until('a refusal', () => troubles.some(({ code }) => code === 'ovsdb-unfit'));
        await expect(other.whenCurrent(1)).rejects.toMatchObject({ code: 'ovsdb-unfit' });
        await expect(other.whenCurrent(1)).rejects.toThrow('it has no table QoS');
      } finally {
        await middle.close();
      }
    });
  });

  itWithOpenVswitch('goes on when a handler of changes throws, and tells of it', async () => {
    await withServer(async (_, open, troubles) => {
      const database = open();
      await database.whenCurrent();
      const heard: string[] = [];
      database.onChange(() => {
        throw new Error('a defect');
      });
      const stop = database.onChange((changes) => heard.push(...changes.map(({ table }) => table)));
      await database.transact([insert('Queue', { dscp: 1 })], { comment: 'test' });
      expect(troubles).toMatchObject([{ code: 'internal', message: 'a defect' }]);
      stop();
      await database.transact([insert('Queue', { dscp: 2 })], { comment: 'test' });
      expect([heard, database.rows('Queue').size, database.connected]).toEqual([['Queue'], 2, true]);
    });
  });

  itWithOpenVswitch('makes the one row that a new database lacks', async () => {
    await withServer(async (server, open) => {
      const database = open();
      await database.transact([remove('Open_vSwitch', [])], { comment: 'test' });
      await expect(
        database.configure(newBridge('br1'), { comment: 'test', within: 1000 }),
      ).rejects.toMatchObject({ code: 'switch-silent' });
      expect(await server.vsctl('list-br')).toBe('br1\n');
    });
  });

  itWithOpenVswitch(
    'tells of what is there also when it came with the last words of a connection',
    async () => {
      await withServer(async (server, open) => {
        await server.vsctl('add-br', 'br1');
        const middleman = await Middleman.before(server);
        try {
          middleman.toClient = (piece) => {
            if (!piece.includes('"initial"')) return [piece];
            middleman.toClient = (next) => [next];
            return [Buffer.concat([piece, Buffer.from('{"id":null,"method":"x","params":5}')])];
          };
          const database = open(middleman.socket);
          const heard: string[] = [];
          database.onChange((changes) => heard.push(...changes.map(({ table }) => table)));
          await database.whenCurrent();
          expect([...database.rows('Bridge').values()].map(({ name }) => name)).toEqual(['br1']);
          expect(heard).toContain('Bridge');
          expect(middleman.connections).toBe(2);
        } finally {
          await middleman.close();
        }
      });
    },
  );
});
