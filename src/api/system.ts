/** Health, how far the hosts are, and the flows of one. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { seenFindings } from '../access/answers.ts';
import type { TenantRevisions } from '../access/tenant-revisions.ts';
import type { Finding } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import { agentStatus } from '../controller/status.ts';
import { KIND_NAMES, type KindName } from '../model/definition.ts';
import { viewOf } from './access.ts';
import { API } from './paths.ts';
import type { Probe } from './probe.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

export interface SystemOptions {
  readonly controller: Controller;
  readonly probe: Probe | undefined;
  readonly version: string;
  readonly revisions: TenantRevisions;
}

const hostParam = z.object({ name: z.string().describe('Host.') });

export function systemRoutes(plain: FastifyInstance, options: SystemOptions): void {
  const { controller, probe, version, revisions } = options;
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['system'];

  app.route({
    method: 'GET',
    url: '/healthz',
    config: { permission: 'public' },
    schema: {
      operationId: 'health',
      tags,
      summary: 'Whether the server is up',
      security: [],
      response: { 200: z.object({ status: z.literal('ok') }).describe('It is.') },
    },
    handler: async () => ({ status: 'ok' }),
  });

  app.route({
    method: 'GET',
    url: `${API}/status`,
    config: { permission: 'view' },
    schema: {
      operationId: 'getStatus',
      tags,
      summary: 'The state of the whole',
      description: 'The revision, how many objects there are, what deserves attention, how far each host is.',
      response: {
        200: z
          .object({
            version: z.string(),
            revision: z.int(),
            epoch: z.string().describe('Names this line of revisions.'),
            objects: z.record(z.string(), z.int()).describe('How many of each kind.'),
            warnings: z.array(z.unknown()).describe('Findings that refuse nothing.'),
            hosts: z
              .array(z.looseObject({ host: z.string(), connected: z.boolean() }))
              .describe(
                'Whether its agent is connected, which revision concerns it, and which it has in force.',
              ),
          })
          .describe('The state.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const view = viewOf(request, controller);
      const seen = (kind: KindName) =>
        controller.network.list(kind).filter(({ key, object }) => view.shows(key, object)).length;
      const warnings = controller.network
        .warnings()
        .filter(({ object }) => view.owns(object))
        .map(({ finding }): Finding => finding);
      // Hosts, and what happens on their wires, are the administrator's.
      const isWhole = view.tenant === undefined;
      return {
        version,
        revision: await revisions.of(view),
        epoch: controller.feed.epoch,
        objects: Object.fromEntries(KIND_NAMES.map((kind) => [kind, seen(kind)])),
        warnings: [...seenFindings(view, warnings), ...(isWhole ? controller.noticed() : [])],
        hosts: isWhole ? hostStatuses(controller) : [],
      };
    },
  });

  if (!probe?.flows) return;
  const { flows } = probe;
  app.route({
    method: 'GET',
    url: `${API}/hosts/:name/flows`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'getHostFlows',
      tags,
      summary: 'The flows of a host',
      description: 'What the policy of the host comes to in its switches, in the notation of ovs-ofctl.',
      params: hostParam,
      response: {
        200: z
          .object({
            switches: z.array(
              z.object({
                switch: z.string(),
                flows: z.array(z.object({ flow: z.string(), words: z.string(), origin: z.string() })),
              }),
            ),
          })
          .describe('The flows, switch by switch.'),
        ...PROBLEMS,
      },
    },
    handler: async ({ params: { name } }) => {
      checkHost(controller, name);
      return { switches: flows.call(probe, name) ?? [] };
    },
  });
}

/** Every host of the model, and every other that has spoken. */
function hostStatuses(controller: Controller): object[] {
  const agents = new Map(controller.feed.status().map((agent) => [agent.host, agent]));
  const names = new Set([
    ...controller.network.list('Host').map(({ object }) => ('name' in object ? object.name : '')),
    ...agents.keys(),
  ]);
  return [...names].sort().map((host) => ({ host, ...agentStatus(agents.get(host)) }));
}

function checkHost(controller: Controller, name: string): void {
  if (controller.network.get(`Host/${name}`)) return;
  throw refusal(
    'not-found',
    `Host/${name}`,
    `There is no host "${name}".`,
    '"netloom get hosts" lists them.',
  );
}
