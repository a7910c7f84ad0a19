/** The stream over HTTP/2. Plain text is for loopback; with `tls` (key, certificate, CA) it is mutual TLS. */
import {
  type ClientSessionOptions,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type SecureClientSessionOptions,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import {
  type ConnectRouter,
  type ContextValues,
  createContextValues,
  type Transport,
} from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { MAX_CONTROLLER_MESSAGE } from './messages.ts';

export interface ListenOptions {
  /** Where: an address with a port (0: any free one), or the path of a UNIX socket. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Node's options for TLS; absent: plain text. */
  readonly tls?: SecureServerOptions;
  /** A connection on which nothing moves for this many milliseconds is dropped. */
  readonly idleAfter?: number;
  /** Told of each connection before anything is asked on it; may destroy it. Must not throw. */
  readonly onSession?: (session: ServerHttp2Session) => void;
  /** What handlers are to know of a connection. Must not throw. */
  readonly contextValues?: (session: ServerHttp2Session) => ContextValues;
}

export interface Listener {
  /** `http://127.0.0.1:8444`, with the port that was taken, or `unix:/path`. */
  readonly url: string;
  /** Connections from now on are made with this key, certificate and authorities; those that there are stay. Only with TLS. */
  secure(context: SecureContextOptions): void;
  /** Stops listening and drops all connections. */
  close(): Promise<void>;
}

/** A client opens one stream, or two while one ends; each other call is a short one. */
const LIMITS = { maxConcurrentStreams: 16, maxHeaderListSize: 16 * 1024, enablePush: false };
/** How long a client may take for the handshake of TLS, and to say that it speaks HTTP/2, in milliseconds. */
const HANDSHAKE_MS = 5_000;

/** Serves the routes. Rejects when the address cannot be listened on (Node's error, with its code). */
export async function listenHttp2(
  routes: (router: ConnectRouter) => void,
  options: ListenOptions,
): Promise<Listener> {
  const { tls, contextValues } = options;
  const handler = connectNodeAdapter({
    routes,
    // No compression: records are small, and a slow compressor is one more thing that holds memory for each agent.
    acceptCompression: [],
    contextValues: (request) => {
      const session = 'stream' in request ? request.stream.session : undefined;
      return (session && contextValues?.(session as ServerHttp2Session)) ?? createContextValues();
    },
  });
  const limits = { settings: LIMITS, unknownProtocolTimeout: HANDSHAKE_MS };
  const secure = tls && createSecureServer({ handshakeTimeout: HANDSHAKE_MS, ...limits, ...tls }, handler);
  const server = secure ?? createServer(limits, handler);
  const sessions = new Set<ServerHttp2Session>();
  // What is not HTTP/2 gets no answer.
  server.on('unknownProtocol', (socket) => socket.destroy());
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.setTimeout(options.idleAfter ?? 30_000, () => session.destroy());
    options.onSession?.(session);
  });
  await listening(server, options.at);
  return {
    url: urlOf(server, tls !== undefined),
    secure: (context) => secure?.setSecureContext(context),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

function urlOf(server: Http2Server | Http2SecureServer, isSecure: boolean): string {
  const place = server.address();
  if (typeof place === 'string' || place === null) return `unix:${place}`;
  const { address, port, family } = place;
  const authority = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  return `${isSecure ? 'https' : 'http'}://${authority}`;
}

function listening(server: Http2Server | Http2SecureServer, at: ListenOptions['at']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      // A connection that cannot be accepted (no descriptor left) does not end the others.
      server.on('error', () => {});
      resolve();
    });
  });
}

export interface DialOptions {
  /** Of the controller: `http://127.0.0.1:8444`. */
  readonly url: string;
  /** Node's options for the connection: key, cert, ca for mutual TLS. */
  readonly node?: ClientSessionOptions | SecureClientSessionOptions;
}

/** A transport with the connection below it. */
export interface Dialled {
  readonly transport: Transport;
  /** Ends the connection. */
  close(): void;
}

/** A transport to a controller. Connects when it is used, and again after a failure. */
export function http2Transport(options: DialOptions): Transport {
  return dialHttp2(options).transport;
}

/** The same, for one that is closed when it is not needed any more. */
export function dialHttp2({ url, node }: DialOptions): Dialled {
  // A half-open connection is dropped within 10 s, so that the next stream does not go into the same hole.
  const sessions = new Http2SessionManager(url, { pingIntervalMs: 5_000, pingTimeoutMs: 5_000 }, node);
  const transport = createConnectTransport({
    httpVersion: '2',
    baseUrl: url,
    acceptCompression: [],
    readMaxBytes: MAX_CONTROLLER_MESSAGE,
    sessionManager: sessions,
  });
  return { transport, close: () => sessions.abort() };
}
