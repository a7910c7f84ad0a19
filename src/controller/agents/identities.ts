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
import type { SecretWrite } from '../../store/contract.ts';
import type { Controller } from '../controller.ts';
import { hostsOf } from '../fabric/compare.ts';
import { JoinTokens } from './join-tokens.ts';
import { KeptIdentities } from './kept.ts';
import { outdated, revocations } from './outdated.ts';
import {
  CERTIFICATE,
  type CertificateRecord,
  type CertificateState,
  certificatesIn,
  forget,
  ownerOf,
  stateOf,
  TOKEN,
  writeCertificate,
} from './records.ts';
import {
  certificateFollowed,
  certificateOver,
  certificateRevoked,
  certificateUnknown,
  machineTwice,
  requestUnfit,
  tooManyRenewals,
} from './words.ts';

const HOUR_MS = 3_600_000;
/** Each is a commit, and a certificate on record. An agent asks once, or every ten minutes while it gets no answer. */
const RENEWALS_AN_HOUR = 30;
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
  readonly #kept: KeptIdentities;
  /** What hosts join with. */
  readonly tokens: JoinTokens;
  /** Host -> when the hour began in which its renewals are counted, and how many those were. */
  readonly #renewals = new Map<string, { readonly since: number; readonly count: number }>();

  constructor({ controller, clock, authority, url }: IdentitiesOptions) {
    this.#controller = controller;
    this.#clock = clock;
    this.#authority = authority;
    this.#kept = new KeptIdentities(controller, clock);
    this.tokens = new JoinTokens(this.#kept, authority.fingerprint, url);
  }

  /** Whether any host has a certificate that is good. */
  static isKnown({ network, secrets }: Controller, now: number): boolean {
    return hostsOf(network).some(({ name: host }) => {
      const all = certificatesIn(host, secrets.of(ownerOf(host)));
      return all.some((record) => stateOf(record, all, now) === 'good');
    });
  }

  /** The certificates of all hosts, or of one, the latest of each host first. Throws `not-found`. */
  certificates(only?: string): CertificateView[] {
    if (only !== undefined) this.#kept.checkHost(only);
    const { now } = this.#kept;
    return (only === undefined ? this.#kept.hosts() : [only]).flatMap((host) => {
      const all = this.#kept.certificatesOf(host);
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
    return this.#kept.inTurn(async () => {
      this.tokens.check(host, tokenId, secret);
      const by = `join token ${tokenId}`;
      return this.#issue(host, request, {
        message: `${host} joined with ${by}`,
        besides: (now) => [
          forget(host, TOKEN + tokenId),
          ...revocations(this.#kept.certificatesOf(host), { at: now, by }),
        ],
      });
    });
  }

  /**
   * A new certificate for the host of a connection. The present one is good until the new one is used. Throws
   * `certificate-refused`, `host-duplicate`, `join-refused` (the request is none).
   */
  renew(peer: Peer, request: Uint8Array, bootNonce: string): Promise<IssuedCertificate> {
    return this.#kept.inTurn(async () => {
      const objection = this.objection(peer);
      if (objection) throw new NetloomError([objection]);
      const { host } = peer;
      const connected = this.#controller.feed.statusOf(host).bootNonce;
      if (connected !== undefined && connected !== bootNonce) throw machineTwice(host, bootNonce, connected);
      this.#countRenewal(host);
      return this.#issue(host, request, {
        message: `certificate of ${host} renewed`,
        besides: (now) => outdated(this.#kept.certificatesOf(host), peer.serial, now),
      });
    });
  }

  /** Revokes every certificate and every token of a host; how many certificates those were. Throws `not-found`. */
  revokeHost(host: string, author: string): Promise<number> {
    return this.#kept.inTurn(async () => {
      this.#kept.checkHost(host);
      const { now } = this.#kept;
      const all = this.#kept.certificatesOf(host);
      const writes = revocations(all, { at: now, by: author });
      const tokens = this.#kept.tokensOf(host).map(({ id }) => forget(host, TOKEN + id));
      if (writes.length + tokens.length === 0) return 0;
      await this.#kept.write(author, `certificates of ${host} revoked`, [...writes, ...tokens]);
      return all.filter((each) => stateOf(each, all, now) === 'good').length;
    });
  }

  /** Why a certificate opens nothing, now; undefined: it does. */
  objection({ host, serial, fingerprint }: Peer): Finding | undefined {
    const all = this.#kept.certificatesOf(host);
    const record = all.find((each) => each.serial === serial && each.fingerprint === fingerprint);
    if (!record) return certificateUnknown(host, serial);
    switch (stateOf(record, all, this.#kept.now)) {
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
    const used = this.#kept.certificatesOf(host).find((each) => each.serial === serial)?.used;
    if (used === undefined || (used !== null && this.#kept.now - used < NOTE_MS)) return;
    this.#controller.noteUse(ownerOf(host), CERTIFICATE + serial).catch(() => {});
  }

  async #issue(
    host: string,
    request: Uint8Array,
    how: { readonly message: string; besides(now: number): SecretWrite[] },
  ): Promise<IssuedCertificate> {
    const { signer, trusted } = this.#authority;
    const { now } = this.#kept;
    let pem: string;
    try {
      pem = await certifyHost(signer, host, request, now);
    } catch (thrown) {
      throw requestUnfit(thrown instanceof Error ? thrown.message : String(thrown));
    }
    const { serial, fingerprint, until } = readCertificate(pem);
    const generation = (this.#kept.certificatesOf(host)[0]?.generation ?? 0) + 1;
    const record = { host, serial, fingerprint, issued: now, expires: until, generation, used: null };
    // Durable before anybody has it.
    await this.#kept.write('netloom', `${how.message}: certificate ${serial}`, [
      ...how.besides(now),
      writeCertificate(record),
    ]);
    return { certificate: derOf(pem), caCertificates: trusted.map(derOf) };
  }

  /** Throws `quota-exceeded`. */
  #countRenewal(host: string): void {
    const now = this.#clock.now();
    const before = this.#renewals.get(host);
    const hour = before && now - before.since < HOUR_MS ? before : { since: now, count: 0 };
    if (hour.count >= RENEWALS_AN_HOUR) throw tooManyRenewals(host, RENEWALS_AN_HOUR);
    this.#renewals.set(host, { ...hour, count: hour.count + 1 });
  }
}
