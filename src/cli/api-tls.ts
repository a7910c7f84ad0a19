/** The key and the certificate that the API is spoken with over TLS: read, checked, and read again when they are renewed. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { isPrivate } from '../base/private-file.ts';
import { isKeyOf } from '../identity/certificates.ts';

export interface TlsFiles {
  /** PEM: the server's own first, then those between it and the authority. */
  readonly cert: string;
  /** PEM; nobody else may read it. */
  readonly key: string;
}

/** What is in them; PEM. */
export interface TlsSecrets {
  readonly cert: string;
  readonly key: string;
  /** What the server is called in the certificate: names, then addresses; `*.example.org` is none. */
  readonly names: readonly string[];
}

/** Throws `value-invalid` where one cannot be read, they are not of each other, others may read the key, or it is over. */
export function readTls(files: TlsFiles, now: number): TlsSecrets {
  const cert = read(files.cert, '--tls-cert');
  const key = read(files.key, '--tls-key');
  if (!isPrivate(files.key))
    throw unfit('--tls-key', files.key, 'others may read it', `If nobody did, say: chmod 600 ${files.key}`);
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert);
  } catch {
    throw unfit(
      '--tls-cert',
      files.cert,
      'it is no certificate in PEM',
      'Give the file that your authority gave you.',
    );
  }
  if (!isKeyOf(key, cert))
    throw unfit(
      '--tls-key',
      files.key,
      `it is not the key of ${files.cert}`,
      'Give the key that the certificate was made for.',
    );
  if (leaf.validToDate.getTime() <= now)
    throw unfit(
      '--tls-cert',
      files.cert,
      `its time was over at ${leaf.validToDate.toISOString()}`,
      'Renew it.',
    );
  return { cert, key, names: namesOf(leaf.subjectAltName ?? '') };
}

/**
 * Looks every minute whether the files are others, and hands over what is in them then. The answer ends it. Trouble with them
 * is told once, until they are others again.
 */
export function followTls(
  files: TlsFiles,
  clock: Clock,
  onNew: (secrets: TlsSecrets) => void,
  onTrouble: (thrown: unknown) => void,
): () => void {
  let last = stampOf(files);
  const look = (): (() => void) =>
    clock.after(60_000, () => {
      // First, so that nothing that goes wrong below is the end of it.
      stop = look();
      const stamp = stampOf(files);
      if (stamp === last) return;
      last = stamp;
      try {
        onNew(readTls(files, clock.wall()));
      } catch (thrown) {
        onTrouble(thrown);
      }
    });
  let stop = look();
  return () => stop();
}

/** Another one whenever the files are others, also where they cannot be looked at. Never throws. */
function stampOf({ cert, key }: TlsFiles): string {
  return [cert, key].map(timeOf).join();
}

function timeOf(file: string): string {
  try {
    return String(statSync(file).mtimeMs);
  } catch (thrown) {
    return String(thrown);
  }
}

function read(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw unfit(option, file, why, 'Say where it is, and let the user that runs this read it.');
  }
}

/** `DNS:ctl.example, IP Address:192.0.2.10` */
function namesOf(text: string): string[] {
  const names = [...text.matchAll(/(DNS|IP Address):([^,"]+)/g)].filter(
    ([, , name]) => !name!.startsWith('*'),
  );
  return names.sort(([, a], [, b]) => (a! < b! ? -1 : a! > b! ? 1 : 0)).map(([, , name]) => name!.trim());
}

function unfit(option: string, file: string, why: string, remedy: string): NetloomError {
  return new NetloomError([finding('value-invalid', option, `${file} cannot be used: ${why}.`, remedy)]);
}
