/**
 * Logging in with an account at an OpenID Connect provider: authorization code with PKCE (RFC 7636). Which account is which
 * user stands in a file of the administrator's; the provider says who somebody is, and never what they may do.
 *
 *     begin    -> the address of the provider to go to, and what is remembered of it, under a random state
 *     finish   <- the address that the browser came back with: checked, exchanged, and the account looked up
 */
import * as client from 'openid-client';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { OIDC_CALLBACK } from './oidc-callback.ts';

export const oidcSettings = z.strictObject({
  issuer: z.url({ protocol: /^https?$/ }).describe('Address of the provider.'),
  clientId: z.string().min(1).max(200),
  clientSecret: z.string().min(1).max(1000).optional(),
  url: z.url({ protocol: /^https?$/ }).describe('Address of this server, where browsers come back to.'),
  claim: z.enum(['sub', 'email']).default('sub').describe('What of the account is looked up in `users`.'),
  users: z.record(z.string().max(300), z.string().max(200)).describe('Account to user: `ann`, `red:boss`.'),
});

export type OidcSettings = z.output<typeof oidcSettings>;

/** How long somebody may take at the provider, and how many may be there at once. */
const PENDING_MS = 10 * 60_000;
const PENDING_MAXIMUM = 1000;
/** Algorithms that tokens may be signed with; whatever the token itself says. */
const ALGORITHM = 'RS256';

interface Pending {
  readonly verifier: string;
  readonly nonce: string;
  readonly until: number;
}

export class Oidc {
  readonly #settings: OidcSettings;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  #configuration: Promise<client.Configuration> | undefined;

  constructor(settings: OidcSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Where the browser goes, and the state that it has to come back with. */
  async begin(): Promise<{ readonly url: URL; readonly state: string }> {
    const configuration = await this.#provider();
    const [verifier, nonce, state] = [
      client.randomPKCECodeVerifier(),
      client.randomNonce(),
      client.randomState(),
    ];
    this.#remember(state, { verifier, nonce, until: this.#clock.now() + PENDING_MS });
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirect(),
      scope: this.#settings.claim === 'email' ? 'openid email' : 'openid',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    return { url, state };
  }

  /** The user of the account. `state` is what this browser was sent away with. Throws `login-failed`. */
  async finish(query: string, state: string): Promise<ObjectKey> {
    const pending = this.#pending.get(state);
    this.#pending.delete(state);
    if (!pending || pending.until <= this.#clock.now())
      throw refused('It took too long, or was not begun here.');
    const claims = await this.#claims(query, state, pending);
    const account = this.#account(claims);
    const user =
      account !== undefined && Object.hasOwn(this.#settings.users, account) && this.#settings.users[account];
    if (!user) throw refused('The account is that of no user here.');
    return `User/${user.normalize('NFC')}`;
  }

  async #claims(
    query: string,
    state: string,
    { verifier, nonce }: Pending,
  ): Promise<client.IDToken | undefined> {
    const configuration = await this.#provider();
    try {
      const tokens = await client.authorizationCodeGrant(
        configuration,
        new URL(`${this.#redirect()}${query}`),
        {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        },
      );
      return tokens.claims();
    } catch (thrown) {
      throw refused('The provider did not confirm it.', thrown);
    }
  }

  #account(claims: client.IDToken | undefined): string | undefined {
    if (this.#settings.claim === 'sub') return claims?.sub;
    // An address that the provider has not verified is one that anybody may claim.
    return claims?.email_verified === true && typeof claims.email === 'string' ? claims.email : undefined;
  }

  /** What the provider says of itself, asked for when somebody logs in first; after a failure it is asked again. */
  async #provider(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const url = new URL(issuer);
    this.#configuration ??= client.discovery(
      url,
      clientId,
      {
        ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
        id_token_signed_response_alg: ALGORITHM,
      },
      clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret),
      // Signatures are checked also where TLS says already who it is from; without TLS only on this machine.
      {
        execute: [
          client.enableNonRepudiationChecks,
          ...(isLoopback(url) ? [client.allowInsecureRequests] : []),
        ],
      },
    );
    try {
      return await this.#configuration;
    } catch (thrown) {
      this.#configuration = undefined;
      throw refused('The provider of identities does not answer as one.', thrown);
    }
  }

  #redirect(): string {
    return new URL(OIDC_CALLBACK, this.#settings.url).href;
  }

  #remember(state: string, pending: Pending): void {
    const now = this.#clock.now();
    for (const [old, { until }] of this.#pending) {
      if (until > now && this.#pending.size < PENDING_MAXIMUM) break;
      this.#pending.delete(old);
    }
    this.#pending.set(state, pending);
  }
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

function refused(why: string, cause?: unknown): NetloomError {
  return new NetloomError(
    [
      finding(
        'login-failed',
        '',
        `Nobody was logged in. ${why}`,
        'Begin again at /login/oidc, or ask the administrator.',
      ),
    ],
    { cause },
  );
}
