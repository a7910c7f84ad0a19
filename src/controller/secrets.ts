/**
 * The secrets of users and of hosts as the controller holds them: verifiers of passwords, of tokens and of certificates, by
 * owner. They live in the store beside the objects; an object that is deleted takes its own along, so that nobody inherits
 * them with the name.
 */
import { entryOf } from '../base/map.ts';
import type { SecretWrite, StoredSecret } from '../store/contract.ts';
import type { Edit } from './network.ts';

export class Secrets {
  readonly #byOwner = new Map<string, Map<string, StoredSecret>>();

  /** Name -> who set one of this name last. */
  readonly #owners = new Map<string, string>();

  constructor(stored: Iterable<StoredSecret>) {
    this.load(stored);
  }

  /** What the store holds; nothing else is held afterwards. */
  load(stored: Iterable<StoredSecret>): void {
    this.#byOwner.clear();
    this.#owners.clear();
    for (const secret of stored) this.#put(secret);
  }

  /** All secrets of an owner, `User/ann`. */
  of(owner: string): readonly StoredSecret[] {
    return [...(this.#byOwner.get(owner)?.values() ?? [])];
  }

  get(owner: string, name: string): StoredSecret | undefined {
    return this.#byOwner.get(owner)?.get(name);
  }

  /** The secret of a name that only one owner has one of, such as `token/4f2a`. */
  named(name: string): StoredSecret | undefined {
    const owner = this.#owners.get(name);
    return owner === undefined ? undefined : this.get(owner, name);
  }

  /** What edits do to secrets: those of an object that is deleted go too. */
  removedBy(edits: readonly Edit[], written: readonly SecretWrite[]): SecretWrite[] {
    const said = new Set(written.map(({ owner, name }) => `${owner}\0${name}`));
    return edits
      .filter(({ object }) => !object)
      .flatMap(({ key }) => this.of(key))
      .filter(({ owner, name }) => !said.has(`${owner}\0${name}`))
      .map(({ owner, name }) => ({ owner, name, value: null }));
  }

  /** They are written. */
  keep(written: readonly SecretWrite[]): void {
    for (const { owner, name, value } of written) {
      if (value === null) this.#drop(owner, name);
      else this.#put({ owner, name, value, used: null });
    }
  }

  note(owner: string, name: string, used: number): void {
    const secret = this.get(owner, name);
    if (secret) this.#put({ ...secret, used });
  }

  #drop(owner: string, name: string): void {
    const own = this.#byOwner.get(owner);
    own?.delete(name);
    if (own?.size === 0) this.#byOwner.delete(owner);
    if (this.#owners.get(name) === owner) this.#owners.delete(name);
  }

  #put(secret: StoredSecret): void {
    const { owner, name } = secret;
    entryOf(this.#byOwner, owner, () => new Map<string, StoredSecret>()).set(name, secret);
    this.#owners.set(name, owner);
  }
}
