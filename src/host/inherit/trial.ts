/**
 * A change of what the host is managed by, on trial: it stays when the controller is reached again within the time, and is
 * undone otherwise. A state machine that is told the time and what happened; it holds no timer and no socket.
 */

/** Milliseconds that a change has to show that it does not cut the host off. */
export const TRIAL_MS = 30_000;

export interface Trial {
  /** Monotonic milliseconds. */
  readonly until: number;
}

export type TrialEvent =
  /** Time has passed. */
  | 'tick'
  /** A connection to the controller that was begun after the change has come about. */
  | 'reached';

export function beginTrial(now: number): Trial {
  return { until: now + TRIAL_MS };
}

/** What to do: go on waiting, keep the change, or undo it. Whoever was reached in time is kept, however late it is noticed. */
export function judge(trial: Trial, event: TrialEvent, now: number): 'wait' | 'keep' | 'undo' {
  if (event === 'reached') return 'keep';
  return now < trial.until ? 'wait' : 'undo';
}
