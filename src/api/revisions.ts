/** The journal of all changes, what lies between two revisions, and ways back. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { seenCommit } from '../access/answers.ts';
import type { View } from '../access/view.ts';
import type { NetloomError } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import { splitObjectKey } from '../model/kinds.ts';
import type { Commit } from '../store/contract.ts';
import { viewOf } from './access.ts';
import { Actor } from './actor.ts';
import { changeFields, changeQuery } from './change-options.ts';
import { objectFilter } from './changes.ts';
import { commitSummary, commitView, diffView } from './journal.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { changeSummarySchema, commitSchema, commitSummarySchema, diffSchema, PROBLEMS } from './schemas.ts';

const howBody = z.strictObject(changeFields).default({ dryRun: false }).describe('How.');
const revisionParam = z.object({ revision: z.coerce.number().int().min(1).describe('Revision.') });

export function revisionRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['changes'];

  const commitOf = async (view: View, revision: number): Promise<Commit> => {
    const [commit] = await controller.history({ limit: 1, before: revision + 1 });
    const seen = commit?.revision === revision ? seenCommit(view, commit) : undefined;
    if (seen) return seen;
    // Which of the others' there are, and how many, is not for a tenant to know.
    throw view.tenant === undefined ? noRevision(revision, controller.revision) : noSuch(revision);
  };

  app.route({
    method: 'POST',
    url: `${API}/undo/:revision`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'undo',
      tags,
      summary: 'Take back one commit',
      description: 'Makes what it changed as it was before. Refused where later commits touched the same.',
      params: revisionParam,
      querystring: changeQuery,
      body: howBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { revision } = request.params;
      const actor = new Actor(request, controller);
      for (const { kind, key } of (await commitOf(actor.view, revision)).objects) {
        actor.checkWrites(splitObjectKey(`${kind}/${key}`)!.kind);
      }
      return actor.change(() => controller.undo(revision, actor.options(request.body, request.query)));
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/rollback/:revision`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'rollback',
      tags,
      summary: 'Go back to a revision',
      description:
        'Makes all objects as they were at that revision, in one new revision, or changes nothing. Warnings say what does not come back as it was.',
      params: revisionParam,
      querystring: changeQuery,
      body: howBody,
      response: { 200: changeSummarySchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      const options = actor.options(request.body, request.query);
      return actor.change(() => controller.rollback(request.params.revision, options));
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/diff`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'diff',
      tags,
      summary: 'Compare two revisions',
      description: 'What differs between them, object by object and field by field.',
      querystring: z.strictObject({
        from: z.coerce.number().int().min(0).describe('Revision; 0 is the empty network.'),
        to: z.coerce.number().int().min(0).optional().describe('Revision; the latest unless said otherwise.'),
      }),
      response: { 200: diffSchema, ...PROBLEMS },
    },
    handler: async ({ query: { from, to = controller.revision } }) => {
      const net = await controller.diff(from, to);
      return diffView(from, to, net);
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/history`,
    config: { permission: 'view' },
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
        author: z.string().min(1).max(256).optional().describe('Only those of this user.'),
        since: z.iso
          .datetime({ offset: true })
          .optional()
          .describe('Only those from this time on, ISO 8601.'),
      }),
      response: { 200: z.object({ items: z.array(commitSummarySchema) }), ...PROBLEMS },
    },
    handler: async (request) => {
      const { limit, before, object, author, since } = request.query;
      const view = viewOf(request, controller);
      const filter = {
        ...(object === undefined ? {} : { object: objectFilter(view.resolveKey(object) ?? object) }),
        ...(since === undefined ? {} : { since: Date.parse(since) }),
        // Who it was is asked of what is seen: an administrator's name is not.
        ...(author === undefined || view.tenant !== undefined ? {} : { author }),
      };
      const about = filter.object;
      // The store looks at whole commits; what a tenant's user does not see of them is not there to be asked for.
      const isMeant = (commit: Commit) =>
        (author === undefined || commit.author === author) &&
        (!about || commit.objects.some((o) => o.kind === about.kind && (!about.key || o.key === about.key)));
      const seen: Commit[] = [];
      let page: readonly Commit[];
      let at = before;
      // Of a page, a tenant's user sees only what concerns the tenant; the rest comes from those behind it.
      do {
        page = await controller.history({ limit, ...filter, ...(at === undefined ? {} : { before: at }) });
        seen.push(...page.flatMap((commit) => seenCommit(view, commit) ?? []).filter(isMeant));
        at = page.at(-1)?.revision;
      } while (seen.length < limit && page.length === limit);
      return { items: seen.slice(0, limit).map(commitSummary) };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/revisions/:revision`,
    config: { permission: 'view' },
    schema: {
      operationId: 'getRevision',
      tags,
      summary: 'Get one commit',
      description: 'With every object before and after.',
      params: revisionParam,
      response: { 200: commitSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { revision } = request.params;
      return commitView(await commitOf(viewOf(request, controller), revision));
    },
  });
}

function noSuch(revision: number): NetloomError {
  return refusal('not-found', '', `There is no revision ${revision}.`, 'See "netloom history".');
}

function noRevision(revision: number, latest: number): NetloomError {
  return revision > latest
    ? refusal(
        'not-found',
        '',
        `There is no revision ${revision}; the latest is ${latest}.`,
        'See "netloom history".',
      )
    : refusal(
        'revision-compacted',
        '',
        `Revision ${revision} is no longer in the journal.`,
        'The objects are as they were; only the story of this change is gone.',
      );
}
