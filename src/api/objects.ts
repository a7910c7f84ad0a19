/** The operator's objects: for each kind its list, and each object by the names in its key. All from the table of kinds. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { seenDocument } from '../access/answers.ts';
import type { TenantRevisions } from '../access/tenant-revisions.ts';
import { bareKey } from '../access/writes.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { Change } from '../controller/change.ts';
import type { Controller } from '../controller/controller.ts';
import { documentOf, documentsOf } from '../controller/documents.ts';
import { KIND_NAMES, type KindName, type ObjectKey } from '../model/definition.ts';
import { kindOf } from '../model/kinds.ts';
import { viewOf } from './access.ts';
import { Actor, noObject } from './actor.ts';
import { changeQuery } from './change-options.ts';
import { KEY_PARTS, kindPath, objectPath, objectRoute } from './paths.ts';
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

export function objectRoutes(app: FastifyInstance, controller: Controller, revisions: TenantRevisions): void {
  for (const kind of KIND_NAMES) routesOf(app, controller, revisions, kind);
}

function routesOf(
  plain: FastifyInstance,
  controller: Controller,
  revisions: TenantRevisions,
  kind: KindName,
): void {
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
    config: { permission: 'view' },
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
    handler: async (request) => {
      const { limit, name, after } = request.query;
      const view = viewOf(request, controller);
      const page = documentsOf(controller, kind, {
        limit,
        shows: (key, object) => view.shows(key, object),
        ...(name === undefined ? {} : { name }),
        ...(after === undefined ? {} : { after }),
      });
      return {
        revision: await revisions.of(view),
        items: page.documents.map(({ key, document: all }) => seenDocument(view, key, all)),
        ...(page.next === undefined ? {} : { next: page.next }),
      };
    },
  });

  app.route({
    method: 'POST',
    url: kindPath(kind),
    config: { permission: 'change' },
    validatorCompiler: bodyByHandler,
    schema: {
      operationId: `create${kind}`,
      tags,
      summary: `Create a ${title}`,
      description: 'Refused when there is one of the same key.',
      querystring: changeQuery,
      body: document,
      response: { 201: document.describe('As it was created.'), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      actor.checkWrites(kind);
      const { change, key } = readChange(actor, request.body, kind);
      const options = actor.options({}, request.query);
      const { job } = await actor.change(() => controller.apply([{ ...change, expect: 'absent' }], options));
      const made = withJob(reply.code(201).header('location', objectPath(key)), job);
      return send(made, controller, actor, key);
    },
  });

  app.route({
    method: 'GET',
    url: objectRoute(kind),
    config: { permission: 'view' },
    schema: {
      operationId: `get${kind}`,
      tags,
      summary: `Get a ${title}`,
      description: 'The header ETag is its revision.',
      params,
      response: { 200: document.describe('The object.'), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      return send(reply, controller, actor, actor.find(kind, request.params));
    },
  });

  app.route({
    method: 'PUT',
    url: objectRoute(kind),
    config: { permission: 'change' },
    validatorCompiler: bodyByHandler,
    schema: {
      operationId: `put${kind}`,
      tags,
      summary: `Create or replace a ${title}`,
      params,
      querystring: changeQuery,
      headers: expectations,
      body: document,
      response: {
        200: document.describe('As it is now.'),
        201: document.describe('As it was created.'),
        ...PROBLEMS,
      },
    },
    handler: async (request, reply) => {
      const actor = new Actor(request, controller);
      actor.checkWrites(kind);
      const key = actor.keyToWrite(kind, request.params);
      const read = readChange(actor, request.body, kind);
      if (bareKey(read.key) !== key) throw otherKey(key, bareKey(read.key));
      const held = actor.view.sees(key) ? controller.network.get(key) : undefined;
      const change = { ...read.change, ...expectOf(request, held?.revision) };
      const options = actor.options({}, request.query);
      const { job } = await actor.change(() => controller.apply([change], options));
      return send(withJob(reply.code(held ? 200 : 201), job), controller, actor, key);
    },
  });

  app.route({
    method: 'DELETE',
    url: objectRoute(kind),
    config: { permission: 'change' },
    schema: {
      operationId: `delete${kind}`,
      tags,
      summary: `Delete a ${title}`,
      description: 'Refused while others refer to it.',
      params,
      querystring: changeQuery,
      headers: expectations,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      actor.checkWrites(kind);
      const key = actor.findOwn(kind, request.params);
      const { expect } = expectOf(request, controller.network.get(key)?.revision);
      const change: Change = { delete: key, ...(typeof expect === 'number' ? { expect } : {}) };
      return actor.change(() => controller.apply([change], actor.options({}, request.query)));
    },
  });
}

/** Says which job the change is, where the body is the object. */
function withJob(reply: FastifyReply, job: number | undefined): FastifyReply {
  return job === undefined ? reply : reply.header('netloom-job', String(job));
}

/** An object of this kind out of a body; throws all that is wrong with it. */
function readChange(
  actor: Actor,
  body: unknown,
  kind: KindName,
): { key: ObjectKey; change: Extract<Change, { object: unknown }> } {
  const [read] = actor.read([body]);
  if (!read?.ok) throw errorOf(read?.findings ?? []);
  const sent = read.change.object.kind;
  if (sent !== kind) {
    throw refusal(
      'value-invalid',
      'kind',
      `This address is for objects of the kind ${kind}, and this is a ${sent}.`,
      `Send it to ${kindPath(sent)}.`,
    );
  }
  return { key: read.key, change: read.change };
}

export function errorOf(findings: readonly Finding[]): NetloomError {
  const [first, ...rest] = findings;
  if (!first) throw new Error('there is no finding');
  return new NetloomError([first, ...rest]);
}

/** RFC 9110, 13.1: what the caller says about the object as it stands. */
function expectOf(
  { headers }: FastifyRequest,
  revision: number | undefined,
): { readonly expect?: number | 'absent' } {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== '*') throw badHeader('If-None-Match', noneMatch, '*');
    return { expect: 'absent' };
  }
  if (match === undefined) return {};
  // An object that does not exist has no revision 0, so this is refused as it should be.
  if (match.trim() === '*') return { expect: revision ?? 0 };
  const wanted = /^"(\d{1,15})"$/.exec(match.trim())?.[1];
  if (wanted === undefined) throw badHeader('If-Match', match, '"42", the ETag of the object');
  return { expect: Number(wanted) };
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

function send(reply: FastifyReply, controller: Controller, { view }: Actor, key: ObjectKey): JsonObject {
  const document = documentOf(controller, key);
  if (!document) throw noObject(key);
  const revision = controller.network.get(key)?.revision;
  if (revision !== undefined) reply.header('etag', `"${revision}"`);
  return seenDocument(view, key, document);
}
