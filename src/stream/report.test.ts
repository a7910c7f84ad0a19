import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_AGENT_MESSAGE } from './messages.ts';
import { type HostReport, isReport, MAX_DRIFT, readReport, writeReport } from './report.ts';

const EMPTY: HostReport = {
  version: '',
  engine: '',
  nics: [],
  switches: [],
  drift: [],
  repaired: [],
  findings: [],
};
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const drift = { what: 'flow-extra' as const, switch: 'a', object: 'Host/h1', words: 'x', count: 1 };

describe('a report', () => {
  it('comes out as it went in', () => {
    const report: HostReport = {
      ...EMPTY,
      nics: [
        { name: 'n1', link: false },
        {
          name: 'n2',
          link: true,
          mac: '02:00:00:00:00:01',
          speedMbps: 25_000,
          driver: 'ice',
          mtu: 1600,
          offloads: ['checksum', 'tso'],
          neighbour: { chassis: '00:11:22:33:44:ff', port: 'Ethernet1/7', system: 'leaf1' },
        },
      ],
      drift: [drift, { ...drift, port: 'vnic/1' }],
    };
    expect(readReport(writeReport(report))).toEqual(report);
  });

  it('is cut to size, on both sides', () => {
    const huge = { ...EMPTY, engine: 'x'.repeat(1e5), drift: Array.from({ length: 1000 }, () => drift) };
    for (const bytes of [encode(huge), writeReport(huge)]) {
      const read = readReport(bytes);
      expect(isReport(read) && [read.engine.length, read.drift.length]).toEqual([500, MAX_DRIFT]);
    }
  });

  it('says nothing that could pass for lines of somebody else', () => {
    const words = 'n1\r\nhost2   full\u001b[2J\u009b2J';
    const lying = {
      ...EMPTY,
      engine: words,
      nics: [
        {
          name: words,
          link: true,
          driver: words,
          offloads: [words],
          neighbour: { chassis: words, port: words },
        },
      ],
      vnics: [{ id: words, plugged: true, link: true }],
      drift: [{ ...drift, words }],
      findings: [{ code: 'internal', severity: 'error', path: words, message: words, remedy: words }],
    };
    const read = readReport(encode(lying));
    expect(isReport(read)).toBe(true);
    JSON.stringify(read, (_key, value: unknown) => {
      if (typeof value === 'string') expect(value).not.toMatch(/\p{Cc}/u);
      return value;
    });
  });

  it('names every vNIC, however much is wrong', () => {
    const long = Array.from({ length: 200 }, () => ({
      ...drift,
      words: 'x'.repeat(500),
      object: 'y'.repeat(500),
    }));
    const vnics = Array.from({ length: 1500 }, (_, i) => ({ id: `vnic-${i}`, plugged: true, link: true }));
    const read = readReport(writeReport({ ...EMPTY, vnics, drift: long, repaired: long }));
    expect(isReport(read) && read.vnics).toEqual(vnics);
    expect(isReport(read) && read.drift.length).toBeGreaterThan(0);
  });

  it('always fits into a message', () => {
    const words = '\u{1f9f5}'.repeat(1000);
    const huge = Array.from({ length: 300 }, () => ({
      ...drift,
      words,
      object: words,
      port: words,
      switch: words,
    }));
    const bytes = writeReport({
      ...EMPTY,
      drift: huge,
      repaired: huge,
      nics: huge.map((_) => ({
        name: words,
        link: true,
        driver: words,
        offloads: huge.map(() => words),
        neighbour: { chassis: words, port: words, system: words },
      })),
    });
    expect(bytes.length).toBeLessThan(MAX_AGENT_MESSAGE);
    const read = readReport(bytes);
    expect(isReport(read) && read.drift.length).toBeGreaterThan(10);
  });

  it('may say what a newer agent knows', () => {
    const read = readReport(encode({ ...EMPTY, novelty: 1, drift: [{ ...drift, what: 'novelty' }] }));
    expect(read).toEqual({ ...EMPTY, drift: [{ ...drift, what: 'other' }] });
  });

  it('is refused with a warning when it cannot be read, whatever it is, and harms nobody', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .tuple(fc.constantFrom(...Object.keys(EMPTY), '__proto__', 'constructor'), fc.jsonValue())
        .map(([name, value]) =>
          new TextEncoder().encode(
            JSON.stringify({ ...EMPTY }).replace(/}$/, `,${JSON.stringify(name)}:${JSON.stringify(value)}}`),
          ),
        ),
    );
    let [read, refused] = [0, 0];
    fc.assert(
      fc.property(anything, (bytes) => {
        const result = readReport(bytes);
        if (isReport(result)) read += 1;
        else {
          refused += 1;
          expect(result).toMatchObject({ code: 'protocol-violation', severity: 'warning' });
        }
      }),
      { numRuns: 500 },
    );
    expect(Object.hasOwn(Object.prototype, 'drift')).toBe(false);
    expect(Math.min(read, refused)).toBeGreaterThan(0);
  });
});
