/** Many objects in one change, and the journal of all changes. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type Finding, NetloomError } from '../base/error.ts';
import type { Change, ChangeOptions, Controller } from '../controller/controller.ts';
import { KIND_NAMES, type ObjectKey } from '../model/definition.ts';
import { withoutMissing } from '../model/input.ts';
import { splitObjectKey } from '../model/kinds.ts';
import { type Refused, readObject } from '../model/read.ts';
import { AUTHOR } from './author.ts';
import { APPLY_LIMIT } from './body.ts';
import { commitSummary, commitView } from './journal.ts';
import { errorOf } from './objects.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import { checkRequest, type RequestTypes } from './request.ts';
import {
  changeSummarySchema,
  commitSchema,
  commitSummarySchema,
  documentSchema,
  PROBLEMS,
} from './schemas.ts';

const options = {
  dryRun: z.boolean().default(false).describe('Say what would happen and change nothing.'),
  message: z.string().max(1000).optional().describe('Why, for the journal.'),
  requestId: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Any text of your own; makes it safe to send the same request again.'),
};

const anyObject = z.union(KIND_NAMES.map(documentSchema));
const applyBody = z
  .strictObject({ objects: z.array(z.unknown()).max(100_000), ...options })
  .describe('Objects to create or to replace.');
/** How the same body is described: the handler reads the objects, since it has better words for what is wrong. */
const applyDocument = z
  .strictObject({ objects: z.array(anyObject).max(100_000), ...options })
  .describe('Objects to create or to replace.');
const deleteBody = z
  .strictObject({
    objects: z
      .array(z.string().max(1024))
      .min(1)
      .max(100_000)
      .describe('Keys: `VirtualMachine/blue1`, `VmSubnet/Blue/Blue subnet`.'),
    ...options,
  })
  .describe('Objects to delete.');
const undoBody = z.strictObject(options).default({ dryRun: false }).describe('How.');
const revisionParam = z.object({ revision: z.coerce.number().int().min(1).describe('Revision.') });

export function changeRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['changes'];

  app.route({
    method: 'POST',
    url: `${API}/apply`,
    config: { access: 'write' },
    bodyLimit: APPLY_LIMIT,
    // The description says what objects look like; what is checked here is the frame around them.
    validatorCompiler: (route) => checkRequest({ ...route, schema: applyBody }),
    schema: {
      operationId: 'apply',
      tags,
      summary: 'Apply objects',
      description: 'Creates and replaces objects, all of them or none, in one revision.',
      body: applyDocument,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async ({ body }) => applyObjects(controller, body.objects, changeOptions(body)),
  });

  app.route({
    method: 'POST',
    url: `${API}/delete`,
    config: { access: 'write' },
    bodyLimit: APPLY_LIMIT,
    schema: {
      operationId: 'deleteObjects',
      tags,
      summary: 'Delete objects',
      description:
        'Deletes objects, all of them or none, in one revision; also ones that refer to each other.',
      body: deleteBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async ({ body }) => {
      const unknown = body.objects.filter((key) => !splitObjectKey(key));
      if (unknown.length > 0) throw errorOf(unknown.map((key) => noKey(key)));
      const changes = body.objects.map((key): Change => ({ delete: key as ObjectKey }));
      return controller.apply(changes, changeOptions(body));
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/undo/:revision`,
    config: { access: 'write' },
    schema: {
      operationId: 'undo',
      tags,
      summary: 'Take back one commit',
      description: 'Makes what it changed as it was before. Refused where later commits touched the same.',
      params: revisionParam,
      body: undoBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async ({ params, body }) => controller.undo(params.revision, changeOptions(body)),
  });

  app.route({
    method: 'GET',
    url: `${API}/history`,
    config: { access: 'read' },
    schema: {
      operationId: 'listHistory',
      tags,
      summary: 'List commits',
      description: 'From new to old.',
      querystring: z.strictObject({
        limit: z.coerce.number().int().min(1).max(1000).default(50).describe('At most so many, 1 to 1000.'),
        before: z.coerce
          .number()
          .int()
          .min(1)
          .optional()
          .describe('Only older ones than this revision: the next page.'),
        object: z
          .string()
          .max(1024)
          .optional()
          .describe(
            'Only those that touched this kind (`VirtualMachine`) or object (`VirtualMachine/blue1`).',
          ),
      }),
      response: { 200: z.object({ items: z.array(commitSummarySchema) }), ...PROBLEMS },
    },
    handler: async ({ query: { limit, before, object } }) => {
      const commits = await controller.history({
        limit,
        ...(before === undefined ? {} : { before }),
        ...(object === undefined ? {} : { object: objectFilter(object) }),
      });
      return { items: commits.map(commitSummary) };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/revisions/:revision`,
    config: { access: 'read' },
    schema: {
      operationId: 'getRevision',
      tags,
      summary: 'Get one commit',
      description: 'With every object before and after.',
      params: revisionParam,
      response: { 200: commitSchema, ...PROBLEMS },
    },
    handler: async ({ params: { revision } }) => {
      const [commit] = await controller.history({ limit: 1, before: revision + 1 });
      if (commit?.revision !== revision) throw noRevision(revision, controller.revision);
      return commitView(commit);
    },
  });
}

/** Applies plain values as objects. Throws everything that is wrong with any of them. */
async function applyObjects(controller: Controller, values: readonly unknown[], how: ChangeOptions) {
  const changes: Change[] = [];
  const unreadable: Finding[] = [];
  const refused: Refused[] = [];
  for (const [i, value] of values.entries()) {
    const read = readObject(value);
    if (read.ok) {
      const { object, expectedRevision: expect } = read;
      changes.push({ object, ...(expect === undefined ? {} : { expect }) });
    } else {
      refused.push(read.refused);
      for (const { finding } of read.findings) unreadable.push(inList(finding, i));
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

function changeOptions(body: {
  readonly dryRun: boolean;
  readonly message?: string | undefined;
  readonly requestId?: string | undefined;
}): ChangeOptions {
  const { dryRun, message, requestId } = body;
  return {
    author: AUTHOR,
    dryRun,
    ...(message === undefined ? {} : { message }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

function objectFilter(text: string): { kind: string; key?: string } {
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

function noRevision(revision: number, latest: number): NetloomError {
  return revision > latest
    ? refusal(
        'not-found',
        '',
        `There is no revision ${revision}; the latest is ${latest}.`,
        'See /api/v1/history.',
      )
    : refusal(
        'revision-compacted',
        '',
        `Revision ${revision} is no longer in the journal.`,
        'The objects are as they were; only the story of this change is gone.',
      );
}
