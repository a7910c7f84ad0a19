/** Join tokens: each trades once for the certificate of one host. Of the token itself nothing is kept but a hash. */
import { hashJoinSecret, makeJoinSecret, sameJoinSecret, writeJoinToken } from '../../identity/join-token.ts';
import type { KeptIdentities } from './kept.ts';
import { forget, type JoinTokenRecord, TOKEN, writeToken } from './records.ts';
import { addressUnknown, tokenOver, tokenUnknown, tooManyTokens } from './words.ts';

/** How long a join token is good of which nothing is said, and at most. */
export const TOKEN_LIFE_MS = 3_600_000;
export const TOKEN_LONGEST_MS = 7 * 24 * TOKEN_LIFE_MS;
/** Tokens of one host that are good at a time. */
const MOST_OF_HOST = 10;

/** A join token as it is shown: everything but the secret. */
export type JoinTokenView = Omit<JoinTokenRecord, 'hash'>;

export class JoinTokens {
  readonly #kept: KeptIdentities;
  readonly #authority: string;
  readonly #url: () => string | undefined;

  /** `authority`: its fingerprint. `url`: where agents reach the listener. */
  constructor(kept: KeptIdentities, authority: string, url: () => string | undefined) {
    this.#kept = kept;
    this.#authority = authority;
    this.#url = url;
  }

  /** The token itself is in the result, and never to be had again. Throws `not-found`, `quota-exceeded`, `field-missing`. */
  make(
    host: string,
    wish: { readonly lifetimeMs?: number; readonly url?: string; readonly author: string },
  ): Promise<JoinTokenView & { readonly token: string }> {
    const { lifetimeMs = TOKEN_LIFE_MS, url = this.#url(), author } = wish;
    return this.#kept.inTurn(async () => {
      this.#kept.checkHost(host);
      if (url === undefined) throw addressUnknown();
      const { now } = this.#kept;
      const present = this.#kept.tokensOf(host);
      const over = present.filter(({ expires }) => expires <= now);
      if (present.length - over.length >= MOST_OF_HOST) throw tooManyTokens(host, MOST_OF_HOST);
      const { id, secret } = makeJoinSecret();
      const view = { host, id, author, created: now, expires: now + lifetimeMs };
      await this.#kept.write(author, `join token ${id} of ${host} made`, [
        writeToken({ ...view, hash: hashJoinSecret(secret) }),
        ...over.map((old) => forget(host, TOKEN + old.id)),
      ]);
      return { ...view, token: writeJoinToken({ url, authority: this.#authority, host, id, secret }) };
    });
  }

  /** The tokens that are good, of all hosts. */
  list(): JoinTokenView[] {
    const { now } = this.#kept;
    return this.#kept
      .hosts()
      .flatMap((host) => this.#kept.tokensOf(host))
      .filter(({ expires }) => expires > now)
      .map(({ hash: _, ...view }) => view);
  }

  /** Ends a token; false where there is none of this id. */
  revoke(id: string, author: string): Promise<boolean> {
    return this.#kept.inTurn(async () => {
      const token = this.list().find((each) => each.id === id);
      if (!token) return false;
      const { host } = token;
      await this.#kept.write(author, `join token ${id} of ${host} revoked`, [forget(host, TOKEN + id)]);
      return true;
    });
  }

  /** Whoever claims it knows its secret, and it is good now; call it in turn. Throws `join-refused`. */
  check(host: string, id: string, secret: string): void {
    const token = this.#kept.tokensOf(host).find((each) => each.id === id);
    // One answer for all that does not prove to know the secret. The same work is done either way.
    const isRight = sameJoinSecret(secret, token?.hash ?? '');
    if (!token || !isRight) throw tokenUnknown();
    if (token.expires <= this.#kept.now) throw tokenOver(token);
  }
}
