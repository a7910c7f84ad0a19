/** What a change comes to, told to a person: by object, by what was handed out, and by host. */
import type { AllocationChange } from '../allocate/holdings.ts';
import { isInactiveRow } from '../allocate/quarantine.ts';
import type { OutputChange } from '../base/derive.ts';
import type { Finding } from '../base/error.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { ObjectKey } from '../model/definition.ts';
import type { ModelObject } from '../model/kinds.ts';
import { hostOfScope, recordKey, type ScopedRecord } from '../policy/records.ts';
import type { Commit } from '../store/contract.ts';
import type { Effect } from './plan/effect.ts';
import { jsonOf } from './stored.ts';

/** One thing that a caller wants. `expect`: the revision at which the object must have been changed last. */
export type Change =
  | {
      readonly object: ModelObject;
      readonly expect?: number | 'absent';
      /** The object once more, when it is its turn: where a part of it is that of the object that is there by then. */
      readonly onto?: (held: ModelObject | undefined) => ModelObject;
    }
  | { readonly delete: ObjectKey; readonly expect?: number };

export interface FieldChange {
  /** `vnics[0].address` */
  readonly path: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

export interface ObjectSummary {
  readonly key: ObjectKey;
  readonly action: 'create' | 'update' | 'delete';
  /** For an update: what differs. */
  readonly fields: readonly FieldChange[];
}

export interface HostSummary {
  readonly host: string;
  /** Policy records that this host will get, get anew, and lose. */
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface ChangeSummary {
  /** The revision that the change became; absent when nothing was committed. */
  readonly revision?: number;
  /** The request was carried out before, under the same request id; this tells what it came to then. */
  readonly repeated?: boolean;
  /** The job that carries it out; absent for a dry run, and where nothing had to be changed. */
  readonly job?: number;
  readonly dryRun: boolean;
  readonly objects: readonly ObjectSummary[];
  /** Objects that were sent and are already as they were sent. */
  readonly unchanged: readonly ObjectKey[];
  readonly allocations: readonly AllocationChange[];
  readonly hosts: readonly HostSummary[];
  /** What it does to traffic, the longest interruption first; of effects that harm nobody, the first ones. */
  readonly effects: readonly Effect[];
  /** How many effects there are, those that are not named included. */
  readonly effectCount: number;
  /** Addresses whose quarantine was ended, where that was what was asked for. */
  readonly released?: readonly string[];
  /** Warnings only. */
  readonly findings: readonly Finding[];
}

/** Of a change that changes nothing. */
export const NO_CHANGE: ChangeSummary = {
  dryRun: false,
  objects: [],
  unchanged: [],
  allocations: [],
  hosts: [],
  effects: [],
  effectCount: 0,
  findings: [],
};

/** How two versions of an object differ, field by field. */
export function fieldChanges(before: ModelObject, after: ModelObject): FieldChange[] {
  return jsonChanges(jsonOf(before), jsonOf(after));
}

function jsonChanges(before: JsonObject, after: JsonObject): FieldChange[] {
  const changes: FieldChange[] = [];
  compare('', before, after, changes);
  return changes;
}

/** What a commit handed out and took back; without its notes on who had an address before. */
export function handedOut(commit: Pick<Commit, 'allocations'>): readonly AllocationChange[] {
  return commit.allocations.filter((row) => !isInactiveRow(row));
}

/** A row of the journal, object by object. */
export function commitSummaries(commit: Pick<Commit, 'objects'>): ObjectSummary[] {
  return commit.objects.map(({ kind, key: name, before, after }) => {
    const key = `${kind}/${name}` as ObjectKey;
    if (before === null) return { key, action: 'create', fields: [] };
    if (after === null) return { key, action: 'delete', fields: [] };
    return { key, action: 'update', fields: jsonChanges(before, after) };
  });
}

function compare(
  path: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  changes: FieldChange[],
): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++)
      compare(`${path}[${i}]`, before[i], after[i], changes);
  } else if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(path ? `${path}.${key}` : key, before[key], after[key], changes);
    }
  } else if (before !== after) {
    changes.push({
      path,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Who is told what. `subscribers` says which hosts follow a routing domain's scope, after the change. */
export function hostSummaries(
  records: readonly OutputChange<ScopedRecord>[],
  subscribers: (scope: string) => Iterable<string>,
): HostSummary[] {
  const hosts = new Map<string, { added: string[]; changed: string[]; removed: string[] }>();
  for (const { before, after } of records) {
    const { scope, record } = (after ?? before)!;
    const own = hostOfScope(scope);
    const targets = own === undefined ? subscribers(scope) : [own];
    const what = after ? (before ? 'changed' : 'added') : 'removed';
    for (const host of targets) {
      const summary = hosts.get(host) ?? { added: [], changed: [], removed: [] };
      hosts.set(host, summary);
      summary[what].push(recordKey(record));
    }
  }
  return [...hosts]
    .map(([host, summary]) => ({ host, ...summary }))
    .sort((a, b) => (a.host < b.host ? -1 : 1));
}
