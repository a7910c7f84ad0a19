/**
 * `netloom controller`: the controller of hosts of their own. Agents reach it by a listener of its own; nothing in this process
 * forwards frames.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Accounts } from '../access/accounts.ts';
import type { Probe } from '../api/probe.ts';
import { guardedClock, systemClock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { HostIdentities } from '../controller/agents/identities.ts';
import { listenForAgents } from '../controller/agents/listener.ts';
import { Controller } from '../controller/controller.ts';
import { type Authority, hasAuthority, openAuthority } from '../identity/authority.ts';
import { recordedEndpoints, walkOnTwin } from '../lab/twin.ts';
import { LONGEST_PATH, makeWay } from '../sockets/unix-listener.ts';
import type { Store } from '../store/contract.ts';
import type { ListenOptions } from '../stream/http2.ts';
import { troubleTeller } from './agent-troubles.ts';
import { cannotListen, readListen } from './listening.ts';
import { AUTHORITY_DIRECTORY } from './place.ts';
import { reportError } from './report.ts';
import type { Served } from './serve.ts';
import type { Terminal } from './terminal.ts';

export interface AgentsOptions {
  readonly data: string;
  /** HOST:PORT, or `unix:` and a path. */
  readonly agents: string;
  /** Where agents reach that: `https://controller.example:7301`. Left out: the address itself. */
  readonly agentsUrl?: string;
}

/** Opens a controller on the store, whose hosts have agents of their own. */
export async function openControllerServer(
  store: Store,
  options: AgentsOptions,
  terminal: Terminal,
): Promise<Served> {
  const at = placeOf(options.agents);
  const controller = await Controller.open({ store, clock: systemClock, uuid: randomUUID });
  try {
    const authority = await authorityOf(options.data, controller);
    let url = options.agentsUrl;
    const identities = new HostIdentities({ controller, clock: systemClock, authority, url: () => url });
    let closeListener = async () => {};
    return {
      controller,
      identities,
      probe: probeOf(controller),
      async start(accounts: Accounts) {
        const listener = await listenAt(at, options.agents, (place) =>
          listenForAgents({
            controller,
            identities,
            authority,
            clock: guardedClock(systemClock, (thrown) => reportError(terminal, thrown)),
            at: place,
            onTrouble: troubleTeller(accounts.refusals, terminal, systemClock),
          }),
        );
        closeListener = listener.close;
        url ??= reachable(listener.url);
        const elsewhere = url === undefined || url === listener.url ? '' : ` (reached at ${url})`;
        return [
          ['Agents', `${listener.url}${elsewhere}`],
          ['Authority', `SHA-256 ${authority.fingerprint}`],
        ];
      },
      tries: ['apply -f examples/blue-red.yaml', 'host token HOST', 'get hosts -o wide', 'host certificates'],
      async close() {
        await closeListener();
        controller.feed.close();
        await controller.close();
      },
    };
  } catch (thrown) {
    await controller.close();
    throw thrown;
  }
}

/** What can be said of frames without a machine at hand. */
function probeOf(controller: Controller): Probe {
  return {
    endpoints: () => recordedEndpoints(controller),
    walk: (from, to, how) => walkOnTwin(controller, from, to, how),
    ping: async (from, to) => {
      throw elsewhere(
        'this server cannot send a frame in their place',
        `Ping inside the machine. "netloom walk ${from} ${to}" follows a frame through what the hosts were told.`,
      );
    },
    configure: async () => {
      throw elsewhere('this server cannot set an address inside one', 'Set it inside the machine.');
    },
  };
}

function elsewhere(what: string, remedy: string): NetloomError {
  const message = `The machines run on hosts of their own, and ${what}.`;
  return new NetloomError([finding('machines-elsewhere', '', message, remedy)]);
}

/** An authority that is lost is not quietly replaced: no host would believe the new one. */
async function authorityOf(data: string, controller: Controller): Promise<Authority> {
  const directory = join(data, AUTHORITY_DIRECTORY);
  if (!hasAuthority(directory) && HostIdentities.isKnown(controller, systemClock.wall())) {
    const message = `Hosts have certificates, and the authority that they are of is not in ${directory}.`;
    const remedy =
      'Bring it back from the backup of the data directory; or, where it is lost, make another with "netloom authority new", and let every host join again.';
    throw new NetloomError([finding('authority-unusable', '', message, remedy)]);
  }
  return openAuthority(directory, systemClock.wall());
}

function placeOf(text: string): ListenOptions['at'] {
  const [, path] = /^unix:(.+)$/s.exec(text) ?? [];
  if (path === undefined) return readListen(text, '--agents');
  const bytes = Buffer.byteLength(path);
  if (bytes <= LONGEST_PATH) return { path };
  throw new NetloomError([
    finding(
      'value-invalid',
      '--agents',
      `A path of a UNIX socket has at most ${LONGEST_PATH} bytes, and this one has ${bytes}.`,
      'Choose a shorter path.',
    ),
  ]);
}

async function listenAt<T>(
  at: ListenOptions['at'],
  text: string,
  listen: (at: ListenOptions['at']) => Promise<T>,
): Promise<T> {
  if ('path' in at) await makeWay(at.path);
  try {
    const listener = await listen(at);
    if ('path' in at) chmodSync(at.path, 0o600);
    return listener;
  } catch (thrown) {
    throw cannotListen(text, '--agents', thrown);
  }
}

/** How others reach an address that is listened on; undefined for a socket, which somebody has to pass on. */
function reachable(listening: string): string | undefined {
  if (!URL.canParse(listening) || new URL(listening).protocol !== 'https:') return undefined;
  const url = new URL(listening);
  const isAll = url.hostname === '0.0.0.0' || url.hostname === '[::]';
  return isAll ? `https://${hostname()}:${url.port}` : listening;
}
