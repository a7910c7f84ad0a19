/** A connection to an ovsdb-server. */
import { createConnection, type Socket } from 'node:net';

/** JSON-RPC 1.0 (RFC 7047, 4), one question at a time; the server's own questions ("echo") are answered. */
export class OvsdbConnection {
  readonly #socket: Socket;
  #id = 0;
  #text = '';
  readonly #database: string;
  #settle: ((answer: Message) => void) | undefined;

  private constructor(socket: Socket, database: string) {
    this.#socket = socket;
    this.#database = database;
    socket.setEncoding('utf8').on('data', (part: string) => this.#take(part));
  }

  /** Settles when somebody listens at the socket. */
  static open(path: string, database: string): Promise<OvsdbConnection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', reject).once('connect', () => resolve(new OvsdbConnection(socket, database)));
    });
  }

  /** The answer has the rows that a first operation `select` found. Rejects when one of the operations failed. */
  async transact(operations: readonly object[]): Promise<readonly Row[]> {
    const answer = await new Promise<Message>((resolve) => {
      this.#settle = resolve;
      this.#send({ id: this.#id++, method: 'transact', params: [this.#database, ...operations] });
    });
    if (answer.error !== null || answer.result?.some((result) => result?.error)) {
      throw new Error(JSON.stringify(answer).slice(0, 500));
    }
    return answer.result?.[0]?.rows ?? [];
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

type Row = Readonly<Record<string, unknown>>;

interface Message {
  readonly id: unknown;
  readonly method?: string;
  readonly params?: unknown;
  readonly error?: unknown;
  readonly result?: readonly ({ readonly error?: string; readonly rows?: readonly Row[] } | null)[];
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
