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
import type { AddressInfo } from 'node:net';
import type { ConnectRouter, Transport } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { MAX_CONTROLLER_MESSAGE } from './messages.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Node's options for TLS; absent: plain text. */
  readonly tls?: SecureServerOptions;
  /** A connection on which nothing moves for this many milliseconds is dropped. */
  readonly idleAfter?: number;
}

export interface Listener {
  /** `http://127.0.0.1:8444`, with the port that was taken. */
  readonly url: string;
  /** Stops listening and drops all connections. */
  close(): Promise<void>;
}

/** Serves the routes. Rejects when the address cannot be listened on (Node's error, with its code). */
export async function listenHttp2(
  routes: (router: ConnectRouter) => void,
  options: ListenOptions,
): Promise<Listener> {
  // No compression: records are small, and a slow compressor is one more thing that holds memory for each agent.
  const handler = connectNodeAdapter({ routes, acceptCompression: [] });
  const server = options.tls ? createSecureServer(options.tls, handler) : createServer(handler);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.setTimeout(options.idleAfter ?? 30_000, () => session.destroy());
  });
  await listening(server, options);
  const { address, port, family } = server.address() as AddressInfo;
  const authority = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  return {
    url: `${options.tls ? 'https' : 'http'}://${authority}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

function listening(server: Http2Server | Http2SecureServer, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
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

/** A transport to a controller. Connects when it is used, and again after a failure. */
export function http2Transport({ url, node }: DialOptions): Transport {
  return createConnectTransport({
    httpVersion: '2',
    baseUrl: url,
    acceptCompression: [],
    readMaxBytes: MAX_CONTROLLER_MESSAGE,
    // A half-open connection is dropped within 10 s, so that the next stream does not go into the same hole.
    pingIntervalMs: 5_000,
    pingTimeoutMs: 5_000,
    ...(node && { nodeOptions: node }),
  });
}
