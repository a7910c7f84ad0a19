import type { PolicyRecord, RecordKind } from './records.ts';

/**
 * What a record of each kind refers to, dependencies before dependents. Written in this order, every prefix of the
 * changes leaves no record that refers to a missing one. Ports come last: a port opens when all that it may
 * talk through is there.
 */
export const DEPENDENCIES = {
  switch: [],
  provider: ['switch'],
  domain: ['provider'],
  subnet: ['domain'],
  lookup: ['subnet'],
  route: ['subnet', 'lookup'],
  mirror: ['switch'],
  acl: [],
  port: ['switch', 'subnet', 'acl'],
} as const satisfies Record<RecordKind, readonly RecordKind[]>;

export const KIND_ORDER = Object.keys(DEPENDENCIES) as readonly RecordKind[];

/** One record that is added or replaced, or, without `record`, removed. */
export interface Keyed {
  readonly scope: string;
  readonly key: string;
  readonly record?: PolicyRecord;
}

/**
 * The order in which changes are carried out: additions and replacements in KIND_ORDER, then removals in the reverse
 * of it. Within a kind by scope and key, so that the order does not depend on where the changes came from.
 */
export function ordered<C extends Keyed>(changes: readonly C[]): C[] {
  return changes
    .map((change) => ({ change, rank: rank(change) }))
    .sort(
      (a, b) =>
        a.rank - b.rank || compare(a.change.scope, b.change.scope) || compare(a.change.key, b.change.key),
    )
    .map(({ change }) => change);
}

function rank({ key, record }: Keyed): number {
  const kind = kindOfKey(key);
  const position = kind === undefined ? -1 : KIND_ORDER.indexOf(kind);
  return record === undefined ? 2 * KIND_ORDER.length - position : position;
}

/** The kind of the record that a key (recordKey) belongs to; undefined when there is no such kind. */
export function kindOfKey(key: string): RecordKind | undefined {
  return KIND_ORDER.find((kind) => key.startsWith(`${kind}/`));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
