/** What the checks of flows, actions, groups and meters share. */
import type { FieldBits, Match } from './flow.ts';

/** Table 255 stands for "all tables" in OpenFlow. */
export const LAST_TABLE = 254;
/** OFPG_MAX, OFPG15_BUCKET_MAX and OFPM13_MAX of Open vSwitch: numbers above have other meanings. */
export const LAST_GROUP = 0xffffff00;
export const LAST_BUCKET = 0xffffff00;
export const LAST_METER = 0xffff0000;

export function inRange(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

/** What is wrong, and what to do about it. */
export type Refuse = (message: string, remedy: string) => void;

/** `written-in-ct`: by an action in exec(…). */
export type FieldUse = 'read' | 'written' | 'written-in-ct';

/** Checks of fields that an action names; what is wrong is refused by the way. */
export interface FieldChecks {
  readonly refuse: Refuse;
  /** False when the field does not have these bits. `match` undefined: prerequisites are not known. */
  bits(bits: FieldBits, match: Match | undefined, use: FieldUse): boolean;
  /** For actions that name fields by numbers that the newest fields do not have. */
  oldName(bits: FieldBits): void;
}
