import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConnectionEvent,
  type ConnectionState,
  disconnected,
  dueAt,
  type ReconnectOptions,
  step,
} from './reconnect.ts';

const options: ReconnectOptions = {
  minBackoff: 250,
  maxBackoff: 8_000,
  stableAfter: 30_000,
  welcomeWithin: 10_000,
  deadAfter: 15_000,
  heartbeatEvery: 5_000,
};

/** Plays `time event` lines and answers with one line for each: `state action`. */
function play(...script: string[]): string[] {
  let state: ConnectionState = disconnected(0);
  return script.map((line) => {
    const [time, event] = line.split(' ');
    const result = step(state, event as ConnectionEvent, Number(time), 0.5, options);
    state = result.state;
    return [state.state, ...(result.action ? [result.action] : [])].join(' ');
  });
}

describe('reconnect', () => {
  it('connects at once, is welcomed, and says that it is alive', () => {
    expect(
      play('0 tick', '20 heard', '20 welcomed', '4000 heard', '5019 tick', '5020 tick', '5021 tick'),
    ).toEqual([
      'connecting connect',
      'connecting',
      'connected',
      'connected',
      'connected',
      'connected heartbeat',
      'connected',
    ]);
  });

  it('[P16] gives up a controller that is silent', () => {
    expect(play('0 tick', '9999 tick', '10000 tick')).toEqual([
      'connecting connect',
      'connecting',
      'waiting disconnect',
    ]);
    expect(play('0 tick', '0 welcomed', '5000 tick', '10000 tick', '14999 tick', '15000 tick')).toEqual([
      'connecting connect',
      'connected',
      'connected heartbeat',
      'connected heartbeat',
      'connected',
      'waiting disconnect',
    ]);
  });

  it('[P16] does not blame the controller while the agent itself was busy', () => {
    expect(play('0 tick', '0 welcomed', '60000 busy', '60000 tick', '74999 tick', '75000 tick')).toEqual([
      'connecting connect',
      'connected',
      'connected',
      'connected heartbeat',
      'connected heartbeat',
      'waiting disconnect',
    ]);
  });

  it('[P17] waits longer with each failure, up to the limit, and half of it is random', () => {
    const wait = (failures: number, event: ConnectionEvent, random: number) => {
      const { state } = step({ state: 'connecting', since: 0, failures }, event, 0, random, options);
      return state.state === 'waiting' ? state.until : Number.NaN;
    };
    expect([0, 1, 2, 3, 4, 5, 6, 1000].map((n) => wait(n, 'failed', 0))).toEqual([
      125, 250, 500, 1000, 2000, 4000, 4000, 4000,
    ]);
    expect(wait(0, 'failed', 0.999)).toBeCloseTo(250, 0);
    expect(wait(0, 'rejected', 0)).toBe(4000);
  });

  it('[P17] counts failures until a connection has lasted', () => {
    const lostAfter = (seconds: number) => {
      const state = { state: 'connected', since: 0, heard: 0, spoke: 0, failures: 5 } as const;
      return step(state, 'failed', seconds * 1000, 0, options).state;
    };
    expect(lostAfter(29)).toMatchObject({ failures: 6 });
    expect(lostAfter(30)).toMatchObject({ failures: 1 });
  });

  it('stays stopped', () => {
    expect(play('0 tick', '0 welcomed', '1 stop', '2 tick', '3 failed', '4 welcomed')).toEqual([
      'connecting connect',
      'connected',
      'stopped disconnect',
      'stopped',
      'stopped',
      'stopped',
    ]);
  });

  it('always has a next moment, never spins, and asks to connect only when no stream is open', () => {
    const event = fc.constantFrom<ConnectionEvent>('tick', 'welcomed', 'heard', 'busy', 'failed', 'rejected');
    const happening = fc.record({
      event,
      after: fc.nat({ max: 40_000 }),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        let state = disconnected(0);
        let now = 0;
        let open = false;
        for (const { event, after, random } of happenings) {
          now += after;
          const result = step(state, event, now, random, options);
          state = result.state;
          if (result.action === 'connect') {
            expect(open).toBe(false);
            open = true;
          }
          if (result.action === 'disconnect') open = false;
          expect(open).toBe(state.state !== 'waiting');
          // A tick at the due moment does something: there is no tick that leads to the same tick.
          const due = dueAt(state, options)!;
          const next = step(state, 'tick', Math.max(due, now), random, options);
          expect(next.action).toBeDefined();
          expect(dueAt(next.state, options)!).toBeGreaterThan(Math.max(due, now));
        }
      }),
    );
  });
});
