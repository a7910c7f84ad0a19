import { chmodSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import { certifyListener, type KeyedCertificate, makeAuthority } from '../identity/certificates.ts';
import { CONTROLLER_NAME } from '../identity/names.ts';
import { followTls, readTls, type TlsFiles, type TlsSecrets } from './api-tls.ts';

const clock = new FakeClock();
let directory: string;
let files: TlsFiles;
let authority: KeyedCertificate;

function write({ key, certificate }: KeyedCertificate): void {
  writeFileSync(files.key, key, { mode: 0o600 });
  writeFileSync(files.cert, certificate);
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'netloom-api-tls-'));
  files = { cert: join(directory, 'api.crt'), key: join(directory, 'api.key') };
  authority = await makeAuthority(clock.wall());
  write(await certifyListener(authority, clock.wall()));
});
afterEach(() => rmSync(directory, { recursive: true }));

function refusal(now = clock.wall()): string {
  try {
    readTls(files, now);
    return 'taken';
  } catch (thrown) {
    const { findings } = NetloomError.from(thrown);
    return `${findings[0].path}: ${findings[0].message}`;
  }
}

describe('the certificate of the API', () => {
  it('is taken with its key, and says what the server is called', () => {
    expect(readTls(files, clock.wall()).names).toEqual([CONTROLLER_NAME]);
  });

  it('is refused where others may read the key, where it is of another, over, torn or not there', async () => {
    chmodSync(files.key, 0o640);
    expect(refusal()).toMatch(/^--tls-key: .* others may read it/);
    chmodSync(files.key, 0o600);
    expect(refusal(clock.wall() + 31 * 24 * 3_600_000)).toMatch(/^--tls-cert: .* its time was over/);
    const other = await certifyListener(authority, clock.wall());
    writeFileSync(files.key, other.key);
    expect(refusal()).toMatch(/^--tls-key: .* is not the key/);
    writeFileSync(files.cert, other.certificate.slice(0, 100));
    expect(refusal()).toMatch(/^--tls-cert: .* no certificate/);
    rmSync(files.cert);
    expect(refusal()).toMatch(/^--tls-cert: .*ENOENT/);
  });

  it('is taken up when it is renewed, and stays when what comes is no good', async () => {
    const taken: TlsSecrets[] = [];
    const troubles: unknown[] = [];
    const stop = followTls(
      files,
      clock,
      (secrets) => taken.push(secrets),
      (thrown) => troubles.push(thrown),
    );
    clock.advance(120_000);
    expect([taken, troubles]).toEqual([[], []]);
    writeFileSync(files.cert, 'torn');
    utimesSync(files.cert, 1, 1);
    clock.advance(60_000);
    expect([taken.length, troubles.length]).toEqual([0, 1]);
    const renewed = await certifyListener(authority, clock.wall());
    write(renewed);
    utimesSync(files.cert, 2, 2);
    clock.advance(60_000);
    expect(taken.map(({ cert }) => cert)).toEqual([renewed.certificate]);
    stop();
    utimesSync(files.cert, 3, 3);
    clock.advance(120_000);
    expect(taken).toHaveLength(1);
  });

  it('is looked at again after it could not be looked at at all, which is told once', async () => {
    const taken: TlsSecrets[] = [];
    const troubles: unknown[] = [];
    const stop = followTls(
      files,
      clock,
      (secrets) => taken.push(secrets),
      (thrown) => troubles.push(thrown),
    );
    rmSync(files.cert);
    // A link to itself: what the system says of it is not that it is not there (ELOOP).
    symlinkSync(files.cert, files.cert);
    clock.advance(180_000);
    expect([taken.length, troubles.length]).toEqual([0, 1]);
    rmSync(files.cert);
    const renewed = await certifyListener(authority, clock.wall());
    write(renewed);
    clock.advance(60_000);
    expect(taken.map(({ cert }) => cert)).toEqual([renewed.certificate]);
    stop();
  });
});
