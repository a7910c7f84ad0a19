/**
 * Frames one after the other: what comes in while another is on its way waits until that one is done, so a guest may
 * answer from within `deliver`. A job is a frame with all that is to be known about where it came from.
 */

/** Frames that may wait while others are on their way. */
const QUEUE_LIMIT = 65_536;
/** Frames that may come of one before it counts as going round in a circle. */
const CHAIN_LIMIT = 100_000;

/** What those need of the queue who send frames past it. */
export interface Turn {
  readonly isBusy: boolean;
  enter(): void;
  leave(done: number): void;
}

export class FrameQueue<Job> implements Turn {
  readonly #process: (job: Job) => void;
  readonly #drop: (job: Job) => void;
  readonly #jobs: Job[] = [];
  #isBusy = false;
  #isClosed = false;

  /** `drop` is told what was too much. */
  constructor(process: (job: Job) => void, drop: (job: Job) => void) {
    this.#process = process;
    this.#drop = drop;
  }

  /** A frame is on its way, or none goes any more. */
  get isBusy(): boolean {
    return this.#isBusy || this.#isClosed;
  }

  push(job: Job): void {
    if (this.#isClosed) return;
    if (this.#jobs.length >= QUEUE_LIMIT) {
      this.#drop(job);
      return;
    }
    this.#jobs.push(job);
    if (!this.#isBusy) this.#drain(0);
  }

  /** From here to `leave` others wait: for who sends frames past the queue, and has looked that it is not busy. */
  enter(): void {
    this.#isBusy = true;
  }

  /** `done`: frames of this chain that went before. */
  leave(done: number): void {
    this.#isBusy = false;
    if (this.#jobs.length > 0) this.#drain(done);
  }

  /** Forgets what waits, and takes no more. */
  close(): void {
    this.#isClosed = true;
    this.#jobs.length = 0;
  }

  #drain(done: number): void {
    this.#isBusy = true;
    try {
      for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
        if (++done > CHAIN_LIMIT) this.#drop(job);
        else this.#process(job);
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
