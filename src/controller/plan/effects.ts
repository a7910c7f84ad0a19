/** What a change does to traffic: from changes of records to effects. Pure; see effect.ts for how it estimates. */
import type { OutputChange } from '../../base/derive.ts';
import { entryOf } from '../../base/map.ts';
import {
  hostOfScope,
  type PolicyRecord,
  type PortRecord,
  type RecordKind,
  type ScopedRecord,
} from '../../policy/records.ts';
import type { Effect } from './effect.ts';
import { aclEffect, domainEffect, providerEffect, switchEffect } from './fabric-effect.ts';
import { portEffect } from './port-effect.ts';

/**
 * The effects of a change, the longest interruption first.
 *
 * @param portsOf the ports of a host as they are after the change; asked for only where an uplink, a provider address or
 *   a mirror changes
 */
export function effectsOf(
  changes: readonly OutputChange<ScopedRecord>[],
  portsOf: (host: string) => readonly PortRecord[],
): Effect[] {
  const moves = movesOf(changes);
  const effects = changes.flatMap(({ before, after }) => {
    const { scope } = (after ?? before)!;
    const host = hostOfScope(scope);
    if (host === undefined) return domainEffect(before?.record, after?.record) ?? [];
    return hostEffect(host, before?.record, after?.record, moves, () => portsOf(host)) ?? [];
  });
  return effects.sort((a, b) => length(b) - length(a) || compare(a.host ?? '', b.host ?? ''));
}

/** How many effects that harm nobody a summary names: a whole network that is new would be nothing else. */
const NAMED_HARMLESS = 1000;

/** The effects that are worth naming: every one that interrupts, changes a guard or concerns the host, and some others. */
export function worthNaming(effects: readonly Effect[]): readonly Effect[] {
  if (effects.length <= NAMED_HARMLESS) return effects;
  let harmless = 0;
  return effects.filter(
    ({ interruption, guards, management }) =>
      interruption.milliseconds !== 0 || guards.length > 0 || management || ++harmless <= NAMED_HARMLESS,
  );
}

function hostEffect(
  host: string,
  before: PolicyRecord | undefined,
  after: PolicyRecord | undefined,
  moves: Moves,
  ports: () => readonly PortRecord[],
): Effect | undefined {
  const { kind } = (after ?? before)!;
  const was = ofKind(before);
  const is = ofKind(after);
  switch (kind) {
    case 'port': {
      const [old, now] = [was(kind), is(kind)];
      const move = moves.get((now ?? old)!.id);
      const elsewhere = now ? move?.from : move?.to;
      return portEffect(host, old, now, elsewhere === host ? undefined : elsewhere);
    }
    case 'switch':
      return switchEffect(host, was(kind), is(kind), ports);
    case 'provider':
      return providerEffect(host, was(kind), is(kind), ports);
    case 'acl':
      return aclEffect(host, was(kind), is(kind));
    case 'mirror': {
      const { source, direction } = (is(kind) ?? was(kind))!;
      const name = ports().find(({ id }) => id === source)?.name ?? source;
      return {
        host,
        subject: `mirror of ${name}`,
        change: before ? (after ? 'changes' : 'goes') : 'appears',
        text: `frames ${direction === 'both' ? 'from and to' : direction} the machine`,
        interruption: { milliseconds: 0, why: 'Copies change nothing of what is copied.' },
        vnics: [],
        guards: [],
        management: false,
      };
    }
    // Which routing domains a host takes part in follows from its ports; the rest is not of a host.
    case 'domain':
    case 'subnet':
    case 'route':
    case 'lookup':
      return undefined;
  }
}

type Moves = ReadonlyMap<string, { readonly from?: string; readonly to?: string }>;

/** vNICs that leave a host and come to one in the same change. */
function movesOf(changes: readonly OutputChange<ScopedRecord>[]): Moves {
  const moves = new Map<string, { from?: string; to?: string }>();
  for (const { before, after } of changes) {
    const { scope, record } = (after ?? before)!;
    const host = hostOfScope(scope);
    if (record.kind !== 'port' || host === undefined || (before && after)) continue;
    const move = moves.get(record.id) ?? {};
    moves.set(record.id, after ? { ...move, to: host } : { ...move, from: host });
  }
  return moves;
}

function ofKind(record: PolicyRecord | undefined) {
  return <K extends RecordKind>(kind: K): Extract<PolicyRecord, { kind: K }> | undefined =>
    record?.kind === kind ? (record as Extract<PolicyRecord, { kind: K }>) : undefined;
}

function length({ interruption: { milliseconds } }: Effect): number {
  // Until somebody acts is longer than any time; two of them are as long as each other.
  return milliseconds ?? Number.MAX_SAFE_INTEGER;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The ports of each host, looked up once, and only if somebody asks. */
export function portsByHost(records: () => Iterable<ScopedRecord>): (host: string) => readonly PortRecord[] {
  let byHost: Map<string, PortRecord[]> | undefined;
  return (host) => {
    if (!byHost) {
      byHost = new Map();
      for (const { scope, record } of records()) {
        const of = hostOfScope(scope);
        if (record.kind === 'port' && of !== undefined) entryOf(byHost, of, () => []).push(record);
      }
    }
    return byHost.get(host) ?? [];
  };
}
