/** What was refused to whom. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Refusals } from '../access/refusals.ts';
import type { Controller } from '../controller/controller.ts';
import { viewOf } from './access.ts';
import { API } from './paths.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

const refusalView = z.object({
  code: z.string().describe('Stable; see docs/errors.md.'),
  user: z
    .string()
    .optional()
    .describe('Who asked, or whom somebody wanted to be. Absent: nobody that there is.'),
  from: z.string().describe('Address that it came from; of IPv6, the first half, which is one network.'),
  request: z.string().describe('`POST /api/v1/login`; parameters by their names.'),
  count: z.int().describe('How often.'),
  first: z.string().describe('ISO 8601, UTC.'),
  last: z.string(),
});

export function refusalRoutes(plain: FastifyInstance, controller: Controller, refusals: Refusals): void {
  const app = plain.withTypeProvider<RequestTypes>();
  app.route({
    method: 'GET',
    url: `${API}/refusals`,
    config: { permission: 'people' },
    schema: {
      operationId: 'listRefusals',
      tags: ['people'],
      summary: 'List what was refused',
      description:
        'Logins that failed and requests that were denied since the server was started, the latest first; the same ones are counted. A tenant’s user sees those of the tenant’s users.',
      response: {
        200: z.object({ items: z.array(refusalView) }).describe('At most 1000.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const view = viewOf(request, controller);
      const items = refusals
        .list()
        .filter(({ user }) => view.tenant === undefined || (user !== undefined && view.sees(`User/${user}`)))
        .map(({ user, first, last, ...rest }) => ({
          ...rest,
          ...(user === undefined ? {} : { user }),
          first: new Date(first).toISOString(),
          last: new Date(last).toISOString(),
        }));
      return { items };
    },
  });
}
