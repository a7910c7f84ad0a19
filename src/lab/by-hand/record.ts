import type { Finding } from '../../base/error.ts';
import type { Steps } from '../../model/shape.ts';
import type { PolicyRecord, Scope } from '../../policy/records.ts';

/** What a file says. */
export interface HandWritten {
  /** In the order of the file. */
  readonly hosts: readonly string[];
  readonly records: readonly HandRecord[];
  /** What is doubtful, and may be meant. */
  readonly warnings: readonly Finding[];
}

/** A record that somebody wrote. */
export interface HandRecord {
  readonly scope: Scope;
  readonly record: PolicyRecord;
  /** The place of a field of it, or what is around that. */
  readonly at: (...steps: Steps) => Place;
}

/** A place in the file: the path of the field, and where it stands. */
export type Place = Required<Pick<Finding, 'path' | 'source'>>;
