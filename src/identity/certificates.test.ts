import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  certifyHost,
  certifyListener,
  HOST_LIFE_MS,
  type KeyedCertificate,
  makeAuthority,
  makeRequest,
  readCertificate,
} from './certificates.ts';
import { renewalDue } from './credentials.ts';
import { hostOfNames, hostUrn } from './names.ts';

const NOW = Date.UTC(2026, 0, 1);
let authority: KeyedCertificate;
beforeAll(async () => {
  authority = await makeAuthority(NOW);
});

describe('a certificate of a host', () => {
  it('is of the authority, of the key of the request, and for 30 days', async () => {
    const { key, request } = await makeRequest();
    const pem = await certifyHost(authority, 'rack 1_node-2', request, NOW);
    const read = new X509Certificate(pem);
    const issuer = new X509Certificate(authority.certificate);
    expect(read.checkIssued(issuer) && read.verify(issuer.publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect([read.ca, read.keyUsage]).toEqual([false, ['1.3.6.1.5.5.7.3.2']]);
    const facts = readCertificate(pem);
    expect(facts).toMatchObject({ host: 'rack 1_node-2', until: NOW + HOST_LIFE_MS });
    const renewal = renewalDue({ certificate: pem });
    expect(renewal - NOW).toBeGreaterThan(19.9 * 24 * 3_600_000);
    expect(renewal - NOW).toBeLessThan(20 * 24 * 3_600_000);
  });

  it('has a serial number of its own each time', async () => {
    const { request } = await makeRequest();
    const made = await Promise.all(
      Array.from({ length: 20 }, () => certifyHost(authority, 'h', request, NOW)),
    );
    expect(new Set(made.map((pem) => readCertificate(pem).serial)).size).toBe(20);
  });

  it('is not made of what is no request, of another kind of key, or of a key that was changed', async () => {
    const { key, request } = await makeRequest();
    await expect(certifyHost(authority, 'h', new Uint8Array(5000), NOW)).rejects.toThrow(/5000 bytes/);
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const der = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));
    await expect(certifyHost(authority, 'h', der, NOW)).rejects.toThrow();
    await fc.assert(
      fc.asyncProperty(fc.nat(request.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Uint8Array.from(request);
        bytes[at] = bytes[at]! ^ change;
        // A length outside of what is signed may be read leniently; the key is the one that was proved all the same.
        const made = await certifyHost(authority, 'h', bytes, NOW).catch(() => undefined);
        if (made) expect(new X509Certificate(made).checkPrivateKey(createPrivateKey(key))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('is none that the listener has, nor the other way round', async () => {
    const listener = await certifyListener(authority, NOW);
    const read = new X509Certificate(listener.certificate);
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(read.subjectAltName).toBe('DNS:controller.netloom.internal');
    expect(readCertificate(listener.certificate).host).toBeUndefined();
  });
});

describe('names in certificates', () => {
  it('say the host that they were made for', () => {
    const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 63 });
    fc.assert(
      fc.property(names, (name) => {
        fc.pre(name.isWellFormed());
        expect(hostOfNames(`URI:${hostUrn(name)}`)).toBe(name);
      }),
    );
  });

  it('are no host’s when there are several, or another one', () => {
    const one = `URI:${hostUrn('h1')}`;
    for (const names of [
      undefined,
      '',
      `${one}, URI:${hostUrn('h2')}`,
      `DNS:h1, ${one}`,
      'DNS:h1',
      'URI:urn:netloom:host:',
      'URI:urn:netloom:host:%zz',
      'URI:urn:netloom:other:h1',
    ])
      expect(hostOfNames(names)).toBeUndefined();
  });
});
