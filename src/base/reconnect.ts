/**
 * When a client connects, how long it waits, when it gives a connection up: a state machine that is told the time
 * and what happened, and answers what to do. It holds no socket and no timer (reconnector.ts has one). An agent has one for
 * its controller, one for the database of Open vSwitch, and one for each bridge; all are `the server` here.
 *
 *     waiting --(time is up)--> connecting --welcomed--> connected
 *        ^                          |                        |
 *        +----- failed, or silent for too long --------------+
 *
 * Times are milliseconds of a monotonic clock; randomness is a number in [0, 1).
 */

export interface ReconnectOptions {
  /** First wait after a failure; doubles with each failure that follows. */
  readonly minBackoff: number;
  /** Longest wait; also the wait when the server has turned the client away. */
  readonly maxBackoff: number;
  /** A connection that lasted this long ends the count of failures. */
  readonly stableAfter: number;
  /** From connecting to being welcomed. */
  readonly welcomeWithin: number;
  /** A server that says nothing for this long is taken for gone. */
  readonly deadAfter: number;
  /** How often the client says that it is alive. */
  readonly heartbeatEvery: number;
}

/** Of an agent: a half-open connection is noticed within 15 s; the controller's heartbeats come three times as often. */
export const RECONNECT_DEFAULTS: ReconnectOptions = {
  minBackoff: 250,
  maxBackoff: 15_000,
  stableAfter: 30_000,
  welcomeWithin: 10_000,
  deadAfter: 15_000,
  heartbeatEvery: 5_000,
};

export type ConnectionState =
  | { readonly state: 'waiting'; readonly until: number; readonly failures: number }
  | { readonly state: 'connecting'; readonly since: number; readonly failures: number }
  | {
      readonly state: 'connected';
      readonly since: number;
      /** When the server was last heard. */
      readonly heard: number;
      /** When the client last said that it is alive. */
      readonly spoke: number;
      readonly failures: number;
    }
  | { readonly state: 'stopped' };

export type ConnectionEvent =
  /** Time has passed. */
  | 'tick'
  /** The server has accepted the client. */
  | 'welcomed'
  /** Something came from the server. */
  | 'heard'
  /** The client itself was busy and did not listen: silence until now says nothing about the server. */
  | 'busy'
  /** The connection has ended, or has to. */
  | 'failed'
  /** The server turned the client away, or sent what it cannot take: trying again soon would not help. */
  | 'rejected'
  | 'stop';

export interface Step {
  readonly state: ConnectionState;
  /** What to do now. `disconnect` also when the connection may have ended already. */
  readonly action?: 'connect' | 'disconnect' | 'heartbeat';
}

/** Before the first attempt, which is due at once. */
export function disconnected(now: number): ConnectionState {
  return { state: 'waiting', until: now, failures: 0 };
}

export function step(
  state: ConnectionState,
  event: ConnectionEvent,
  now: number,
  random: number,
  options: ReconnectOptions,
): Step {
  if (event === 'stop') return { state: { state: 'stopped' }, action: 'disconnect' };
  switch (state.state) {
    case 'stopped':
      return { state };
    case 'waiting':
      if (event !== 'tick' || now < state.until) return { state };
      return { state: { state: 'connecting', since: now, failures: state.failures }, action: 'connect' };
    case 'connecting':
      if (event === 'welcomed')
        return { state: { ...state, state: 'connected', since: now, heard: now, spoke: now } };
      if (event === 'busy') return { state: { ...state, since: now } };
      if (event === 'heard' || (event === 'tick' && now < state.since + options.welcomeWithin))
        return { state };
      return back(state.failures, event, now, random, options);
    case 'connected':
      if (event === 'heard' || event === 'busy' || event === 'welcomed')
        return { state: { ...state, heard: now } };
      if (event === 'tick' && now < state.heard + options.deadAfter) {
        if (now < state.spoke + options.heartbeatEvery) return { state };
        return { state: { ...state, spoke: now }, action: 'heartbeat' };
      }
      return back(now >= state.since + options.stableAfter ? 0 : state.failures, event, now, random, options);
  }
}

/** When to call `step` with a tick next; undefined: there is no need to. */
export function dueAt(state: ConnectionState, options: ReconnectOptions): number | undefined {
  switch (state.state) {
    case 'stopped':
      return undefined;
    case 'waiting':
      return state.until;
    case 'connecting':
      return state.since + options.welcomeWithin;
    case 'connected':
      return Math.min(state.heard + options.deadAfter, state.spoke + options.heartbeatEvery);
  }
}

/** Half of the wait is random, so that the clients of a restarted server do not come back all at once. */
function back(
  failures: number,
  event: ConnectionEvent,
  now: number,
  random: number,
  options: ReconnectOptions,
): Step {
  const doubled = options.minBackoff * 2 ** Math.min(failures, 30);
  const wait = event === 'rejected' ? options.maxBackoff : Math.min(options.maxBackoff, doubled);
  const until = now + wait * (0.5 + random / 2);
  return { state: { state: 'waiting', until, failures: failures + 1 }, action: 'disconnect' };
}
