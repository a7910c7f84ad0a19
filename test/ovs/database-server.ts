/** An ovsdb-server without a switch, for tests of its client: it can be killed, started again, and stood in front of. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ovsPrograms } from '../../src/lab/real/ovs-programs.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const LIMIT = 20_000;

export class DatabaseServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'netloom-ovsdb-'));
  readonly #programs = ovsPrograms(this.directory);
  readonly socket = this.#programs.socket;
  #daemon: ChildProcess | undefined;

  /** `clustered`: of one server; only such a database knows what changed since a transaction. */
  static async start(clustered = false): Promise<DatabaseServer> {
    const server = new DatabaseServer();
    try {
      const { file, schema } = server.#programs;
      const kind = clustered
        ? ['create-cluster', file, schema, `unix:${join(server.directory, 'raft.sock')}`]
        : ['create', file, schema];
      await server.tool('ovsdb-tool', ...kind);
      await server.run();
      await server.vsctl('init');
      return server;
    } catch (thrown) {
      await server.remove();
      throw thrown;
    }
  }

  get file(): string {
    return this.#programs.file;
  }

  async run(): Promise<void> {
    const { server, signs } = this.#programs;
    const [tool = '', ...args] = server;
    const daemon = spawn(tool, args, { stdio: 'ignore' });
    this.#daemon = daemon;
    await until('ovsdb-server is up', () => {
      if (daemon.exitCode !== null) throw new Error('ovsdb-server has ended');
      return existsSync(signs.server);
    });
  }

  /** As a crash does it: the sockets stay behind, so they are removed as a restart would. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGKILL');
    await ended;
    for (const file of [this.#programs.signs.server, this.socket]) rmSync(file, { force: true });
  }

  signal(signal: NodeJS.Signals): void {
    this.#daemon?.kill(signal);
  }

  async tool(name: string, ...args: readonly string[]): Promise<string> {
    return (await run(name, [...args], { timeout: LIMIT, maxBuffer: 1 << 26 })).stdout;
  }

  vsctl(...args: readonly string[]): Promise<string> {
    const [tool = '', ...first] = this.#programs.vsctl;
    return this.tool(tool, ...first, '--no-wait', ...args);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What may be done to what passes; an empty list keeps it back. */
export type Meddle = (piece: Buffer) => readonly Uint8Array[];

/** Stands in front of a server and passes on, in both directions, what `toServer` and `toClient` make of each piece. */
export class Middleman {
  readonly socket: string;
  toServer: Meddle = (piece) => [piece];
  toClient: Meddle = (piece) => [piece];
  /** How often somebody has connected. */
  connections = 0;
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  readonly #clients = new Set<Socket>();

  private constructor(server: DatabaseServer) {
    this.socket = join(server.directory, 'middle.sock');
    this.#server = createServer((client) => {
      this.connections++;
      this.#clients.add(client);
      client.on('close', () => this.#clients.delete(client));
      const behind = connect(server.socket);
      this.#pass(client, behind, (piece) => this.toServer(piece));
      this.#pass(behind, client, (piece) => this.toClient(piece));
    });
  }

  static async before(server: DatabaseServer): Promise<Middleman> {
    const middleman = new Middleman(server);
    await new Promise<void>((resolve, reject) => {
      middleman.#server.once('error', reject).listen(middleman.socket, resolve);
    });
    return middleman;
  }

  /** Cuts all connections; new ones are taken. */
  cut(): void {
    for (const end of this.#ends) end.destroy();
  }

  /** Says something to all clients, as if the server had. */
  say(text: string | Uint8Array): void {
    for (const client of this.#clients) client.write(text);
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(from: Socket, to: Socket, meddle: Meddle): void {
    this.#ends.add(from);
    const drop = () => {
      this.#ends.delete(from);
      to.destroy();
    };
    from.on('data', (piece: Buffer) => {
      for (const part of meddle(piece)) to.write(part);
    });
    from.on('error', drop).on('close', drop);
  }
}
