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
import { entryOf } from '../../base/map.ts';
import { fingerprintOf } from '../../identity/certificates.ts';
import { hostOfNames } from '../../identity/names.ts';
import type { Peer } from './identities.ts';
import { LOCAL, Places } from './places.ts';
import { certificateMissing, certificateUntrusted } from './words.ts';

/** A stranger's connection, one without a good certificate, is for somebody that joins: it is short, and has to find a place. */
const STRANGER_MS = 10_000;
/** An agent has a stream, and a short call at times; those that it has lost count until that is noticed. */
const MOST_OF_HOST = 8;

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
  readonly #objection: (peer: Peer) => Finding | undefined;
  readonly #open = new Map<ServerHttp2Session, Connection>();
  /** Those whose certificates were good when they came. */
  readonly #byHost = new Map<string, Set<Connection>>();
  readonly #strangers = new Places();

  /** `objection`: why a certificate opens nothing now, although TLS has nothing against it. */
  constructor(clock: Clock, objection: (peer: Peer) => Finding | undefined) {
    this.#clock = clock;
    this.#objection = objection;
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
    const { session, peer } = connection;
    const isGood = peer !== undefined && !this.#objection(peer);
    if (!(isGood ? this.#takeGood(connection, peer) : this.#takeStranger(connection))) return false;
    this.#open.set(session, connection);
    session.once('close', () => this.#open.delete(session));
    return true;
  }

  #takeGood(connection: Connection, { host }: Peer): boolean {
    const same = entryOf(this.#byHost, host, () => new Set<Connection>());
    if (same.size >= MOST_OF_HOST) return false;
    same.add(connection);
    connection.session.once('close', () => {
      same.delete(connection);
      if (same.size === 0) this.#byHost.delete(host);
    });
    return true;
  }

  #takeStranger({ session, from }: Connection): boolean {
    if (!this.#strangers.take(from)) return false;
    const cancel = this.#clock.after(STRANGER_MS, () => session.destroy());
    session.once('close', () => {
      cancel();
      this.#strangers.leave(from);
    });
    return true;
  }

  /** Where others than this one are connected from, with certificates of the same host. */
  othersOf(host: string, except: ServerHttp2Session | undefined): string[] {
    const others = [...(this.#byHost.get(host) ?? [])].filter(({ session }) => session !== except);
    return [...new Set(others.map(({ from }) => from))];
  }

  /** For handlers: the connection that a call comes by. */
  valuesOf(session: ServerHttp2Session): ContextValues {
    return createContextValues().set(KEY, this.#open.get(session));
  }

  static of({ values }: { readonly values: ContextValues }): Connection | undefined {
    return values.get(KEY);
  }

  /** Ends the connections whose certificates are good no more; tells of each. `only`: of these hosts. */
  sweep(onCut: (cut: Connection, why: Finding) => void, only: Iterable<string> = this.#byHost.keys()): void {
    const connections = [...only].flatMap((host) => [...(this.#byHost.get(host) ?? [])]);
    for (const connection of connections) {
      const why = connection.peer && this.#objection(connection.peer);
      if (!why) continue;
      connection.session.destroy();
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
