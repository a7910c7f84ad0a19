/** What a request comes to: which objects really change, and everything that is wrong with the request itself. */
import { type Finding, finding, throwIfErrors } from '../base/error.ts';
import { sameJson } from '../base/json.ts';
import type { ObjectKey } from '../model/definition.ts';
import { isBuiltIn, isImplied } from '../model/implied.ts';
import { isKind, type ModelObject, objectKey } from '../model/kinds.ts';
import type { SecretWrite } from '../store/contract.ts';
import { type Change, fieldChanges, type ObjectSummary } from './change.ts';
import { keepMigration, whileMoving } from './migration/guard.ts';
import type { Edit, NetworkView } from './network.ts';
import { jsonOf } from './stored.ts';

/** What really changes; and everything that is wrong with the request itself, at once. */
export function editsOf(
  network: NetworkView,
  changes: readonly Change[],
  migrates: boolean,
): {
  edits: Edit[];
  unchanged: ObjectKey[];
  expectations: Expectations;
} {
  const edits = new Map<ObjectKey, Edit>();
  const unchanged: ObjectKey[] = [];
  const expectations: Expectations = new Map();
  const findings: Finding[] = [];
  for (const asked of changes) {
    const change = migrates || 'delete' in asked ? asked : ontoHeld(network, asked);
    const key = 'delete' in change ? change.delete : objectKey(change.object);
    const held = network.get(key);
    if (edits.has(key))
      findings.push(
        finding('name-duplicate', key, `${key} is in this change more than once.`, 'Leave one of them.'),
      );
    if (change.expect !== undefined) {
      expectations.set(key, change.expect);
      const conflict = expectationFinding(key, change.expect, held?.revision);
      if (conflict) findings.push(conflict);
    }
    const refused = migrates
      ? undefined
      : whileMoving(held?.object, 'delete' in change ? undefined : change.object);
    if (refused) findings.push(refused);
    if ('delete' in change) {
      if (!held) findings.push(notThere(network, key));
      edits.set(key, { key });
    } else if (held && sameObject(held.object, change.object)) {
      unchanged.push(key);
    } else {
      edits.set(key, { key, object: change.object });
    }
  }
  throwIfErrors(findings);
  return { edits: [...edits.values()], unchanged, expectations };
}

/** With what the object that is there keeps, whoever writes it. */
function ontoHeld<C extends Extract<Change, { object: unknown }>>(network: NetworkView, change: C): C {
  const held = network.get(objectKey(change.object))?.object;
  const object = change.onto?.(held) ?? change.object;
  return { ...change, object: keepMigration(object, held) };
}

/** Nobody who gets the name later inherits what was set for somebody who was deleted meanwhile. */
export function ownersThere(
  network: NetworkView,
  secrets: readonly SecretWrite[],
  edits: readonly Edit[],
): Finding[] {
  const edited = new Map<string, Edit>(edits.map((edit) => [edit.key, edit]));
  return secrets
    .filter(({ value }) => value !== null)
    .map(({ owner }) => owner as ObjectKey)
    .filter((owner) => !(edited.get(owner)?.object ?? (!edited.has(owner) && network.get(owner))))
    .map((owner) => notThere(network, owner));
}

/** Why an object that is to change or to go cannot: nobody wrote it. */
export function notThere(network: NetworkView, key: ObjectKey): Finding {
  const implied = network.fact(key);
  if (implied && isImplied(implied) && isKind(implied, 'VmNetwork')) {
    return finding(
      'in-use',
      key,
      `${key} exists because ${implied.impliedBy} asks for a VM network of its own name.`,
      `Set sameNameVmNetwork of ${implied.impliedBy} to false instead.`,
    );
  }
  if (implied && isBuiltIn(implied)) {
    return finding(
      'in-use',
      key,
      `${key} is built in, so it is always there.`,
      'Leave it; no switch offers it that does not list it. An object of the same name stands in its place.',
    );
  }
  return finding('not-found', key, `There is no ${key}.`, 'Look at the names with "netloom get".');
}

/** What an edit does to the object that is there, for people. */
export function summaryOf(network: NetworkView, { key, object }: Edit): ObjectSummary {
  const held = network.get(key);
  if (!object) return { key, action: 'delete', fields: [] };
  if (!held) return { key, action: 'create', fields: [] };
  return { key, action: 'update', fields: fieldChanges(held.object, object) };
}

/** What callers said that objects have to be like: the revision that changed them last. */
export type Expectations = Map<ObjectKey, number | 'absent'>;

function expectationFinding(
  key: ObjectKey,
  expect: number | 'absent',
  revision: number | undefined,
): Finding | undefined {
  if (expect === 'absent' ? revision === undefined : expect === revision) return undefined;
  const now = revision === undefined ? 'it does not exist' : `it was last changed in revision ${revision}`;
  const wanted = expect === 'absent' ? 'it to be new' : `revision ${expect}`;
  return finding(
    'conflict',
    key,
    `The change of ${key} expects ${wanted}, but ${now}.`,
    revision === undefined
      ? 'Leave "meta" out to make a new object.'
      : 'Read it again, and make the change on what it is now.',
  );
}

function sameObject(a: ModelObject, b: ModelObject): boolean {
  return sameJson(jsonOf(a), jsonOf(b));
}
