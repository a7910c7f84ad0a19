/** Who has which address of an IP pool, and the release of those whose owner is gone. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Controller } from '../controller/controller.ts';
import { poolAddresses } from '../controller/pool.ts';
import { ipAddress } from '../model/fields.ts';
import { Actor, noObject } from './actor.ts';
import { changeFields } from './change-options.ts';
import { KEY_PARTS, objectRoute } from './paths.ts';
import type { RequestTypes } from './request.ts';
import { changeSummarySchema, PROBLEMS, poolAddressSchema } from './schemas.ts';

const params = z.object(
  Object.fromEntries(KEY_PARTS.IpPool.map((part) => [part, z.string().describe(part)])),
);

const releaseBody = z
  .strictObject({
    addresses: z
      .array(ipAddress)
      .min(1)
      .max(10_000)
      .optional()
      .describe('Inactive addresses of the pool. Left out: all that are inactive.'),
    ...changeFields,
  })
  .describe('What to release.');

export function poolRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['ip-pools'];

  app.route({
    method: 'GET',
    url: `${objectRoute('IpPool')}/addresses`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listPoolAddresses',
      tags,
      summary: 'List the addresses of an IP pool',
      description: 'Those that are not free: used, inactive, reserved, of gateways, and for load balancers.',
      params,
      response: {
        200: z.object({ items: z.array(poolAddressSchema) }).describe('The addresses, in their order.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const key = new Actor(request, controller).find('IpPool', request.params);
      const items = poolAddresses(controller.network, key, controller.time);
      if (!items) throw noObject(key);
      return { items };
    },
  });

  app.route({
    method: 'POST',
    url: `${objectRoute('IpPool')}/release`,
    config: { permission: 'change' },
    schema: {
      operationId: 'releasePoolAddresses',
      tags,
      summary: 'Release inactive addresses of an IP pool',
      description: 'Ends their quarantine: they can be given to others at once. All of them or none.',
      params,
      body: releaseBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      actor.checkWrites('IpPool');
      const { addresses, ...how } = request.body;
      const key = actor.findOwn('IpPool', request.params);
      return actor.change(() => controller.release(key, addresses, actor.options(how)));
    },
  });
}
