/**
 * What is stored about the identity of a host: its join tokens and its certificates, among the secrets of the Host object. A
 * certificate is good while it is on record, so what is not on record (a host that was deleted, another data directory) opens
 * nothing.
 */
import * as z from 'zod';
import type { SecretWrite, StoredSecret } from '../../store/contract.ts';

/** Names of secrets begin with these; behind them is the id of the token, the serial number of the certificate. */
export const TOKEN = 'join-token/';
export const CERTIFICATE = 'certificate/';

const token = z.strictObject({
  /** Of its secret (identity/join-token.ts). */
  hash: z.string(),
  author: z.string(),
  created: z.int(),
  expires: z.int(),
});

const certificate = z.strictObject({
  /** SHA-256, in hexadecimal. */
  fingerprint: z.string(),
  issued: z.int(),
  expires: z.int(),
  /** Counts the certificates of the host from 1; a later one that has been used ends those before it. */
  generation: z.int().min(1),
  /** `used`: when it was used last, which the store forgets as the record is written anew. */
  revoked: z.strictObject({ at: z.int(), by: z.string(), used: z.int().exactOptional() }).exactOptional(),
});

export interface JoinTokenRecord extends z.output<typeof token> {
  readonly host: string;
  readonly id: string;
}

export interface CertificateRecord extends z.output<typeof certificate> {
  readonly host: string;
  /** In hexadecimal. */
  readonly serial: string;
  /** Wall-clock milliseconds. */
  readonly used: number | null;
}

/** The Host object that secrets of a host belong to. */
export function ownerOf(host: string): `Host/${string}` {
  return `Host/${host}`;
}

/** The host whose secrets they are; undefined for an owner that is no host. */
export function hostOfOwner(owner: string): string | undefined {
  return owner.startsWith(ownerOf('')) ? owner.slice(ownerOf('').length) : undefined;
}

export function tokensIn(host: string, secrets: readonly StoredSecret[]): JoinTokenRecord[] {
  return secrets.flatMap(({ name, value }) => {
    const read = name.startsWith(TOKEN) ? token.safeParse(value).data : undefined;
    return read ? [{ ...read, host, id: name.slice(TOKEN.length) }] : [];
  });
}

/** The latest first. */
export function certificatesIn(host: string, secrets: readonly StoredSecret[]): CertificateRecord[] {
  return secrets
    .flatMap(({ name, value, used }) => {
      const read = name.startsWith(CERTIFICATE) ? certificate.safeParse(value).data : undefined;
      if (!read) return [];
      return [
        { ...read, host, serial: name.slice(CERTIFICATE.length), used: used ?? read.revoked?.used ?? null },
      ];
    })
    .sort((a, b) => b.generation - a.generation);
}

export function writeToken({ host, id, ...value }: JoinTokenRecord): SecretWrite {
  return { owner: ownerOf(host), name: TOKEN + id, value };
}

export function writeCertificate({ host, serial, used: _, ...value }: CertificateRecord): SecretWrite {
  const { revoked, ...rest } = value;
  return { owner: ownerOf(host), name: CERTIFICATE + serial, value: revoked ? { ...rest, revoked } : rest };
}

/** The same certificate, revoked. */
export function revoke(
  record: CertificateRecord,
  revoked: { readonly at: number; readonly by: string },
): SecretWrite {
  const { used } = record;
  return writeCertificate({ ...record, revoked: used === null ? revoked : { ...revoked, used } });
}

export function forget(host: string, name: string): SecretWrite {
  return { owner: ownerOf(host), name, value: null };
}

export type CertificateState = 'good' | 'followed' | 'revoked' | 'expired';

/** How one of a host's certificates stands. `all`: those of the host. */
export function stateOf(
  { expires, revoked, generation }: CertificateRecord,
  all: readonly CertificateRecord[],
  now: number,
): CertificateState {
  if (revoked) return 'revoked';
  if (expires <= now) return 'expired';
  return all.some((other) => other.generation > generation && other.used !== null) ? 'followed' : 'good';
}
