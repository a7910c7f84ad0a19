/**
 * The last policy of a host, as it lies on the disk:
 *
 *     {"netloom":"host policy","version":1,"host":"host1","epoch":"…","revision":12,"records":2,"hash":"…"}
 *     domain/… {record}
 *     host/host1 {record}
 *
 * The first line says what has to follow. A file that is torn, altered, of another host or of another version is refused
 * as a whole: half a policy would open what the other half closes.
 */
import { z } from 'zod';
import { type Finding, NetloomError, warning } from '../../base/error.ts';
import { belongs, parseRecord } from '../../policy/parse.ts';
import { recordKey, type Scope } from '../../policy/records.ts';
import { PolicySet, type PolicyView } from '../../policy/set.ts';
import type { Held } from '../../stream/replica.ts';

const WHAT = 'host policy';
const VERSION = 1;

const headSchema = z.strictObject({
  netloom: z.literal(WHAT),
  version: z.literal(VERSION),
  host: z.string(),
  epoch: z.string(),
  revision: z.int().min(0),
  records: z.int().min(0),
  hash: z.string(),
});

/** A policy with its place in time, to be written. */
export interface Kept {
  readonly epoch: string;
  readonly revision: number;
  readonly policy: PolicyView;
}

/** The whole content of the file. Equal policies have equal texts. */
export function writePolicy(host: string, { epoch, revision, policy }: Kept): string {
  const head: z.infer<typeof headSchema> = {
    netloom: WHAT,
    version: VERSION,
    host,
    epoch,
    revision,
    records: policy.size,
    hash: policy.hash(),
  };
  return `${JSON.stringify(head)}\n${policy.text()}`;
}

/** The policy that a file says, or a warning that says why it is not taken. Never throws. */
export function readPolicy(host: string, content: string): Held | Finding {
  try {
    const [first = '', ...lines] = content.split('\n');
    const head = headSchema.parse(JSON.parse(first));
    if (head.host !== host) return refused(`it is the policy of the host ${head.host}`);
    // After the last line end there is nothing.
    if (lines.pop() !== '' || lines.length !== head.records) return refused('it is not whole');
    const policy = PolicySet.of(lines.map(readLine));
    if (policy.size !== head.records || policy.hash() !== head.hash)
      return refused('its content is not what was written');
    return { epoch: head.epoch, revision: head.revision, policy };
  } catch (thrown) {
    if (thrown instanceof NetloomError) return refused(thrown.findings[0].message.replace(/\.$/, ''));
    return refused('it is not one that this version of Netloom has written');
  }
}

function readLine(line: string): { scope: Scope; record: ReturnType<typeof parseRecord> } {
  // No scope has a brace in it, and each record begins with one.
  const begin = line.indexOf(' {');
  const scope = line.slice(0, begin) as Scope;
  const record = parseRecord(JSON.parse(line.slice(begin + 1)), scope);
  if (!belongs(record, scope)) throw new RangeError(`${recordKey(record)} does not belong into ${scope}`);
  return { scope, record };
}

function refused(why: string): Finding {
  return warning(
    'agent-state',
    POLICY_FILE,
    `The policy on the disk is not taken: ${why}.`,
    'What runs on the host goes on as it is; the agent asks the controller for all of the policy. The file is kept beside it, with the ending .refused.',
  );
}

export const POLICY_FILE = 'policy';
