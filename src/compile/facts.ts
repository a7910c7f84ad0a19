/** What the first compiler works from: the facts of the model (model/facts.ts), and what was handed out for them. */

import { aclsOfHost, networksOfHost } from '../allocate/host.ts';
import type { Index, Read } from '../base/derive.ts';
import { INDEXES as MODEL_INDEXES, type Reader } from '../model/facts.ts';
import type { ModelObject } from '../model/kinds.ts';

/** `value` of `scope` belongs to `owner`; the names are those of allocate/scopes.ts. */
export interface AllocationFact {
  readonly kind: 'Allocation';
  readonly scope: string;
  readonly owner: string;
  readonly value: string;
}

export type CompileFact = ModelObject | AllocationFact;

/** Key of the fact that says what the owner has in the scope. */
export function allocationKey(scope: string, owner: string): string {
  return `Allocation/${scope} ${owner}`;
}

/** An allocation as a fact, with its key. */
export function allocationFact(allocation: {
  readonly scope: string;
  readonly owner: string;
  readonly value: string;
}): [key: string, fact: AllocationFact] {
  const { scope, owner, value } = allocation;
  return [allocationKey(scope, owner), { kind: 'Allocation', scope, owner, value }];
}

/** What the owner has in the scope, if anything. */
export function allocated(read: Read<CompileFact>, scope: string, owner: string): string | undefined {
  const fact = read.get(allocationKey(scope, owner));
  return fact?.kind === 'Allocation' ? fact.value : undefined;
}

/** The model's part of the facts, for the functions of the model. */
export function modelOf(read: Read<CompileFact>): Reader {
  return {
    get(key) {
      const fact = read.get(key);
      return fact?.kind === 'Allocation' ? undefined : fact;
    },
    members: (index, group) => read.members(index, group),
  };
}

function ofModel(index: Index<ModelObject>): Index<CompileFact> {
  return (key, fact) => (fact.kind === 'Allocation' ? [] : index(key, fact));
}

/** The groups of the model, and those that only the compiler asks for. */
export const INDEXES: Readonly<Record<string, Index<CompileFact>>> = {
  ...Object.fromEntries(Object.entries(MODEL_INDEXES).map(([name, index]) => [name, ofModel(index)])),
  networksOfHost: ofModel(networksOfHost),
  aclsOfHost: ofModel(aclsOfHost),
  /** '' -> the different MTUs of physical networks */
  mtus: (_key, fact) => (fact.kind === 'PhysicalNetwork' ? [['', String(fact.mtu)]] : []),
};
