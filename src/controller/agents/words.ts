/** What is said when a host cannot prove who it is. */
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import { nonceText } from '../../stream/feed.ts';

/** What a stranger says it is called is as long as a message, and may have anything in it: this much of it is kept and shown. */
const MOST_SAID = 63;

/** A name or another word that an agent said of itself, fit for one line of a log. */
export function shown(said: string): string {
  return said.slice(0, MOST_SAID).replace(/\p{C}/gu, '\ufffd');
}

const JOIN = 'Make a new token with "netloom host token HOST", and join with it.';

export function noHostHere(host: string): NetloomError {
  const name = shown(host);
  return one(
    'not-found',
    `Host/${name}`,
    `There is no host ${JSON.stringify(name)}.`,
    '"netloom get hosts" lists them.',
  );
}

export function tooManyTokens(host: string, most: number): NetloomError {
  return one(
    'quota-exceeded',
    '',
    `${host} has ${most} join tokens that are good.`,
    'Revoke those that nobody needs: "netloom host tokens" lists them.',
  );
}

export function addressUnknown(): NetloomError {
  return one(
    'field-missing',
    'url',
    'The controller does not know where hosts reach its listener for agents, which is a UNIX socket.',
    'Say where: netloom host token HOST --controller https://HOST:PORT, or start it with --agents-url.',
  );
}

export function tokenUnknown(): NetloomError {
  return one(
    'join-refused',
    '',
    'The join token is not good: it was used, revoked, is of another host or of none.',
    JOIN,
  );
}

export function tokenOver({
  host,
  id,
  expires,
}: {
  host: string;
  id: string;
  expires: number;
}): NetloomError {
  return one('join-refused', '', `The join token ${id} of ${host} was good until ${iso(expires)}.`, JOIN);
}

export function requestUnfit(why: string): NetloomError {
  return one(
    'join-refused',
    '',
    `What is to be signed is no request for a certificate: ${why}.`,
    'Bring controller and agent to the same version of Netloom.',
  );
}

export function machineTwice(host: string, one_: string, other: string): NetloomError {
  return one(
    'host-duplicate',
    host,
    `The machine with boot nonce ${shown(nonceText(one_))} wants to renew the certificate of ${host}, but the one with ${nonceText(other)} is connected.`,
    'If the host was cloned, give the clone a name and a certificate of its own.',
  );
}

export function tooManyRenewals(host: string, most: number): NetloomError {
  return one(
    'quota-exceeded',
    host,
    `The certificate of ${host} was renewed ${most} times within an hour.`,
    'An agent renews it once in weeks. Look at its log; if nothing there explains it, revoke the host and join it again.',
  );
}

/** No certificate at all. */
export function certificateMissing(host: string): Finding {
  return refused(host, 'The connection proves nothing about who the host is: it has no certificate.');
}

/** TLS says why. */
export function certificateUntrusted(host: string, why: string): Finding {
  return refused(host, `The certificate is not believed (${why}): it is over, or of another authority.`);
}

export function certificateUnknown(host: string, serial: string): Finding {
  return refused(
    host,
    `The certificate ${serial} of ${host} is not on record: the host was deleted, or the data is older.`,
  );
}

export function certificateRevoked(
  host: string,
  serial: string,
  revoked: { readonly at: number; readonly by: string } | undefined,
): Finding {
  const when = revoked ? `, at ${iso(revoked.at)} by ${revoked.by}` : '';
  return refused(host, `The certificate ${serial} of ${host} was revoked${when}.`);
}

export function certificateOver(host: string, serial: string, expires: number): Finding {
  return refused(host, `The certificate ${serial} of ${host} was good until ${iso(expires)}.`);
}

export function certificateFollowed(host: string, serial: string): Finding {
  return finding(
    'certificate-refused',
    host,
    `The certificate ${serial} of ${host} has been followed by a newer one, which is in use.`,
    'If nobody joined the host anew, somebody has a copy of its certificate: revoke the host, and join with a new token.',
  );
}

/** The certificate of one host, and another host's name. */
export function otherHost(host: string, certified: string): Finding {
  return finding(
    'host-forbidden',
    host,
    `The machine with the certificate of ${certified} says that it is ${host}.`,
    'Use the certificate that was made for this host. If it was, the machine is not to be trusted: revoke it.',
  );
}

function refused(host: string, message: string): Finding {
  return finding('certificate-refused', host, message, JOIN);
}

function one(...said: Parameters<typeof finding>): NetloomError {
  return new NetloomError([finding(...said)]);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
