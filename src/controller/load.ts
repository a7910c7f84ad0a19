/** The network out of the store: at the start, and where what is held was lost. */
import type { AllocationChange } from '../allocate/holdings.ts';
import { type InactiveChange, inactiveRow } from '../allocate/quarantine.ts';
import type { Clock } from '../base/clock.ts';
import { throwIfErrors } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import type { Store } from '../store/contract.ts';
import { Network } from './network.ts';
import { readStored } from './stored.ts';

interface Source {
  readonly store: Store;
  readonly uuid: () => string;
}

/** What was handed out and taken back. */
interface Handed {
  readonly allocations: readonly AllocationChange[];
  readonly inactive: readonly InactiveChange[];
}

/** The same as the store keeps it. */
export function rowsOf({
  allocations,
  inactive,
}: Handed): { scope: string; owner: string; value: string | null }[] {
  const held = allocations.map(({ scope, owner, after }) => ({ scope, owner, value: after }));
  return [...held, ...inactive.map(inactiveRow)];
}

/** The network that the store holds, and what this version hands out otherwise than the one that wrote it. */
export async function load({ store, uuid, now }: Source & { readonly now: number }): Promise<{
  network: Network;
  revision: number;
  adaptations: Handed;
}> {
  const network = new Network(uuid);
  const { revision, objects, allocations } = await store.snapshot();
  const held = objects.map(({ kind, key, revision: changed, value }) => ({
    key: `${kind}/${key}` as ObjectKey,
    ...readStored(kind, key, value),
    revision: changed,
  }));
  const loaded = network.load(held, allocations, now);
  throwIfErrors(loaded.findings);
  return { network, revision, adaptations: loaded };
}

/** Commits what this version hands out otherwise than the one that wrote the data; the revision that this leads to. */
export async function adapt(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  revision: number,
  adaptations: Handed,
): Promise<number> {
  const allocations = rowsOf(adaptations);
  if (allocations.length === 0) return revision;
  const commit = await store.commit({
    author: 'netloom',
    message: 'allocations as this version needs them',
    time: clock.wall(),
    base: revision,
    objects: [],
    allocations,
  });
  return commit.revision;
}
