/** Live migration of VMs, and failover of the VMs of a dead host. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Controller } from '../controller/controller.ts';
import type { RunningJob } from '../controller/jobs/book.ts';
import { splitObjectKey } from '../model/kinds.ts';
import { Actor } from './actor.ts';
import { API, KEY_PARTS, objectRoute } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { changeSummarySchema, findingSchema, named, PROBLEMS } from './schemas.ts';

const params = (kind: 'VirtualMachine' | 'Host') =>
  z.object(Object.fromEntries(KEY_PARTS[kind].map((part) => [part, z.string().describe(part)])));
const hostName = z.string().min(1).max(256);
const job = z.int().describe('The job that carries it out.');

/** controller/migration/migrations.ts */
const migrationSchema = named(
  'Migration',
  z
    .object({
      vm: z.string().describe('Key of the VM.'),
      source: z.string(),
      destination: z.string(),
      phase: z
        .enum(['prepared', 'switched-over'])
        .describe(
          'prepared: everybody sends to the source. switched-over: everybody sends to the destination.',
        ),
      next: z.enum(['switch-over', 'finish']).describe('The step that comes next.'),
      revision: z.int().describe('The commit of the last step.'),
      waitingFor: z.array(z.string()).describe('Hosts that do not have it in force yet.'),
    })
    .describe('A VM that moves, and how far it is.'),
);

/** controller/migration/failover.ts */
const failoverSchema = named(
  'Failover',
  z
    .object({
      host: z.string(),
      dryRun: z.boolean(),
      revision: z.int().optional(),
      job: job.optional(),
      placed: z
        .array(z.object({ vm: z.string(), to: z.string() }))
        .describe('VMs, and where they are placed now.'),
      left: z
        .array(z.object({ vm: z.string(), findings: z.array(findingSchema) }))
        .describe('VMs that no host takes, with what each host has against it.'),
      findings: z.array(findingSchema).describe('Warnings.'),
    })
    .describe('What became of the VMs of a dead host.'),
);

const migrateBody = z
  .strictObject({
    destination: hostName
      .optional()
      .describe('Host to move to. Left out: the VM moves already, and is to go on.'),
    until: z
      .enum(['prepared', 'switched-over', 'finished'])
      .default('finished')
      .describe('Where to stop. A hypervisor of your own moves the VM between `prepared` and `finished`.'),
    force: z
      .boolean()
      .default(false)
      .describe('Go on although a host that is away has not confirmed a step. What it sends may be lost.'),
    patience: z.int().min(1).max(600).default(30).describe('Seconds to wait for the hosts at each step.'),
    movePatience: z
      .int()
      .min(0)
      .max(86_400)
      .default(600)
      .describe(
        'Seconds to wait for the hypervisor to move the VM, where hosts say so. 0: it is not waited for.',
      ),
    wait: z
      .boolean()
      .default(true)
      .describe('Answer when it has come as far as asked for; else at once, with the job.'),
    dryRun: z
      .boolean()
      .default(false)
      .describe('Say what the preparation would change, or why not, and change nothing.'),
  })
  .describe('Where to, and how far.');

const abortBody = z
  .strictObject({
    reason: z
      .string()
      .max(500)
      .optional()
      .describe(
        'Why, in words, for whoever waits for the migration: a hypervisor that cannot move the VM says so.',
      ),
  })
  .default({})
  .describe('Nothing need be said.');

const failoverBody = z
  .strictObject({
    to: hostName
      .optional()
      .describe('Host to place them on. Left out: the least loaded one that takes each.'),
    vms: z.array(z.string().max(512)).min(1).max(10_000).optional().describe('Keys of VMs. Left out: all.'),
    force: z.boolean().default(false).describe('Although the agent of the host is connected.'),
    dryRun: z.boolean().default(false).describe('Say where each would be placed, and change nothing.'),
  })
  .default({ force: false, dryRun: false })
  .describe('Which VMs, and where to.');

export function migrationRoutes(plain: FastifyInstance, controller: Controller): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const { migrations } = controller;
  const tags = ['migration'];
  const vmRoute = `${objectRoute('VirtualMachine')}/migration`;
  const vmOf = (actor: Actor, given: Readonly<Record<string, string>>) =>
    splitObjectKey(actor.find('VirtualMachine', given))!.key;

  app.route({
    method: 'GET',
    url: `${API}/migrations`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'listMigrations',
      tags,
      summary: 'List the VMs that are being moved',
      response: {
        200: z.object({ items: z.array(migrationSchema) }).describe('By name of the VM.'),
        ...PROBLEMS,
      },
    },
    handler: async () => ({ items: migrations.list() }),
  });

  app.route({
    method: 'GET',
    url: vmRoute,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'getMigration',
      tags,
      summary: 'Show how far the migration of a VM is',
      params: params('VirtualMachine'),
      response: { 200: migrationSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const vm = vmOf(new Actor(request, controller), request.params);
      const status = migrations.get(vm);
      if (status) return status;
      throw refusal(
        'not-found',
        `VirtualMachine/${vm}`,
        `"${vm}" is not being moved.`,
        'See /api/v1/migrations.',
      );
    },
  });

  app.route({
    method: 'POST',
    url: vmRoute,
    config: { permission: 'operate' },
    schema: {
      operationId: 'migrate',
      tags,
      summary: 'Move a VM to another host',
      description:
        'Prepares the destination, switches all hosts over, and lets the source forget. Begins, or goes on from where the migration is.',
      params: params('VirtualMachine'),
      body: migrateBody,
      response: {
        200: z
          .object({
            job: job.optional(),
            migration: migrationSchema.optional().describe('Absent when it is finished.'),
            plan: changeSummarySchema.optional().describe('Of a dry run.'),
          })
          .describe('How far it is.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      actor.checkWrites('VirtualMachine');
      const vm = vmOf(actor, request.params);
      const { destination, until, force, patience, movePatience, wait, dryRun } = request.body;
      if (dryRun) {
        const to = destination ?? migrations.get(vm)?.destination ?? '';
        return { plan: await actor.change(() => migrations.plan(vm, to)) };
      }
      const { promise: begun, resolve: onJob } = Promise.withResolvers<RunningJob>();
      const goal = { until, ...(destination === undefined ? {} : { destination }) };
      const how = {
        author: actor.author,
        force,
        patience: 1000 * patience,
        movePatience: 1000 * movePatience,
        onJob,
      };
      const done = migrations.migrate(vm, goal, how);
      // What becomes of it stands in its job.
      done.catch(() => {});
      const { id } = await actor.told(() => Promise.race([begun, done.then(() => begun)]));
      const migration = wait ? await actor.told(() => done) : migrations.get(vm);
      return { job: id, ...(migration ? { migration } : {}) };
    },
  });

  app.route({
    method: 'POST',
    url: `${vmRoute}/abort`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'abortMigration',
      tags,
      summary: 'Abort the migration of a VM',
      description: 'Makes everything as it was before the migration. The VM has to run on the source.',
      params: params('VirtualMachine'),
      body: abortBody,
      response: { 200: z.object({ job }).describe('It is as before.'), ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      actor.checkWrites('VirtualMachine');
      const vm = vmOf(actor, request.params);
      const { reason } = request.body;
      let id = 0;
      await actor.told(() =>
        migrations.abort(vm, {
          author: actor.author,
          ...(reason === undefined ? {} : { reason }),
          onJob: (begun) => {
            id = begun.id;
          },
        }),
      );
      return { job: id };
    },
  });

  app.route({
    method: 'POST',
    url: `${objectRoute('Host')}/failover`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'failover',
      tags,
      summary: 'Place the VMs of a dead host elsewhere',
      description:
        'With the same network configuration, in one change. Refused while the agent of the host is connected, unless forced.',
      params: params('Host'),
      body: failoverBody,
      response: { 200: failoverSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const actor = new Actor(request, controller);
      actor.checkWrites('VirtualMachine');
      const host = splitObjectKey(actor.find('Host', request.params))!.key;
      const { to, vms, force, dryRun } = request.body;
      const asked = {
        host,
        force,
        dryRun,
        ...(to === undefined ? {} : { to }),
        ...(vms === undefined ? {} : { vms }),
      };
      return actor.told(() => migrations.failover(asked, { author: actor.author }));
    },
  });
}
