/** The end of the quarantine of addresses, when it is its turn. */
import { throwIfErrors } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { type ChangeSummary, NO_CHANGE } from './change.ts';
import type { ChangeOptions } from './change-options.ts';
import { notThere } from './edits.ts';
import type { HeldNetwork } from './held.ts';
import type { JobContext } from './jobs/run.ts';
import { notInactive } from './pool.ts';

/** How many released addresses the journal names before it counts the others. */
const NAMED_ADDRESSES = 10;

/** `addresses`: left out, all inactive ones of the pool. */
export async function releaseAddresses(
  held: HeldNetwork,
  pool: ObjectKey,
  addresses: readonly string[] | undefined,
  options: ChangeOptions,
  job: JobContext | undefined,
): Promise<ChangeSummary> {
  const known = await held.known(options);
  if (known) return known;
  job?.enter('check');
  const { network } = held;
  if (!network.get(pool)) throwIfErrors([notThere(network, pool)]);
  const { proposal, rest } = network.proposeRelease(pool, addresses, held.time);
  try {
    throwIfErrors(rest.map((address) => notInactive(network, pool, address)));
    const released = proposal.inactive.map(({ value }) => value);
    const summary: ChangeSummary = { ...NO_CHANGE, dryRun: options.dryRun === true, released };
    if (options.dryRun || released.length === 0) {
      held.discard();
      return summary;
    }
    const message = options.message ?? messageOf(pool, released);
    const commit = await held.commit({
      edits: [],
      expectations: new Map(),
      proposal,
      options: { ...options, message },
      job,
    });
    return { ...summary, revision: commit.revision };
  } catch (thrown) {
    held.discard();
    throw thrown;
  }
}

function messageOf(pool: ObjectKey, released: readonly string[]): string {
  const more = released.length - NAMED_ADDRESSES;
  const names = released.slice(0, NAMED_ADDRESSES).join(', ');
  return `release ${names}${more > 0 ? ` and ${more} more` : ''} of ${pool}`;
}
