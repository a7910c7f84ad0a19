/**
 * Who is at the other end of each connection to the listener for agents: what its certificate proves, asked of the
 * certificate itself each time, and never remembered from an earlier connection.
 */
import type { ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import {
  type ContextKey,
  type ContextValues,
  createContextKey,
  createContextValues,
} from '@connectrpc/connect';
import type { Clock } from '../../base/clock.ts';
import type { Finding } from '../../base/error.ts';
import { fingerprintOf } from '../../identity/certificates.ts';
import { hostOfNames } from '../../identity/names.ts';
import type { Peer } from './identities.ts';
import { certificateMissing, certificateUntrusted } from './words.ts';

/** A connection without a good certificate is for one that joins: it is short, and there are not many of them. */
const STRANGER_MS = 10_000;
const MOST_STRANGERS = 256;
/** Of one address, so that nobody takes all places; not where addresses are not told apart (a UNIX socket). */
const MOST_STRANGERS_FROM_ONE = 32;

/** Where connections on a UNIX socket are from. */
const LOCAL = 'local';

export interface Connection {
  readonly session: ServerHttp2Session;
  /** Address of the other end; `local` on a UNIX socket. */
  readonly from: string;
  /** What its certificate proves; absent: nothing. */
  readonly peer?: Peer;
  /** Why a certificate that it has proves nothing. */
  readonly distrust?: string;
}

const KEY: ContextKey<Connection | undefined> = createContextKey<Connection | undefined>(undefined);

export class Connections {
  readonly #clock: Clock;
  readonly #open = new Map<ServerHttp2Session, Connection>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a new connection in, or destroys it. Never throws: nobody else is to suffer from one that ends at this moment. */
  accept(session: ServerHttp2Session): void {
    try {
      const socket = session.socket as TLSSocket;
      // Nothing gives out tickets here; should one be taken all the same, what it resumes was proved at another time.
      const isWelcome = !socket.isSessionReused() && this.#take({ session, ...whoIs(socket) });
      if (!isWelcome) session.destroy();
    } catch {
      session.destroy();
    }
  }

  #take(connection: Connection): boolean {
    const { session, peer, from } = connection;
    if (!peer) {
      const strangers = [...this.#open.values()].filter((other) => !other.peer);
      if (strangers.length >= MOST_STRANGERS) return false;
      const same = from === LOCAL ? 0 : strangers.filter((other) => other.from === from).length;
      if (same >= MOST_STRANGERS_FROM_ONE) return false;
      session.once(
        'close',
        this.#clock.after(STRANGER_MS, () => session.destroy()),
      );
    }
    this.#open.set(session, connection);
    session.once('close', () => this.#open.delete(session));
    return true;
  }

  /** Where others than this one are connected from, with certificates of the same host. */
  othersOf(host: string, except: ServerHttp2Session | undefined): string[] {
    const same = [...this.#open.values()].filter(
      ({ peer, session }) => peer?.host === host && session !== except,
    );
    return [...new Set(same.map(({ from }) => from))];
  }

  /** For handlers: the connection that a call comes by. */
  valuesOf(session: ServerHttp2Session): ContextValues {
    return createContextValues().set(KEY, this.#open.get(session));
  }

  static of({ values }: { readonly values: ContextValues }): Connection | undefined {
    return values.get(KEY);
  }

  /** Ends the connections whose certificates there is an objection to; tells of each. `only`: of these hosts. */
  sweep(
    objection: (peer: Peer) => Finding | undefined,
    onCut: (cut: Connection, why: Finding) => void,
    only?: ReadonlySet<string>,
  ): void {
    for (const connection of [...this.#open.values()]) {
      const { peer, session } = connection;
      if (!peer || (only && !only.has(peer.host))) continue;
      const why = objection(peer);
      if (!why) continue;
      session.destroy();
      onCut(connection, why);
    }
  }
}

/** What TLS has found: `authorized` is whether the certificate is of an authority that is believed, in its time, and for clients. */
function whoIs(socket: TLSSocket): Omit<Connection, 'session'> {
  return { from: socket.remoteAddress ?? LOCAL, ...proofOf(socket) };
}

function proofOf(socket: TLSSocket): Pick<Connection, 'peer' | 'distrust'> {
  const { subjectaltname, serialNumber, fingerprint256 } = socket.getPeerCertificate();
  if (!serialNumber || !fingerprint256) return {};
  if (!socket.authorized) return { distrust: String(socket.authorizationError) };
  const host = hostOfNames(subjectaltname);
  if (host === undefined) return { distrust: 'it is not of a host' };
  return { peer: { host, serial: serialNumber.toLowerCase(), fingerprint: fingerprintOf(fingerprint256) } };
}

/** Why a connection without a peer is not believed. `host`: the one that it says it is of. */
export function strangeness(connection: Connection | undefined, host: string): Finding {
  if (connection?.distrust === undefined) return certificateMissing(host);
  return certificateUntrusted(host, connection.distrust);
}
