import { describe, expect, it } from 'vitest';
import { FakeClock } from './clock.ts';
import { type ConnectionEvent, RECONNECT_DEFAULTS } from './reconnect.ts';
import { Reconnector, type ReconnectorOptions } from './reconnector.ts';

/** Time may pass while no timer is looked at, as in a process that is busy or a machine that sleeps. */
class LeapingClock extends FakeClock {
  #slept = 0;
  #timers = 0;

  override now(): number {
    return super.now() + this.#slept;
  }

  override after(delay: number, run: () => void): () => void {
    this.#timers += 1;
    if (this.#timers > 1000) throw new Error('it spins');
    return super.after(delay, run);
  }

  sleep(ms: number): void {
    this.#slept += ms;
  }
}

/** `done`: what it was told to do, in order, since the last look. */
function rig(more: Partial<ReconnectorOptions> = {}) {
  const clock = new LeapingClock();
  const log: string[] = [];
  const reconnector: Reconnector = new Reconnector({
    clock,
    random: () => 0,
    patience: RECONNECT_DEFAULTS,
    connect: () => log.push('connect'),
    disconnect: (because: ConnectionEvent) => log.push(`disconnect: ${because}`),
    heartbeat: () => {
      log.push('heartbeat');
      reconnector.drive('heard');
    },
    ...more,
  });
  return { clock, reconnector, done: () => log.splice(0) };
}

describe('a reconnector', () => {
  it('connects, asks for signs of life, gives up what fails, and connects again after a wait', () => {
    const { clock, reconnector, done } = rig();
    expect(done()).toEqual([]);
    reconnector.drive('tick');
    reconnector.drive('welcomed');
    expect(done()).toEqual(['connect']);
    clock.advance(15_000);
    expect(done()).toEqual(['heartbeat', 'heartbeat', 'heartbeat']);
    reconnector.drive('failed');
    clock.advance(124);
    expect(done()).toEqual(['disconnect: failed']);
    clock.advance(1);
    expect(done()).toEqual(['connect']);
    reconnector.drive('stop');
    expect([done(), clock.next(), reconnector.state.state]).toEqual([
      ['disconnect: stop'],
      undefined,
      'stopped',
    ]);
  });

  it('gives up a server that says nothing, but not while nobody listens', () => {
    let isBusy = true;
    const { clock, reconnector, done } = rig({ isBusy: () => isBusy, heartbeat: () => {} });
    reconnector.drive('tick');
    reconnector.drive('welcomed');
    clock.advance(60_000);
    expect(done()).toEqual(['connect']);
    isBusy = false;
    clock.advance(14_999);
    expect(done()).toEqual([]);
    clock.advance(1);
    expect(done()).toEqual(['disconnect: tick']);
  });

  it('connects again also when the timer for that came late', () => {
    const { clock, reconnector, done } = rig();
    reconnector.drive('tick');
    reconnector.drive('failed');
    done();
    clock.sleep(60_000);
    clock.advance(125);
    expect(done()).toEqual(['connect']);
  });

  it('does not blame the server when a timer came late, and goes on asking it', () => {
    const { clock, reconnector, done } = rig();
    reconnector.drive('tick');
    reconnector.drive('welcomed');
    done();
    clock.sleep(60_000);
    clock.advance(5_000);
    expect([done(), reconnector.state.state]).toEqual([['heartbeat'], 'connected']);
  });

  it('tells when a deadline has passed, also when its timer came late', () => {
    let due: number | undefined;
    const passed: number[] = [];
    const { clock, reconnector } = rig({
      deadline: {
        at: () => due,
        pass: () => {
          passed.push(clock.now());
          due = undefined;
          reconnector.arm();
        },
      },
    });
    reconnector.drive('tick');
    reconnector.drive('welcomed');
    due = 2_000;
    reconnector.arm();
    clock.advance(2_000);
    expect(passed).toEqual([2_000]);
    due = 4_000;
    reconnector.arm();
    clock.sleep(60_000);
    clock.advance(2_000);
    expect(passed).toEqual([2_000, 64_000]);
  });
});
