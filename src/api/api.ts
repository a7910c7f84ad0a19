/**
 * The API: REST over the controller, for the command line, for programs and for the console to come.
 *
 *     access     who asks, and what they may (permissions, own names, own pages)   access.ts, ../access
 *     settled    nothing is shown before it is durable               settled.ts
 *     people     login, passwords, tokens, sessions                  login.ts, people.ts, refusals.ts
 *     request    body, query and parameters, checked                body.ts, request.ts
 *     routes     objects, changes, journal, watch, probe, system    objects.ts, pools.ts, connect.ts, hosts.ts, host-identities.ts, counters.ts, export.ts, policy.ts, changes.ts, revisions.ts, jobs.ts, watch.ts, probing.ts, system.ts
 *     errors     RFC 9457 problems, each with all its findings      problem.ts
 *     document   OpenAPI 3.1 and its page                           openapi.ts, reference.ts
 */
import { Server as TlsServer } from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Accounts } from '../access/accounts.ts';
import type { Oidc } from '../access/oidc.ts';
import { TenantRevisions } from '../access/tenant-revisions.ts';
import type { Clock } from '../base/clock.ts';
import type { NetloomError } from '../base/error.ts';
import type { HostIdentities } from '../controller/agents/identities.ts';
import type { Controller } from '../controller/controller.ts';
import { installAccess } from './access.ts';
import { BODY_LIMIT, installBodies } from './body.ts';
import { changeRoutes } from './changes.ts';
import { connectRoutes } from './connect.ts';
import { counterRoutes } from './counters.ts';
import { exportRoutes } from './export.ts';
import { hostIdentityRoutes } from './host-identities.ts';
import { hostRoutes } from './hosts.ts';
import { jobRoutes } from './jobs.ts';
import { loginRoutes } from './login.ts';
import { migrationRoutes } from './migrations.ts';
import { objectRoutes } from './objects.ts';
import { installOpenApi, openApiRoutes } from './openapi.ts';
import { peopleRoutes } from './people.ts';
import { policyRoutes } from './policy.ts';
import { poolRoutes } from './pools.ts';
import type { Probe } from './probe.ts';
import { probeRoutes } from './probing.ts';
import { badAddress, installProblems, sendProblem } from './problem.ts';
import { refusalRoutes } from './refusals.ts';
import { installChecks } from './request.ts';
import { revisionRoutes } from './revisions.ts';
import { installSettling } from './settled.ts';
import { systemRoutes } from './system.ts';
import { watchRoutes } from './watch.ts';

export interface ApiOptions {
  readonly controller: Controller;
  /** Looks into the network below; without one there are no pings and walks. */
  readonly probe?: Probe;
  /** Who may log in, and who a request is from. */
  readonly accounts: Accounts;
  /** Who the agents of real hosts are; absent where there is no listener for them. */
  readonly identities?: HostIdentities | undefined;
  /** Logs people in with accounts at an OpenID Connect provider. */
  readonly oidc?: Oidc | undefined;
  readonly clock: Clock;
  readonly version: string;
  /** Key and certificate, PEM: the API is spoken over TLS alone. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** Names that the server is called by, besides localhost and IP addresses. */
  readonly names?: readonly string[];
  /** Told of errors that nobody foresaw. */
  readonly onDefect?: (error: NetloomError) => void;
  /** To add routes to the API before it is ready, which then have to obey its rules. */
  readonly extend?: (app: FastifyInstance) => void;
}

/** Headers that come slowly, or are large, hold a connection for so long and no longer. */
const LIMITS = { headersTimeout: 10_000, maxHeaderSize: 16 * 1024 };
const TLS = { minVersion: 'TLSv1.3', handshakeTimeout: 5_000 } as const;

/** Connections from now on are with this key and certificate, PEM; nothing else about them changes. */
export function renewTls({ server }: FastifyInstance, { key, cert }: NonNullable<ApiOptions['tls']>): void {
  // What is left out here goes back to what Node has for a default, such as TLS 1.2.
  if (server instanceof TlsServer) server.setSecureContext({ ...TLS, key, cert });
}

/** The server, ready to listen or to be asked in process (`inject`). The controller stays the caller's, to close. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const { controller, accounts, probe, clock, version, names = [], onDefect, extend, tls } = options;
  const revisions = new TenantRevisions(controller);
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    // A request that comes in drop by drop holds a connection for so long and no longer.
    requestTimeout: 60_000,
    keepAliveTimeout: 10_000,
    ...(tls ? { https: { ...LIMITS, ...tls, ...TLS } } : { http: LIMITS }),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: (_error, _request, reply) => void sendProblem(reply, badAddress()),
  });
  installProblems(app, { onDefect });
  installChecks(app);
  installBodies(app);
  await installOpenApi(app, version);
  installAccess(app, { accounts, names });
  installSettling(app, controller);
  loginRoutes(app, accounts);
  if (options.oidc) (await import('./oidc.ts')).oidcRoutes(app, accounts, options.oidc);
  peopleRoutes(app, controller, accounts);
  refusalRoutes(app, controller, accounts.refusals);
  objectRoutes(app, controller, revisions);
  changeRoutes(app, controller);
  revisionRoutes(app, controller);
  jobRoutes(app, controller, clock, accounts);
  poolRoutes(app, controller);
  migrationRoutes(app, controller);
  hostRoutes(app, controller, clock);
  hostIdentityRoutes(app, controller, options.identities);
  policyRoutes(app, controller);
  counterRoutes(app, controller);
  connectRoutes(app, controller);
  exportRoutes(app, controller);
  watchRoutes(app, { controller, clock, accounts, revisions });
  if (probe) probeRoutes(app, controller, probe);
  systemRoutes(app, { controller, probe, version, revisions });
  openApiRoutes(app);
  extend?.(app);
  await app.ready();
  return app;
}
