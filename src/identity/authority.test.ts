import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NetloomError } from '../base/error.ts';
import {
  authoritiesOf,
  hasAuthority,
  openAuthority,
  prepareAuthority,
  promoteAuthority,
  retireAuthority,
} from './authority.ts';

const NOW = Date.UTC(2026, 0, 1);
const YEAR = 365 * 24 * 3_600_000;
let root: string;
let directory: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'netloom-authority-'));
  directory = join(root, 'agents-ca');
});
afterEach(() => rmSync(root, { recursive: true }));

async function refusal(work: () => Promise<unknown> | unknown): Promise<string> {
  try {
    await work();
  } catch (thrown) {
    expect(NetloomError.from(thrown).code).toBe('authority-unusable');
    return NetloomError.from(thrown).message;
  }
  throw new Error('it was not refused');
}

describe('an authority', () => {
  it('is made once, readable by nobody else, and is the same afterwards', async () => {
    expect(hasAuthority(directory)).toBe(false);
    const made = await openAuthority(directory, NOW);
    expect(await openAuthority(directory, NOW + YEAR)).toEqual(made);
    expect(made.trusted).toEqual([made.signer.certificate]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(directory)).toEqual(['current.pem']);
    expect(statSync(join(directory, 'current.pem')).mode & 0o777).toBe(0o600);
  });

  it('is refused when others may read its key, when key and certificate are of two, or are torn, and when it is over', async () => {
    await openAuthority(directory, NOW);
    const file = join(directory, 'current.pem');
    const whole = readFileSync(file, 'utf8');
    for (const mode of [0o640, 0o604, 0o644]) {
      chmodSync(file, mode);
      expect(await refusal(() => openAuthority(directory, NOW))).toContain('may read current.pem');
    }
    chmodSync(file, 0o600);
    const other = join(root, 'other');
    await openAuthority(other, NOW);
    const [key] = /-----BEGIN PRIVATE KEY[\s\S]*/.exec(readFileSync(join(other, 'current.pem'), 'utf8'))!;
    const [certificate] = /[\s\S]*-----END CERTIFICATE-----\n/.exec(whole)!;
    for (const text of [certificate + key, certificate, key, '', whole.slice(0, -60)]) {
      writeFileSync(file, text);
      expect(await refusal(() => openAuthority(directory, NOW))).toContain(
        'does not hold a certificate and the key',
      );
    }
    writeFileSync(file, whole);
    expect(await refusal(() => openAuthority(directory, NOW + 11 * YEAR))).toContain('its time was over');
    await openAuthority(directory, NOW);
  });

  it('is followed by another: both are believed in between', async () => {
    const first = await openAuthority(directory, NOW);
    expect(await refusal(() => promoteAuthority(directory))).toContain('no next one');
    await prepareAuthority(directory, NOW);
    expect(await refusal(() => prepareAuthority(directory, NOW))).toContain('prepared already');
    const prepared = await openAuthority(directory, NOW);
    expect(prepared.signer).toEqual(first.signer);
    expect(prepared.trusted).toHaveLength(2);
    promoteAuthority(directory);
    const promoted = await openAuthority(directory, NOW);
    expect(promoted.signer.certificate).toBe(prepared.trusted[1]);
    expect(promoted.trusted).toEqual([promoted.signer.certificate, first.signer.certificate]);
    expect(authoritiesOf(directory).map(({ role }) => role)).toEqual(['current', 'previous']);
    // The key of the one before is gone.
    expect(readFileSync(join(directory, 'previous.crt'), 'utf8')).not.toContain('PRIVATE');
    expect([retireAuthority(directory), retireAuthority(directory)]).toEqual([true, false]);
    expect((await openAuthority(directory, NOW)).trusted).toEqual([promoted.signer.certificate]);
  });

  it('is promoted again where that was interrupted between its two steps', async () => {
    const { signer } = await openAuthority(directory, NOW);
    await prepareAuthority(directory, NOW);
    writeFileSync(join(directory, 'previous.crt'), signer.certificate, { mode: 0o600 });
    expect((await openAuthority(directory, NOW)).signer).toEqual(signer);
    promoteAuthority(directory);
    expect((await openAuthority(directory, NOW)).trusted).toHaveLength(2);
  });
});
