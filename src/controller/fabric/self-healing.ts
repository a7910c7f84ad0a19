/** Remediation without being asked, where the settings want it. */
import { SETTINGS_NAME } from '../../model/kinds/fabric-settings.ts';
import { isKind } from '../../model/kinds.ts';
import type { PolicyFeed } from '../../stream/feed.ts';
import type { Drift } from '../../stream/report.ts';
import type { NetworkView } from '../network.ts';
import type { Remediation } from './remediate.ts';

export interface SelfHealingOptions {
  readonly feed: PolicyFeed;
  readonly network: () => NetworkView;
  readonly remediate: (host: string) => Remediation;
}

export class SelfHealing {
  readonly #options: SelfHealingOptions;
  readonly #underWay = new Set<string>();
  /** Host -> the drift that was left by the last attempt. It is not tried again before it is another one. */
  readonly #left = new Map<string, string>();

  constructor(options: SelfHealingOptions) {
    this.#options = options;
  }

  /** An agent says by itself what differs on its host; an empty list is good news. */
  reported(host: string, drift: readonly Drift[]): void {
    if (drift.length === 0) {
      this.#left.delete(host);
      return;
    }
    if (!this.#isWanted() || this.#underWay.has(host) || this.#left.get(host) === textOf(drift)) return;
    this.#underWay.add(host);
    const { done } = this.#options.remediate(host);
    void done.then(() => {
      this.#underWay.delete(host);
      this.#left.set(host, textOf(this.#options.feed.statusOf(host).report?.drift ?? []));
    });
  }

  #isWanted(): boolean {
    const settings = this.#options.network().fact(`FabricSettings/${SETTINGS_NAME}`);
    return isKind(settings, 'FabricSettings') && settings.remediation === 'automatic';
  }
}

function textOf(drift: readonly Drift[]): string {
  return JSON.stringify(drift);
}
