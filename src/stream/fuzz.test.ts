/**
 * Faults of every kind between the real ends of the stream, then none: whatever happened, every agent ends with what it
 * should have, and on the way it never held anything but one whole revision, nor went back. The network is a lossy
 * pipe inside Connect, time is a fake clock, and fast-check prints the seed of a failure and shrinks it.
 */
import { Code, ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOSTS, policyDelta } from '../../test/support/policy-arbitraries.ts';
import { EPOCH, shareOf } from '../../test/support/policy-stream.ts';
import { FakeClock } from '../base/clock.ts';
import { PolicySet, type PolicyView } from '../policy/set.ts';
import { PolicyClient } from './client.ts';
import { PolicyFeed } from './feed.ts';
import { memoryTransport } from './memory.ts';
import type { Held } from './replica.ts';
import type { HostReport } from './report.ts';
import { policyRoutes } from './server.ts';

const EMPTY_REPORT: HostReport = {
  version: '',
  engine: '',
  nics: [],
  switches: [],
  drift: [],
  repaired: [],
  findings: [],
};

type Fault = 'none' | 'drop' | 'repeat' | 'swap' | 'cut' | 'hang';

/** A pipe in which each message meets the next fault. */
function lossy(nextFault: () => Fault): Interceptor {
  async function* pipe<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    let late: T | undefined;
    for await (const message of messages) {
      switch (nextFault()) {
        case 'none':
          yield message;
          break;
        case 'drop':
          continue;
        case 'repeat':
          yield message;
          yield message;
          break;
        case 'swap':
          if (late !== undefined) yield late;
          late = message;
          continue;
        case 'cut':
          throw new ConnectError('the cable was cut', Code.Unavailable);
        case 'hang':
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      if (late !== undefined) yield late;
      late = undefined;
    }
  }
  return (next) => async (request) => {
    if (!request.stream) return next(request);
    const response = await next({ ...request, message: pipe(request.message, request.signal) });
    return response.stream ? { ...response, message: pipe(response.message, request.signal) } : response;
  };
}

/** Lets everything run that can run now. In memory, that is microtasks only. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

const copyOf = (view: PolicyView) => {
  const copy = new PolicySet();
  copy.apply(view.snapshot());
  return copy;
};

class World {
  readonly clock = new FakeClock();
  readonly model = new PolicySet();
  readonly past = [new PolicySet()];
  readonly seen = new Map<string, number>();
  /** What a handler found wrong; thrown there, it would only be reported to the controller. */
  readonly wrong: unknown[] = [];
  /** Hosts whose disk does not hold what its revision says, and that have not found out. */
  readonly #broken = new Set<string>();
  #feed: PolicyFeed;
  #transport: Transport;
  readonly #limits: { historyLimit: number; maxChanges: number };
  readonly #interceptor: Interceptor;
  readonly #agents = new Map<string, PolicyClient>();
  /** Questions that nobody has answered yet. */
  #asks = 0;

  constructor(limits: { historyLimit: number; maxChanges: number }, nextFault: () => Fault) {
    this.#limits = limits;
    this.#interceptor = lossy(nextFault);
    [this.#feed, this.#transport] = this.#controller();
    for (const host of HOSTS) this.startAgent(host, undefined);
  }

  #controller(): [PolicyFeed, Transport] {
    const feed = new PolicyFeed({
      epoch: EPOCH,
      revision: this.past.length - 1,
      policy: this.model.copy(),
      ...this.#limits,
    });
    return [feed, memoryTransport(policyRoutes(feed, { clock: this.clock }), [this.#interceptor])];
  }

  publish(delta: Parameters<PolicySet['apply']>[0]): void {
    this.model.apply(delta);
    this.past.push(this.model.copy());
    this.#feed.publish(this.past.length - 1, delta);
  }

  restartController(): void {
    this.#feed.close();
    [this.#feed, this.#transport] = this.#controller();
  }

  startAgent(host: string, held: Held | undefined): void {
    let revision = held?.revision ?? 0;
    let started = false;
    const inForce = new PolicySet();
    const check = (policy: PolicyView, now: number) => {
      this.#count(now === revision ? 'same revision' : 'newer revision');
      expect(now).toBeGreaterThanOrEqual(revision);
      revision = now;
      expect(policy.text()).toBe(shareOf(this.past[now]!, host).text());
    };
    const client: PolicyClient = new PolicyClient({
      host,
      bootNonce: host,
      transport: {
        unary: () => Promise.reject(new Error('not used')),
        stream: (...call) => this.#transport.stream(...call),
      },
      clock: this.clock,
      random: () => 0.5,
      ...(held && { held }),
      onTrouble: (trouble) => trouble && this.#count(trouble.code),
      handler: {
        onSnapshot: this.#watched((policy, now) => {
          this.#count('snapshot');
          const fromDisk = held !== undefined && !started;
          started = true;
          if (!fromDisk) this.#broken.delete(host);
          if (!this.#broken.has(host)) check(policy, now);
          inForce.apply({ changes: inForce.snapshot().changes.map(({ scope, key }) => ({ scope, key })) });
          inForce.apply(policy.snapshot());
          return [];
        }),
        onDelta: this.#watched((delta, from, to, policy) => {
          this.#count('delta');
          expect(from).toBe(revision);
          this.#broken.delete(host);
          check(policy, to);
          inForce.apply(delta);
          expect(inForce.text()).toBe(policy.text());
          return [];
        }),
        onBookmark: this.#watched((now) => {
          this.#count('bookmark');
          this.#broken.delete(host);
          check(client.policy, now);
        }),
        onCheck: async (repair) => {
          this.#count(repair ? 'asked to repair' : 'asked');
          return { ...EMPTY_REPORT, engine: host };
        },
        onCount: async () => {
          this.#count('asked to count');
          const drop = { switch: 'a', object: '', words: host, packets: 1 };
          return { ports: [], acls: [], drops: [drop], log: [], complete: true };
        },
      },
    });
    this.#agents.set(host, client);
    client.start();
  }

  /** Nobody waits for the answer here, but it has to come, or the end of the stream. */
  ask(host: string, what: 'look' | 'repair' | 'count'): void {
    this.#asks += 1;
    if (what === 'count') {
      void this.#feed.count([host], new AbortController().signal).then((answers) => {
        this.#asks -= 1;
        for (const { drops } of answers.values()) expect(drops[0]?.words).toBe(host);
      });
      return;
    }
    void this.#feed.check([host], { repair: what === 'repair' }).then(([status]) => {
      this.#asks -= 1;
      if (status?.report) expect(status.report.engine).toBe(host);
    });
  }

  async restartAgent(host: string, disk: 'kept' | 'lost' | 'broken'): Promise<void> {
    const client = this.#agents.get(host)!;
    await client.stop();
    const { epoch, revision, policy } = client;
    this.#count(`disk ${disk}`);
    if (disk !== 'kept') this.#broken.delete(host);
    if (disk === 'lost' || epoch === '') return this.startAgent(host, undefined);
    if (disk === 'broken') this.#broken.add(host);
    this.startAgent(host, { epoch, revision, policy: disk === 'broken' ? new PolicySet() : copyOf(policy) });
  }

  /** Time passes without faults: everybody has to get there within a minute. */
  async converge(): Promise<void> {
    for (let second = 0; second < 60 && !this.#converged(); second++) {
      this.clock.advance(1000);
      await settle();
    }
    expect(this.wrong).toEqual([]);
    for (const [host, client] of this.#agents) {
      expect(client.policy.text()).toBe(shareOf(this.model, host).text());
      expect(client.revision).toBe(this.past.length - 1);
    }
    const last = this.past.length - 1;
    expect(
      this.#feed.status().every(({ connected, outcome }) => connected && outcome?.revision === last),
    ).toBe(true);
  }

  #watched<A extends unknown[], R>(run: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      try {
        return run(...args);
      } catch (error) {
        this.wrong.push(error);
        throw error;
      }
    };
  }

  #converged(): boolean {
    const last = this.past.length - 1;
    return (
      this.#feed.status().filter((s) => s.connected && s.outcome?.revision === last).length === HOSTS.length
    );
  }

  async stop(): Promise<void> {
    for (const client of this.#agents.values()) await client.stop();
    this.#feed.close();
    await settle();
    expect(this.#asks).toBe(0);
    expect(this.clock.next()).toBeUndefined();
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

const fault = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Fault>('none') },
  { weight: 5, arbitrary: fc.constantFrom<Fault>('drop', 'repeat', 'swap', 'cut', 'hang') },
);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), delta: policyDelta }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 300, 2000, 16_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restart agent' as const),
      host: fc.constantFrom(...HOSTS),
      disk: fc.constantFrom('kept' as const, 'lost' as const, 'broken' as const, 'broken' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart controller' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      host: fc.constantFrom(...HOSTS),
      what: fc.constantFrom('look' as const, 'repair' as const, 'count' as const),
    }),
  },
);

const limits = fc.record({
  historyLimit: fc.constantFrom(0, 5, 1000),
  maxChanges: fc.constantFrom(1, 3, 100),
});

describe('the stream under faults', () => {
  it('[P3][P5][P6][P10] holds one whole revision at any time, never goes back, and converges when the faults end', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.array(fault, { minLength: 20, maxLength: 200 }),
        fc.array(step, { minLength: 5, maxLength: 30 }),
        async (sizes, faults, steps) => {
          let count = 0;
          let faulty = true;
          const world = new World(sizes, () => (faulty ? faults[count++ % faults.length]! : 'none'));
          for (const what of steps) {
            switch (what.do) {
              case 'publish':
                world.publish(what.delta);
                break;
              case 'wait':
                world.clock.advance(what.ms);
                break;
              case 'restart agent':
                await world.restartAgent(what.host, what.disk);
                break;
              case 'restart controller':
                world.restartController();
                break;
              case 'ask':
                world.ask(what.host, what.what);
                break;
            }
            await settle();
          }
          faulty = false;
          await world.converge();
          await world.stop();
          for (const [name, times] of world.seen) seen.set(name, (seen.get(name) ?? 0) + times);
        },
      ),
      { numRuns: 200 },
    );
    // The test is worth something only if all of this happened.
    for (const what of [
      'snapshot',
      'delta',
      'bookmark',
      'disk kept',
      'disk lost',
      'disk broken',
      'controller-unreachable',
      'protocol-violation',
      'policy-mismatch',
      'asked',
      'asked to count',
      'asked to repair',
    ]) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
    }
  });
});
