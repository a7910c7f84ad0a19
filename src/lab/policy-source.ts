/** Where the hosts of a lab get their policy from: a controller, or records that somebody wrote (by-hand/). */
import type { PolicyFeed } from '../stream/feed.ts';
import type { NicFact } from '../stream/report.ts';

export interface PolicySource {
  /** Tells the agents their policy. */
  readonly feed: PolicyFeed;
  /** Names of the hosts that there are. */
  hosts(): readonly string[];
  /** NICs of a host, all with a link; none for a host that there is not. */
  nics(host: string): readonly CabledNic[];
  physicalNetworks(): readonly Wire[];
  /** Calls back whenever hosts or physical networks may have changed; the answer ends it. */
  watch(changed: () => void): () => void;
}

export interface CabledNic extends NicFact {
  /** Absent: it is not cabled. */
  readonly physicalNetwork?: string;
}

/** A physical network: one learning switch that carries every VLAN. */
export interface Wire {
  readonly name: string;
  /** Those that there is a link to. */
  readonly joinedWith: readonly string[];
}
