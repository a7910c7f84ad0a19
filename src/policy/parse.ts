/**
 * Policy records as they come in from outside, above all on the agent, which would rather keep the policy that it has than
 * act on one that it understands by half: whatever is not exactly a record (schema.ts) is refused.
 */
import type * as z from 'zod';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { kindOfKey } from './order.ts';
import { domainScope, type PolicyRecord, type RecordKind, recordKey, type Scope } from './records.ts';
import { RECORD_SCHEMAS } from './schema.ts';
import type { PolicyChange } from './set.ts';

const SKEW = 'Controller and agent are probably of different versions; bring them to the same one.';

/**
 * The record that this value (of JSON) says, or a NetloomError with everything that is wrong with it:
 * `kind-unknown`, `field-unknown`, `field-missing`, `value-invalid`. `path` stands before the path of each finding.
 */
export function parseRecord(value: unknown, path = ''): PolicyRecord {
  const kind = readKind(value);
  if (kind === undefined) {
    const named = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : value;
    throw new NetloomError([
      finding('kind-unknown', path, `There is no kind of policy record ${quote(named)}.`, SKEW),
    ]);
  }
  const result = RECORD_SCHEMAS[kind].safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const [first, ...rest] = result.error.issues.flatMap((issue) => describe(issue, path));
  throw new NetloomError([first!, ...rest]);
}

/** A change as it travels: the record as the bytes of its JSON. */
export interface RawChange {
  readonly scope: string;
  readonly key: string;
  readonly record?: Uint8Array | undefined;
}

/**
 * The change that these bytes say. Refuses (NetloomError), besides what parseRecord refuses: bytes that are not JSON
 * in UTF-8, a key that is not the record's, and a record in a scope that it does not belong to.
 */
export function parseChange(raw: RawChange): PolicyChange {
  const path = `${raw.scope} ${raw.key}`;
  const scope = readScope(raw.scope);
  if (!scope) throw refuse(path, `${quote(raw.scope)} is not a scope.`);
  if (raw.record === undefined) {
    if (!kindOfKey(raw.key))
      throw refuse(path, `${quote(raw.key)} is not the key of a policy record.`, 'kind-unknown');
    return { scope, key: raw.key };
  }
  const record = parseRecord(readJson(raw.record, path), path);
  if (recordKey(record) !== raw.key)
    throw refuse(path, `The key of the record is ${quote(recordKey(record))}.`);
  if (!belongs(record, scope)) throw refuse(path, `A ${record.kind} record does not belong in this scope.`);
  return { scope, key: raw.key, record };
}

/** Whether a record of its kind, and of its routing domain, has its place in this scope. */
export function belongs(record: PolicyRecord, scope: Scope): boolean {
  switch (record.kind) {
    case 'switch':
    case 'port':
    case 'acl':
    case 'mirror':
    case 'provider':
    case 'domain':
      return scope.startsWith('host/');
    case 'subnet':
    case 'route':
    case 'lookup':
      return scope === domainScope(record.rdid);
  }
}

function readScope(text: string): Scope | undefined {
  return /^(?:host|domain)\/./su.test(text) ? (text as Scope) : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new NetloomError([finding('value-invalid', path, 'The record is not JSON in UTF-8.', SKEW)], {
      cause,
    });
  }
}

function readKind(value: unknown): RecordKind | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  const { kind } = value;
  return typeof kind === 'string' && Object.hasOwn(RECORD_SCHEMAS, kind) ? (kind as RecordKind) : undefined;
}

function describe(issue: z.core.$ZodIssue, path: string): Finding[] {
  const at = issue.path.reduce<string>(
    (whole, step) =>
      typeof step === 'number' ? `${whole}[${step}]` : whole ? `${whole}.${String(step)}` : String(step),
    path,
  );
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      finding('field-unknown', at, `There is no field ${quote(key)} here.`, SKEW),
    );
  }
  if (issue.input === undefined) {
    return [finding('field-missing', at, 'The field is missing.', SKEW)];
  }
  return [finding('value-invalid', at, `${quote(issue.input)} ${reason(issue)}.`, SKEW)];
}

/** Our own checks say what is wrong as the end of a sentence; zod's are a sentence of their own. */
function reason(issue: z.core.$ZodIssue): string {
  return issue.code === 'custom' ? issue.message : `is not accepted: ${issue.message}`;
}

function refuse(
  path: string,
  message: string,
  code: 'value-invalid' | 'kind-unknown' = 'value-invalid',
): NetloomError {
  return new NetloomError([finding(code, path, message, SKEW)]);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
