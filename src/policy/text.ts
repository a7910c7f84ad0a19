import { canonicalJson, type Plain } from '../base/json.ts';
import type { PolicyRecord } from './records.ts';

/** A record is written once, however many hosts it is sent to; records never change. */
const texts = new WeakMap<PolicyRecord, string>();

/** The one text of a record: canonical JSON. It is what travels, what is hashed, and what decides equality. */
export function recordText(record: PolicyRecord): string {
  let text = texts.get(record);
  if (text === undefined) {
    const plain: Plain<PolicyRecord> = record;
    text = canonicalJson(plain);
    texts.set(record, text);
  }
  return text;
}

/** Whether two records say the same; an absent one is the same only as an absent one. */
export function sameRecord(a: PolicyRecord | undefined, b: PolicyRecord | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && recordText(a) === recordText(b));
}
