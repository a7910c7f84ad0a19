/**
 * When a neighbour is asked for its MAC address: at once when it becomes known, a few times more in the first minutes, for its
 * host may not be up yet, and then always again before Open vSwitch has forgotten it. Time and chance are passed in.
 */
import type { Clock } from '../base/clock.ts';
import type { Neighbour } from './neighbours.ts';

/** Milliseconds from one question to the next; the last one again and again. Open vSwitch forgets after 900 s. */
const PAUSES = [1_000, 4_000, 15_000, 60_000, 240_000] as const;
/** Pauses are shorter by up to this part, so that what was asked together does not stay together. */
const SPREAD = 0.25;
/** Questions at a time, and milliseconds to the next ones: a thousand neighbours are asked within four seconds. */
const MOST_AT_ONCE = 50;
const BREATH = 200;

interface Entry {
  readonly neighbour: Neighbour;
  due: number;
  asked: number;
}

/** What is asked when. Pure: all times are milliseconds of the same clock. */
export class NeighbourSchedule {
  readonly #entries = new Map<string, Entry>();
  readonly #random: () => number;
  #notBefore = 0;

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** These are the neighbours from now on. Those that are new are due. */
  set(neighbours: readonly Neighbour[], now: number): void {
    const before = new Map(this.#entries);
    this.#entries.clear();
    for (const neighbour of neighbours) {
      const key = `${neighbour.logicalNetwork} ${neighbour.address}`;
      this.#entries.set(key, before.get(key) ?? { neighbour, due: now, asked: 0 });
    }
  }

  /** All are due, as if they were new: what was learnt is forgotten. */
  again(now: number): void {
    for (const entry of this.#entries.values()) Object.assign(entry, { due: now, asked: 0 });
  }

  /** Those to ask now, who count as asked then. No more than a switch takes at a time; `next` says when the others are. */
  take(now: number): readonly Neighbour[] {
    if (now < this.#notBefore) return [];
    const all = [...this.#entries.values()].filter((entry) => entry.due <= now);
    // Who has waited longest comes first: nobody waits until others have been asked twice.
    const due = all.sort((a, b) => a.due - b.due).slice(0, MOST_AT_ONCE);
    if (due.length === MOST_AT_ONCE) this.#notBefore = now + BREATH;
    for (const entry of due) {
      const pause = PAUSES[Math.min(entry.asked, PAUSES.length - 1)] ?? 0;
      entry.due = now + pause * (1 - SPREAD * this.#random());
      entry.asked += 1;
    }
    return due.map(({ neighbour }) => neighbour);
  }

  /** When somebody is to be asked next; undefined: there is nobody. */
  next(): number | undefined {
    let first: number | undefined;
    for (const { due } of this.#entries.values()) first = first === undefined ? due : Math.min(first, due);
    return first === undefined ? undefined : Math.max(first, this.#notBefore);
  }
}

/** Who has neighbours, and can ask them: an agent. */
export interface Asking {
  neighbours(): readonly Neighbour[];
  /** Told when `neighbours` may have changed, or when what the switch knew of them is gone. One handler. */
  onNeighbours(handler: (what: 'changed' | 'forgotten') => void): void;
  /** Never rejects: a question that does not get out is asked again. */
  ask(neighbours: readonly Neighbour[]): Promise<void>;
}

/** Asks the agent's neighbours when it is time to, from now on. The result ends it. */
export function askRegularly(agent: Asking, clock: Clock, random: () => number): () => void {
  const schedule = new NeighbourSchedule(random);
  let cancel = () => {};
  const ask = () => {
    cancel();
    void agent.ask(schedule.take(clock.now()));
    const next = schedule.next();
    if (next !== undefined) cancel = clock.after(Math.max(0, next - clock.now()), ask);
  };
  agent.onNeighbours((what) => {
    if (what === 'changed') schedule.set(agent.neighbours(), clock.now());
    else schedule.again(clock.now());
    ask();
  });
  schedule.set(agent.neighbours(), clock.now());
  ask();
  return () => {
    agent.onNeighbours(() => {});
    cancel();
  };
}
