/**
 * `netloom up`: everything in one process, on data that stays.
 *
 *     lock and open the data -> controller, hosts, guests (lab) -> API listens -> token and address are written down
 *     ... until SIGINT or SIGTERM ...
 *     API closes (what is under way is finished) -> hosts -> controller -> data
 *
 * A change that was answered is on the disk, so this may also be killed at any moment.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { Accounts } from '../access/accounts.ts';
import { createApi } from '../api/api.ts';
import { guardedClock, systemClock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { flowsOf } from '../lab/flows.ts';
import { Lab } from '../lab/lab.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { readFiles, throwInput } from './input.ts';
import { openOidc } from './oidc-file.ts';
import { SERVER_FILE, type ServerFile, TOKEN_FILE } from './place.ts';
import { reportError, reportFindings } from './report.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

export interface ServeOptions {
  readonly data: string;
  /** HOST:PORT */
  readonly listen: string;
  readonly sample: 'campus' | 'blue-red' | 'none';
  /** File with the settings of an OpenID Connect provider. */
  readonly oidc?: string;
}

/** How long requests that are under way may take once the end was asked for, in milliseconds. */
const GRACE_MS = 3_000;

export async function serve(options: ServeOptions, terminal: Terminal): Promise<void> {
  const { host, port } = readListen(options.listen);
  const oidc = options.oidc === undefined ? undefined : await openOidc(options.oidc);
  const interrupted = terminal.interrupted();
  const store = await openSqliteStore({ directory: options.data });
  const lab = await Lab.open({
    store,
    time: 'real',
    version: version(),
    // Hosts and guests run on timers, and what one of them throws must not end all the others.
    clock: guardedClock(systemClock, (thrown) => reportError(terminal, thrown)),
    onTrouble: (name, findings) => {
      terminal.err(name ? `Host ${name}:\n` : 'Hosts:\n');
      reportFindings(terminal, findings);
    },
  });
  try {
    if (lab.controller.revision === 0 && options.sample !== 'none')
      await loadSample(lab, options.sample, terminal);
    const token = readToken(options.data, terminal);
    const accounts = new Accounts({ controller: lab.controller, clock: systemClock, token });
    const api = await createApi({
      controller: lab.controller,
      probe: {
        endpoints: () => lab.endpoints(),
        ping: (from, to, how) => lab.ping(from, to, how),
        walk: (from, to, how) => lab.walk(from, to, how),
        configure: (name, address, length) => lab.configureGuest(name, address, length),
        aclLog: () => lab.aclLog(),
        aclCounters: () => lab.aclCounters(),
        flows: (name) => flowsOf(lab.fabric, name),
      },
      accounts,
      oidc,
      clock: systemClock,
      version: version(),
      names: [host, ...(isLoopback(host) ? [] : [hostname()])],
      onDefect: (error) => reportError(terminal, error),
    });
    await listen(api, host, port);
    try {
      const url = urlOf(api.server.address() as AddressInfo, host);
      writeServerFile(options.data, { url, pid: process.pid });
      terminal.out(welcome(options, lab, url, accounts, terminal));
      if (!isLoopback(host)) terminal.err(EXPOSED);
      await interrupted;
      terminal.err('Stopping.\n');
    } finally {
      const force = setTimeout(() => api.server.closeAllConnections(), GRACE_MS);
      await api.close();
      clearTimeout(force);
      rmSync(join(options.data, SERVER_FILE), { force: true });
    }
  } finally {
    await lab.close();
  }
}

/** HOST:PORT, with brackets around an IPv6 address. */
function readListen(text: string): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65535) {
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  }
  throw new NetloomError([
    finding(
      'value-invalid',
      '--listen',
      `${JSON.stringify(text)} is not an address to listen on.`,
      'Write 127.0.0.1:7300 or [::1]:7300, for example.',
    ),
  ]);
}

async function listen(api: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await api.listen({ host, port });
  } catch (thrown) {
    await api.close();
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    const why =
      code === 'EADDRINUSE'
        ? 'somebody else listens there'
        : thrown instanceof Error
          ? thrown.message
          : String(thrown);
    throw new NetloomError(
      [
        finding(
          'listen-failed',
          '--listen',
          `${host}:${port} cannot be listened on: ${why}.`,
          'Choose another address with --listen.',
        ),
      ],
      { cause: thrown },
    );
  }
}

function urlOf({ port }: AddressInfo, host: string): string {
  // An address that means all of them is one to listen on, not one to go to.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

async function loadSample(lab: Lab, sample: string, terminal: Terminal): Promise<void> {
  const file = fileURLToPath(new URL(`../../examples/${sample}.yaml`, import.meta.url));
  const { objects, findings } = await readFiles([file], terminal);
  throwInput(findings);
  const changes = objects.map(({ object }) => ({ object }));
  await lab.controller.apply(changes, { author: 'netloom', message: `the sample network ${sample}` });
  await lab.fabric.settled();
}

/** The token of this data; made on the first start. One that others could read is no secret any more: a new one. */
function readToken(data: string, terminal: Terminal): string {
  const file = join(data, TOKEN_FILE);
  const mode = statSync(file, { throwIfNoEntry: false })?.mode;
  if (mode !== undefined && (mode & 0o077) === 0) {
    const token = readFileSync(file, 'utf8').trim();
    if (token.length >= 32) return token;
  }
  if (mode !== undefined)
    terminal.err(`The token in ${file} was not private, or not whole; a new one is made.\n`);
  const token = `netloom_${randomBytes(32).toString('base64url')}`;
  writePrivate(file, `${token}\n`);
  return token;
}

function writeServerFile(data: string, content: ServerFile): void {
  writePrivate(join(data, SERVER_FILE), `${JSON.stringify(content)}\n`);
}

/** As a whole or not at all, and readable by nobody else. */
function writePrivate(file: string, text: string): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

/** What to type: in a checkout there is no `netloom` on the path, and the sources are what runs. */
const PROGRAM = import.meta.url.endsWith('.ts') ? 'npx netloom' : 'netloom';

const EXPOSED =
  'Warning: the API listens beyond this machine, and it has no TLS yet: passwords and tokens can be read on the way. See SECURITY.md.\n';

const TRY: Readonly<Record<ServeOptions['sample'], readonly string[]>> = {
  none: ['get', 'apply -f examples/blue-red.yaml', 'endpoints'],
  'blue-red': ['get vm -o wide', 'ping blue1 blue2', 'ping blue1 red2', 'walk blue1 blue2'],
  campus: ['get vm -o wide', 'ping app-web01 app-web02', 'ping app-web01 db01', 'walk app-web01 app-web02'],
};

function welcome(
  options: ServeOptions,
  lab: Lab,
  url: string,
  accounts: Accounts,
  { colours }: Terminal,
): string {
  const objects = [...lab.controller.network.keys()].length;
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
  Data       ${options.data} ${dim(`(revision ${lab.controller.revision}, ${objects} objects)`)}

The link logs one browser in as the operator of this machine, once and within half an hour.${claim}

Try, in another terminal:

${TRY[options.sample].map((line) => `  ${PROGRAM} ${line}${hint}\n`).join('')}
Stop with Ctrl-C.
`;
}
