/** What lies between two revisions: of many commits, only how objects and allocations were before and are after. */
import { isInactiveRow } from '../allocate/quarantine.ts';
import { ACL_NUMBER, DOMAIN_NUMBER, RDID, VNIC } from '../allocate/scopes.ts';
import { type Finding, finding, NetloomError, warning } from '../base/error.ts';
import { sameJson } from '../base/json.ts';
import type { AllocationChange, Commit, ObjectChange, Store } from '../store/contract.ts';
import type { NetworkView, Proposal } from './network.ts';

export interface Net {
  readonly objects: readonly ObjectChange[];
  readonly allocations: readonly AllocationChange[];
}

/** Takes in commits one after the other, in order; memory is of what differs and not of how it came to be. */
export class NetChange {
  readonly #objects = new Map<string, ObjectChange>();
  readonly #allocations = new Map<string, AllocationChange>();

  add(commit: Commit): void {
    for (const change of commit.objects) {
      const at = `${change.kind}/${change.key}`;
      this.#objects.set(at, merged(this.#objects.get(at), change));
    }
    for (const change of commit.allocations) {
      const at = `${change.scope}\0${change.owner}`;
      this.#allocations.set(at, merged(this.#allocations.get(at), change));
    }
  }

  /** Sorted; an object that was deleted and made again as it was does not differ. `backwards`: from the later to the earlier. */
  result(backwards = false): Net {
    const objects = sorted(this.#objects).filter(({ before, after }) => !sameFields(before, after));
    const allocations = sorted(this.#allocations).filter(({ before, after }) => before !== after);
    if (!backwards) return { objects, allocations };
    return {
      objects: objects.map(({ kind, key, before, after }) => ({
        kind,
        key,
        before: after,
        beforeRevision: null,
        after: before,
      })),
      allocations: allocations.map((change) => ({ ...change, before: change.after, after: change.before })),
    };
  }
}

function merged<T extends { readonly before: unknown }>(earlier: T | undefined, later: T): T {
  return earlier ? { ...later, before: earlier.before } : later;
}

function sameFields(before: ObjectChange['before'], after: ObjectChange['after']): boolean {
  if (before === null || after === null) return before === after;
  const { meta: _id, ...was } = before;
  const { meta: _newId, ...is } = after;
  return sameJson(was, is);
}

function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

/** How many commits are read at a time: one may be as large as a whole network. */
const PAGE = 50;

/** What differs between two revisions; either may be the later one. Refuses what the journal does not reach. */
export async function netChange(store: Store, from: number, to: number): Promise<Net> {
  const latest = await store.revision();
  for (const revision of [from, to]) if (revision > latest) throw notMade(revision, latest);
  const [early, late] = from < to ? [from, to] : [to, from];
  const net = new NetChange();
  for (let at = early; at < late; ) {
    const changes = await store.changes(at, Math.min(PAGE, late - at));
    if ('compactedTo' in changes) throw forgotten(early, changes.compactedTo);
    for (const commit of changes.commits) net.add(commit);
    at = changes.commits.at(-1)?.revision ?? late;
  }
  return net.result(from > to);
}

/** What a rollback cannot bring back: values that it does not hand out again as they were. */
export function notRestored(net: Net, proposal: Proposal, network: NetworkView): Finding[] {
  const given = new Map(
    proposal.allocations.map((change) => [`${change.scope}\0${change.owner}`, change.after]),
  );
  const kept = net.allocations.filter((change) => !isInactiveRow(change));
  const lost = kept.flatMap(({ scope, owner, after: then }) => {
    const at = `${scope}\0${owner}`;
    const now = given.has(at) ? given.get(at)! : (network.allocation(scope, owner) ?? null);
    return then === null || now === null || now === then ? [] : [{ scope, owner, then, now }];
  });
  const told = lost.filter(({ scope }) => !IDS.has(scope));
  const findings = told
    .slice(0, NAMED_VALUES)
    .map(({ scope, owner, then, now }) =>
      warning(
        'not-restored',
        owner,
        `${owner} had ${then} of ${scope}, and gets ${now}.`,
        'Say the value in the object if it must be that one.',
      ),
    );
  const unnamed = told.length - findings.length;
  if (unnamed > 0) {
    const message = `${unnamed} more values are handed out anew.`;
    findings.push(warning('not-restored', '', message, 'The dry run lists them all.'));
  }
  if (lost.length > told.length) {
    const message = `${lost.length - told.length} ids (of vNICs and routing domains) are given anew.`;
    const remedy = 'Nothing is to do, unless something outside of Netloom has noted the old ones.';
    findings.push(warning('not-restored', '', message, remedy));
  }
  return findings;
}

/** Scopes of ids, which are of no use to people. */
const IDS: ReadonlySet<string> = new Set([VNIC, RDID, DOMAIN_NUMBER, ACL_NUMBER]);
const NAMED_VALUES = 20;

function notMade(revision: number, latest: number): NetloomError {
  const message = `There is no revision ${revision}; the latest is ${latest}.`;
  return new NetloomError([finding('not-found', '', message, 'See "netloom history".')]);
}

function forgotten(revision: number, compactedTo: number): NetloomError {
  const message = `The journal begins after revision ${compactedTo}, so what was at revision ${revision} is not known.`;
  return new NetloomError([
    finding('revision-compacted', '', message, `Take revision ${compactedTo} or a later one.`),
  ]);
}
