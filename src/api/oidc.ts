/** Logging in with an account at an OpenID Connect provider; these addresses are there only where one is configured. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from '../access/accounts.ts';
import type { Oidc } from '../access/oidc.ts';
import { OIDC_CALLBACK } from '../access/oidc-callback.ts';
import { sendSession } from './access.ts';
import { type Cookie, readCookie, sendCookie } from './cookies.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

const STATE: Cookie = {
  name: 'netloom-oidc',
  prefix: '__Secure-',
  // The browser comes back from another site, and has to bring it then.
  attributes: 'Path=/login/oidc; HttpOnly; SameSite=Lax',
};

/**
 * A page of this server, from which the browser goes on by itself: with what another site began, the cookie of the session
 * does not go along (SameSite=Strict).
 */
const ONWARD =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Netloom</title></head><body><a href="/">Go on</a></body></html>';

export function oidcRoutes(plain: FastifyInstance, accounts: Accounts, oidc: Oidc): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['people'];

  app.route({
    method: 'GET',
    url: '/login/oidc',
    exposeHeadRoute: false,
    config: { permission: 'public' },
    schema: {
      operationId: 'loginByProvider',
      tags,
      summary: 'Log a browser in at the provider of identities',
      security: [],
      response: { 303: z.null().describe('To the provider.'), ...PROBLEMS },
    },
    handler: async (_request, reply) => {
      const { url, state } = await oidc.begin();
      return sendCookie(reply, STATE, state, 600).redirect(url.href, 303);
    },
  });

  app.route({
    method: 'GET',
    url: OIDC_CALLBACK,
    exposeHeadRoute: false,
    config: { permission: 'public' },
    schema: {
      operationId: 'loginCallback',
      tags,
      summary: 'Where the provider of identities sends the browser back to',
      security: [],
      // What is in it is the provider's, and is checked with the provider.
      querystring: z.looseObject({}),
      response: { 200: z.string().describe('A page that goes on to the reference.'), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const query = request.url.slice(OIDC_CALLBACK.length);
      const user = await oidc.finish(query, readCookie(request, STATE) ?? '');
      const login = accounts.loginAs(user, request.ip);
      return sendSession(reply, login).type('text/html; charset=utf-8').serializer(String).send(ONWARD);
    },
  });
}
