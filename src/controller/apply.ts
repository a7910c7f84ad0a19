/** A change of objects when it is its turn: checked, allocated, compiled, committed; or refused, without a trace. */
import { type Finding, throwIfErrors } from '../base/error.ts';
import { type Change, type ChangeSummary, hostSummaries } from './change.ts';
import type { ChangeOptions } from './change-options.ts';
import { editsOf, ownersThere, summaryOf } from './edits.ts';
import { automaticNetworks } from './fabric/automatic.ts';
import { interruptions } from './fabric/bindings.ts';
import type { HeldNetwork } from './held.ts';
import { logChange } from './jobs/change-log.ts';
import type { JobContext } from './jobs/run.ts';
import type { Proposal } from './network.ts';
import { effectsOf, portsByHost, worthNaming } from './plan/effects.ts';

/** `more`: further warnings of what the proposal comes to. */
export async function applyChanges(
  held: HeldNetwork,
  changes: readonly Change[],
  options: ChangeOptions,
  job?: JobContext,
  more: (proposal: Proposal) => readonly Finding[] = () => [],
): Promise<ChangeSummary> {
  const known = await held.known(options);
  if (known) return known;
  job?.enter('check');
  const { network } = held;
  const { edits: asked, unchanged, expectations } = editsOf(network, changes, options.migrates === true);
  const automatic = options.exact ? undefined : automaticNetworks(network, asked);
  const edits = [...asked, ...(automatic?.edits ?? [])];
  throwIfErrors(ownersThere(network, options.secrets ?? [], edits));
  const interrupted = interruptions(network, edits);
  const objects = edits.map((edit) => summaryOf(network, edit));
  const proposal = await held.propose(edits, job);
  try {
    throwIfErrors(proposal.findings);
    const effects = effectsOf(
      proposal.records,
      portsByHost(() => network.records()),
    );
    const summary: ChangeSummary = {
      dryRun: options.dryRun === true,
      objects,
      unchanged,
      allocations: proposal.allocations,
      hosts: hostSummaries(proposal.records, network.subscribersAfter(proposal)),
      effects: worthNaming(effects),
      effectCount: effects.length,
      findings: [...(automatic?.findings ?? []), ...interrupted, ...proposal.findings, ...more(proposal)],
    };
    if (options.dryRun || (edits.length === 0 && !options.secrets?.length)) {
      held.discard();
      return summary;
    }
    if (job) logChange(job, summary);
    const commit = await held.commit({ edits, expectations, proposal, options, job });
    return { revision: commit.revision, ...summary };
  } catch (thrown) {
    held.discard();
    throw thrown;
  }
}
