/** What hosts have counted: traffic of ports, what was dropped and why, and what port ACLs have decided. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { View } from '../access/view.ts';
import type { Controller } from '../controller/controller.ts';
import { hostsOf } from '../controller/fabric/compare.ts';
import type { Counts, PortCount } from '../controller/fabric/counts.ts';
import { isKind, splitObjectKey } from '../model/kinds.ts';
import { hostsOfVm } from '../model/migration.ts';
import { tenantOfKey } from '../model/tenancy.ts';
import { viewOf } from './access.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { aclCounterSchema, aclLogSchema, named, PROBLEMS } from './schemas.ts';

const host = z.string().optional().describe('Not told to users of a tenant.');
const count = z.string().describe('A decimal number: it can be larger than those of JSON.');
const tallySchema = named(
  'Tally',
  z
    .object({
      packets: count,
      bytes: count,
      errors: count.describe('Frames that were broken.'),
      drops: count.describe('Frames that were whole and went no further.'),
    })
    .describe('What went one way through a port, since the port is there.'),
);
const portCounterSchema = named(
  'PortCounter',
  z
    .object({
      host,
      name: z
        .string()
        .describe('`blue1/eth0`; of an uplink the logical switch, of the fabric the logical network.'),
      type: z.enum(['vm', 'host', 'uplink', 'provider', 'tunnel']),
      switch: z.string().optional().describe('The virtual switch. Not told to users of a tenant.'),
      nic: z.string().optional().describe('The NIC, of an uplink.'),
      link: z.boolean().describe('Whether something is plugged in that has a signal.'),
      received: tallySchema.describe('What came into the virtual switch: what a machine sent.'),
      sent: tallySchema.describe('What left the virtual switch: what a machine got.'),
    })
    .describe('What went through a port.'),
);
const dropSchema = named(
  'DropCounter',
  z
    .object({
      host: z.string(),
      switch: z.string(),
      object: z.string().describe('Where the rule comes from; empty for rules that each switch has.'),
      words: z.string().describe('What the rule says.'),
      packets: z.int(),
    })
    .describe('What a rule has dropped since its flows were made.'),
);
const answered = {
  silent: z
    .array(z.string())
    .optional()
    .describe('Hosts that have not answered within 10 seconds. Not told to users of a tenant.'),
  partial: z
    .array(z.string())
    .optional()
    .describe(
      'Hosts that have not told everything: there is too much, or what switches frames there is away.',
    ),
  complete: z
    .boolean()
    .describe('Whether all hosts that were asked have answered, and have told everything.'),
};

export function counterRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['counters'];

  app.route({
    method: 'GET',
    url: `${API}/counters`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listCounters',
      tags,
      summary: 'List what went through ports, and what was dropped',
      description:
        'The agents are asked now; Open vSwitch writes down every five seconds what went through ports. Users of a tenant see its own vNICs, and nothing of the rest.',
      querystring: z.strictObject({
        of: z.string().min(1).max(300).optional().describe('Only of this VM, or of this host.'),
      }),
      response: {
        200: z
          .object({
            items: z.array(portCounterSchema),
            drops: z
              .array(dropSchema)
              .optional()
              .describe('What was dropped most often comes first. Not told to users of a tenant.'),
            ...answered,
          })
          .describe('The counters.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const view = viewOf(request, controller);
      const { hosts, port, object } = meant(controller, view, request.query.of);
      const counts = await controller.count(hosts);
      const items = counts.ports(port).map((item) => shown(view, item));
      const drops = view.tenant === undefined ? { drops: counts.drops(object) } : {};
      return { items, ...drops, ...coverage(view, counts) };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/acl-counters`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listAclCounters',
      tags,
      summary: 'List how often each rule of the port ACLs has decided',
      description: 'By host; the agents are asked now. A rule that is changed begins anew.',
      response: {
        200: z.object({ items: z.array(aclCounterSchema), ...answered }).describe('The counters.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const view = viewOf(request, controller);
      const counts = await controller.count(hostsSeen(controller, view));
      const items = withoutHosts(
        view,
        counts.acls(({ acl }) => isSeen(view, acl)),
      );
      return {
        items: items.map((item) => ({ ...item, packets: `${item.packets}`, bytes: `${item.bytes}` })),
        ...coverage(view, counts),
      };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/acl-log`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listAclLog',
      tags,
      summary: 'List what rules of port ACLs with log have decided',
      description:
        'The newest last; of each host the 200 newest since its agent was started, and ten a second of each vNIC. Times are those of the hosts.',
      response: {
        200: z.object({ items: z.array(aclLogSchema), ...answered }).describe('The entries.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const view = viewOf(request, controller);
      const counts = await controller.count(hostsSeen(controller, view));
      const items = withoutHosts(
        view,
        counts.log(({ port }) => isSeen(view, port)),
      );
      return {
        items: items.map((item) => ({ ...item, time: new Date(item.time).toISOString() })),
        ...coverage(view, counts),
      };
    },
  });
}

/** Whom to ask, and what of the answers is meant. */
interface Meant {
  readonly hosts: readonly string[];
  readonly port: (port: PortCount) => boolean;
  readonly object: (drop: { readonly object: string }) => boolean;
}

/** Throws (not-found) for what is no VM and no host, to this principal. */
function meant(controller: Controller, view: View, of: string | undefined): Meant {
  if (of === undefined) {
    const port = ({ name, type }: PortCount) =>
      isSeen(view, name) && (view.tenant === undefined || type === 'vm');
    return { hosts: hostsSeen(controller, view), port, object: () => true };
  }
  const { network } = controller;
  const key = view.resolve('VirtualMachine', of);
  const vm = view.sees(key) ? network.fact(key) : undefined;
  if (isKind(vm, 'VirtualMachine')) {
    const name = splitObjectKey(key)?.key ?? '';
    return {
      hosts: hostsOfVm(vm),
      port: (port) => port.type === 'vm' && port.name.startsWith(`${name}/`),
      object: ({ object }) => object === key,
    };
  }
  if (view.sees(`Host/${of}`)) return { hosts: [of], port: () => true, object: () => true };
  throw refusal(
    'not-found',
    of.slice(0, 60),
    `There is no VM and no host called ${JSON.stringify(of.slice(0, 60))}.`,
    '"netloom get vm" and "netloom get hosts" list what there is.',
  );
}

/** Hosts that have something that the principal sees. */
function hostsSeen({ network }: Controller, { tenant }: View): string[] {
  if (tenant === undefined) return hostsOf(network).map(({ name }) => name);
  const hosts = network
    .list('VirtualMachine')
    .flatMap(({ object: vm }) => (isKind(vm, 'VirtualMachine') && vm.tenant === tenant ? hostsOfVm(vm) : []));
  return [...new Set(hosts)];
}

function shown({ tenant }: View, port: PortCount) {
  const { host: on, switch: of, received, sent, ...rest } = port;
  const where = tenant === undefined ? { host: on, switch: of } : {};
  return { ...where, ...rest, received: inText(received), sent: inText(sent) };
}

function inText({ packets, bytes, errors, drops }: PortCount['sent']) {
  return { packets: `${packets}`, bytes: `${bytes}`, errors: `${errors}`, drops: `${drops}` };
}

function coverage({ tenant }: View, { silent, partial }: Counts) {
  const complete = silent.length === 0 && partial.length === 0;
  return tenant === undefined ? { silent: [...silent], partial: [...partial], complete } : { complete };
}

/** A tenant's user sees what is the tenant's own, */
function isSeen({ tenant }: View, key: string): boolean {
  return tenant === undefined || tenantOfKey(key) === tenant;
}

/** and not on which host. */
function withoutHosts<T extends { readonly host: string }>(
  { tenant }: View,
  items: readonly T[],
): (Omit<T, 'host'> & { host?: string })[] {
  return tenant === undefined ? [...items] : items.map(({ host: _hidden, ...item }) => item);
}
