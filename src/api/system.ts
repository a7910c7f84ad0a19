/** Health, how far the hosts are, and what a host was told. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Finding } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import { agentStatus } from '../controller/status.ts';
import { KIND_NAMES } from '../model/definition.ts';
import { domainScope, hostScope, recordKey } from '../policy/records.ts';
import { API } from './paths.ts';
import type { Probe } from './probe.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

export interface SystemOptions {
  readonly controller: Controller;
  readonly probe: Probe | undefined;
  readonly version: string;
}

const hostParam = z.object({ name: z.string().describe('Host.') });

export function systemRoutes(plain: FastifyInstance, { controller, probe, version }: SystemOptions): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['system'];

  app.route({
    method: 'GET',
    url: '/healthz',
    config: { access: 'public' },
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
    config: { access: 'read' },
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
    handler: async () => ({
      version,
      revision: controller.revision,
      epoch: controller.feed.epoch,
      objects: Object.fromEntries(KIND_NAMES.map((kind) => [kind, controller.network.list(kind).length])),
      warnings: controller.network.warnings().map(({ finding }): Finding => finding),
      hosts: hostStatuses(controller),
    }),
  });

  app.route({
    method: 'GET',
    url: `${API}/hosts/:name/policy`,
    config: { access: 'read' },
    schema: {
      operationId: 'getHostPolicy',
      tags,
      summary: 'The policy of a host',
      description: 'The records that the host is told: its own, and those of its routing domains.',
      params: hostParam,
      response: {
        200: z
          .object({
            revision: z.int(),
            records: z.array(z.object({ scope: z.string(), key: z.string(), record: z.unknown() })),
          })
          .describe('The records.'),
        ...PROBLEMS,
      },
    },
    handler: async ({ params: { name } }) => {
      checkHost(controller, name);
      return { revision: controller.revision, records: policyOf(controller, name) };
    },
  });

  if (!probe?.flows) return;
  const { flows } = probe;
  app.route({
    method: 'GET',
    url: `${API}/hosts/:name/flows`,
    config: { access: 'read' },
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

function policyOf(controller: Controller, host: string): object[] {
  const records = [...controller.network.records()];
  const scopes = new Set<string>([hostScope(host)]);
  for (const { scope, record } of records) {
    if (scope === hostScope(host) && record.kind === 'domain') scopes.add(domainScope(record.rdid));
  }
  return records
    .filter(({ scope }) => scopes.has(scope))
    .map(({ scope, record }) => ({ scope, key: recordKey(record), record }))
    .sort((a, b) => compare(a.scope, b.scope) || compare(a.key, b.key));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function checkHost(controller: Controller, name: string): void {
  if (controller.network.get(`Host/${name}`)) return;
  throw refusal('not-found', `Host/${name}`, `There is no host "${name}".`, 'See /api/v1/hosts.');
}
