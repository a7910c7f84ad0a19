/** The operator's objects: for each kind its list, and each object by the names in its key. All from the table of kinds. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Finding, NetloomError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { Change, Controller } from '../controller/controller.ts';
import { documentOf, documentsOf } from '../controller/documents.ts';
import { KIND_NAMES, type KindName, type ObjectKey } from '../model/definition.ts';
import { kindOf } from '../model/kinds.ts';
import { readObject } from '../model/read.ts';
import { AUTHOR } from './author.ts';
import { KEY_PARTS, keyOfParams, kindPath, objectPath, objectRoute } from './paths.ts';
import { refusal } from './problem.ts';
import { bodyByHandler, type RequestTypes } from './request.ts';
import { changeSummarySchema, documentSchema, PROBLEMS } from './schemas.ts';

const MAX_PAGE = 1000;

const listQuery = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(MAX_PAGE)
    .describe(`At most so many, 1 to ${MAX_PAGE}.`),
  name: z.string().max(256).optional().describe('Only objects of this name.'),
  after: z.string().max(1024).optional().describe('Only what comes after this: `next` of the page before.'),
});

const expectations = z.looseObject({
  'if-match': z
    .string()
    .max(100)
    .optional()
    .describe('ETag that the object must still have; "*": that it must exist.'),
  'if-none-match': z.string().max(100).optional().describe('"*": the object must not exist yet.'),
});

export function objectRoutes(app: FastifyInstance, controller: Controller): void {
  for (const kind of KIND_NAMES) routesOf(app, controller, kind);
}

function routesOf(plain: FastifyInstance, controller: Controller, kind: KindName): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const { title, plural, summary } = kindOf(kind);
  const document = documentSchema(kind);
  const words = plural.replaceAll('-', ' ');
  const tags = [plural];
  const params = z.object(
    Object.fromEntries(KEY_PARTS[kind].map((part) => [part, z.string().describe(part)])),
  );

  app.route({
    method: 'GET',
    url: kindPath(kind),
    config: { access: 'read' },
    schema: {
      operationId: `list${kind}`,
      tags,
      summary: `List ${words}`,
      description: summary,
      querystring: listQuery,
      response: {
        200: z
          .object({
            revision: z.int().describe('The revision that the list is of.'),
            items: z.array(document),
            next: z.string().optional().describe('`after` of the next page; absent on the last one.'),
          })
          .describe(`The ${words}, sorted by key.`),
        ...PROBLEMS,
      },
    },
    handler: async ({ query: { limit, name, after } }) => {
      const page = documentsOf(controller, kind, {
        limit,
        ...(name === undefined ? {} : { name }),
        ...(after === undefined ? {} : { after }),
      });
      return {
        revision: controller.revision,
        items: page.documents,
        ...(page.next === undefined ? {} : { next: page.next }),
      };
    },
  });

  app.route({
    method: 'POST',
    url: kindPath(kind),
    config: { access: 'write' },
    validatorCompiler: bodyByHandler,
    schema: {
      operationId: `create${kind}`,
      tags,
      summary: `Create a ${title}`,
      description: 'Refused when there is one of the same key.',
      body: document,
      response: { 201: document.describe('As it was created.'), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { change, key } = readChange(request.body, kind);
      await controller.apply([{ ...change, expect: 'absent' }], { author: AUTHOR });
      return send(reply.code(201).header('location', objectPath(key)), controller, key);
    },
  });

  app.route({
    method: 'GET',
    url: objectRoute(kind),
    config: { access: 'read' },
    schema: {
      operationId: `get${kind}`,
      tags,
      summary: `Get a ${title}`,
      description: 'The header ETag is its revision.',
      params,
      response: { 200: document.describe('The object.'), ...PROBLEMS },
    },
    handler: async (request, reply) => send(reply, controller, keyOfParams(kind, request.params)),
  });

  app.route({
    method: 'PUT',
    url: objectRoute(kind),
    config: { access: 'write' },
    validatorCompiler: bodyByHandler,
    schema: {
      operationId: `put${kind}`,
      tags,
      summary: `Create or replace a ${title}`,
      params,
      headers: expectations,
      body: document,
      response: {
        200: document.describe('As it is now.'),
        201: document.describe('As it was created.'),
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => {
      const key = keyOfParams(kind, request.params);
      const read = readChange(request.body, kind);
      if (read.key !== key) throw otherKey(key, read.key);
      const isNew = controller.network.get(key) === undefined;
      await controller.apply([{ ...read.change, ...expectOf(request, controller, key) }], { author: AUTHOR });
      return send(reply.code(isNew ? 201 : 200), controller, key);
    },
  });

  app.route({
    method: 'DELETE',
    url: objectRoute(kind),
    config: { access: 'write' },
    schema: {
      operationId: `delete${kind}`,
      tags,
      summary: `Delete a ${title}`,
      description: 'Refused while others refer to it.',
      params,
      headers: expectations,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const key = keyOfParams(kind, request.params);
      const { expect } = expectOf(request, controller, key);
      const change: Change = { delete: key, ...(typeof expect === 'number' ? { expect } : {}) };
      return controller.apply([change], { author: AUTHOR });
    },
  });
}

/** An object of this kind out of a body; throws all that is wrong with it. */
function readChange(
  body: unknown,
  kind: KindName,
): { key: ObjectKey; change: Extract<Change, { object: unknown }> } {
  const read = readObject(body);
  if (!read.ok) throw errorOf(read.findings.map((f) => f.finding));
  if (read.object.kind !== kind) {
    throw refusal(
      'value-invalid',
      'kind',
      `This address is for objects of the kind ${kind}, and this is a ${read.object.kind}.`,
      `Send it to ${kindPath(read.object.kind)}.`,
    );
  }
  const { key, object, expectedRevision } = read;
  return { key, change: { object, ...(expectedRevision === undefined ? {} : { expect: expectedRevision }) } };
}

export function errorOf(findings: readonly Finding[]): NetloomError {
  const [first, ...rest] = findings;
  if (!first) throw new Error('there is no finding');
  return new NetloomError([first, ...rest]);
}

/** RFC 9110, 13.1: what the caller says about the object as it stands. */
function expectOf(
  { headers }: FastifyRequest,
  controller: Controller,
  key: ObjectKey,
): { readonly expect?: number | 'absent' } {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== '*') throw badHeader('If-None-Match', noneMatch, '*');
    return { expect: 'absent' };
  }
  if (match === undefined) return {};
  // An object that does not exist has no revision 0, so this is refused as it should be.
  if (match.trim() === '*') return { expect: controller.network.get(key)?.revision ?? 0 };
  const revision = /^"(\d{1,15})"$/.exec(match.trim())?.[1];
  if (revision === undefined) throw badHeader('If-Match', match, '"42", the ETag of the object');
  return { expect: Number(revision) };
}

function badHeader(name: string, value: string, form: string): NetloomError {
  return refusal(
    'value-invalid',
    name,
    `${JSON.stringify(value.slice(0, 60))} is not a value of ${name} that is taken here.`,
    `Write ${form}.`,
  );
}

function otherKey(address: ObjectKey, body: ObjectKey): NetloomError {
  return refusal(
    'field-conflict',
    '',
    `The address means ${address}, and the body is ${body}.`,
    'Names cannot be changed: delete the one and create the other, or correct the address.',
  );
}

function send(reply: FastifyReply, controller: Controller, key: ObjectKey): JsonObject {
  const document = documentOf(controller, key);
  if (!document) throw refusal('not-found', key, `There is no ${key}.`, 'Look at the names in the list.');
  const revision = controller.network.get(key)?.revision;
  if (revision !== undefined) reply.header('etag', `"${revision}"`);
  return document;
}
