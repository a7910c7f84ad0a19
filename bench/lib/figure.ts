/** What a benchmark gives: figures, each a series of samples, with what they are compared with. */

export interface Benchmark {
  readonly name: string;
  /** One sentence: what is measured. */
  readonly what: string;
  /** How: load, rounds, what the comparison is. One sentence each. */
  readonly method: readonly string[];
  run(options?: RunOptions): Promise<readonly Figure[]>;
}

export interface RunOptions {
  /** How often everything is measured, where the benchmark has rounds that take long; it has a number of its own. */
  readonly rounds?: number;
}

export interface Figure {
  /** What was measured, e.g. `64 B, guest to guest`. */
  readonly name: string;
  readonly unit: Unit;
  /** As measured, in the order of time. */
  readonly samples: readonly number[];
  /** What it is compared with: measured in the same run, in turn, so that sample i stands beside sample i. */
  readonly peer?: { readonly name: string; readonly samples: readonly number[] };
  readonly goals?: readonly Goal[];
}

export type Unit =
  | 'ms'
  | 'µs'
  | 'ns'
  | 'frames/s'
  | 'packets/s'
  | 'Mbit/s'
  | 'MB'
  | 'bytes'
  | 'units'
  | 'flows'
  | 'requests/s'
  | '%';

/** `of` says what has to be within the limit. */
export interface Goal {
  readonly of: 'median' | 'p99' | 'ratio';
  readonly atMost?: number;
  readonly atLeast?: number;
}
