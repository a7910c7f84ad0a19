import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scopedRecord } from '../../test/support/policy-arbitraries.ts';
import { NetloomError } from '../base/error.ts';
import { parseChange, parseRecord } from './parse.ts';
import { recordKey } from './records.ts';
import { recordText } from './text.ts';

const port = {
  kind: 'port',
  id: 'f1',
  name: 'blue1/eth0',
  owner: 'vm',
  switch: 'Internal',
  mac: '00:1d:d8:b7:1c:00',
  addresses: [{ address: '10.0.0.5', prefixLength: 24, gateway: '10.0.0.1', dns: ['2001:db8::5'] }],
  attachment: { type: 'virtual', vsid: 5001 },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1458,
  dhcpServer: '192.0.2.253',
  origin: 'VirtualMachine/blue1',
};

function without(...names: string[]): object {
  return Object.fromEntries(Object.entries(port).filter(([name]) => !names.includes(name)));
}

/** `code path` of each finding; empty when the record is accepted. */
function refusals(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    return error.findings.map((f) => `${f.code} ${f.path}`);
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('parseRecord', () => {
  it('takes every record that is one, and gives it back unchanged', () => {
    expect(parseRecord(port)).toEqual(port);
    fc.assert(
      fc.property(scopedRecord, ({ record }) => {
        expect(recordText(parseRecord(JSON.parse(recordText(record))))).toBe(recordText(record));
      }),
    );
  });

  it.each([
    ['an unknown kind', { ...port, kind: 'firewall' }, ['kind-unknown p']],
    ['a kind that every object has', { ...port, kind: 'constructor' }, ['kind-unknown p']],
    ['no kind', without('kind'), ['kind-unknown p']],
    ['no object', [port], ['kind-unknown p']],
    ['null', null, ['kind-unknown p']],
    ['an unknown field', { ...port, qos: 1 }, ['field-unknown p']],
    [
      'an unknown field inside',
      { ...port, security: { ...port.security, arpGuard: true } },
      ['field-unknown p.security'],
    ],
    [
      'the name __proto__',
      JSON.parse(`${JSON.stringify(port).slice(0, -1)},"__proto__":{}}`),
      ['field-unknown p'],
    ],
    ['a missing field', without('mac', 'mtu'), ['field-missing p.mac', 'field-missing p.mtu']],
    ['null for absent', { ...port, dhcpServer: null }, ['value-invalid p.dhcpServer']],
    ['a MAC that is not canonical', { ...port, mac: '00-1D-D8-B7-1C-00' }, ['value-invalid p.mac']],
    [
      'an IPv6 address that is not canonical',
      { ...port, addresses: [{ ...port.addresses[0], dns: ['2001:DB8::5'] }] },
      ['value-invalid p.addresses[0].dns[0]'],
    ],
    [
      '127.1',
      { ...port, addresses: [{ ...port.addresses[0], address: '127.1' }] },
      ['value-invalid p.addresses[0].address'],
    ],
    [
      'a prefix length that IPv4 does not have',
      { ...port, addresses: [{ ...port.addresses[0], prefixLength: 33 }] },
      ['value-invalid p.addresses[0].prefixLength'],
    ],
    ['VLAN 4095', { ...port, attachment: { type: 'vlan', vlan: 4095 } }, ['value-invalid p.attachment.vlan']],
    [
      'VSID 4095',
      { ...port, attachment: { type: 'virtual', vsid: 4095 } },
      ['value-invalid p.attachment.vsid'],
    ],
    [
      'an isolated port of two secondary VLANs',
      { ...port, attachment: { type: 'private', mode: 'isolated', primary: 7, secondaries: [8, 9] } },
      ['value-invalid p.attachment.secondaries'],
    ],
    [
      'a secondary VLAN that is the primary one',
      { ...port, attachment: { type: 'private', mode: 'community', primary: 7, secondaries: [7] } },
      ['value-invalid p.attachment.secondaries'],
    ],
    [
      'a private VLAN 0',
      { ...port, attachment: { type: 'private', mode: 'promiscuous', primary: 0, secondaries: [] } },
      ['value-invalid p.attachment.primary'],
    ],
    [
      'another attachment',
      { ...port, attachment: { type: 'vxlan', vni: 1 } },
      ['value-invalid p.attachment.type'],
    ],
    ['a number as text', { ...port, mtu: '1458' }, ['value-invalid p.mtu']],
    [
      'an uplink without a NIC',
      {
        kind: 'switch',
        name: 'Internal',
        type: 'external',
        uplink: { nics: [], teaming: 'lacp', balancing: 'dynamic', mtu: 1500 },
        origin: '',
      },
      ['value-invalid p.uplink.nics'],
    ],
  ])('refuses %s', (_what, value, expected) => {
    expect(refusals(() => parseRecord(value, 'p'))).toEqual(expected);
  });

  it('says everything that is wrong at once, with the values, and does not grow with them', () => {
    const long = 'x'.repeat(100_000);
    expect(() => parseRecord({ ...port, mac: long, owner: 'guest' })).toThrow(NetloomError);
    try {
      parseRecord({ ...port, mac: long, owner: 'guest' });
    } catch (error) {
      expect(error).toBeInstanceOf(NetloomError);
      const { findings, message } = error as NetloomError;
      expect(findings.map((f) => f.path)).toEqual(['owner', 'mac']);
      expect(message).toContain('"guest"');
      expect(message.length).toBeLessThan(1000);
    }
  });
});

describe('parseChange', () => {
  it('takes a record in its scope under its key', () => {
    fc.assert(
      fc.property(scopedRecord, ({ scope, record }) => {
        const key = recordKey(record);
        const change = parseChange({ scope, key, record: bytes(recordText(record)) });
        expect(change).toEqual({ scope, key, record });
        expect(parseChange({ scope, key })).toEqual({ scope, key });
      }),
    );
  });

  const subnetless = {
    kind: 'route',
    rdid: 'blue',
    vsid: 5001,
    prefix: '10.0.0.0/24',
    nextHop: '0.0.0.0',
    origin: '',
  };

  it.each([
    ['a scope of no kind', 'tenant/t1', 'port/f1', port, 'value-invalid'],
    ['an empty scope', 'host/', 'port/f1', port, 'value-invalid'],
    ['another key', 'host/h1', 'port/f2', port, 'value-invalid'],
    ['a host record in a domain', 'domain/blue', 'port/f1', port, 'value-invalid'],
    ['a domain record in a host', 'host/h1', 'route/5001/10.0.0.0/24', subnetless, 'value-invalid'],
    [
      "a record in another domain's scope",
      'domain/red',
      'route/5001/10.0.0.0/24',
      subnetless,
      'value-invalid',
    ],
    ['the removal of a record of no kind', 'host/h1', 'firewall/1', undefined, 'kind-unknown'],
  ])('refuses %s', (_what, scope, key, record, code) => {
    const raw = { scope, key, ...(record && { record: bytes(JSON.stringify(record)) }) };
    expect(refusals(() => parseChange(raw))).toEqual([`${code} ${scope} ${key}`]);
  });

  it.each([
    ['no JSON', bytes('{')],
    ['no bytes', new Uint8Array()],
    ['invalid UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22)],
  ])('refuses %s', (_what, record) => {
    expect(refusals(() => parseChange({ scope: 'host/h1', key: 'port/f1', record }))).toEqual([
      'value-invalid host/h1 port/f1',
    ]);
  });

  it('never does anything but accept or refuse, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.json().map(bytes), fc.constant(bytes('['.repeat(200_000)))),
        (record) => refusals(() => parseChange({ scope: 'host/h1', key: 'port/f1', record })).length > 0,
      ),
    );
  });
});
