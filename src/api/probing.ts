/** Pings and walks with real frames, through whatever probe there is. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { API } from './paths.ts';
import type { Probe } from './probe.ts';
import type { RequestTypes } from './request.ts';
import { endpointSchema, PROBLEMS, pingSchema, walkSchema } from './schemas.ts';

const ends = {
  from: z.string().min(1).max(200).describe('A VM or a host: `blue1`; or one of its vNICs: `blue1/eth0`.'),
  to: z.string().min(1).max(200).describe('The same, or an IP address.'),
};

export function probeRoutes(plain: FastifyInstance, probe: Probe): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['probe'];

  app.route({
    method: 'GET',
    url: `${API}/endpoints`,
    config: { access: 'read' },
    schema: {
      operationId: 'listEndpoints',
      tags,
      summary: 'List what can be pinged',
      response: { 200: z.object({ items: z.array(endpointSchema) }).describe('The ends.'), ...PROBLEMS },
    },
    handler: async () => ({ items: probe.endpoints() }),
  });

  app.route({
    method: 'POST',
    url: `${API}/ping`,
    config: { access: 'write' },
    schema: {
      operationId: 'ping',
      tags,
      summary: 'Ping',
      description: 'Sends real echo requests from one end to another.',
      body: z.strictObject({ ...ends, count: z.int().min(1).max(20).default(1).describe('How many.') }),
      response: { 200: pingSchema, ...PROBLEMS },
    },
    handler: async ({ body: { from, to, count } }) => probe.ping(from, to, { count }),
  });

  app.route({
    method: 'POST',
    url: `${API}/walk`,
    config: { access: 'write' },
    schema: {
      operationId: 'walk',
      tags,
      summary: 'Follow a frame',
      description: 'Sends one echo request and tells of each place that it comes by, and of where it ends.',
      body: z.strictObject(ends),
      response: { 200: walkSchema, ...PROBLEMS },
    },
    handler: async ({ body: { from, to } }) => probe.walk(from, to),
  });
}
