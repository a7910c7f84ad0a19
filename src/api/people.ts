/** Passwords, API tokens and sessions: one's own, and, for whoever manages users, those of the users that they see. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from '../access/accounts.ts';
import { PASSWORD_MAXIMUM } from '../access/passwords.ts';
import { may } from '../access/roles.ts';
import { TOKEN_DAYS } from '../access/tokens.ts';
import type { NetloomError } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import type { ObjectKey } from '../model/definition.ts';
import { ROLES } from '../model/kinds/user.ts';
import { isKind, type User } from '../model/kinds.ts';
import { forbidden } from './access.ts';
import { Actor, noObject } from './actor.ts';
import { API, objectRoute } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

const password = z.string().min(1).max(PASSWORD_MAXIMUM);
const userName = z.string().min(1).max(200).describe('A user: `ann`, `red:ann`. Left out: oneself.');
const ofUser = z.strictObject({ user: userName.optional() });
const done = { 204: z.null().describe('Done.'), ...PROBLEMS };

const tokenView = z.object({
  id: z.string(),
  user: z.string(),
  role: z.enum(ROLES),
  tenant: z.string().optional(),
  description: z.string(),
  created: z.string().describe('ISO 8601, UTC.'),
  expires: z.string(),
  lastUsed: z.string().optional().describe('Absent: never.'),
});

const sessionView = z.object({
  id: z.string(),
  user: z.string(),
  from: z.string().describe('Address that it was opened from.'),
  opened: z.string().describe('ISO 8601, UTC.'),
  current: z.boolean().describe('Whether it is that of this request.'),
});

const tokenBody = z
  .strictObject({
    user: userName.optional(),
    description: z.string().min(1).max(200).describe('What it is for.'),
    days: z
      .int()
      .min(1)
      .max(TOKEN_DAYS)
      .default(TOKEN_DAYS)
      .describe(`How long it is good, 1 to ${TOKEN_DAYS} days.`),
    role: z.enum(ROLES).optional().describe('A lesser role than the user’s. Left out: the user’s.'),
    tenant: z.string().max(63).optional().describe('The tenant, where an administrator takes a role of one.'),
  })
  .describe('A new token.');

export function peopleRoutes(plain: FastifyInstance, controller: Controller, accounts: Accounts): void {
  passwordRoutes(plain, controller, accounts);
  tokenRoutes(plain, controller, accounts);
  sessionRoutes(plain, controller, accounts);
}

function passwordRoutes(plain: FastifyInstance, controller: Controller, accounts: Accounts): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['people'];

  app.route({
    method: 'PUT',
    url: `${API}/password`,
    config: { permission: 'self' },
    schema: {
      operationId: 'setOwnPassword',
      tags,
      summary: 'Change one’s own password',
      description: 'Ends the other sessions of the user.',
      body: z
        .strictObject({
          current: password.describe('The present password.'),
          password: password.describe('The new one, at least 12 characters.'),
        })
        .describe('Both passwords.'),
      response: done,
    },
    handler: async (request, reply) => {
      const { principal } = new Actor(request, controller);
      const [key] = selfOf(principal.user, controller);
      await accounts.checkOwnPassword(key, request.body.current, request.ip);
      await accounts.setPassword(key, request.body.password, principal);
      return reply.code(204).send();
    },
  });

  app.route({
    method: 'PUT',
    url: `${objectRoute('User')}/password`,
    config: { permission: 'people' },
    schema: {
      operationId: 'setPassword',
      tags,
      summary: 'Set the password of a user',
      description: 'Ends the sessions of the user.',
      params: z.object({ name: z.string().describe('User.') }),
      body: z.strictObject({ password: password.describe('The new one, at least 12 characters.') }),
      response: done,
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      await accounts.setPassword(
        actor.findOwn('User', request.params),
        request.body.password,
        actor.principal,
      );
      return reply.code(204).send();
    },
  });
}

function tokenRoutes(plain: FastifyInstance, controller: Controller, accounts: Accounts): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['people'];
  const { tokens } = accounts;

  app.route({
    method: 'GET',
    url: `${API}/tokens`,
    config: { permission: 'self' },
    schema: {
      operationId: 'listTokens',
      tags,
      summary: 'List API tokens',
      description: 'One’s own, or those of a user that one manages. A token sees itself alone.',
      querystring: ofUser,
      response: {
        200: z.object({ items: z.array(tokenView) }).describe('Without their secrets.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const [key] = userMeant(actor, request.query.user, controller);
      const items = tokens.list(key);
      return { items: mayManage(actor, key) ? items : items.filter(({ id }) => isItself(actor, id)) };
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/tokens`,
    config: { permission: 'self' },
    schema: {
      operationId: 'createToken',
      tags,
      summary: 'Make an API token',
      description: 'The answer has the token, which is never to be had again. A token makes no tokens.',
      body: tokenBody,
      response: {
        201: tokenView.extend({ token: z.string().describe('The token itself.') }).describe('The token.'),
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      if (actor.principal.by === 'token') throw forbidden(actor.principal, 'self');
      const { user, role, tenant, ...wish } = request.body;
      const [key, object] = userMeant(actor, user, controller);
      const scope = { ...(role ? { role } : {}), ...(tenant === undefined ? {} : { tenant }) };
      return reply.code(201).send(await tokens.create(key, object, { ...wish, ...scope }, actor.author));
    },
  });

  app.route({
    method: 'DELETE',
    url: `${API}/tokens/:id`,
    config: { permission: 'self' },
    schema: {
      operationId: 'revokeToken',
      tags,
      summary: 'Revoke an API token',
      params: z.object({ id: z.string().max(64).describe('Id of the token.') }),
      response: done,
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      const { id } = request.params;
      const owner = tokens.ownerOf(id);
      if (owner === undefined || !(mayManage(actor, owner) || isItself(actor, id))) throw noSuch('token', id);
      if (!(await tokens.revoke(owner, id, actor.author))) throw noSuch('token', id);
      return reply.code(204).send();
    },
  });
}

function sessionRoutes(plain: FastifyInstance, controller: Controller, accounts: Accounts): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['people'];

  app.route({
    method: 'GET',
    url: `${API}/sessions`,
    config: { permission: 'self' },
    schema: {
      operationId: 'listSessions',
      tags,
      summary: 'List sessions',
      description: 'One’s own, and those of the users that one manages.',
      response: { 200: z.object({ items: z.array(sessionView) }).describe('Open sessions.'), ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const items = accounts
        .sessions(({ user }) => mayManage(actor, user))
        .map(({ id, user, from, opened }) => ({
          id,
          user: user === undefined ? 'operator' : user.slice('User/'.length),
          from,
          opened: new Date(opened).toISOString(),
          current: id === actor.principal.id,
        }));
      return { items };
    },
  });

  app.route({
    method: 'DELETE',
    url: `${API}/sessions/:id`,
    config: { permission: 'self' },
    schema: {
      operationId: 'endSession',
      tags,
      summary: 'End a session',
      params: z.object({ id: z.string().max(64).describe('Id of the session.') }),
      response: done,
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      const { id } = request.params;
      const ended = accounts.endSessions((session) => session.id === id && mayManage(actor, session.user));
      if (ended === 0) throw noSuch('session', id);
      return reply.code(204).send();
    },
  });
}

/**
 * Whether tokens and sessions of this user (undefined: the local operator) are those of the actor to manage. A token speaks
 * for its user with less than the user has, and may be in other hands: what else its user has is not its own.
 */
function mayManage({ principal, view }: Actor, user: string | undefined): boolean {
  if (user === principal.user && principal.by !== 'token') return true;
  const isAllowed = may(principal.role, 'people');
  if (user === undefined) return isAllowed && view.tenant === undefined;
  return isAllowed && view.sees(user as ObjectKey);
}

/** Whether it is the token that asks. */
function isItself({ principal }: Actor, id: string): boolean {
  return principal.by === 'token' && principal.id === id;
}

/** The user that is named, or whoever asks. */
function userMeant(actor: Actor, typed: string | undefined, controller: Controller): [ObjectKey, User] {
  if (typed === undefined) return selfOf(actor.principal.user, controller);
  const key = actor.view.resolve('User', typed);
  const object = controller.network.get(key)?.object;
  if (!mayManage(actor, key) || !isKind(object, 'User')) throw noObject(`User/${typed}`);
  return [key, object];
}

function selfOf(key: ObjectKey | undefined, controller: Controller): [ObjectKey, User] {
  const object = key && controller.network.get(key)?.object;
  if (key !== undefined && isKind(object, 'User')) return [key, object];
  throw refusal(
    'field-missing',
    'user',
    'The local operator is no user, and has no password and no API tokens.',
    'Say which user: --user NAME, or "netloom user passwd NAME".',
  );
}

function noSuch(what: string, id: string): NetloomError {
  return refusal('not-found', '', `There is no ${what} ${JSON.stringify(id)}.`, `See the list of ${what}s.`);
}
