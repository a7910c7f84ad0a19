/**
 * Who the agents of hosts are: join tokens, certificates, revocation. All of it is stored with the commits of the controller,
 * so it is as durable as what it is about, and every token, certificate and revocation is a row of the journal.
 *
 *     token (once, an hour) --enrol--> certificate (30 days) --renew--> certificate on a new key ...
 *                                         |                                 | used for the first time
 *                                         +-- revoked, or followed by ------+
 */
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import type { Authority } from '../../identity/authority.ts';
import { certifyHost, derOf, readCertificate } from '../../identity/certificates.ts';
import { hashJoinSecret, makeJoinSecret, sameJoinSecret, writeJoinToken } from '../../identity/join-token.ts';
import type { SecretWrite } from '../../store/contract.ts';
import type { Controller } from '../controller.ts';
import {
  CERTIFICATE,
  type CertificateRecord,
  type CertificateState,
  certificatesIn,
  forget,
  type JoinTokenRecord,
  ownerOf,
  stateOf,
  TOKEN,
  tokensIn,
  writeCertificate,
  writeToken,
} from './records.ts';
import {
  addressUnknown,
  certificateFollowed,
  certificateOver,
  certificateRevoked,
  certificateUnknown,
  machineTwice,
  noHostHere,
  requestUnfit,
  tokenOver,
  tokenUnknown,
  tooManyRenewals,
  tooManyTokens,
} from './words.ts';

const HOUR_MS = 3_600_000;
/** How long a join token is good of which nothing is said, and at most. */
export const TOKEN_LIFE_MS = HOUR_MS;
export const TOKEN_LONGEST_MS = 7 * 24 * HOUR_MS;
/** Tokens of one host that are good at a time. */
const TOKENS_PER_HOST = 10;
/** Revoked certificates that are kept of one host, to be shown. */
const REVOKED_KEPT = 10;
/** Each is a commit, and a certificate on record. An agent asks once, or every ten minutes while it gets no answer. */
const RENEWALS_AN_HOUR = 30;
/** Certificates that a host was given and has not used, of which the answer may have been lost; the latest are kept. */
const UNUSED_KEPT = 2;
/** Use is noted once in so long. */
const NOTE_MS = 60_000;

/** The certificate of a connection, which TLS has found to be of the authority and in its time. */
export interface Peer {
  readonly host: string;
  /** In hexadecimal. */
  readonly serial: string;
  readonly fingerprint: string;
}

/** What a host gets: DER. */
export interface IssuedCertificate {
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly caCertificates: readonly Uint8Array<ArrayBuffer>[];
}

/** A join token as it is shown: everything but the secret. */
export type JoinTokenView = Omit<JoinTokenRecord, 'hash'>;

export interface CertificateView extends Omit<CertificateRecord, 'generation'> {
  readonly state: CertificateState;
}

export interface IdentitiesOptions {
  readonly controller: Controller;
  readonly clock: Clock;
  readonly authority: Authority;
  /** Where agents reach the listener: goes into the join tokens. */
  readonly url: () => string | undefined;
}

export class HostIdentities {
  readonly #controller: Controller;
  readonly #clock: Clock;
  readonly #authority: Authority;
  readonly #url: () => string | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** Host -> when the hour began in which its renewals are counted, and how many those were. */
  readonly #renewals = new Map<string, { readonly since: number; readonly count: number }>();

  constructor({ controller, clock, authority, url }: IdentitiesOptions) {
    this.#controller = controller;
    this.#clock = clock;
    this.#authority = authority;
    this.#url = url;
  }

  /** Whether any host has a certificate that is good. */
  static isKnown({ network, secrets }: Controller, now: number): boolean {
    return hostsOf(network).some((host) => {
      const all = certificatesIn(host, secrets.of(ownerOf(host)));
      return all.some((record) => stateOf(record, all, now) === 'good');
    });
  }

  /** SHA-256 of the certificate of the authority, in hexadecimal. */
  get fingerprint(): string {
    return this.#authority.fingerprint;
  }

  /** Makes a join token. The token itself is in the result, and never to be had again. Throws `not-found`, `quota-exceeded`. */
  makeToken(
    host: string,
    wish: { readonly lifetimeMs?: number; readonly url?: string; readonly author: string },
  ): Promise<JoinTokenView & { readonly token: string }> {
    const { lifetimeMs = TOKEN_LIFE_MS, url = this.#url(), author } = wish;
    return this.#inTurn(async () => {
      this.#checkHost(host);
      if (url === undefined) throw addressUnknown();
      const now = this.#clock.wall();
      const present = this.#tokensOf(host);
      const over = present.filter(({ expires }) => expires <= now);
      if (present.length - over.length >= TOKENS_PER_HOST) throw tooManyTokens(host, TOKENS_PER_HOST);
      const { id, secret } = makeJoinSecret();
      const view = { host, id, author, created: now, expires: now + lifetimeMs };
      await this.#write(author, `join token ${id} of ${host} made`, [
        writeToken({ ...view, hash: hashJoinSecret(secret) }),
        ...over.map((old) => forget(host, TOKEN + old.id)),
      ]);
      return { ...view, token: writeJoinToken({ url, authority: this.fingerprint, host, id, secret }) };
    });
  }

  /** The tokens that are good, of all hosts. */
  tokens(): JoinTokenView[] {
    const now = this.#clock.wall();
    return this.#hosts()
      .flatMap((host) => this.#tokensOf(host))
      .filter(({ expires }) => expires > now)
      .map(({ hash: _, ...view }) => view);
  }

  /** Ends a token; false where there is none of this id. */
  revokeToken(id: string, author: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const token = this.tokens().find((each) => each.id === id);
      if (!token) return false;
      await this.#write(author, `join token ${id} of ${token.host} revoked`, [
        forget(token.host, TOKEN + id),
      ]);
      return true;
    });
  }

  /** The certificates of all hosts, or of one, the latest of each host first. */
  certificates(only?: string): CertificateView[] {
    const now = this.#clock.wall();
    return (only === undefined ? this.#hosts() : [only]).flatMap((host) => {
      const all = this.#certificatesOf(host);
      return all.map(({ generation: _, ...record }, i) => ({ ...record, state: stateOf(all[i]!, all, now) }));
    });
  }

  /**
   * Trades a join token for a certificate; those that the host had are revoked. Exactly one claim of a token succeeds,
   * however many come at once. Throws `join-refused`.
   */
  enrol(claim: {
    readonly host: string;
    readonly tokenId: string;
    readonly secret: string;
    readonly request: Uint8Array;
  }): Promise<IssuedCertificate> {
    const { host, tokenId, secret, request } = claim;
    return this.#inTurn(async () => {
      const token = this.#tokensOf(host).find(({ id }) => id === tokenId);
      // One answer for all that does not prove to know the secret. The same work is done either way.
      const isRight = sameJoinSecret(secret, token?.hash ?? '');
      if (!token || !isRight) throw tokenUnknown();
      if (token.expires <= this.#clock.wall()) throw tokenOver(token);
      const by = `join token ${tokenId}`;
      return this.#issue(host, request, {
        message: `${host} joined with ${by}`,
        besides: (now) => [
          forget(host, TOKEN + tokenId),
          ...this.#revocations(host, { at: now, by }, this.#certificatesOf(host)),
        ],
      });
    });
  }

  /**
   * A new certificate for the host of a connection. The present one is good until the new one is used. Throws
   * `certificate-refused`, `host-duplicate`, `join-refused` (the request is none).
   */
  renew(peer: Peer, request: Uint8Array, bootNonce: string): Promise<IssuedCertificate> {
    return this.#inTurn(async () => {
      const objection = this.objection(peer);
      if (objection) throw new NetloomError([objection]);
      const { host } = peer;
      const connected = this.#controller.feed.statusOf(host).bootNonce;
      if (connected !== undefined && connected !== bootNonce) throw machineTwice(host, bootNonce, connected);
      this.#countRenewal(host);
      return this.#issue(host, request, {
        message: `certificate of ${host} renewed`,
        besides: (now) => this.#outdated(peer, now),
      });
    });
  }

  /** Revokes every certificate and every token of a host; how many certificates those were. Throws `not-found`. */
  revokeHost(host: string, author: string): Promise<number> {
    return this.#inTurn(async () => {
      this.#checkHost(host);
      const now = this.#clock.wall();
      const all = this.#certificatesOf(host);
      const revocations = this.#revocations(host, { at: now, by: author }, all);
      const tokens = this.#tokensOf(host).map(({ id }) => forget(host, TOKEN + id));
      if (revocations.length + tokens.length === 0) return 0;
      await this.#write(author, `certificates of ${host} revoked`, [...revocations, ...tokens]);
      return all.filter((each) => stateOf(each, all, now) === 'good').length;
    });
  }

  /** Why a certificate opens nothing, now; undefined: it does. */
  objection({ host, serial, fingerprint }: Peer): Finding | undefined {
    const all = this.#certificatesOf(host);
    const record = all.find((each) => each.serial === serial && each.fingerprint === fingerprint);
    if (!record) return certificateUnknown(host, serial);
    switch (stateOf(record, all, this.#clock.wall())) {
      case 'good':
        return undefined;
      case 'revoked':
        return certificateRevoked(host, serial, record.revoked);
      case 'expired':
        return certificateOver(host, serial, record.expires);
      case 'followed':
        return certificateFollowed(host, serial);
    }
  }

  /** A good certificate is used: those before it end. Nobody waits for it to be stored; the next use notes it again. */
  noteUse({ host, serial }: Peer): void {
    const used = this.#certificatesOf(host).find((each) => each.serial === serial)?.used;
    if (used === undefined || (used !== null && this.#clock.wall() - used < NOTE_MS)) return;
    this.#controller.noteUse(ownerOf(host), CERTIFICATE + serial).catch(() => {});
  }

  async #issue(
    host: string,
    request: Uint8Array,
    how: { readonly message: string; besides(now: number): SecretWrite[] },
  ): Promise<IssuedCertificate> {
    const { signer, trusted } = this.#authority;
    const now = this.#clock.wall();
    let pem: string;
    try {
      pem = await certifyHost(signer, host, request, now);
    } catch (thrown) {
      throw requestUnfit(thrown instanceof Error ? thrown.message : String(thrown));
    }
    const { serial, fingerprint, until } = readCertificate(pem);
    const generation = (this.#certificatesOf(host)[0]?.generation ?? 0) + 1;
    const record = { host, serial, fingerprint, issued: now, expires: until, generation, used: null };
    // Durable before anybody has it.
    await this.#write('netloom', `${how.message}: certificate ${serial}`, [
      ...how.besides(now),
      writeCertificate(record),
    ]);
    return { certificate: derOf(pem), caCertificates: trusted.map(derOf) };
  }

  /** Marks those that are not revoked yet, and forgets the revoked ones that are too many. */
  #revocations(
    host: string,
    revoked: { readonly at: number; readonly by: string },
    all: readonly CertificateRecord[],
  ): SecretWrite[] {
    return all.flatMap((record, i) => {
      if (i >= REVOKED_KEPT) return [forget(host, CERTIFICATE + record.serial)];
      return record.revoked ? [] : [writeCertificate({ ...record, revoked })];
    });
  }

  /** What need not be on record any longer when the host is given another certificate by this one. */
  #outdated({ host, serial: own }: Peer, now: number): SecretWrite[] {
    const all = this.#certificatesOf(host);
    const [past, present] = [
      all.filter(
        (record) => ['followed', 'expired'].includes(stateOf(record, all, now)) || record.expires <= now,
      ),
      all.filter((record) => stateOf(record, all, now) === 'good'),
    ];
    const unused = present.filter(({ serial, used }) => used === null && serial !== own);
    return [...past, ...unused.slice(UNUSED_KEPT)].map(({ serial }) => forget(host, CERTIFICATE + serial));
  }

  /** Throws `quota-exceeded`. */
  #countRenewal(host: string): void {
    const now = this.#clock.now();
    const before = this.#renewals.get(host);
    const hour = before && now - before.since < HOUR_MS ? before : { since: now, count: 0 };
    if (hour.count >= RENEWALS_AN_HOUR) throw tooManyRenewals(host, RENEWALS_AN_HOUR);
    this.#renewals.set(host, { ...hour, count: hour.count + 1 });
  }

  #write(author: string, message: string, secrets: readonly SecretWrite[]): Promise<unknown> {
    return this.#controller.apply([], { author, message, secrets });
  }

  #tokensOf(host: string): JoinTokenRecord[] {
    return tokensIn(host, this.#controller.secrets.of(ownerOf(host)));
  }

  #certificatesOf(host: string): CertificateRecord[] {
    return certificatesIn(host, this.#controller.secrets.of(ownerOf(host)));
  }

  #hosts(): string[] {
    return hostsOf(this.#controller.network);
  }

  #checkHost(host: string): void {
    if (!this.#controller.network.get(ownerOf(host))) throw noHostHere(host);
  }

  /** One at a time, so that what is decided on is what there is when it is written. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function hostsOf(network: Controller['network']): string[] {
  return network.list('Host').flatMap(({ object }) => ('name' in object ? [object.name] : []));
}
