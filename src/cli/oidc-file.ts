/** The file of `netloom up --oidc`. What it takes to read it, and the client of the protocol, are loaded only then. */
import { readFileSync } from 'node:fs';
import type { Oidc } from '../access/oidc.ts';
import { systemClock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { isPrivate } from '../base/private-file.ts';

export async function openOidc(file: string): Promise<Oidc> {
  const { parse } = await import('yaml');
  const { Oidc, oidcSettings } = await import('../access/oidc.ts');
  let value: unknown;
  try {
    // It may hold a secret.
    if (!isPrivate(file)) throw new Error('others may read it: chmod 600');
    value = parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 });
  } catch (thrown) {
    throw unreadable(file, thrown instanceof Error ? thrown.message : String(thrown));
  }
  const settings = oidcSettings.safeParse(value);
  if (settings.success) return new Oidc(settings.data, systemClock);
  const words = settings.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the file'}: ${message}`,
  );
  throw unreadable(file, words.join('; '));
}

function unreadable(file: string, why: string): NetloomError {
  return new NetloomError([
    finding(
      'value-invalid',
      '--oidc',
      `${file} does not say how to log in at a provider: ${why}.`,
      'See docs/tenants.md for an example.',
    ),
  ]);
}
