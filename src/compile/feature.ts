/** A feature of the compiler: which policy records one unit of intent comes to. One file each. */
import type { Read, Rule } from '../base/derive.ts';
import type { PolicyRecord, Scope, ScopedRecord } from '../policy/records.ts';
import type { CompileFact } from './facts.ts';

export type FeatureRule = Rule<CompileFact, ScopedRecord>;
export type CompileRead = Read<CompileFact>;

/** The record, in the scope that it belongs to. */
export function put(scope: Scope, record: PolicyRecord): ScopedRecord {
  return { scope, record };
}
