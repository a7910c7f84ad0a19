import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import { Controller } from '../../controller/controller.ts';
import { parseDocuments } from '../../model/input.ts';
import { KIND_ORDER } from '../../policy/order.ts';
import { domainScope, hostScope, type PolicyRecord, recordKey } from '../../policy/records.ts';
import { PolicySet } from '../../policy/set.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { readRecords } from './read.ts';
import { writeRecords } from './write.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));
const EXAMPLE = readFileSync(`${EXAMPLES}blue-red-by-hand.yaml`, 'utf8');

function findingsOf(text: string | Uint8Array): readonly Finding[] {
  try {
    readRecords(text, 'f');
    return [];
  } catch (thrown) {
    if (thrown instanceof NetloomError) return thrown.findings;
    throw thrown;
  }
}

/** `12:5 value-invalid host/a.records[0].mac: what is wrong` */
const lines = (text: string) =>
  findingsOf(text).map(
    ({ source, code, path, message }) =>
      `${source ? `${source.line}:${source.column}` : '-'} ${code} ${path}: ${message}`,
  );

/** One host on one domain; `more` is what else the host has. */
const one = (more = '', domain = '') => `host: a
records:
  - { kind: switch, name: S, uplink: { nics: [n1] } }
  - { kind: provider, pa: 192.0.2.1, prefixLength: 24 }
  - { kind: domain, rdid: D }
${more}
---
domain: D
records:
  - { kind: subnet, vsid: 5000, prefixes: [{ prefix: 10.0.0.0/24 }] }
${domain}`;

const PORT = `  - { kind: port, name: vm/eth0, mac: 02:00:00:00:00:05, attachment: { type: virtual, vsid: 5000 } }`;

const record = (text: string, key: string): PolicyRecord | undefined =>
  readRecords(text, 'f').records.find((each) => recordKey(each.record) === key)?.record;

describe('what may be left out', () => {
  it('of what a host has', () => {
    const text = one(PORT);
    expect(record(text, 'switch/S')).toEqual({
      kind: 'switch',
      name: 'S',
      type: 'external',
      uplink: { nics: ['n1'], teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 },
      origin: 'f:3',
    });
    expect(record(text, 'provider/Provider')).toEqual({
      kind: 'provider',
      logicalNetwork: 'Provider',
      switch: 'S',
      encapsulation: 'nvgre',
      pa: '192.0.2.1',
      prefixLength: 24,
      mac: '02:00:c0:00:02:01',
      vlan: 0,
      origin: 'f:4',
    });
    expect(record(text, 'domain/D')).toEqual({
      kind: 'domain',
      rdid: 'D',
      number: 1,
      name: 'D',
      logicalNetwork: 'Provider',
      origin: 'f:5',
    });
    expect(record(text, 'port/5000/02:00:00:00:00:05')).toEqual({
      kind: 'port',
      id: '5000/02:00:00:00:00:05',
      name: 'vm/eth0',
      owner: 'vm',
      switch: 'S',
      mac: '02:00:00:00:00:05',
      addresses: [],
      attachment: { type: 'virtual', vsid: 5000 },
      security: { macSpoofing: false, dhcpGuard: false, routerGuard: false, guestSpecifiedAddresses: false },
      mtu: 1400,
      origin: 'f:6',
    });
  });

  it('of what a routing domain has', () => {
    const text = one(
      '',
      `  - { kind: route, vsid: 5000, prefix: 10.0.0.0/24 }
  - { kind: route, vsid: 5000, prefix: '2001:db8::/64' }
  - { kind: lookup, vsid: 5000, ca: 10.0.0.5, mac: 02-00-00-00-00-0A, pa: 192.0.2.1 }`,
    );
    expect(record(text, 'subnet/5000')).toEqual({
      kind: 'subnet',
      vsid: 5000,
      rdid: 'D',
      name: 'D/5000',
      prefixes: [{ prefix: '10.0.0.0/24', gateway: '10.0.0.1' }],
      gatewayMac: '02:01:00:00:13:88',
      mtu: 1400,
      origin: 'f:10',
    });
    expect(record(text, 'route/5000/10.0.0.0/24')).toMatchObject({ rdid: 'D', nextHop: '0.0.0.0' });
    expect(record(text, 'route/5000/2001:db8::/64')).toMatchObject({ rdid: 'D', nextHop: '::' });
    // A lookup record finds its port by VSID and MAC address, however that is spelled.
    expect(record(text, 'lookup/5000/10.0.0.5')).toMatchObject({
      rdid: 'D',
      mac: '02:00:00:00:00:0a',
      port: '5000/02:00:00:00:00:0a',
    });
  });

  it('of ACLs and mirrors', () => {
    const text = one(`  - { kind: acl, id: web, rules: [{ direction: inbound, action: deny, priority: 5 }] }
  - { kind: acl, id: rest, inbound: deny }
  - { kind: port, name: vm/eth0, mac: 02:00:00:00:00:05, attachment: { type: vlan, vlan: 7 }, acls: [web, rest] }
  - { kind: mirror, source: vm/eth0, output: { vlan: 9 } }`);
    expect(record(text, 'acl/web')).toMatchObject({
      number: 1,
      rules: [{ name: 'rule1', stateful: false, log: false }],
    });
    expect(record(text, 'acl/rest')).toMatchObject({ number: 2, rules: [] });
    expect(record(text, 'port/vm/eth0')).toMatchObject({ id: 'vm/eth0', mtu: 1500 });
    expect(record(text, 'mirror/vm/eth0')).toMatchObject({ switch: 'S', direction: 'both' });
  });

  it('and what is written stays', () => {
    const written = PORT.replace('kind: port', 'kind: port, id: x, mtu: 1300, security: { dhcpGuard: true }');
    expect(record(one(written), 'port/x')).toMatchObject({
      mtu: 1300,
      security: { dhcpGuard: true, macSpoofing: false },
    });
  });
});

describe('what is wrong', () => {
  it('is said all at once, each at its line', () => {
    expect(
      lines(`host: a
records:
  - { kind: swich, name: S }
  - { name: T }
  - 7
  - kind: port
    name: vm/eth0
    mac: 02:00:00:00:00
    attachment: { type: virtual, vsid: 12, vlan: 5 }
    mtuu: 5
  - { kind: lookup, rdid: D, vsid: 5000, ca: 10.0.0.5, mac: 02:00:00:00:00:05, pa: 192.0.2.1 }
---
domain: D
records:
  - { kind: subnet, rdid: E, vsid: 5000, prefixes: [{ prefix: 10.0.0.7/24 }] }
---
hosts: b
records: []
---
host: c
`),
    ).toEqual([
      '17:1 field-unknown hosts: A document has no field "hosts".',
      expect.stringMatching(/^17:1 value-invalid : The document is for a host or for a routing domain/),
      '20:1 field-missing records: The field "records" is missing.',
      '3:7 kind-unknown host/a.records[0].kind: There is no kind of record "swich".',
      '4:5 field-missing host/a.records[1]: The record does not say of what kind it is.',
      '5:5 value-invalid host/a.records[2]: A record is a group of fields, and this is 7.',
      '6:5 field-missing host/a.records[3].switch: The field "switch" is missing.',
      '8:5 value-invalid host/a.records[3].mac: "02:00:00:00:00" is not a MAC address such as 00:1d:d8:b7:1c:00.',
      '9:34 value-invalid host/a.records[3].attachment.vsid: 12 is too little: at least 4096.',
      '9:44 field-unknown host/a.records[3].attachment.vlan: "attachment" has no field "vlan".',
      '10:5 field-unknown host/a.records[3].mtuu: A record of the kind port has no field "mtuu".',
      '11:7 value-invalid host/a.records[4].kind: A record of the kind lookup has no place in host/a.',
      '15:55 value-invalid domain/D.records[0].prefixes[0].prefix: "10.0.0.7/24" is not a prefix such as 10.0.0.0/24 or 2001:db8::/64.',
    ]);
  });

  it.each<[string, string, string | RegExp]>([
    ['', '', ''],
    [PORT, '', ''],
    [`${PORT}\n${PORT}`, '', ''],
    [
      `${PORT}\n${PORT.replace('kind: port', 'kind: port, mtu: 1300')}`,
      '',
      /two records port\/5000.* line 6/,
    ],
    [PORT.replace('vsid: 5000', 'vsid: 5001'), '', 'no subnet with the VSID 5001'],
    [PORT.replace('vm/eth0', 'vm'), '', 'not the name of a machine, a slash'],
    [PORT.replace('kind: port', 'kind: port, switch: X'), '', 'no switch X in host/a'],
    [PORT.replace('kind: port', 'kind: port, acls: [x]'), '', 'no acl x in host/a'],
    ['  - { kind: domain, rdid: E }', '', 'no document for the routing domain E'],
    ['  - { kind: domain, rdid: D }', '', ''],
    ['  - { kind: mirror, source: x, output: { port: y } }', '', 'no port x in host/a'],
    [
      '',
      '  - { kind: lookup, vsid: 5001, ca: 10.0.0.5, mac: 02:00:00:00:00:05, pa: 192.0.2.1 }',
      'no subnet 5001',
    ],
    [
      '',
      '---\ndomain: E\nrecords: [{ kind: subnet, vsid: 5000, prefixes: [{ prefix: 10.0.0.0/24 }] }]',
      'VSID 5000',
    ],
    [
      `${PORT}\n---\nhost: b\nrecords:\n  - { kind: switch, name: S }\n${PORT}`,
      '',
      'The host does not take part in the routing domain D',
    ],
  ])('%s %s', (host, domain, words) => {
    const found = lines(one(host, domain)).join('\n');
    if (words === '') expect(found).toBe('');
    else expect(found).toMatch(words);
    for (const { remedy } of findingsOf(one(host, domain))) expect(remedy).not.toBe('');
  });

  it('is a provider address that two hosts have, and doubtful one that nobody has', () => {
    const host = (pa: string) =>
      `---\nhost: b\nrecords: [{ kind: switch, name: S }, { kind: provider, pa: ${pa}, prefixLength: 24 }]`;
    expect(lines(one('', host('192.0.2.1')))).toEqual([
      expect.stringMatching(/^13:38 name-duplicate .* 192\.0\.2\.1 is that of the record at line 4, too/),
    ]);
    expect(lines(one('', host('192.0.2.2')))).toEqual([]);
    const lookup = (pa: string) =>
      `  - { kind: lookup, vsid: 5000, ca: 10.0.0.5, mac: 02:00:00:00:00:05, pa: ${pa} }`;
    expect(readRecords(one('', lookup('192.0.2.1')), 'f').warnings).toEqual([]);
    expect(readRecords(one('', lookup('192.0.2.9')), 'f').warnings).toMatchObject([
      { severity: 'warning', path: 'domain/D.records[1].pa', source: { line: 11 } },
    ]);
  });

  it('is a NIC in two switches', () => {
    const two = (nic: string) =>
      `{ host: a, records: [{ kind: switch, name: S, uplink: { nics: [n1] } }, { kind: switch, name: T, uplink: { nics: [${nic}] } }] }`;
    expect(lines(two('n1'))).toEqual([
      expect.stringMatching(/NIC n1 is used by the switch at line 1 already/),
    ]);
    expect(lines(two('n2'))).toEqual([]);
  });

  it('is a file with nothing in it, or with something else', () => {
    expect(lines('# nothing')).toEqual(['- input-unreadable : There are no records in f.']);
    expect(lines('kind: Host\nname: a')).not.toEqual([]);
    expect(findingsOf(new Uint8Array([0xff, 0xfe]))).toMatchObject([{ code: 'input-unreadable' }]);
  });

  it('never is more than findings, whatever is put in the place of a value', () => {
    const words = EXAMPLE.split(/(?<=[\s{}[\],])/);
    const places = words.flatMap((word, i) => (/^[^#{}[\],\s:-]/.test(word) ? [i] : []));
    const wrong = fc.constantFrom(
      '',
      '-1',
      '99999999999',
      '~',
      '[]',
      '{}',
      'x',
      '"/"',
      '10.0.0.1',
      '1e999',
      'true',
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...places), wrong), { minLength: 1, maxLength: 3 }),
        (changes) => {
          const changed = [...words];
          for (const [place, value] of changes) changed[place] = `${value} `;
          for (const { message, remedy, severity } of findingsOf(changed.join(''))) {
            expect(severity).toBe('error');
            expect(message).not.toBe('');
            expect(remedy).not.toBe('');
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('what a controller makes of the examples', () => {
  const files = globSync('*.yaml', { cwd: EXAMPLES }).filter((file) => !/by-hand|switch/.test(file));

  it.each(files)('is written as a file that says the same: %s', async (file) => {
    const { objects } = parseDocuments(readFileSync(`${EXAMPLES}${file}`), file);
    const controller = await Controller.open({
      store: createMemoryStore(),
      clock: new FakeClock(),
      uuid: randomUUID,
    });
    await controller.apply(
      objects.map(({ object }) => ({ object })),
      { author: 'test', message: '' },
    );
    const { policy } = controller.feed;
    const text = policy.scopes().flatMap((scope) => {
      if (!scope.startsWith('host/')) return [];
      const own = [...policy.scope(scope).values()];
      const domains = own.flatMap((each) => (each.kind === 'domain' ? [domainScope(each.rdid)] : []));
      const held = [scope, ...domains].flatMap((each) =>
        [...policy.scope(each).values()].map((held) => ({ scope: each, record: held })),
      );
      return [writeRecords(scope.slice('host/'.length), held)];
    });
    const read = readRecords(text.join(''), file);
    expect(PolicySet.of(read.records).text()).toBe(policy.text());
    expect(read.hosts.map(hostScope)).toEqual(policy.scopes().filter((scope) => scope.startsWith('host/')));
    await controller.close();
  });

  it('are records of every kind, all together', async () => {
    const kinds = new Set(readRecords(EXAMPLE, 'f').records.map((each) => each.record.kind));
    expect(KIND_ORDER.filter((kind) => !kinds.has(kind))).toEqual(['mirror', 'acl']);
  });
});
