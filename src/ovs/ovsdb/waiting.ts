/** Those who wait until something holds. Every wait has an end. */
import type { Clock } from '../../base/clock.ts';

export interface Wait {
  readonly isSo: () => boolean;
  /** It will never be so. */
  readonly isOver: () => boolean;
  /** Milliseconds. */
  readonly within: number;
  /** What is told when it has not come about. */
  readonly otherwise: () => Error;
}

export class Waiting {
  readonly #clock: Clock;
  readonly #looks = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles when it is so; rejects when its time has passed, or it is over. */
  until({ isSo, isOver, within, otherwise }: Wait): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#looks.delete(look);
        cancel();
        settle();
      };
      const look = () => {
        if (isSo()) end(resolve);
        else if (isOver()) end(() => reject(otherwise()));
      };
      const cancel = this.#clock.after(Math.max(0, within), () => end(() => reject(otherwise())));
      this.#looks.add(look);
      look();
    });
  }

  /** Something has changed: all look again. */
  wake(): void {
    for (const look of [...this.#looks]) look();
  }
}
