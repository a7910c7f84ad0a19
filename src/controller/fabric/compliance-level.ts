/**
 * How far something is as the description wants it.
 *
 *     full      everything is there, as it is wanted
 *     partial   it is there, with differences
 *     none      it is not there, or what is wanted could not be put in force
 *     unknown   nobody can say: the agent is away, or has not looked yet
 */
export type Level = 'full' | 'partial' | 'none' | 'unknown';

/** How far something is as it should be, and what is missing to that. */
export interface Compliance {
  readonly level: Level;
  /** Sentences; none with `full`. */
  readonly reasons: readonly string[];
}

/** The worst that can be said for certain; `unknown` only where nothing is known to be wrong. */
export function worst(levels: Iterable<Level>): Level {
  const all = new Set(levels);
  if (all.has('unknown') && !all.has('partial') && !all.has('none')) return 'unknown';
  if (all.has('none') && !all.has('partial') && !all.has('full')) return 'none';
  return all.has('none') || all.has('partial') ? 'partial' : 'full';
}
