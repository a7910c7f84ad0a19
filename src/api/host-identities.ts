/** Who the agents of hosts are: join tokens, certificates, revocation (controller/agents). */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { CertificateView, HostIdentities } from '../controller/agents/identities.ts';
import { type JoinTokenView, TOKEN_LIFE_MS, TOKEN_LONGEST_MS } from '../controller/agents/join-tokens.ts';
import type { Controller } from '../controller/controller.ts';
import { Actor } from './actor.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

const hostParams = z.object({ name: z.string().min(1).max(200).describe('Host.') });

const tokenSchema = z.object({
  id: z.string(),
  host: z.string(),
  author: z.string().describe('Who made it.'),
  created: z.string().describe('ISO 8601, UTC.'),
  expires: z.string(),
});

const certificateSchema = z.object({
  host: z.string(),
  serial: z.string().describe('In hexadecimal.'),
  fingerprint: z.string().describe('SHA-256, in hexadecimal.'),
  issued: z.string().describe('ISO 8601, UTC.'),
  expires: z.string(),
  lastUsed: z.string().optional().describe('Absent: never.'),
  state: z
    .enum(['good', 'followed', 'revoked', 'expired'])
    .describe('followed: a newer one of the same host is in use.'),
  revoked: z
    .object({ at: z.string(), by: z.string().describe('Who, or the join token that replaced it.') })
    .optional(),
});

const tokenBody = z
  .strictObject({
    lifetimeSeconds: z
      .int()
      .min(60)
      .max(TOKEN_LONGEST_MS / 1000)
      .default(TOKEN_LIFE_MS / 1000)
      .describe('How long it is good, in seconds: a minute to a week.'),
    url: z
      .string()
      .max(300)
      .regex(/^https:\/\/[^/\s]+$/)
      .optional()
      .describe('Where the host reaches the listener for agents. Left out: as the controller was told.'),
  })
  .describe('A new join token.');

/** `identities` is absent where the server has no listener for agents. */
export function hostIdentityRoutes(
  plain: FastifyInstance,
  controller: Controller,
  identities: HostIdentities | undefined,
): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['hosts'];

  app.route({
    method: 'POST',
    url: `${API}/hosts/:name/join-tokens`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'createJoinToken',
      tags,
      summary: 'Make a join token for a host',
      description: 'The answer has the token, which is good once and never to be had again.',
      params: hostParams,
      body: tokenBody,
      response: {
        201: tokenSchema.extend({ token: z.string().describe('The token itself.') }).describe('The token.'),
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => {
      const { lifetimeSeconds, url } = request.body;
      const { author } = new Actor(request, controller);
      const made = await present(identities).tokens.make(request.params.name, {
        lifetimeMs: lifetimeSeconds * 1000,
        ...(url === undefined ? {} : { url }),
        author,
      });
      return reply.code(201).send({ ...tokenView(made), token: made.token });
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/join-tokens`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'listJoinTokens',
      tags,
      summary: 'List the join tokens that are good',
      response: {
        200: z.object({ items: z.array(tokenSchema) }).describe('Without their secrets.'),
        ...PROBLEMS,
      },
    },
    handler: async () => ({ items: present(identities).tokens.list().map(tokenView) }),
  });

  app.route({
    method: 'DELETE',
    url: `${API}/join-tokens/:id`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'revokeJoinToken',
      tags,
      summary: 'Revoke a join token',
      params: z.object({ id: z.string().max(64).describe('Id of the token.') }),
      response: { 204: z.null().describe('Done.'), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { author } = new Actor(request, controller);
      const { id } = request.params;
      if (await present(identities).tokens.revoke(id, author)) return reply.code(204).send();
      throw refusal(
        'not-found',
        '',
        `There is no join token ${JSON.stringify(id)}.`,
        '"netloom host tokens" lists them.',
      );
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/host-certificates`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'listHostCertificates',
      tags,
      summary: 'List the certificates of hosts',
      querystring: z.strictObject({
        host: z.string().min(1).max(200).optional().describe('Only those of this host.'),
      }),
      response: {
        200: z.object({ items: z.array(certificateSchema) }).describe('The latest of each host first.'),
        ...PROBLEMS,
      },
    },
    handler: async ({ query: { host } }) => ({
      items: present(identities).certificates(host).map(certificateView),
    }),
  });

  app.route({
    method: 'POST',
    url: `${API}/hosts/:name/revoke`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'revokeHost',
      tags,
      summary: 'Revoke the certificates of a host',
      description:
        'Its connection ends at once, and its join tokens are good for nothing. The host goes on with the policy that it has, until it joins again or is taken off the network.',
      params: hostParams,
      response: {
        200: z
          .object({ revoked: z.int().describe('Certificates that were good until now.') })
          .describe('What was revoked.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const { author } = new Actor(request, controller);
      return { revoked: await present(identities).revokeHost(request.params.name, author) };
    },
  });
}

function present(identities: HostIdentities | undefined): HostIdentities {
  if (identities) return identities;
  throw refusal(
    'agents-not-taken',
    '',
    'This server has its hosts within itself, and takes no agents of real ones.',
    'Start "netloom controller" instead of "netloom up", on the same data if you like.',
  );
}

function tokenView({ created, expires, ...view }: JoinTokenView) {
  return { ...view, created: iso(created), expires: iso(expires) };
}

function certificateView({ issued, expires, used, revoked, ...view }: CertificateView) {
  return {
    ...view,
    issued: iso(issued),
    expires: iso(expires),
    ...(used === null ? {} : { lastUsed: iso(used) }),
    ...(revoked ? { revoked: { at: iso(revoked.at), by: revoked.by } } : {}),
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
