/** Places for the connections of strangers: not many, and of those from one address a part, so that nobody takes all of them. */
import { originOf } from '../../base/origin.ts';

const MOST = 256;
const MOST_FROM_ONE = 32;

/** Where connections on a UNIX socket are from, which are not told apart. */
export const LOCAL = 'local';

export class Places {
  #taken = 0;
  readonly #from = new Map<string, number>();

  /** Takes a place for somebody at this address; false when there is none left. */
  take(address: string): boolean {
    const origin = originOf(address);
    const same = this.#from.get(origin) ?? 0;
    if (this.#taken >= MOST || (address !== LOCAL && same >= MOST_FROM_ONE)) return false;
    this.#taken += 1;
    this.#from.set(origin, same + 1);
    return true;
  }

  /** Gives back a place that was taken. */
  leave(address: string): void {
    const origin = originOf(address);
    const same = this.#from.get(origin) ?? 0;
    this.#taken -= 1;
    if (same > 1) this.#from.set(origin, same - 1);
    else this.#from.delete(origin);
  }
}
