/** Keeps the last policy on the disk. What is written is what is in force and has been confirmed (inherit/trial.ts). */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import type { Held } from '../../stream/replica.ts';
import { readState, writeDurably } from './files.ts';
import { type Kept, POLICY_FILE, readPolicy, writePolicy } from './policy-file.ts';

const REFUSED_FILE = `${POLICY_FILE}.refused`;
/** Writing may take this part of the time and no more: while many changes come, the latest of them is written. */
const SHARE = 20;

export interface PolicyKeeperOptions {
  readonly directory: string;
  readonly host: string;
  readonly clock: Clock;
  /** Told when the disk does not take it, and with undefined when it takes it again. */
  readonly onTrouble: (trouble: Finding | undefined) => void;
}

export class PolicyKeeper {
  readonly #options: PolicyKeeperOptions;
  /** What is to be written once it is time. */
  #waiting: Kept | undefined;
  /** Not before this moment. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
  }

  /** What an earlier life left; a warning where that is not to be believed, which is then put aside. */
  read(): Held | Finding | undefined {
    const { directory, host } = this.#options;
    const content = readState(directory, POLICY_FILE);
    if (content === undefined) return undefined;
    const read = readPolicy(host, content);
    if (!('policy' in read)) renameSync(join(directory, POLICY_FILE), join(directory, REFUSED_FILE));
    return read;
  }

  /** What an earlier life left was put aside, now or by a life before this one. */
  get hasRefused(): boolean {
    return existsSync(join(this.#options.directory, REFUSED_FILE));
  }

  /** Writes it, now or, where the last time took long, a little later. */
  keep(policy: Kept): void {
    const { clock } = this.#options;
    const delay = this.#notBefore - clock.now();
    this.#waiting = policy;
    if (delay <= 0) {
      this.flush();
      return;
    }
    // The policy that was given goes on changing, and the next change may be one that is not to be kept.
    this.#waiting = { ...policy, policy: policy.policy.copy() };
    this.#cancel?.();
    this.#cancel = clock.after(delay, () => this.flush());
  }

  /** What is to be written is on the disk. */
  flush(): void {
    const { directory, host, clock, onTrouble } = this.#options;
    this.#cancel?.();
    this.#cancel = undefined;
    const policy = this.#waiting;
    if (!policy) return;
    this.#waiting = undefined;
    const begin = clock.now();
    try {
      writeDurably(directory, POLICY_FILE, writePolicy(host, policy));
      onTrouble(undefined);
    } catch (thrown) {
      onTrouble(NetloomError.from(thrown).findings[0]);
    }
    this.#notBefore = clock.now() + SHARE * (clock.now() - begin);
  }
}
