/** OVN's northbound database: what a management API is compared with. Undefined where its schema is not installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';

/** Of Debian's package ovn-central; OVN_SCHEMA says where else it is. */
const SCHEMA = process.env.OVN_SCHEMA ?? '/usr/share/ovn/ovn-nb.ovsschema';
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
    Array.from({ length: clients }, () => Connection.open(file('nb.sock'))),
  );
  const first = connections[0]!;
  await first.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'ls0' } }]);
  for (let i = 0; i < ports; i++) await first.transact(add(`before${i}`, i));
  return {
    create: (client, i) =>
      connections[client]!.transact([...add(`p${i}`, i), { op: 'commit', durable: true }]),
    read: (client, i) =>
      connections[client]!.transact([
        { op: 'select', table: 'Logical_Switch_Port', where: [['name', '==', `before${i % ports}`]] },
      ]),
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

/** JSON-RPC 1.0 (RFC 7047, 4), one question at a time; the server's own questions ("echo") are answered. */
class Connection {
  readonly #socket: Socket;
  #id = 0;
  #text = '';
  #settle: ((answer: Message) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (part: string) => this.#take(part));
  }

  static open(path: string): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', reject).once('connect', () => resolve(new Connection(socket)));
    });
  }

  async transact(operations: readonly object[]): Promise<void> {
    const answer = await new Promise<Message>((resolve) => {
      this.#settle = resolve;
      this.#send({ id: this.#id++, method: 'transact', params: [DATABASE, ...operations] });
    });
    if (answer.error !== null || answer.result?.some((result) => result?.error)) {
      throw new Error(JSON.stringify(answer).slice(0, 500));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(message: object): void {
    this.#socket.write(JSON.stringify(message));
  }

  #take(part: string): void {
    this.#text += part;
    for (let end = endOfObject(this.#text); end > 0; end = endOfObject(this.#text)) {
      const message = JSON.parse(this.#text.slice(0, end)) as Message;
      this.#text = this.#text.slice(end);
      if (message.method === 'echo') this.#send({ id: message.id, error: null, result: message.params });
      else this.#settle?.(message);
    }
  }
}

interface Message {
  readonly id: unknown;
  readonly method?: string;
  readonly params?: unknown;
  readonly error?: unknown;
  readonly result?: readonly ({ readonly error?: string } | null)[];
}

/** Where the first whole object ends, 0 when there is none yet: nothing stands between messages on the wire. */
function endOfObject(text: string): number {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{') depth++;
    else if (c === '}' && --depth === 0) return i + 1;
  }
  return 0;
}
