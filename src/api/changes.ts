/** Many objects in one change. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Written } from '../access/writes.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { Change } from '../controller/change.ts';
import type { ChangeOptions } from '../controller/change-options.ts';
import type { Controller } from '../controller/controller.ts';
import { KIND_NAMES, type ObjectKey } from '../model/definition.ts';
import { withoutMissing } from '../model/input.ts';
import { splitObjectKey } from '../model/kinds.ts';
import type { Refused } from '../model/read.ts';
import { Actor } from './actor.ts';
import { APPLY_LIMIT } from './body.ts';
import { changeFields, changeQuery } from './change-options.ts';
import { errorOf } from './objects.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import { checkRequest, type RequestTypes } from './request.ts';
import { anyDocumentSchema, changeSummarySchema, PROBLEMS } from './schemas.ts';

const applyBody = z
  .strictObject({ objects: z.array(z.unknown()).max(100_000), ...changeFields })
  .describe('Objects to create or to replace.');
/** How the same body is described: the handler reads the objects, since it has better words for what is wrong. */
const applyDocument = z
  .strictObject({ objects: z.array(anyDocumentSchema).max(100_000), ...changeFields })
  .describe('Objects to create or to replace.');
const deleteBody = z
  .strictObject({
    objects: z
      .array(z.string().max(1024))
      .min(1)
      .max(100_000)
      .describe('Keys: `VirtualMachine/blue1`, `VmSubnet/Blue/Blue subnet`.'),
    ...changeFields,
  })
  .describe('Objects to delete.');

export function changeRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['changes'];

  app.route({
    method: 'POST',
    url: `${API}/apply`,
    config: { permission: 'change' },
    bodyLimit: APPLY_LIMIT,
    // The description says what objects look like; what is checked here is the frame around them.
    validatorCompiler: (route) =>
      checkRequest(route.httpPart === 'body' ? { ...route, schema: applyBody } : route),
    schema: {
      operationId: 'apply',
      tags,
      summary: 'Apply objects',
      description: 'Creates and replaces objects, all of them or none, in one revision.',
      querystring: changeQuery,
      body: applyDocument,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const { objects, ...how } = request.body;
      return actor.change(() =>
        applyObjects(controller, actor.read(objects), actor.options(how, request.query)),
      );
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/delete`,
    config: { permission: 'change' },
    bodyLimit: APPLY_LIMIT,
    schema: {
      operationId: 'deleteObjects',
      tags,
      summary: 'Delete objects',
      description:
        'Deletes objects, all of them or none, in one revision; also ones that refer to each other.',
      querystring: changeQuery,
      body: deleteBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const { objects, ...how } = request.body;
      const unknown = objects.filter((key) => !splitObjectKey(key));
      if (unknown.length > 0) throw errorOf(unknown.map((key) => noKey(key)));
      for (const key of objects) actor.checkWrites(splitObjectKey(key)!.kind);
      const changes = objects.map((key): Change => ({ delete: actor.keyToDelete(key as ObjectKey) }));
      return actor.change(() => controller.apply(changes, actor.options(how, request.query)));
    },
  });
}

/** Applies plain values as objects. Throws everything that is wrong with any of them. */
async function applyObjects(controller: Controller, values: readonly Written[], how: ChangeOptions) {
  const changes: Change[] = [];
  const unreadable: Finding[] = [];
  const refused: Refused[] = [];
  for (const [i, read] of values.entries()) {
    if (read.ok) changes.push(read.change);
    else {
      refused.push(read.refused);
      for (const finding of read.findings) unreadable.push(inList(finding, i));
    }
  }
  if (unreadable.length === 0) return controller.apply(changes, how);
  throw errorOf([...unreadable, ...(await whatElse(controller, changes, refused, how))]);
}

/** What is wrong with the objects that could be read, apart from what the others would have brought. */
async function whatElse(
  controller: Controller,
  changes: readonly Change[],
  refused: readonly Refused[],
  how: ChangeOptions,
) {
  const { author } = how;
  try {
    await controller.apply(changes, { author, dryRun: true });
    return [];
  } catch (thrown) {
    if (thrown instanceof NetloomError) {
      const objects = changes.flatMap((change) => ('object' in change ? [change.object] : []));
      return withoutMissing(thrown.findings, objects, refused);
    }
    throw thrown;
  }
}

/** A finding about an object that has no name yet says which one of the list it is. */
function inList(found: Finding, index: number): Finding {
  if (splitObjectKey(found.path)) return found;
  const inner = KIND_NAMES.find((kind) => found.path === kind || found.path.startsWith(`${kind}.`));
  const field = inner ? found.path.slice(inner.length + 1) : found.path;
  return { ...found, path: `objects[${index}]${field && '.'}${field}` };
}

/** The filter that `VirtualMachine` or `VirtualMachine/blue1` means. */
export function objectFilter(text: string): { kind: string; key?: string } {
  const kind = KIND_NAMES.find((name) => name === text);
  const filter = kind ? { kind } : splitObjectKey(text);
  if (!filter) throw errorOf([noKey(text)]);
  return filter;
}

function noKey(text: string): Finding {
  const { findings } = refusal(
    'value-invalid',
    'objects',
    `${JSON.stringify(text.slice(0, 60))} is not a kind and a key.`,
    `Write for example VirtualMachine/blue1; the kinds are ${KIND_NAMES.join(', ')}.`,
  );
  return findings[0];
}
