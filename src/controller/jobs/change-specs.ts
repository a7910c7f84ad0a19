/** What jobs of changes are called, and how what was asked for is kept for another try. */
import { finding, NetloomError } from '../../base/error.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { ObjectKey } from '../../model/definition.ts';
import { objectKey, splitObjectKey } from '../../model/kinds.ts';
import { readObject } from '../../model/read.ts';
import type { Change } from '../change.ts';
import { jsonOf } from '../stored.ts';
import type { ChangeJobSpec } from './change-jobs.ts';

/** The object that a change is about. */
export function keyOf(change: Change): ObjectKey {
  return 'delete' in change ? change.delete : objectKey(change.object);
}

export function applySpec(changes: readonly Change[], message: string | undefined): ChangeJobSpec {
  const objects = changes.map(keyOf);
  const isDelete = changes.length > 0 && changes.every((change) => 'delete' in change);
  const what = objects.length === 1 ? objects[0] : `${objects.length} objects`;
  return {
    kind: isDelete ? 'delete' : 'apply',
    title: `${isDelete ? 'Delete' : 'Apply'} ${what}`,
    objects,
    request: () => ({
      changes: changes.map((change) => {
        if ('delete' in change) return { ...change };
        const { onto: _ofThen, ...rest } = change;
        return { ...rest, object: jsonOf(change.object) };
      }),
      ...(message === undefined ? {} : { message }),
    }),
  };
}

/** `undo` and `rollback`, which both name a revision. */
export function revisionSpec(
  kind: 'undo' | 'rollback',
  revision: number,
  message: string | undefined,
): ChangeJobSpec {
  return {
    kind,
    title: `${kind === 'undo' ? 'Undo revision' : 'Roll back to revision'} ${revision}`,
    objects: [],
    request: () => ({ revision, ...(message === undefined ? {} : { message }) }),
  };
}

export function releaseSpec(
  pool: ObjectKey,
  addresses: readonly string[] | undefined,
  message: string | undefined,
): ChangeJobSpec {
  return {
    kind: 'release',
    title: `Release addresses of ${pool}`,
    objects: [pool],
    request: () => ({
      pool,
      ...(addresses === undefined ? {} : { addresses }),
      ...(message === undefined ? {} : { message }),
    }),
  };
}

/** The changes that a request of `applySpec` holds; throws what is wrong with them by now. */
export function changesOf(request: JsonObject): Change[] {
  return list(request.changes).map((change): Change => {
    if (!isObject(change)) throw notKept();
    const { expect } = change;
    if (typeof change.delete === 'string') {
      if (!splitObjectKey(change.delete)) throw notKept();
      return {
        delete: change.delete as ObjectKey,
        ...(typeof expect === 'number' ? { expect } : {}),
      };
    }
    const read = readObject(change.object);
    if (!read.ok) {
      const [first, ...rest] = read.findings.map((f) => f.finding);
      throw first ? new NetloomError([first, ...rest]) : notKept();
    }
    return {
      object: read.object,
      ...(typeof expect === 'number' || expect === 'absent' ? { expect } : {}),
    };
  });
}

export function revisionOf({ revision }: JsonObject): number {
  if (typeof revision !== 'number') throw notKept();
  return revision;
}

export function releaseOf({ pool, addresses }: JsonObject): {
  readonly pool: ObjectKey;
  readonly addresses: readonly string[] | undefined;
} {
  if (typeof pool !== 'string' || !splitObjectKey(pool)) throw notKept();
  const named = addresses === undefined ? undefined : list(addresses).map(String);
  return { pool: pool as ObjectKey, addresses: named };
}

/** Why, as it was said the first time. */
export function messageOf({ message }: JsonObject): { readonly message?: string } {
  return typeof message === 'string' ? { message } : {};
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(value)) throw notKept();
  return value;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notKept(): NetloomError {
  return new NetloomError([
    finding(
      'job-state',
      '',
      'What the job was asked for cannot be read any more.',
      'Ask for it as the first time.',
    ),
  ]);
}
