/** Logging in and out, and the first administrator. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts, Login } from '../access/accounts.ts';
import { PASSWORD_MAXIMUM } from '../access/passwords.ts';
import type { Principal } from '../access/principal.ts';
import { may, PERMISSIONS } from '../access/roles.ts';
import { ABSOLUTE_MS, IDLE_MS } from '../access/sessions.ts';
import { name } from '../model/fields.ts';
import { ROLES } from '../model/kinds/user.ts';
import { clearSession, principalOf, sendSession } from './access.ts';
import { API } from './paths.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

const password = z.string().min(1).max(PASSWORD_MAXIMUM);

const loginBody = z
  .strictObject({
    user: z.string().min(1).max(200).describe('`ann`, or `red:ann` for a user of the tenant red.'),
    password: password.describe('Password.'),
  })
  .describe('Who.');

const setupBody = z
  .strictObject({
    code: z.string().min(1).max(200).describe('The one-time code that the first start printed.'),
    user: name.describe('Name of the administrator.'),
    password: password.describe('Password, at least 12 characters.'),
  })
  .describe('The first administrator.');

const who = z
  .object({
    user: z.string(),
    role: z.enum(ROLES),
    tenant: z.string().optional(),
    by: z.enum(['local-token', 'session', 'token']).describe('What the request proved it with.'),
    permissions: z.array(z.enum(PERMISSIONS)).describe('What the role may do.'),
  })
  .describe('Who asks.');

const session = z
  .object({
    ...who.shape,
    idleSeconds: z.int().describe('The session ends when it is not used for so long.'),
    seconds: z.int().describe('It ends after so long at any rate.'),
  })
  .describe('The session, which is in the cookie.');

export function loginRoutes(plain: FastifyInstance, accounts: Accounts): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['people'];

  app.route({
    method: 'POST',
    url: `${API}/login`,
    config: { permission: 'public' },
    schema: {
      operationId: 'login',
      tags,
      summary: 'Log in',
      description: 'Sets the cookie of a session. After a few failures, attempts have to wait.',
      security: [],
      body: loginBody,
      response: { 200: session, ...PROBLEMS },
    },
    handler: async ({ body, ip }, reply) => {
      const login = await accounts.login(body.user, body.password, ip);
      return sendSession(reply, login).send(sessionView(login));
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/setup`,
    config: { permission: 'public' },
    schema: {
      operationId: 'setup',
      tags,
      summary: 'Make the first administrator',
      description: 'With the one-time code that the first start printed. Logs the administrator in.',
      security: [],
      body: setupBody,
      response: { 201: session, ...PROBLEMS },
    },
    handler: async ({ body, ip }, reply) => {
      const login = await accounts.claim(body.code, body.user, body.password, ip);
      return sendSession(reply.code(201), login).send(sessionView(login));
    },
  });

  app.route({
    method: 'GET',
    url: '/login',
    // Whoever only looks what is behind a link does not use it up.
    exposeHeadRoute: false,
    config: { permission: 'public' },
    schema: {
      operationId: 'loginByLink',
      tags,
      summary: 'Log the browser of the operator in',
      description: 'By the link that the server printed; it is good once. Goes on to the reference.',
      security: [],
      querystring: z.strictObject({ code: z.string().max(200).describe('The one-time code.') }),
      response: { 303: z.null().describe('To the reference.'), ...PROBLEMS },
    },
    handler: (request, reply) => {
      const login = accounts.loginByLink(request.query.code, request.ip);
      return sendSession(reply, login).redirect('/', 303);
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/logout`,
    config: { permission: 'self' },
    schema: {
      operationId: 'logout',
      tags,
      summary: 'Log out',
      description: 'Ends the session of the request. A token is not changed by it.',
      response: { 204: z.null().describe('Done.'), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { by, id } = principalOf(request);
      if (by === 'session') accounts.endSessions((one) => one.id === id);
      return clearSession(reply).code(204).send();
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/whoami`,
    config: { permission: 'self' },
    schema: {
      operationId: 'whoami',
      tags,
      summary: 'Who asks, and what they may do',
      response: { 200: who, ...PROBLEMS },
    },
    handler: async (request) => whoView(principalOf(request)),
  });
}

function whoView({ name: user, role, tenant, by }: Principal): z.output<typeof who> {
  return {
    user,
    role,
    ...(tenant === undefined ? {} : { tenant }),
    by,
    permissions: PERMISSIONS.filter((permission) => may(role, permission)),
  };
}

function sessionView({ principal }: Login): z.output<typeof session> {
  return { ...whoView(principal), idleSeconds: IDLE_MS / 1000, seconds: ABSOLUTE_MS / 1000 };
}
