/** Pings and walks with real frames, through whatever probe there is. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { View } from '../access/view.ts';
import type { Controller } from '../controller/controller.ts';
import { ipAddress } from '../model/fields.ts';
import { ownedKey, tenantOfKey } from '../model/tenancy.ts';
import { addressWidth, parseIp } from '../packet/address.ts';
import { viewOf } from './access.ts';
import { API } from './paths.ts';
import type { EndpointView, PingView, Probe } from './probe.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { endpointSchema, PROBLEMS, pingSchema, walkSchema } from './schemas.ts';

const ends = {
  from: z.string().min(1).max(200).describe('A VM or a host: `blue1`; or one of its vNICs: `blue1/eth0`.'),
  to: z.string().min(1).max(200).describe('The same, or an IP address.'),
  version: z
    .union([z.literal(4), z.literal(6)])
    .optional()
    .describe('Version of IP between two names; left out: IPv4, and IPv6 where IPv4 gets no answer.'),
};

export function probeRoutes(plain: FastifyInstance, controller: Controller, probe: Probe): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['probe'];

  app.route({
    method: 'GET',
    url: `${API}/endpoints`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listEndpoints',
      tags,
      summary: 'List what can be pinged',
      response: { 200: z.object({ items: z.array(endpointSchema) }).describe('The ends.'), ...PROBLEMS },
    },
    handler: async (request) => ({ items: seenEndpoints(viewOf(request, controller), probe) }),
  });

  app.route({
    method: 'POST',
    url: `${API}/ping`,
    config: { permission: 'change' },
    schema: {
      operationId: 'ping',
      tags,
      summary: 'Ping',
      description: 'Sends real echo requests from one end to another.',
      body: z.strictObject({ ...ends, count: z.int().min(1).max(20).default(1).describe('How many.') }),
      response: { 200: pingSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { from, to, count, version } = request.body;
      const view = viewOf(request, controller);
      const how = { count, ...(version === undefined ? {} : { version }) };
      if (view.tenant === undefined) return probe.ping(from, to, how);
      const result = await probe.ping(ownEnd(view, probe, from), ownEnd(view, probe, to, true), how);
      return seenPing(result, to);
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/walk`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'walk',
      tags,
      summary: 'Follow a frame',
      description: 'Sends one echo request and tells of each place that it comes by, and of where it ends.',
      body: z.strictObject(ends),
      response: { 200: walkSchema, ...PROBLEMS },
    },
    handler: async ({ body: { from, to, version } }) =>
      probe.walk(from, to, version === undefined ? {} : { version }),
  });

  if (!probe.configure) return;
  const configure = probe.configure.bind(probe);
  app.route({
    method: 'POST',
    url: `${API}/guest-address`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'setGuestAddress',
      tags,
      summary: 'Set an address inside a guest',
      description:
        'Plays the administrator of a guest that runs in this process: it gives up what it got by DHCP, probes for the address as RFC 5227 says, and falls back to 169.254.x.x when somebody has it.',
      body: z.strictObject({
        endpoint: ends.from,
        address: ipAddress,
        prefixLength: z.int().min(1).max(128).describe('Prefix length of its subnet.'),
      }),
      response: { 200: endpointSchema, ...PROBLEMS },
    },
    handler: async ({ body: { endpoint, address, prefixLength } }) => {
      const width = addressWidth(address);
      if (prefixLength <= width) return configure(endpoint, address, prefixLength);
      throw refusal(
        'value-invalid',
        'prefixLength',
        `${address} has ${width} bits, and the prefix length is ${prefixLength}.`,
        `Use 1 to ${width}.`,
      );
    },
  });
}

/**
 * What a tenant's user is told of a ping. Where a frame ended, and by which rule, tells of the fabric; who has an address,
 * or answered in the place of another, may be somebody else's machine.
 */
function seenPing({ from, to, address, sent, received, rtt, verdict }: PingView, typed: string): PingView {
  const end = parseIp(typed) === undefined ? to : typed;
  return { from, to: end, address, sent, received, ...(rtt === undefined ? {} : { rtt }), verdict };
}

/** The ends that the principal sees; to a tenant's user without the host. */
function seenEndpoints(view: View, probe: Probe): (Omit<EndpointView, 'host'> & { host?: string })[] {
  if (view.tenant === undefined) return [...probe.endpoints()];
  return probe
    .endpoints()
    .filter(({ name }) => tenantOfKey(name) === view.tenant)
    .map(({ name, mac, addresses, network }) => ({ name, mac, addresses, network }));
}

/** The end of the tenant's own that a name means, with the tenant left out or not. */
function ownEnd(view: View, probe: Probe, typed: string, orAddress = false): string {
  if (orAddress && parseIp(typed) !== undefined) return typed;
  const whole = typed.includes(':') ? typed : ownedKey(view.tenant, typed);
  const isThere = probe
    .endpoints()
    .some(
      ({ name }) => tenantOfKey(name) === view.tenant && (name === whole || name.startsWith(`${whole}/`)),
    );
  if (isThere) return whole;
  throw refusal(
    'not-found',
    typed,
    `There is no machine or vNIC called ${JSON.stringify(typed)}.`,
    'See "netloom endpoints" for what there is.',
  );
}
