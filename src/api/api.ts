/**
 * The API: REST over the controller, for the command line, for programs and for the console to come.
 *
 *     access     who may ask (token, own names, own pages)          access.ts
 *     request    body, query and parameters, checked                body.ts, request.ts
 *     routes     objects, changes, journal, watch, probe, system    objects.ts, changes.ts, watch.ts, probing.ts, system.ts
 *     errors     RFC 9457 problems, each with all its findings      problem.ts
 *     document   OpenAPI 3.1 and its page                           openapi.ts, reference.ts
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../base/clock.ts';
import type { NetloomError } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import { installAccess } from './access.ts';
import { BODY_LIMIT, installBodies } from './body.ts';
import { changeRoutes } from './changes.ts';
import { objectRoutes } from './objects.ts';
import { installOpenApi, openApiRoutes } from './openapi.ts';
import type { Probe } from './probe.ts';
import { probeRoutes } from './probing.ts';
import { badAddress, installProblems, sendProblem } from './problem.ts';
import { installChecks } from './request.ts';
import { systemRoutes } from './system.ts';
import { watchRoutes } from './watch.ts';

export interface ApiOptions {
  readonly controller: Controller;
  /** Looks into the network below; without one there are no pings and walks. */
  readonly probe?: Probe;
  /** Whoever brings it may do everything. At least 32 characters that nobody can guess. */
  readonly token: string;
  readonly clock: Clock;
  readonly version: string;
  /** Names that the server is called by, besides localhost and IP addresses. */
  readonly names?: readonly string[];
  /** Told of errors that nobody foresaw. */
  readonly onDefect?: (error: NetloomError) => void;
  /** To add routes to the API before it is ready, which then have to obey its rules. */
  readonly extend?: (app: FastifyInstance) => void;
}

/** The server, ready to listen or to be asked in process (`inject`). The controller stays the caller's, to close. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const { controller, probe, token, clock, version, names = [], onDefect, extend } = options;
  if (token.length < 32) throw new Error('the token is too short to be a secret');
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    // A request that comes in drop by drop holds a connection for so long and no longer.
    requestTimeout: 60_000,
    keepAliveTimeout: 10_000,
    http: { headersTimeout: 10_000, maxHeaderSize: 16 * 1024 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: (_error, _request, reply) => void sendProblem(reply, badAddress()),
  });
  installProblems(app, { onDefect });
  installChecks(app);
  installBodies(app);
  await installOpenApi(app, version);
  installAccess(app, { token, names });
  objectRoutes(app, controller);
  changeRoutes(app, controller);
  watchRoutes(app, controller, clock);
  if (probe) probeRoutes(app, probe);
  systemRoutes(app, { controller, probe, version });
  openApiRoutes(app);
  extend?.(app);
  await app.ready();
  return app;
}
