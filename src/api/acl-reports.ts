/** What port ACLs have decided below: the log and the counters, through whatever probe there is. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { View } from '../access/view.ts';
import type { Controller } from '../controller/controller.ts';
import { tenantOfKey } from '../model/tenancy.ts';
import { viewOf } from './access.ts';
import { API } from './paths.ts';
import type { Probe } from './probe.ts';
import type { RequestTypes } from './request.ts';
import { aclCounterSchema, aclLogSchema, PROBLEMS } from './schemas.ts';

export function aclRoutes(plain: FastifyInstance, controller: Controller, probe: Probe): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['probe'];

  if (probe.aclLog) {
    const log = probe.aclLog.bind(probe);
    app.route({
      method: 'GET',
      url: `${API}/acl-log`,
      config: { permission: 'view' },
      schema: {
        operationId: 'listAclLog',
        tags,
        summary: 'List what rules of port ACLs with log have decided',
        description: 'The newest last; a thousand at most, and ten a second of each vNIC.',
        response: { 200: z.object({ items: z.array(aclLogSchema) }).describe('The entries.'), ...PROBLEMS },
      },
      handler: async (request) => {
        const view = viewOf(request, controller);
        return { items: seen(view, log(), ({ port }) => port) };
      },
    });
  }

  if (!probe.aclCounters) return;
  const counters = probe.aclCounters.bind(probe);
  app.route({
    method: 'GET',
    url: `${API}/acl-counters`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listAclCounters',
      tags,
      summary: 'List how often each rule of the port ACLs has decided',
      description: 'By host. A rule that is changed begins anew.',
      response: {
        200: z.object({ items: z.array(aclCounterSchema) }).describe('The counters.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const view = viewOf(request, controller);
      const items = seen(view, await counters(), ({ acl }) => acl);
      return {
        items: items.map((item) => ({ ...item, packets: `${item.packets}`, bytes: `${item.bytes}` })),
      };
    },
  });
}

/** A tenant's user sees what is the tenant's own, and not on which host. */
function seen<T extends { readonly host: string }>(
  { tenant }: View,
  items: readonly T[],
  keyOf: (item: T) => string,
): (Omit<T, 'host'> & { host?: string })[] {
  if (tenant === undefined) return [...items];
  return items
    .filter((item) => tenantOfKey(keyOf(item)) === tenant)
    .map(({ host: _hidden, ...item }) => item);
}
