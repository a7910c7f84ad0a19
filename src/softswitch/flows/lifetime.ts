/**
 * How long a flow lives (OpenFlow 1.3, 5.5): `idle` seconds after its last frame, `hard` seconds after it was added or
 * learnt again. Times are milliseconds of the clock of the switch. As in Open vSwitch (ofproto-dpif.c, rule_expire) a
 * flow is still there in the very millisecond in which its time is up.
 */
import type { Gate } from '../cache/gate.ts';

export interface Lifetime {
  /** Seconds; 0 = for ever. A FIN may shorten them. */
  idle: number;
  hard: number;
  /** When the flow was added, or learnt again. */
  modified: number;
  /** Of the last frame. */
  used: number;
  /** The flow is in no table any more. */
  isOver: boolean;
}

export function newLifetime(idle: number, hard: number, now: number): Lifetime {
  return { idle, hard, modified: now, used: now, isOver: false };
}

/** The last millisecond of the flow. */
export function endOf({ idle, hard, modified, used }: Lifetime): number {
  const idleEnd = idle === 0 ? Number.POSITIVE_INFINITY : used + idle * 1000;
  const hardEnd = hard === 0 ? Number.POSITIVE_INFINITY : modified + hard * 1000;
  return Math.min(idleEnd, hardEnd);
}

/** A FIN makes the timeouts these, where they are longer or there are none; 0 leaves one as it is. */
export function shorten(life: Lifetime, idle: number, hard: number): void {
  life.idle = shorter(life.idle, idle);
  life.hard = shorter(life.hard, hard);
}

function shorter(now: number, most: number): number {
  return most !== 0 && (now === 0 || now > most) ? most : now;
}

/** A recipe counts for the flow, and so keeps it alive. */
export class UseGate implements Gate {
  readonly isOfFrame = false;
  readonly connection = undefined;
  readonly #life: Lifetime;

  constructor(life: Lifetime) {
    this.#life = life;
  }

  holds(_bytes: Uint8Array, _at: number, _length: number, now: number): boolean {
    const life = this.#life;
    if (life.isOver || now > endOf(life)) return false;
    life.used = now;
    return true;
  }
}

/** A recipe learns the flow again. */
export class LearnGate implements Gate {
  readonly isOfFrame = false;
  readonly connection = undefined;
  readonly #life: Lifetime;

  constructor(life: Lifetime) {
    this.#life = life;
  }

  holds(_bytes: Uint8Array, _at: number, _length: number, now: number): boolean {
    const life = this.#life;
    if (life.isOver || now > endOf(life)) return false;
    life.modified = now;
    return true;
  }
}
