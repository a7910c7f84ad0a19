/**
 * The host's half of becoming known to a controller: joining with a token, renewing the certificate, and the transport that
 * proves who the host is. Keys are made here and stay here.
 *
 *     join     1. fetch the authority's certificate: believed if it has the fingerprint of the token, and nothing is said before
 *              2. ask for a certificate with the token's secret, over TLS that is checked against that authority
 *     renew    the same over the connection that the present certificate proves
 */
import { X509Certificate } from 'node:crypto';
import type { SecureClientSessionOptions } from 'node:http2';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { CODES, type ErrorCode } from '../base/codes.ts';
import { finding, NetloomError } from '../base/error.ts';
import { fingerprintOf, isKeyOf, makeRequest, pemOf, readCertificate } from '../identity/certificates.ts';
import type { Credentials } from '../identity/credentials.ts';
import { type JoinToken, readJoinToken } from '../identity/join-token.ts';
import { CONTROLLER_NAME } from '../identity/names.ts';
import {
  EnrolmentService,
  type EnrolResponse,
  type Issued,
  type RenewResponse,
} from '../stream/gen/enrolment_pb.ts';
import { type Dialled, dialHttp2 } from '../stream/http2.ts';

/** How long the controller may take for an answer, in milliseconds. */
const ANSWER_MS = 15_000;
/** No controller tells of more authorities. */
const MAX_AUTHORITIES = 8;

/**
 * Joins with the text of a token. Throws `value-invalid` (no token), `controller-unreachable`, `controller-untrusted`,
 * `join-refused`. A token whose answer was lost is used up all the same.
 */
export async function join(text: string): Promise<Credentials> {
  const token = readJoinToken(text);
  const authority = await fetchAuthority(token);
  const { key, request } = await makeRequest();
  const outcome = await ask({ controllerUrl: token.url, caCertificates: [authority] }, (transport) =>
    createClient(EnrolmentService, transport).enrol(
      { host: token.host, tokenId: token.id, secret: token.secret, request },
      { timeoutMs: ANSWER_MS },
    ),
  );
  return credentialsOf(token.host, token.url, key, issued(outcome));
}

/**
 * A new certificate on a new key, by the present one. `bootNonce` is that of the policy stream. Throws `controller-unreachable`,
 * `controller-untrusted`, `certificate-refused`, `host-duplicate`; then the present one is what there is.
 */
export async function renew(present: Credentials, bootNonce: string): Promise<Credentials> {
  const { key, request } = await makeRequest();
  const outcome = await ask(present, (transport) =>
    createClient(EnrolmentService, transport).renew({ request, bootNonce }, { timeoutMs: ANSWER_MS }),
  );
  return credentialsOf(present.host, present.controllerUrl, key, issued(outcome));
}

/**
 * A transport for PolicyClient. Each stream is begun with the credentials of its moment, so a renewed certificate is used
 * from the next stream on.
 */
export function secureTransport(current: () => Credentials): Transport {
  let dialled: (Dialled & { readonly of: Credentials }) | undefined;
  const transport = (): Transport => {
    const of = current();
    if (dialled?.of !== of) dialled = { ...dial(of), of };
    return dialled.transport;
  };
  return {
    unary: (...call) => transport().unary(...call),
    stream: (...call) => transport().stream(...call),
  };
}

/** How the controller is reached: with a key and a certificate, or without, for one that joins. */
type Dialling = Pick<Credentials, 'controllerUrl' | 'caCertificates'> & Partial<Credentials>;

function dial({ controllerUrl, caCertificates, key, certificate }: Dialling): Dialled {
  const node: SecureClientSessionOptions = {
    ...TLS,
    ca: [...caCertificates],
    rejectUnauthorized: true,
    ...(key === undefined || certificate === undefined ? {} : { key, cert: certificate }),
  };
  return dialHttp2({ url: controllerUrl, node });
}

/** Whatever the address: the certificate of the listener is of this name. */
const TLS = { servername: CONTROLLER_NAME, minVersion: 'TLSv1.3' } as const;

/** One question on a connection of its own. */
async function ask<T>(how: Dialling, question: (transport: Transport) => Promise<T>): Promise<T> {
  const { transport, close } = dial(how);
  try {
    return await question(transport);
  } catch (thrown) {
    throw lost(how.controllerUrl, thrown);
  } finally {
    close();
  }
}

function issued({ outcome }: EnrolResponse | RenewResponse): Issued {
  if (outcome.case === 'issued') return outcome.value;
  if (outcome.case === undefined) throw notUnderstood('it says neither yes nor no');
  const { code, message, remedy } = outcome.value;
  const known = Object.hasOwn(CODES, code) ? (code as ErrorCode) : 'join-refused';
  throw new NetloomError([finding(known, '', message, remedy)]);
}

/** Looks at all of an answer before anything of it is believed. */
function credentialsOf(host: string, controllerUrl: string, key: string, answer: Issued): Credentials {
  try {
    const certificate = pemOf(answer.certificate);
    const caCertificates = answer.caCertificates.map(pemOf);
    const read = new X509Certificate(certificate);
    const isOurs = readCertificate(certificate).host === host && isKeyOf(key, certificate);
    if (!isOurs) throw new Error('its certificate is not for this host and its key');
    if (caCertificates.length > MAX_AUTHORITIES) throw new Error('it names too many authorities');
    if (!caCertificates.some((authority) => read.verify(new X509Certificate(authority).publicKey)))
      throw new Error('its certificate is of no authority that it names');
    return { host, controllerUrl, key, certificate, caCertificates };
  } catch (thrown) {
    throw notUnderstood(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/**
 * The certificate of the authority that the token names, as the controller shows it, PEM. Nothing is sent on this connection:
 * whoever is at the other end has proved nothing yet.
 */
function fetchAuthority({ url, authority }: JoinToken): Promise<string> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...TLS,
      host,
      port: Number(port || 443),
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
      timeout: ANSWER_MS,
    });
    socket.once('secureConnect', () => {
      const found = findInChain(socket.getPeerCertificate(true), authority);
      socket.destroy();
      if (found) resolve(found);
      else reject(untrusted(url, 'it shows no certificate of the authority that the token names'));
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer came in time')));
    socket.once('error', (error) => reject(lost(url, error)));
    socket.once('close', () => reject(lost(url, new Error('it closed the connection'))));
  });
}

function findInChain(leaf: DetailedPeerCertificate, fingerprint: string): string | undefined {
  const seen = new Set<DetailedPeerCertificate>();
  // The last one is its own issuer, or has none.
  for (let each: DetailedPeerCertificate | undefined = leaf; each?.raw && !seen.has(each); ) {
    if (fingerprintOf(each.fingerprint256) === fingerprint) return pemOf(each.raw);
    seen.add(each);
    each = each.issuerCertificate;
  }
  return undefined;
}

/** Errors of OpenSSL that say that the other end is somebody else. */
const UNTRUSTED = /certificate|ALTNAME|altnames|self.signed/i;

function lost(url: string, thrown: unknown): NetloomError {
  if (thrown instanceof NetloomError) return thrown;
  const reason =
    thrown instanceof ConnectError
      ? thrown.rawMessage
      : thrown instanceof Error
        ? thrown.message
        : String(thrown);
  if (UNTRUSTED.test(reason)) return untrusted(url, reason);
  return new NetloomError(
    [
      finding(
        'controller-unreachable',
        '',
        `The controller at ${url} does not answer: ${reason}.`,
        'See whether it runs with a listener for agents (netloom controller), and whether a firewall is between.',
      ),
    ],
    { cause: thrown },
  );
}

function untrusted(url: string, reason: string): NetloomError {
  return new NetloomError([
    finding(
      'controller-untrusted',
      '',
      `Whoever answers at ${url} is not the controller: ${reason}.`,
      'See whether the address is right. If the authority of the controller is new, make a new token and join with it.',
    ),
  ]);
}

function notUnderstood(reason: string): NetloomError {
  return new NetloomError([
    finding(
      'protocol-violation',
      '',
      `The controller's answer cannot be used: ${reason}.`,
      'Bring controller and agent to the same version of Netloom.',
    ),
  ]);
}
