/** A scenario in the making, and what a feature of the flow language adds to one. */
import type { Group, Meter, PortVlan } from '../../src/flow/datapath.ts';
import type { FieldName } from '../../src/flow/fields.ts';
import type { Action, Flow, Match } from '../../src/flow/flow.ts';
import type { Sample } from './frames.ts';
import type { Random } from './random.ts';

/** Tables 0..TABLES-1 are those of the program; features may add tables above. */
export const TABLES = 4;

export interface Draft {
  readonly random: Random;
  readonly samples: Sample[];
  /** Frames that belong together, in their order. */
  readonly stream: Uint8Array[];
  readonly features: readonly Feature[];
  /** See Scenario. */
  readonly slowPath: boolean;
  /** Fields that the program writes. */
  readonly writable: readonly FieldName[];
  readonly flows: Flow[];
  readonly groups: Group[];
  readonly meters: Meter[];
  vlans: PortVlan[];
  /** Whether connections have their addresses translated. */
  translates: boolean;
  /** Numbers that are to differ. */
  readonly counter: { next: number };
}

/** Where actions are to stand. */
export interface Place {
  readonly table: number;
  readonly match: Match;
  /** A frame that the match matches. */
  readonly sample: Sample;
  /** How deep in clones and buckets. */
  readonly depth: number;
}

/** An action for the place, or nothing where none fits. It is checked afterwards. */
export type MakeAction = (draft: Draft, place: Place) => Action | undefined;

export interface Feature {
  readonly name: string;
  /** In how many of 100 scenarios. */
  readonly often: number;
  /** See Scenario.slowPath. */
  readonly slowPath?: boolean;
  /** Time goes on between the frames. */
  readonly waits?: boolean;
  /** Does not take part where that feature does. */
  readonly unless?: string;
  /** Fields that programs with it do not write. */
  readonly keeps?: readonly FieldName[];
  /** Its actions may stand in a bucket of a group. */
  readonly inBuckets?: boolean;
  /** Adds ports, groups, meters, flows before the flows of the program are made. */
  readonly begin?: (draft: Draft) => void;
  /** An action that stands before all others. */
  readonly first?: (draft: Draft) => Action;
  /** How likely each is compared with the actions of all features that take part. */
  readonly actions: readonly (readonly [weight: number, make: MakeAction])[];
}

/**
 * Whether a hash of addresses and ports may stand here. The datapath flows of Open vSwitch leave out what the hash of a
 * frame that is not IP rests on, so such frames do not take its flow cache.
 */
export function mayHash({ slowPath }: Draft, { match }: Place): boolean {
  const type = match.eth_type?.value;
  return slowPath || type === 0x0800n || type === 0x86ddn;
}

/** Every flow has a priority of its own: which of two equals wins is nobody's promise. */
export function addFlow(draft: Draft, flow: Pick<Flow, 'table' | 'match' | 'actions'>): void {
  const number = draft.flows.length + 1;
  draft.flows.push({ ...flow, priority: number * 10, cookie: BigInt(number) });
}
