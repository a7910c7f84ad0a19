/** What the API answers with, described for its reference. The values are made by typed code; see the types named. */
import { z } from 'zod';
import { CODES, type ErrorCode } from '../base/codes.ts';
import { jobSchema } from '../controller/jobs/job.ts';
import { KIND_NAMES, type KindName } from '../model/definition.ts';
import { kindOf } from '../model/kinds.ts';

/** Gives a schema a name in the OpenAPI document. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
  return schema;
}

/** A kind's objects as they go over the wire, under the name of the kind. */
const DOCUMENTS: ReadonlyMap<KindName, z.ZodType> = new Map(
  KIND_NAMES.map((kind) => {
    const { document, summary } = kindOf(kind);
    // A copy: the name is for the API, and a schema with a name says less of itself to whoever else looks at it.
    return [kind, document.meta({ id: kind, description: summary })];
  }),
);

export function documentSchema(kind: KindName): z.ZodType {
  return DOCUMENTS.get(kind)!;
}

/** An object of whatever kind. */
export const anyDocumentSchema = z.union(KIND_NAMES.map(documentSchema));

const revision = z.int().describe('Revision: the number of a commit; each commit has the next one.');
const objectKey = z.string().describe('Kind and key: `VmSubnet/Blue/Blue subnet`.');
const json = z.unknown();

/** base/error.ts */
export const findingSchema = named(
  'Finding',
  z
    .object({
      code: z.enum(Object.keys(CODES) as [ErrorCode, ...ErrorCode[]]).describe('Stable; see docs/errors.md.'),
      severity: z.enum(['error', 'warning']),
      path: z.string().describe('The field: `VirtualMachine/blue1.vnics[0].addresses[0]`.'),
      message: z.string().describe('What is wrong, with the value.'),
      remedy: z.string().describe('What to do next.'),
    })
    .describe('One thing that is wrong, or doubtful.'),
);

/** problem.ts */
export const problemSchema = named(
  'Problem',
  z
    .object({
      type: z.string().describe('Where the code is explained: `docs/errors.md#conflict`.'),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      findings: z.array(findingSchema).describe('Every reason, not only the first.'),
      job: z.int().optional().describe('The job that ended with this.'),
    })
    .describe('Problem details, RFC 9457.'),
);

const fieldChange = z.object({ path: z.string(), before: json.optional(), after: json.optional() });
const objectSummary = z.object({
  key: objectKey,
  action: z.enum(['create', 'update', 'delete']),
  fields: z.array(fieldChange).describe('For an update: what differs.'),
});
const allocationChange = z.object({
  scope: z.string().describe('What it was taken from: `mac`, `vsid`, `ip/Blue/Blue subnet` …'),
  owner: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
});

/** controller/plan/effect.ts */
const effectSchema = z.object({
  host: z.string().optional().describe('Absent: on every host that takes part in a routing domain.'),
  subject: z.string().describe('`vNIC blue1/eth0`, `virtual switch Internal`.'),
  change: z.enum(['appears', 'goes', 'moves', 'changes']),
  text: z.string().describe('What changes, in words.'),
  interruption: z.object({
    milliseconds: z
      .int()
      .nullable()
      .describe('Estimate; 0: no frame is lost; null: until somebody acts, or for good.'),
    why: z.string(),
  }),
  vnics: z.array(z.string()).describe('Names of the vNICs that are interrupted.'),
  guards: z.array(z.object({ guard: z.string(), before: z.string(), after: z.string() })),
  management: z.boolean().describe('The host itself may be out of reach while it happens.'),
});

/** controller/change.ts */
export const changeSummarySchema = named(
  'ChangeSummary',
  z
    .object({
      revision: revision.optional(),
      job: z
        .int()
        .optional()
        .describe('The job that carries it out; absent for a dry run, and where nothing had to be changed.'),
      repeated: z.boolean().optional().describe('Carried out before, under the same request id.'),
      dryRun: z.boolean(),
      objects: z.array(objectSummary),
      unchanged: z.array(objectKey).describe('Sent, and already so.'),
      allocations: z.array(allocationChange).describe('What is given out and given back.'),
      hosts: z
        .array(
          z.object({
            host: z.string(),
            added: z.array(z.string()),
            changed: z.array(z.string()),
            removed: z.array(z.string()),
          }),
        )
        .describe('Policy records that each host gets, gets anew, and loses.'),
      effects: z
        .array(effectSchema)
        .describe(
          'What it does to traffic, the longest interruption first; of those that harm nobody, 1000.',
        ),
      effectCount: z.int().describe('How many effects there are, those that are not named included.'),
      released: z.array(z.string()).optional().describe('Addresses whose quarantine was ended.'),
      findings: z.array(findingSchema).describe('Warnings.'),
    })
    .describe('What a change comes to: by object, by what is handed out, and by host.'),
);

/** controller/pool.ts */
export const poolAddressSchema = named(
  'PoolAddress',
  z
    .object({
      address: z.string().describe('One address; first and last of a range that is kept for something.'),
      state: z.enum(['used', 'inactive', 'reserved', 'vip', 'gateway']),
      owner: z.string().optional().describe('Who has it, or had it.'),
      since: z.string().optional().describe('Inactive: when its owner went. ISO 8601, UTC.'),
      until: z.string().optional().describe('Inactive: until when nobody else is given it.'),
    })
    .describe('What is not free in a pool.'),
);

/** controller/explain.ts */
export const explanationSchema = named(
  'Explanation',
  z
    .object({
      connects: z.boolean().describe('Nothing stands in the way.'),
      missing: z
        .array(
          z.object({
            finding: findingSchema,
            repair: json
              .optional()
              .describe('An object that would repair it: names and numbers are proposals.'),
          }),
        )
        .describe('In the order in which it would fail.'),
    })
    .describe('What stands in the way.'),
);

/** controller/jobs/job.ts */
export const jobDocument = named(
  'Job',
  jobSchema.meta({ description: 'How a change, or other work that takes its time, comes along.' }),
);

/** controller/change.ts */
export const diffSchema = named(
  'Diff',
  z
    .object({
      from: revision,
      to: revision,
      objects: z.array(
        objectSummary.extend({
          before: json.describe('null where there was none.'),
          after: json.describe('null where there is none.'),
        }),
      ),
      allocations: z.array(allocationChange).describe('What was handed out and given back.'),
    })
    .describe('What differs between two revisions, whatever happened between them.'),
);

/** journal.ts */
const commitFields = {
  revision,
  time: z.string().describe('ISO 8601, UTC.'),
  author: z.string(),
  message: z.string(),
  objects: z.array(objectSummary),
};
export const commitSummarySchema = named(
  'CommitSummary',
  z.object(commitFields).describe('One row of the journal.'),
);
export const commitSchema = named(
  'Commit',
  z
    .object({
      ...commitFields,
      values: z
        .array(z.object({ key: objectKey, before: json, after: json }))
        .describe('Each object before and after; null where there was none.'),
      allocations: z.array(allocationChange),
    })
    .describe('One row of the journal, with everything in it.'),
);

/** probe.ts */
export const endpointSchema = named(
  'Endpoint',
  z
    .object({
      name: z.string(),
      host: z.string().optional().describe('Not told to users of a tenant.'),
      mac: z.string(),
      addresses: z.array(z.string()),
      network: z.string(),
    })
    .describe('One end that can be pinged: a vNIC of a VM or of a host.'),
);
export const pingSchema = named(
  'Ping',
  z
    .object({
      from: z.string(),
      to: z.string(),
      address: z.string().describe('What was pinged.'),
      sent: z.int(),
      received: z.int(),
      rtt: z
        .object({ min: z.number(), avg: z.number(), max: z.number() })
        .optional()
        .describe('Milliseconds.'),
      verdict: z.enum(['answered', 'partial', 'lost']),
      dropped: z
        .object({
          at: z.string(),
          reason: z.string(),
          rule: z.string().optional(),
          origin: z.string().optional(),
        })
        .optional()
        .describe('Where an unanswered frame ended, and why.'),
    })
    .describe('What came of a ping with real frames.'),
);
const aclDecision = {
  host: z.string().optional().describe('Not told to users of a tenant.'),
  acl: z.string().describe('Port ACL: `web`, `red:web`.'),
  rule: z.string().describe('Name of the rule; `default` where none was about it.'),
  direction: z.enum(['inbound', 'outbound']),
  verdict: z.enum(['allow', 'deny']),
};
export const aclLogSchema = named(
  'AclLogEntry',
  z
    .object({
      time: z.string().describe('ISO 8601, UTC.'),
      port: z.string().describe('The vNIC whose port ACL it is: `blue1/eth0`.'),
      ...aclDecision,
      frame: z.string().describe('In the one-line notation.'),
    })
    .describe('What a rule of a port ACL has decided about a frame.'),
);
export const aclCounterSchema = named(
  'AclCounter',
  z
    .object({
      ...aclDecision,
      packets: z.string().describe('A decimal number: it can be larger than those of JSON.'),
      bytes: z.string().describe('The same.'),
    })
    .describe('How often a rule of a port ACL has decided since its flows were made.'),
);
export const walkSchema = named(
  'Walk',
  z
    .object({
      from: z.string(),
      to: z.string(),
      outcome: z.string(),
      steps: z.array(z.record(z.string(), json)).describe('One place after the other.'),
    })
    .describe('One frame, followed from end to end.'),
);

/** For `response` of a route that can fail, and all can. */
export const PROBLEMS = {
  default: {
    description: 'What is wrong, with every reason.',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
};
