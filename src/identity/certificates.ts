/**
 * The certificates of agents and of the controller's listener: keys of P-256, signatures by ECDSA with SHA-256, so that
 * TLS 1.3 takes them everywhere (RFC 8446, 9.1). Times are passed in.
 *
 *     authority     CA, signs nothing but ends (path length 0)
 *       host        client only; its one name is that of the host
 *       listener    server only; its one name is CONTROLLER_NAME
 */
import { createPrivateKey, X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { CONTROLLER_NAME, hostOfNames, hostUrn } from './names.ts';

type CryptoKey = webcrypto.CryptoKey;

const DAY_MS = 24 * 3_600_000;
/** How long the certificate of a host is good. */
export const HOST_LIFE_MS = 30 * DAY_MS;
/** The controller makes itself a new one at every start, and while it runs (AgentListener). */
export const LISTENER_LIFE_MS = 30 * DAY_MS;
const AUTHORITY_LIFE_MS = 10 * 365 * DAY_MS;
/** A certificate is good from a little before it was made, as clocks differ. */
const SKEW_MS = 5 * 60_000;
/** No certificate request is larger, in bytes of DER. */
const MAX_REQUEST = 2048;

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A certificate with its private key, both as PEM (the key as PKCS #8). */
export interface KeyedCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** What a certificate says. */
export interface CertificateFacts {
  /** The host that it is of; undefined for one that is not a host's. */
  readonly host?: string;
  /** In hexadecimal. */
  readonly serial: string;
  /** SHA-256 of the DER, in hexadecimal. */
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

/** A new authority. */
export async function makeAuthority(now: number): Promise<KeyedCertificate> {
  const keys = await makeKeys();
  const made = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: makeSerial(),
      name: [{ O: ['Netloom'] }, { CN: [`Agents CA ${makeSerial().slice(0, 8)}`] }],
      notBefore: new Date(now - SKEW_MS),
      notAfter: new Date(now + AUTHORITY_LIFE_MS),
      signingAlgorithm: SIGNATURE,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { key: await writeKey(keys.privateKey), certificate: pemText(made) };
}

/** A certificate for a host, on the key of its request. Throws when the request is none; see readRequest. */
export async function certifyHost(
  authority: KeyedCertificate,
  host: string,
  request: Uint8Array,
  now: number,
): Promise<string> {
  const publicKey = await readRequest(request);
  return issue(authority, publicKey, now, HOST_LIFE_MS, [
    new SubjectAlternativeNameExtension([{ type: 'url', value: hostUrn(host) }], true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], true),
  ]);
}

/** A new key and certificate for the listener of the controller. */
export async function certifyListener(authority: KeyedCertificate, now: number): Promise<KeyedCertificate> {
  const keys = await makeKeys();
  const certificate = await issue(authority, keys.publicKey, now, LISTENER_LIFE_MS, [
    new SubjectAlternativeNameExtension([{ type: 'dns', value: CONTROLLER_NAME }], true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth], true),
  ]);
  return { key: await writeKey(keys.privateKey), certificate };
}

/** A new key, and a request (PKCS #10, RFC 2986) for a certificate on it. The key leaves the host never. */
export async function makeRequest(): Promise<{ readonly key: string; readonly request: Uint8Array }> {
  const keys = await makeKeys();
  // Whose it is says the token, or the certificate that it is renewed by: nothing that the request claims.
  const made = await Pkcs10CertificateRequestGenerator.create(
    { name: [{ O: ['Netloom'] }], keys, signingAlgorithm: SIGNATURE },
    webcrypto,
  );
  return { key: await writeKey(keys.privateKey), request: new Uint8Array(made.rawData) };
}

/** Reads a certificate, PEM or DER. Throws where it is none. */
export function readCertificate(text: string | Uint8Array): CertificateFacts {
  const read = new NodeCertificate(text);
  const host = hostOfNames(read.subjectAltName);
  return {
    ...(host === undefined ? {} : { host }),
    serial: read.serialNumber.toLowerCase(),
    fingerprint: fingerprintOf(read.fingerprint256),
    from: read.validFromDate.getTime(),
    until: read.validToDate.getTime(),
  };
}

/** As Node tells it, `AB:CD:…`, to lower-case hexadecimal. */
export function fingerprintOf(colons: string): string {
  return colons.replaceAll(':', '').toLowerCase();
}

/** PEM of a certificate in DER. Throws where it is none. */
export function pemOf(der: Uint8Array): string {
  return new NodeCertificate(der).toString();
}

/** DER of a certificate in PEM. Throws where it is none. */
export function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new NodeCertificate(pem).raw);
}

/** The key of a request, which its sender has proved to have. Throws an Error with the reason where it is not one we sign. */
async function readRequest(bytes: Uint8Array): Promise<CryptoKey> {
  if (bytes.length > MAX_REQUEST)
    throw new Error(`it has ${bytes.length} bytes, and ${MAX_REQUEST} are the most`);
  const request = new Pkcs10CertificateRequest(Uint8Array.from(bytes));
  if (!(await request.verify(webcrypto))) throw new Error('its signature is wrong');
  const key = await request.publicKey.export(EC, ['verify'], webcrypto);
  if (
    key.algorithm.name !== EC.name ||
    !('namedCurve' in key.algorithm) ||
    key.algorithm.namedCurve !== EC.namedCurve
  )
    throw new Error('its key is none of P-256');
  return key;
}

async function issue(
  authority: KeyedCertificate,
  publicKey: CryptoKey,
  now: number,
  life: number,
  extensions: Extension[],
): Promise<string> {
  const issuer = new X509Certificate(authority.certificate);
  const made = await X509CertificateGenerator.create(
    {
      serialNumber: makeSerial(),
      subject: [{ O: ['Netloom'] }],
      issuer: issuer.subjectName.toJSON(),
      notBefore: new Date(now - SKEW_MS),
      notAfter: new Date(now + life),
      signingAlgorithm: SIGNATURE,
      publicKey,
      signingKey: await readKey(authority.key),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
        await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        ...extensions,
      ],
    },
    webcrypto,
  );
  return pemText(made);
}

/** As a file has it: the library leaves the last end of line out. */
function pemText(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
}

/** 126 random bits, positive and without a leading zero (RFC 5280, 4.1.2.2). */
function makeSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function writeKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}

function readKey(pem: string): Promise<CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, EC, false, ['sign']);
}

/** Whether the key is the one that the certificate was made for, both PEM; false for what is no key or no certificate. */
export function isKeyOf(key: string, certificate: string): boolean {
  try {
    return new NodeCertificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
