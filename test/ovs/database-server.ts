/** An ovsdb-server without a switch, for tests of its client: it can be killed, started again, and stood in front of. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const LIMIT = 20_000;

export class DatabaseServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'netloom-ovsdb-'));
  readonly socket = join(this.directory, 'db.sock');
  #daemon: ChildProcess | undefined;

  /** `clustered`: of one server; only such a database knows what changed since a transaction. */
  static async start(clustered = false): Promise<DatabaseServer> {
    const server = new DatabaseServer();
    try {
      await server.tool(
        'ovsdb-tool',
        ...(clustered
          ? ['create-cluster', server.file, SCHEMA, `unix:${join(server.directory, 'raft.sock')}`]
          : ['create', server.file, SCHEMA]),
      );
      await server.run();
      await server.vsctl('init');
      return server;
    } catch (thrown) {
      await server.remove();
      throw thrown;
    }
  }

  get file(): string {
    return join(this.directory, 'conf.db');
  }

  async run(): Promise<void> {
    const control = join(this.directory, 'ctl');
    const daemon = spawn(
      'ovsdb-server',
      [this.file, `--remote=punix:${this.socket}`, `--unixctl=${control}`],
      {
        stdio: 'ignore',
      },
    );
    this.#daemon = daemon;
    for (const end = Date.now() + LIMIT; !existsSync(control); await sleep(10)) {
      if (daemon.exitCode !== null) throw new Error('ovsdb-server has ended');
      if (Date.now() > end) throw new Error('ovsdb-server does not come up');
    }
  }

  /** As a crash does it: the sockets stay behind, so they are removed as a restart would. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGKILL');
    await ended;
    for (const name of ['ctl', 'db.sock']) rmSync(join(this.directory, name), { force: true });
  }

  signal(signal: NodeJS.Signals): void {
    this.#daemon?.kill(signal);
  }

  async tool(name: string, ...args: readonly string[]): Promise<string> {
    return (await run(name, [...args], { timeout: LIMIT, maxBuffer: 1 << 26 })).stdout;
  }

  vsctl(...args: readonly string[]): Promise<string> {
    return this.tool('ovs-vsctl', `--db=unix:${this.socket}`, '--no-wait', ...args);
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
