/** Connecting and disconnecting one vNIC of a VM, and everything that stands in the way of it. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { seenFindings } from '../access/answers.ts';
import { referenceTo } from '../access/writes.ts';
import type { ChangeOptions } from '../controller/change-options.ts';
import type { Controller } from '../controller/controller.ts';
import { type Connection, connected, disconnected, repairOf, vnicOf } from '../model/connect.ts';
import { ownedReference, reference, subnetChoice } from '../model/fields.ts';
import { isKind, objectKey, type VirtualMachine } from '../model/kinds.ts';
import { Actor, noObject } from './actor.ts';
import { changeFields } from './change-options.ts';
import { objectRoute } from './paths.ts';
import type { RequestTypes } from './request.ts';
import { changeSummarySchema, explanationSchema, PROBLEMS } from './schemas.ts';

const params = z.object({ name: z.string().describe('Virtual machine.') });
const vnic = z.string().max(64).optional().describe('vNIC. Left out: the only one that the VM has.');

const connection = {
  vnic,
  vmNetwork: ownedReference('VM network to connect it to.'),
  subnet: subnetChoice.exactOptional(),
  classification: reference('Port classification. Left out: it keeps the one that it has.').exactOptional(),
};
const connectBody = z.strictObject({ ...connection, ...changeFields }).describe('Where to.');
const explainBody = z.strictObject(connection).describe('Where to.');
const disconnectBody = z.strictObject({ vnic, ...changeFields }).describe('Which one.');

export function connectRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['virtual-machines'];
  const route = objectRoute('VirtualMachine');

  /** The VM as it is, and the revision that a change of it is decided at. */
  const find = (actor: Actor, names: Readonly<Record<string, string>>) => {
    actor.checkWrites('VirtualMachine');
    const key = actor.findOwn('VirtualMachine', names);
    const held = controller.network.get(key);
    if (held && isKind(held.object, 'VirtualMachine')) return { vm: held.object, expect: held.revision };
    throw noObject(key);
  };
  const change = (actor: Actor, object: VirtualMachine, expect: number, options: ChangeOptions) =>
    actor.change(() => controller.apply([{ object, expect }], options));
  /** The connection with whole names; those of what is not seen lead nowhere. */
  const seen = <T extends Connection>({ view }: Actor, to: T): T => ({
    ...to,
    vmNetwork: referenceTo(view, 'VmNetwork', to.vmNetwork),
    ...(to.classification === undefined
      ? {}
      : { classification: referenceTo(view, 'PortClassification', to.classification) }),
  });

  app.route({
    method: 'POST',
    url: `${route}/connect`,
    config: { permission: 'change' },
    schema: {
      operationId: 'connectVnic',
      tags,
      summary: 'Connect a vNIC to a VM network',
      description:
        'Its MAC address stays; its addresses are those of the new network. Refused as a whole: then it is where it was.',
      params,
      body: connectBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const { vm, expect } = find(actor, request.params);
      const { vnic: name, dryRun, message, requestId, ...to } = request.body;
      const nic = vnicOf(vm, name);
      const title = `Connect ${objectKey(vm)}/${nic.name} to ${to.vmNetwork}`;
      const options = actor.options({ dryRun, message: message ?? title, requestId });
      return change(actor, connected(vm, nic, seen(actor, to)), expect, { ...options, title });
    },
  });

  app.route({
    method: 'POST',
    url: `${route}/explain`,
    config: { permission: 'change' },
    schema: {
      operationId: 'explainConnection',
      tags,
      summary: 'Everything that stands in the way of connecting a vNIC',
      description:
        'In the order in which it would fail, each with an object that would repair it where one can. Changes nothing.',
      params,
      body: explainBody,
      response: { 200: explanationSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const { vnic: name, ...to } = request.body;
      const { vm } = find(actor, request.params);
      const there = connected(vm, vnicOf(vm, name), seen(actor, to));
      const nic = vnicOf(there, name);
      const networks = controller.network
        .list('LogicalNetwork')
        .flatMap(({ key, object }) =>
          isKind(object, 'LogicalNetwork') && actor.view.shows(key, object) ? [object] : [],
        );
      const missing = await controller.explain(there, (found, read) =>
        repairOf(found, read, there, nic, networks),
      );
      return {
        connects: missing.length === 0,
        missing: missing.map(({ finding, repair }) => ({
          finding: seenFindings(actor.view, [finding])[0],
          // A tenant is shown what it could add itself.
          ...(repair && actor.view.owns(objectKey(repair)) ? { repair } : {}),
        })),
      };
    },
  });

  app.route({
    method: 'POST',
    url: `${route}/disconnect`,
    config: { permission: 'change' },
    schema: {
      operationId: 'disconnectVnic',
      tags,
      summary: 'Disconnect a vNIC',
      description: 'It is plugged in nowhere then, keeps its MAC address, and gives its addresses back.',
      params,
      body: disconnectBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { body, params: names } = request;
      const actor = new Actor(request, controller);
      const { vm, expect } = find(actor, names);
      const nic = vnicOf(vm, body.vnic);
      const title = `Disconnect ${objectKey(vm)}/${nic.name}`;
      const options = actor.options({ ...body, message: body.message ?? title });
      return change(actor, disconnected(vm, nic), expect, { ...options, title });
    },
  });
}
