/** OVN's northbound database: what a management API is compared with. Undefined where its schema is not installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OvsdbConnection } from './ovsdb-connection.ts';

/** Of Debian's package ovn-central; OVN_ROOT says where that is unpacked instead (hosts/ovn.ts). */
const SCHEMA = join(process.env.OVN_ROOT ?? '/', 'usr/share/ovn/ovn-nb.ovsschema');
const DATABASE = 'OVN_Northbound';

export interface Northbound {
  /** Adds one port to the switch, durably. */
  create(client: number, i: number): Promise<void>;
  /** Selects one port by its name. */
  read(client: number, i: number): Promise<void>;
  close(): Promise<void>;
}

/** An ovsdb-server of its own on a UNIX socket in the directory, with so many ports and so many connections. */
export async function northbound(
  directory: string,
  ports: number,
  clients: number,
): Promise<Northbound | undefined> {
  if (!existsSync(SCHEMA)) return undefined;
  mkdirSync(directory);
  const file = (name: string) => join(directory, name);
  execFileSync('ovsdb-tool', ['create', file('nb.db'), SCHEMA]);
  execFileSync('ovsdb-server', [
    file('nb.db'),
    `--remote=punix:${file('nb.sock')}`,
    `--unixctl=${file('nb.ctl')}`,
    `--pidfile=${file('nb.pid')}`,
    `--log-file=${file('nb.log')}`,
    '--detach',
    '--no-chdir',
    '-vconsole:off',
    '-vsyslog:off',
  ]);
  const pid = Number(readFileSync(file('nb.pid'), 'utf8'));
  const stop = () => process.kill(pid, 'SIGTERM');
  // Also when the benchmark fails: a daemon outlives whoever started it.
  process.once('exit', stop);
  const connections = await Promise.all(
    Array.from({ length: clients }, () => OvsdbConnection.open(file('nb.sock'), DATABASE)),
  );
  const first = connections[0]!;
  await first.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'ls0' } }]);
  for (let i = 0; i < ports; i++) await first.transact(add(`before${i}`, i));
  return {
    create: async (client, i) => {
      await connections[client]!.transact([...add(`p${i}`, i), { op: 'commit', durable: true }]);
    },
    read: async (client, i) => {
      await connections[client]!.transact([
        { op: 'select', table: 'Logical_Switch_Port', where: [['name', '==', `before${i % ports}`]] },
      ]);
    },
    close: async () => {
      for (const connection of connections) connection.close();
      process.off('exit', stop);
      stop();
    },
  };
}

function add(name: string, i: number): object[] {
  const byte = (shift: number) => (i >> shift) & 0xff;
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  const mac = `0a:00:00:${hex(byte(16))}:${hex(byte(8))}:${hex(byte(0))}`;
  return [
    {
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': 'p',
      row: { name, addresses: `${mac} 10.${byte(16)}.${byte(8)}.${byte(0)}` },
    },
    {
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', 'ls0']],
      mutations: [['ports', 'insert', ['named-uuid', 'p']]],
    },
  ];
}
