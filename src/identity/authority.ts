/**
 * The authority that the certificates of agents and of the controller's listener are of: a directory of the controller's data.
 *
 *     current.pem     key and certificate that everything is signed with
 *     next.pem        the same, of the authority that is to follow; signs nothing yet
 *     previous.crt    certificate of the one before; believed, and signs nothing any more
 *
 * Agents and controller believe all that are there, and agents are told of them whenever they renew. So an authority is replaced
 * without a moment in which somebody is not believed: prepare, wait until every host has renewed (20 days), promote, wait
 * again (30 days), retire.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { finding, NetloomError } from '../base/error.ts';
import { isPrivate, syncDirectory, writePrivateFile } from '../base/private-file.ts';
import {
  type CertificateFacts,
  isKeyOf,
  type KeyedCertificate,
  makeAuthority,
  readCertificate,
} from './certificates.ts';

const CURRENT = 'current.pem';
const NEXT = 'next.pem';
const PREVIOUS = 'previous.crt';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/;
const KEY = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/;

export interface Authority {
  /** Signs. */
  readonly signer: KeyedCertificate;
  /** SHA-256 of the certificate of `signer`, in hexadecimal: what join tokens say. */
  readonly fingerprint: string;
  /** All that are believed, PEM; that of `signer` is the first. */
  readonly trusted: readonly string[];
}

/** One of the authorities of a directory, as people see it. */
export interface AuthorityView extends CertificateFacts {
  readonly role: 'current' | 'next' | 'previous';
}

/** Whether there is an authority in the directory. */
export function hasAuthority(directory: string): boolean {
  return existsSync(join(directory, CURRENT));
}

/**
 * The authority of a directory; the first time, a new one. `now` is milliseconds since 1970. Throws `authority-unusable` when others
 * may read a key, or a key and its certificate are not of each other, or the time of the current one is over.
 */
export async function openAuthority(directory: string, now: number): Promise<Authority> {
  if (!hasAuthority(directory)) {
    mkdirSync(directory, { mode: 0o700, recursive: true });
    writePrivateFile(join(directory, CURRENT), textOf(await makeAuthority(now)));
  }
  const signer = readKeyed(directory, CURRENT);
  const { until, fingerprint } = readCertificate(signer.certificate);
  if (until <= now) {
    throw unusable(
      directory,
      `its time was over at ${new Date(until).toISOString()}`,
      'Prepare and promote another one: netloom authority --help.',
    );
  }
  const others = [certificateOf(directory, NEXT), certificateOf(directory, PREVIOUS)];
  return {
    signer,
    fingerprint,
    trusted: [signer.certificate, ...others.filter((other) => other !== undefined)],
  };
}

/** What there is in the directory; nothing is checked but that it can be read. */
export function authoritiesOf(directory: string): AuthorityView[] {
  const view = (role: AuthorityView['role'], name: string): AuthorityView[] => {
    const certificate = certificateOf(directory, name);
    return certificate === undefined ? [] : [{ role, ...readCertificate(certificate) }];
  };
  return [...view('current', CURRENT), ...view('next', NEXT), ...view('previous', PREVIOUS)];
}

/** Makes the authority that is to follow. Throws `authority-unusable` where one is waiting already. */
export async function prepareAuthority(directory: string, now: number): Promise<void> {
  readKeyed(directory, CURRENT);
  if (existsSync(join(directory, NEXT))) {
    throw unusable(
      directory,
      'the next one is prepared already',
      'Promote it when all hosts have renewed their certificates.',
    );
  }
  writePrivateFile(join(directory, NEXT), textOf(await makeAuthority(now)));
}

/** The next authority signs from now on, and the one of now is believed until it is retired. */
export function promoteAuthority(directory: string): void {
  const { certificate } = readKeyed(directory, CURRENT);
  if (!existsSync(join(directory, NEXT))) {
    throw unusable(directory, 'no next one is prepared', 'Say first: netloom authority prepare.');
  }
  readKeyed(directory, NEXT);
  // Killed between the two: the present one is there twice, which is no harm, and one promotes again.
  writePrivateFile(join(directory, PREVIOUS), certificate);
  renameSync(join(directory, NEXT), join(directory, CURRENT));
  syncDirectory(directory);
}

/** The previous authority is believed no longer. False where there is none. */
export function retireAuthority(directory: string): boolean {
  const isThere = existsSync(join(directory, PREVIOUS));
  rmSync(join(directory, PREVIOUS), { force: true });
  if (isThere) syncDirectory(directory);
  return isThere;
}

function textOf({ key, certificate }: KeyedCertificate): string {
  return `${certificate.trimEnd()}\n${key.trimEnd()}\n`;
}

/** A key with its certificate, which are of each other and nobody else's to read. */
function readKeyed(directory: string, name: string): KeyedCertificate {
  const file = join(directory, name);
  if (!existsSync(file))
    throw unusable(directory, `there is no ${name}`, 'Bring it back from the backup of the data directory.');
  if (!isPrivate(file)) {
    throw unusable(
      directory,
      `others than its owner may read ${name}`,
      `If nobody did, say: chmod 600 ${file}. Otherwise replace the authority: its key is known.`,
    );
  }
  const text = readFileSync(file, 'utf8');
  const [certificate, key] = [CERTIFICATE.exec(text)?.[0], KEY.exec(text)?.[0]];
  if (certificate !== undefined && key !== undefined && isKeyOf(key, certificate))
    return { certificate, key };
  throw unusable(
    directory,
    `${name} does not hold a certificate and the key that it is of`,
    'Bring it back from the backup of the data directory.',
  );
}

function certificateOf(directory: string, name: string): string | undefined {
  if (!existsSync(join(directory, name))) return undefined;
  return CERTIFICATE.exec(readFileSync(join(directory, name), 'utf8'))?.[0];
}

function unusable(directory: string, why: string, remedy: string): NetloomError {
  const message = `The authority of the hosts' certificates in ${directory} cannot be used: ${why}.`;
  return new NetloomError([finding('authority-unusable', '', message, remedy)]);
}
