/** How far hosts are as they should be, what to do about it, where like hosts differ, and what could be better. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import { compareGroups, compareHosts, hostsOfGroup } from '../controller/fabric/compare.ts';
import { complianceOfHost } from '../controller/fabric/compliance.ts';
import { hintsOf } from '../controller/fabric/hints.ts';
import { JOB_STATES } from '../controller/jobs/job.ts';
import { type Host, isKind } from '../model/kinds.ts';
import { Actor } from './actor.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { findingSchema, named, PROBLEMS } from './schemas.ts';

const level = z
  .enum(['full', 'partial', 'none', 'unknown'])
  .describe(
    'full: as it should be. partial: there, with differences. none: not there. unknown: nobody can say.',
  );
const reasons = z.array(z.string()).describe('What is not as it should be, in words.');

const complianceFields = {
  host: z.string(),
  level,
  reasons,
  connected: z.boolean(),
  checkedAt: z.string().optional().describe('When its agent looked, ISO 8601; absent when it never did.'),
  parts: z
    .array(
      z.object({
        object: z.string(),
        part: z.string(),
        level,
        reasons,
        note: z.string().optional().describe('What is worth knowing of it and no fault.'),
      }),
    )
    .describe('Part by part.'),
};
const complianceSchema = named(
  'HostCompliance',
  z.object(complianceFields).describe('How far a host is as the description wants it.'),
);
const remediatedSchema = named(
  'RemediatedHost',
  z
    .object({ ...complianceFields, repaired: z.array(z.string()).describe('What was repaired, in words.') })
    .describe('What was repaired on a host, and how it is now.'),
);
const comparisonSchema = named(
  'HostComparison',
  z
    .object({
      of: z.string().describe('What the hosts have in common.'),
      hosts: z.array(z.string()),
      differences: z.array(
        z.object({
          aspect: z.string(),
          values: z.array(z.object({ value: z.string(), hosts: z.array(z.string()) })),
          usual: z.string().optional().describe('What more than half of the hosts have.'),
          odd: z.array(z.string()).describe('The hosts that have something else.'),
        }),
      ),
    })
    .describe('Where like hosts differ.'),
);

const names = z.union([z.string(), z.array(z.string()).max(10_000)]).optional();

const remediateBody = z
  .strictObject({
    hosts: z.array(z.string().max(200)).max(10_000).optional().describe('Names of hosts.'),
    all: z.boolean().default(false).describe('All hosts instead.'),
    dryRun: z.boolean().default(false).describe('Look, say what would be repaired, and change nothing.'),
  })
  .describe('Which hosts.');

export function hostRoutes(plain: FastifyInstance, controller: Controller, clock: Clock): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const tags = ['hosts'];

  app.route({
    method: 'GET',
    url: `${API}/compliance`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'getCompliance',
      tags,
      summary: 'How far hosts are as they should be',
      description: 'As their agents found them the last time; with `check`, as they find them now.',
      querystring: z.strictObject({
        host: names.describe('Only these hosts.'),
        check: z.stringbool().default(false).describe('Let the agents look now.'),
      }),
      response: { 200: z.object({ items: z.array(complianceSchema) }).describe('The hosts.'), ...PROBLEMS },
    },
    handler: async ({ query: { host, check } }) => {
      const hosts = hostsNamed(controller, listOf(host));
      if (check) await controller.look(hosts.map(({ name }) => name));
      const statuses = statusesOf(controller);
      return {
        items: hosts.map((each) => complianceOfHost(controller.network, each, statuses.get(each.name))),
      };
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/remediate`,
    config: { permission: 'operate' },
    schema: {
      operationId: 'remediate',
      tags,
      summary: 'Make hosts as they should be',
      description: 'Answers when all agents have, or their time is up. It is a job.',
      body: remediateBody,
      response: {
        200: z
          .object({
            dryRun: z.boolean(),
            job: z.int().optional().describe('The job; absent for a dry run.'),
            state: z.enum(JOB_STATES).optional(),
            summary: z.string().optional().describe('What came of it.'),
            findings: z.array(findingSchema).describe('What keeps hosts from being as they should be.'),
            hosts: z.array(remediatedSchema),
          })
          .describe('What came of it.'),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const { hosts: wanted, all, dryRun } = request.body;
      if (!all && (wanted ?? []).length === 0) {
        throw refusal(
          'field-missing',
          'hosts',
          'It is not said which hosts.',
          'Name hosts, or ask for all of them (--all, all: true).',
        );
      }
      const hosts = hostsNamed(controller, all ? [] : (wanted ?? [])).map(({ name }) => name);
      if (dryRun) return { dryRun, findings: [], hosts: [...(await controller.look(hosts))] };
      const { author } = new Actor(request, controller);
      const { id, results, done } = controller.remediate(hosts, author);
      const { state, summary, findings } = await done;
      return {
        dryRun,
        job: id,
        state,
        ...(summary === undefined ? {} : { summary }),
        findings: [...findings],
        hosts: [...results],
      };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/host-comparison`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'compareHosts',
      tags,
      summary: 'Where like hosts differ',
      description: 'The hosts named; or those of a host group and the groups in it; or else each host group.',
      querystring: z.strictObject({
        group: z.string().max(200).optional().describe('A host group.'),
        host: names.describe('Hosts, at least two.'),
      }),
      response: { 200: z.object({ items: z.array(comparisonSchema) }).describe('Each group.'), ...PROBLEMS },
    },
    handler: async ({ query: { group, host } }) => {
      const { network } = controller;
      const statuses = statusesOf(controller);
      const listed = listOf(host);
      if (listed.length > 0) {
        const hosts = hostsNamed(controller, listed);
        return { items: [compareHosts(network, 'the hosts named', hosts, statuses)] };
      }
      if (group === undefined) return { items: compareGroups(network, statuses) };
      if (!network.get(`HostGroup/${group}`)) throw noHostGroup(group);
      return {
        items: [compareHosts(network, `host group ${group}`, hostsOfGroup(network, group), statuses)],
      };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/hints`,
    config: { permission: 'inspect' },
    schema: {
      operationId: 'listHints',
      tags,
      summary: 'What could be better',
      description: 'Nothing is refused for these. Warnings of validation are part of the status.',
      response: { 200: z.object({ items: z.array(findingSchema) }).describe('The hints.'), ...PROBLEMS },
    },
    handler: async () => ({ items: [...hintsOf(controller.network, clock.wall(), statusesOf(controller))] }),
  });
}

function statusesOf({ feed }: Controller) {
  return new Map(feed.status().map((status) => [status.host, status]));
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** The hosts of these names, or all where none is named. Throws every name that there is not. */
function hostsNamed({ network }: Controller, wanted: readonly string[]): Host[] {
  const objects =
    wanted.length === 0
      ? network.list('Host').map(({ object }) => object)
      : [...new Set(wanted)].map((name) => network.fact(`Host/${name}`));
  const hosts = objects.filter((object) => isKind(object, 'Host'));
  const [first, ...rest] = [...new Set(wanted)]
    .filter((name) => !network.fact(`Host/${name}`))
    .map((name): Finding => noHost(name).findings[0]);
  if (first) throw new NetloomError([first, ...rest]);
  return hosts;
}

export function noHost(name: string): NetloomError {
  const shown = JSON.stringify(name.slice(0, 60));
  return refusal(
    'not-found',
    `Host/${name.slice(0, 60)}`,
    `There is no host ${shown}.`,
    '"netloom get hosts" lists them.',
  );
}

function noHostGroup(name: string): NetloomError {
  const shown = JSON.stringify(name.slice(0, 60));
  return refusal(
    'not-found',
    '',
    `There is no host group ${shown}.`,
    '"netloom get host-groups" lists them.',
  );
}
