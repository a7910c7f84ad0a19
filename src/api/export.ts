/** The whole description at one revision, as it can be applied to an empty system. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Controller } from '../controller/controller.ts';
import { exportObjects } from '../controller/export.ts';
import { KIND_NAMES } from '../model/definition.ts';
import { API } from './paths.ts';
import type { RequestTypes } from './request.ts';
import { anyDocumentSchema, PROBLEMS } from './schemas.ts';

const query = z.strictObject({
  kind: z
    .union([z.enum(KIND_NAMES), z.array(z.enum(KIND_NAMES)).max(KIND_NAMES.length)])
    .optional()
    .describe('Only objects of this kind; may be said several times.'),
  allocations: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Write down what was handed out, so that another system hands out the same.'),
});

export function exportRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  app.route({
    method: 'GET',
    url: `${API}/export`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'export',
      tags: ['changes'],
      summary: 'The whole description',
      description:
        'All objects that were written, without status and meta, in an order in which nothing comes before what it refers to. What `apply` makes of it on an empty system exports the same.',
      querystring: query,
      response: {
        200: z
          .object({ revision: z.int(), objects: z.array(anyDocumentSchema) })
          .describe('The objects, and the revision that they are of.'),
        ...PROBLEMS,
      },
    },
    handler: async ({ query: { kind, allocations } }) => ({
      revision: controller.revision,
      objects: exportObjects(controller.network, {
        allocations: allocations === 'true',
        ...(kind === undefined ? {} : { kinds: [kind].flat() }),
      }),
    }),
  });
}
