/**
 * The latest revision that concerns a tenant. To its users it is the revision of the whole: that of the controller would
 * tell them how busy the others are.
 */
import type { Controller } from '../controller/controller.ts';
import type { Commit } from '../store/contract.ts';
import { seenCommit } from './answers.ts';
import { View } from './view.ts';

const PAGE = 100;

interface Known {
  /** The latest revision that was looked at. */
  readonly upTo: number;
  readonly revision: number;
}

export class TenantRevisions {
  readonly #controller: Controller;
  readonly #known = new Map<string, Known>();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** The revision that the view is of. */
  async of(view: View): Promise<number> {
    const { tenant } = view;
    if (tenant === undefined) return this.#controller.revision;
    // Of the whole tenant, whoever of it asks.
    const whole = new View(this.#controller.network, { ...view.principal, role: 'tenant-administrator' });
    const concerns = (commit: Commit) => seenCommit(whole, commit) !== undefined;
    const before = this.#known.get(tenant) ?? { upTo: 0, revision: 0 };
    const now = this.#controller.revision;
    const found = await this.#latest(before.upTo, now, concerns);
    const known = { upTo: now, revision: found ?? before.revision };
    this.#known.set(tenant, known);
    return known.revision;
  }

  /** The latest commit after `since`, and not after `now`, that concerns the tenant. */
  async #latest(
    since: number,
    now: number,
    concerns: (commit: Commit) => boolean,
  ): Promise<number | undefined> {
    for (let before = now + 1; before > since + 1; ) {
      const page = await this.#controller.history({ limit: Math.min(PAGE, before - since - 1), before });
      const found = page.find((commit) => commit.revision > since && concerns(commit));
      if (found) return found.revision;
      const last = page.at(-1);
      // The journal does not reach back any further.
      if (!last) return undefined;
      before = last.revision;
    }
    return undefined;
  }
}
