/**
 * What goes out to a tenant's user: of commits and of what changes come to, the tenant's part; of findings, the words
 * that tell nothing of others. Administrators get everything as it is.
 */
import { CODES, type ErrorCode } from '../base/codes.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { ChangeSummary } from '../controller/change.ts';
import { KIND_NAMES, type KindName, type ObjectKey } from '../model/definition.ts';
import { kindOf, splitObjectKey } from '../model/kinds.ts';
import { tenantOfKey } from '../model/tenancy.ts';
import type { Commit } from '../store/contract.ts';
import { tenantDocument } from './tenant-fields.ts';
import type { View } from './view.ts';
import { MASK, unmasked } from './writes.ts';

/** An object as it is shown. */
export function seenDocument(view: View, key: ObjectKey, document: JsonObject): JsonObject {
  const kind = splitObjectKey(key)?.kind;
  return view.tenant === undefined || !kind ? document : tenantDocument(kind, document, view.owns(key));
}

/** What a change came to. A new field of the summary is an administrator's until it stands here. */
export function seenSummary(view: View, summary: ChangeSummary): ChangeSummary {
  if (view.tenant === undefined) return summary;
  const { revision, repeated, job, dryRun, objects, unchanged, allocations, findings, released } = summary;
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(repeated === undefined ? {} : { repeated }),
    ...(job === undefined ? {} : { job }),
    dryRun,
    objects: objects
      .filter(({ key }) => view.owns(key))
      .map((object) => ({ ...object, fields: object.fields.filter(({ path }) => !HIDDEN.test(path)) })),
    unchanged: unchanged.filter((key) => view.owns(key)),
    allocations: seenAllocations(view, allocations),
    hosts: [],
    effects: [],
    effectCount: 0,
    findings: seenFindings(view, findings),
    ...(released === undefined ? {} : { released }),
  };
}

/** Whether an object of the journal is one that is seen. What no longer can be read as its kind is not shared with anybody. */
function isShown(view: View, key: ObjectKey, kind: KindName, value: JsonObject): boolean {
  if (!view.mayShow(key)) return false;
  if (kind !== 'User' && view.owns(key)) return true;
  const { meta: _id, ...fields } = value;
  const read = kindOf(kind).schema.safeParse(fields);
  return read.success && view.shows(key, read.data);
}

/** Domain numbers count the networks of all tenants, and mean nothing outside of the hosts. */
function seenAllocations<T extends { readonly scope: string; readonly owner: string }>(
  view: View,
  allocations: readonly T[],
): T[] {
  return allocations.filter(
    ({ scope, owner }) => scope !== DOMAIN_NUMBER && tenantOfKey(owner) === view.tenant,
  );
}

/** allocate/scopes.ts */
const DOMAIN_NUMBER = 'domain-number';

/** Fields of machines that tenants do not see, as they stand in the paths of changes. */
const HIDDEN = /^(?:host|migration)(?:$|\.)/;

/** The tenant's part of a commit; undefined where there is none. */
export function seenCommit(view: View, commit: Commit): Commit | undefined {
  if (view.tenant === undefined) return commit;
  const objects = commit.objects.flatMap((change) => {
    const key = `${change.kind}/${change.key}` as ObjectKey;
    const kind = splitObjectKey(key)?.kind;
    const value = change.after ?? change.before;
    if (!kind || !value || !isShown(view, key, kind, value)) return [];
    const isOwn = view.owns(key);
    const seen = (json: typeof change.before) => {
      if (json === null) return null;
      const { status: _none, meta: _id, ...fields } = tenantDocument(kind, json, isOwn);
      return fields;
    };
    return [{ ...change, before: seen(change.before), after: seen(change.after) }];
  });
  const allocations = seenAllocations(view, commit.allocations);
  if (objects.length === 0 && allocations.length === 0) return undefined;
  const { revision, time } = commit;
  // Who of the administrators it was, and what else they had in mind, is not the tenant's business.
  const isOwn = tenantOfKey(commit.author) === view.tenant;
  return {
    revision,
    time,
    author: isOwn ? commit.author : 'administrator',
    message: isOwn ? commit.message : '',
    objects,
    allocations,
  };
}

/** The same error, in words for the principal. */
export function seenError(view: View, thrown: unknown): unknown {
  if (view.tenant === undefined || !(thrown instanceof NetloomError) || thrown.code === 'internal')
    return thrown;
  const [first, ...rest] = seenFindings(view, thrown.findings);
  return first ? new NetloomError([first, ...rest], { cause: thrown }) : thrown;
}

/** Codes of findings that say nothing but what was sent, or what is the tenant's. */
const OWN_WORDS: ReadonlySet<ErrorCode> = new Set([
  'input-unreadable',
  'input-too-large',
  'kind-unknown',
  'field-unknown',
  'field-missing',
  'value-invalid',
  'reference-missing',
  'quota-exceeded',
  'forbidden',
  'field-forbidden',
]);

/**
 * Findings that name nothing but what the user sees; of the others only what sort they are. What the user has sent is no
 * reason to show a name: somebody who guesses it would learn that it is right.
 */
export function seenFindings(view: View, findings: readonly Finding[]): Finding[] {
  if (view.tenant === undefined) return [...findings];
  const own = findings.filter(({ path }) => !KEY.test(path) || isKeySeen(view, path));
  const seen = own.map((found) => (isSeen(view, found) ? found : withoutWords(found)));
  const [first] = findings;
  return unmasked(seen.length > 0 || !first ? seen : [{ ...withoutWords(first), path: '' }]);
}

function isSeen(view: View, { code, message, remedy }: Finding): boolean {
  if (OWN_WORDS.has(code)) return true;
  const words = `${message} ${remedy}`;
  const quoted = [...words.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text);
  const keys = [...words.matchAll(KEYS)].map(({ index }) => words.slice(index));
  const isNameSeen = (name: string) =>
    name.startsWith(MASK) || KIND_NAMES.some((kind) => view.sees(view.resolve(kind, name)));
  return (
    quoted.filter((text) => !KEY.test(text)).every(isNameSeen) && keys.every((text) => isKeySeen(view, text))
  );
}

/** Whether a text begins with the key of something that is the tenant's, or seen by it. Names may have spaces in them. */
function isKeySeen(view: View, text: string): boolean {
  const ends = [...text.matchAll(/[.,;:!?"]?(?:\s|$)|[.[]/g)].map(({ index }) => index);
  return ends.some((end) => {
    const split = splitObjectKey(text.slice(0, end));
    if (!split) return false;
    const key: ObjectKey = `${split.kind}/${split.key}`;
    return split.key.includes(MASK) || view.owns(key) || view.sees(key);
  });
}

function withoutWords({ code, severity, path }: Finding): Finding {
  const remedy = 'Ask the administrator, who sees more.';
  return { code, severity, path, message: `${CODES[code].title}.`, remedy };
}

const KEY = new RegExp(`^(?:${KIND_NAMES.join('|')})/`);
const KEYS = new RegExp(`\\b(?:${KIND_NAMES.join('|')})/`, 'g');
