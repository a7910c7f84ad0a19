/** What becomes of the certificates that a host had, so that their number has a bound. */
import type { SecretWrite } from '../../store/contract.ts';
import { CERTIFICATE, type CertificateRecord, forget, revoke, stateOf } from './records.ts';

/** Revoked certificates that are kept of one host, to be shown. */
const REVOKED_KEPT = 10;
/** Certificates that a host was given and has not used, of which the answer may have been lost; the latest are kept. */
const UNUSED_KEPT = 2;

/** Revokes those that are not revoked yet, and forgets the revoked ones that are too many. `all`: the latest first. */
export function revocations(
  all: readonly CertificateRecord[],
  revoked: { readonly at: number; readonly by: string },
): SecretWrite[] {
  return all.flatMap((record, i) => {
    if (i >= REVOKED_KEPT) return [forget(record.host, CERTIFICATE + record.serial)];
    return record.revoked ? [] : [revoke(record, revoked)];
  });
}

/** Forgets what need not be on record any longer when the host is given another certificate by the one with this serial number. */
export function outdated(all: readonly CertificateRecord[], own: string, now: number): SecretWrite[] {
  const past = all.filter(
    (record) => ['followed', 'expired'].includes(stateOf(record, all, now)) || record.expires <= now,
  );
  const present = all.filter((record) => stateOf(record, all, now) === 'good');
  const unused = present.filter(({ serial, used }) => used === null && serial !== own);
  return [...past, ...unused.slice(UNUSED_KEPT)].map(({ host, serial }) =>
    forget(host, CERTIFICATE + serial),
  );
}
