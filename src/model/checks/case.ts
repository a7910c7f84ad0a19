import type { ErrorCode } from '../../base/codes.ts';

/** An example for a check, for the tests beside it. */
export interface Case {
  readonly what: string;
  readonly code: ErrorCode;
  /** Of the finding: object key and field. */
  readonly path: string;
  /** Objects that are added to the base, or replace objects of it. */
  readonly bad: string;
  /** Almost the same, and nothing is wrong with it. */
  readonly good: string;
}
