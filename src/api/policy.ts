/** The policy records of a host: what its agent is told, and whether it has that in force. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Controller } from '../controller/controller.ts';
import { KIND_ORDER, ordered } from '../policy/order.ts';
import { domainScope, hostScope, type RecordKind, type ScopedRecord } from '../policy/records.ts';
import type { PolicyView } from '../policy/set.ts';
import { noHost } from './hosts.ts';
import { API } from './paths.ts';
import type { RequestTypes } from './request.ts';
import { named, PROBLEMS } from './schemas.ts';

/** What a host is to have. */
export interface HostPolicyView {
  readonly host: string;
  /** Of the policy: the newest one. */
  readonly revision: number;
  /** Whether the agent is connected. */
  readonly connected: boolean;
  /** Whether the agent has said that all of it is in force. */
  readonly inForce: boolean;
  readonly records: readonly HeldRecord[];
}

export interface HeldRecord extends ScopedRecord {
  /** Identity of the record within its scope. */
  readonly key: string;
}

const kinds = z.enum(KIND_ORDER);

const hostPolicySchema = named(
  'HostPolicy',
  z
    .object({
      host: z.string(),
      revision: z.int().describe('Revision that the policy is of.'),
      connected: z.boolean().describe('Whether the agent of the host is connected.'),
      inForce: z
        .boolean()
        .describe('Whether the agent has said that it has everything of this revision in force.'),
      records: z
        .array(
          z.object({
            scope: z.string().describe('`host/NAME`: of this host. `domain/RDID`: of a routing domain.'),
            key: z.string().describe('What the record is known by in its scope: `lookup/5001/10.0.0.5`.'),
            record: z.looseObject({ kind: kinds }).describe('The record, with the fields of its kind.'),
          }),
        )
        .describe('In an order in which nothing comes before what it refers to.'),
    })
    .describe('The policy records that a host holds: its own, and those of its routing domains.'),
);

export function policyRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  app.route({
    method: 'GET',
    url: `${API}/hosts/:name/policy`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'getHostPolicy',
      tags: ['hosts'],
      summary: 'The policy records that a host holds',
      description:
        'Its switches, vNICs and provider addresses; and of the routing domains that it has a vNIC on, and of no others, the subnets, customer routes and lookup records.',
      params: z.strictObject({ name: z.string().max(300).describe('Name of the host.') }),
      querystring: z.strictObject({
        kind: z
          .union([kinds, z.array(kinds).max(KIND_ORDER.length)])
          .optional()
          .describe('Only records of this kind; may be said several times.'),
      }),
      response: { 200: hostPolicySchema, ...PROBLEMS },
    },
    handler: async ({ params: { name }, query: { kind } }) => {
      const { network, feed } = controller;
      if (!network.fact(`Host/${name}`)) throw noHost(name);
      const { connected, touched, outcome } = feed.statusOf(name);
      return {
        host: name,
        revision: feed.revision,
        connected,
        inForce: connected && outcome?.ok === true && outcome.revision >= touched,
        records: heldBy(feed.policy, name, kind === undefined ? undefined : [kind].flat()),
      };
    },
  });
}

/** The records of the host's own scope and of those that its `domain` records name, in the order of `ordered`. */
function heldBy(policy: PolicyView, host: string, only: readonly RecordKind[] | undefined) {
  const own = [...policy.scope(hostScope(host)).values()];
  const domains = own.flatMap((record) => (record.kind === 'domain' ? [domainScope(record.rdid)] : []));
  const held = [hostScope(host), ...domains].flatMap((scope) =>
    [...policy.scope(scope)].map(([key, record]) => ({ scope, key, record: { ...record } })),
  );
  return ordered(held).filter(({ record }) => only === undefined || only.includes(record.kind));
}
