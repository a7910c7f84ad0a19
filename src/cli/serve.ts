/**
 * What every server of this program is: data that stays, the API on it, and something below the API.
 *
 *     lock and open the data -> controller and what is below it -> API listens -> token and address are written down
 *     ... until SIGINT or SIGTERM ...
 *     API closes (what is under way is finished) -> what is below -> controller -> data
 *
 * A change that was answered is on the disk, so this may also be killed at any moment.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Accounts } from '../access/accounts.ts';
import { createApi, renewTls } from '../api/api.ts';
import type { Probe } from '../api/probe.ts';
import { systemClock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { isPrivate, writePrivateFile } from '../base/private-file.ts';
import type { HostIdentities } from '../controller/agents/identities.ts';
import type { Controller } from '../controller/controller.ts';
import type { Store } from '../store/contract.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { followTls, readTls, type TlsFiles } from './api-tls.ts';
import { cannotListen, isLoopback, readListen, urlOf } from './listening.ts';
import { openOidc } from './oidc-file.ts';
import { SERVER_FILE, type ServerFile, TOKEN_FILE } from './place.ts';
import { PROGRAM } from './program.ts';
import { reportError } from './report.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

export interface ServeOptions {
  readonly data: string;
  /** HOST:PORT */
  readonly listen: string;
  /** File with the settings of an OpenID Connect provider. */
  readonly oidc?: string;
  /** Files with the certificate and the key of the API; both or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** What is served: a controller, and what is below it. */
export interface Served {
  readonly controller: Controller;
  readonly probe: Probe;
  readonly identities?: HostIdentities;
  /** Begins what is open to others than the API; what it answers is shown: `Agents`, `https://…`. */
  start?(accounts: Accounts): Promise<readonly (readonly [string, string])[]>;
  /** Commands to try. */
  readonly tries: readonly string[];
  /** Closes all of it, the store too. */
  close(): Promise<void>;
}

/** How long requests that are under way may take once the end was asked for, in milliseconds. */
const GRACE_MS = 3_000;

/** Serves until it is interrupted. `open` is given the store, which belongs to what it opens. */
export async function serve(
  options: ServeOptions,
  terminal: Terminal,
  open: (store: Store) => Promise<Served>,
): Promise<void> {
  const { host, port } = readListen(options.listen, '--listen');
  const files = tlsFilesOf(options);
  const tls = files && readTls(files, systemClock.wall());
  const oidc = options.oidc === undefined ? undefined : await openOidc(options.oidc);
  const interrupted = terminal.interrupted();
  const served = await open(await openSqliteStore({ directory: options.data }));
  const { controller, probe, identities } = served;
  try {
    const token = readToken(options.data, terminal);
    const accounts = new Accounts({ controller, clock: systemClock, token });
    const api = await createApi({
      controller,
      probe,
      ...(identities ? { identities } : {}),
      accounts,
      oidc,
      clock: systemClock,
      version: version(),
      names: [host, ...(isLoopback(host) ? [] : [hostname()]), ...(tls?.names ?? [])],
      tls,
      onDefect: (error) => reportError(terminal, error),
    });
    await listen(api, host, port);
    const stopFollowing = files ? renewing(api, files, terminal) : () => {};
    try {
      const url = urlOf(api.server.address() as AddressInfo, host, tls?.names);
      const more = (await served.start?.(accounts)) ?? [];
      writeServerFile(options.data, { url, pid: process.pid });
      terminal.out(welcome(options, served, url, more, accounts, terminal));
      if (!isLoopback(host) && !tls) terminal.err(EXPOSED);
      await interrupted;
      terminal.err('Stopping.\n');
    } finally {
      stopFollowing();
      const force = setTimeout(() => api.server.closeAllConnections(), GRACE_MS);
      await api.close();
      clearTimeout(force);
      rmSync(join(options.data, SERVER_FILE), { force: true });
    }
  } finally {
    await served.close();
  }
}

async function listen(api: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await api.listen({ host, port });
  } catch (thrown) {
    await api.close();
    throw cannotListen(`${host}:${port}`, '--listen', thrown);
  }
}

function tlsFilesOf({ tlsCert, tlsKey }: ServeOptions): TlsFiles | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  throw new NetloomError([
    finding(
      'field-missing',
      tlsKey === undefined ? '--tls-key' : '--tls-cert',
      'TLS needs a certificate and its key.',
      'Give both, --tls-cert and --tls-key, or none.',
    ),
  ]);
}

/** Takes up a renewed certificate for the connections from then on. */
function renewing(api: FastifyInstance, files: TlsFiles, terminal: Terminal): () => void {
  return followTls(
    files,
    systemClock,
    (secrets) => renewTls(api, secrets),
    (thrown) => reportError(terminal, thrown),
  );
}

/** The token of this data; made on the first start. One that others could read is no secret any more: a new one. */
function readToken(data: string, terminal: Terminal): string {
  const file = join(data, TOKEN_FILE);
  const isThere = existsSync(file);
  if (isThere && isPrivate(file)) {
    const token = readFileSync(file, 'utf8').trim();
    if (token.length >= 32) return token;
  }
  if (isThere) terminal.err(`The token in ${file} was not private, or not whole; a new one is made.\n`);
  const token = `netloom_${randomBytes(32).toString('base64url')}`;
  writePrivateFile(file, `${token}\n`);
  return token;
}

function writeServerFile(data: string, content: ServerFile): void {
  writePrivateFile(join(data, SERVER_FILE), `${JSON.stringify(content)}\n`);
}

const EXPOSED =
  'Warning: the API listens beyond this machine without TLS: passwords and tokens can be read on the way. Give --tls-cert and --tls-key.\n';

function welcome(
  options: ServeOptions,
  { controller, tries }: Served,
  url: string,
  more: readonly (readonly [string, string])[],
  accounts: Accounts,
  { colours }: Terminal,
): string {
  const objects = [...controller.network.keys()].length;
  const isDefault = options.data.endsWith('/.local/share/netloom');
  const hint = isDefault ? '' : ` --data ${options.data}`;
  const { bold, dim } = colours;
  // Whoever can read this terminal is on the machine; nobody else learns the code.
  const claim = accounts.isUnclaimed
    ? `\n\nThere is no administrator yet. Make one with\n\n  ${PROGRAM} setup NAME --code ${accounts.setup.make()}${hint}\n\nThe code is good once and within half an hour.`
    : '';
  return `${bold(`Netloom ${version()} is ready.`)}

  API        ${url}/api/v1
  Reference  ${url}/login?code=${accounts.link.make()}
${more.map(([name, value]) => `  ${name.padEnd(9)}  ${value}\n`).join('')}  Data       ${options.data} ${dim(`(revision ${controller.revision}, ${objects} objects)`)}

The link logs one browser in as the operator of this machine, once and within half an hour.${claim}

Try, in another terminal:

${tries.map((line) => `  ${PROGRAM} ${line}${hint}\n`).join('')}
Stop with Ctrl-C.
`;
}
