import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { KIND_NAMES, target } from './definition.ts';
import { findKind, KINDS, kindOf, type ModelObject, objectKey, objectName, splitObjectKey } from './kinds.ts';
import { readObject } from './read.ts';

interface Place {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Place>>;
  readonly additionalProperties?: boolean | Place;
  readonly items?: Place;
  readonly anyOf?: readonly Place[];
}

/** Every place in a JSON Schema with its path. */
function* placesOf(place: Place, path: string): Generator<[path: string, place: Place, isField: boolean]> {
  for (const [name, field] of Object.entries(place.properties ?? {})) {
    yield [`${path}.${name}`, field, true];
    yield* placesOf(field, `${path}.${name}`);
  }
  for (const [i, choice] of (place.anyOf ?? []).entries()) {
    yield [`${path}|${i}`, choice, false];
    yield* placesOf(choice, `${path}|${i}`);
  }
  if (place.items) {
    yield [`${path}[]`, place.items, false];
    yield* placesOf(place.items, `${path}[]`);
  }
}

function read(value: unknown): ModelObject {
  const result = readObject(value);
  if (!result.ok) throw new Error(result.findings.map((f) => f.finding.message).join(' '));
  return result.object;
}

describe('KINDS', () => {
  it('has every kind under its name, and no word for two of them', () => {
    expect(Object.keys(KINDS)).toEqual([...KIND_NAMES]);
    const words = KIND_NAMES.flatMap((kind) => [
      kind.toLowerCase(),
      kindOf(kind).plural,
      ...kindOf(kind).short,
    ]);
    expect(new Set(words).size).toBe(words.length);
    for (const kind of KIND_NAMES) {
      expect(kindOf(kind).kind).toBe(kind);
      for (const word of [kind, `${kind}s`, kindOf(kind).plural, ...kindOf(kind).short]) {
        expect(findKind(word.toUpperCase())).toBe(kind);
      }
    }
    expect(findKind('nonsense')).toBeUndefined();
    for (const word of ['logicalswitches', 'hostswitches', 'logical-switch', 'MacPools'])
      expect(findKind(word), word).toBeDefined();
  });

  for (const kind of KIND_NAMES) {
    const schema = z.toJSONSchema(kindOf(kind).document, { io: 'input' }) as Place;
    const places = [...placesOf(schema, kind)];

    it(`${kind}: every field is described`, () => {
      const bare = places.filter(([, place, isField]) => isField && !place.description).map(([path]) => path);
      expect(bare).toEqual([]);
    });

    it(`${kind}: every text, list and number is bounded`, () => {
      const endless = places.filter(([, { type, ...p }]) => {
        if (type === 'string') return p.maxLength === undefined && !p.enum && p.const === undefined;
        if (type === 'array') return p.maxItems === undefined;
        if (type === 'integer' || type === 'number') return p.maximum === undefined;
        return false;
      });
      expect(endless.map(([path]) => path)).toEqual([]);
    });

    it(`${kind}: has a JSON Schema for what comes out, too`, () => {
      expect(z.toJSONSchema(kindOf(kind).document, { io: 'output' })).toMatchObject({ type: 'object' });
    });
  }
});

describe('objects', () => {
  it('have keys that tell apart what has the same name elsewhere', () => {
    const subnet = (vmNetwork: string) => ({
      kind: 'VmSubnet',
      name: 'test',
      vmNetwork,
      prefix: '10.10.0.0/16',
    });
    const pool = (vmNetwork: string) => ({
      kind: 'IpPool',
      name: 'CA Pool',
      vmNetwork,
      subnet: 'test',
      from: '10.10.1.100',
      to: '10.10.1.130',
    });
    const keys = [subnet('AAA'), subnet('BBB'), pool('AAA'), pool('BBB')].map((o) => objectKey(read(o)));
    expect(keys).toEqual([
      'VmSubnet/AAA/test',
      'VmSubnet/BBB/test',
      'IpPool/VmSubnet/AAA/test/CA Pool',
      'IpPool/VmSubnet/BBB/test/CA Pool',
    ]);
    const sitePool = read({
      kind: 'IpPool',
      name: 'CA Pool',
      logicalNetwork: 'AAA',
      site: 'test',
      prefix: '10.10.0.0/16',
      from: '10.10.1.100',
      to: '10.10.1.130',
    });
    expect(objectKey(sitePool)).toBe('IpPool/NetworkSite/AAA/test/CA Pool');
    expect(objectName(sitePool)).toBe('NetworkSite/AAA/test/CA Pool');
    expect(splitObjectKey(objectKey(sitePool))).toEqual({ kind: 'IpPool', key: objectName(sitePool) });
    expect(splitObjectKey('Nothing/x')).toBeUndefined();
    expect(splitObjectKey('Host')).toBeUndefined();
  });

  it('name what they refer to, with the field', () => {
    const vm = read({
      kind: 'VirtualMachine',
      name: 'vm',
      host: 'h',
      vnics: [
        { vmNetwork: 'Blue', subnet: 'a', classification: 'gold' },
        { vmNetwork: 'Office', subnet: '10.0.0.0/24' },
      ],
    });
    const references = kindOf('VirtualMachine').references(vm);
    expect(references.map((r) => `${r.path} -> ${target(r)}`)).toEqual([
      'host -> Host/h',
      'vnics[0].vmNetwork -> VmNetwork/Blue',
      'vnics[0].subnet -> VmSubnet/Blue/a',
      'vnics[0].classification -> PortClassification/gold',
      'vnics[1].vmNetwork -> VmNetwork/Office',
    ]);
  });

  it('are kept in canonical form, with defaults filled in', () => {
    expect(
      read({
        kind: 'VirtualMachine',
        name: 'Caf\u0065\u0301',
        host: 'h',
        vnics: [
          { vmNetwork: 'n', mac: '00-1D-D8-B7-1C-00', addresses: ['2001:DB8:0::5'] },
          { vmNetwork: 'n' },
        ],
      }),
    ).toEqual({
      kind: 'VirtualMachine',
      name: 'Caf\u00e9',
      host: 'h',
      vnics: [
        {
          name: 'eth0',
          vmNetwork: 'n',
          mac: '00:1d:d8:b7:1c:00',
          addresses: ['2001:db8::5'],
          adapter: 'synthetic',
        },
        { name: 'eth1', vmNetwork: 'n', addresses: [], adapter: 'synthetic' },
      ],
    });
  });

  it('are on the safe side unless they say otherwise', () => {
    expect(read({ kind: 'VirtualPortProfile', name: 'p' })).toMatchObject({
      security: {
        macSpoofing: false,
        dhcpGuard: true,
        routerGuard: true,
        guestTeaming: false,
        ieeePriorityTagging: false,
        guestSpecifiedAddresses: false,
      },
      offload: { vmq: false, ipsecTaskOffload: false, sriov: false },
    });
  });

  it('can be written back as they were read, with meta and status', () => {
    const object = read({
      kind: 'HostSwitch',
      host: 'h',
      logicalSwitch: 's',
      nics: ['n'],
      uplinkProfile: 'u',
    });
    const shown = { ...object, name: 'h/s', meta: { id: '1', revision: 7 }, status: { anything: [1] } };
    expect(readObject(shown)).toEqual({ ok: true, key: 'HostSwitch/h/s', object, expectedRevision: 7 });
  });

  it('have names of letters of any script, and no others', () => {
    const named = (name: string) => readObject({ kind: 'HostGroup', name }).ok;
    for (const good of ['a', 'Building A', '楼 N', 'हिन्दी', '01 blue', '_x', 'a.b-c_d', 'x'.repeat(63)]) {
      expect([good, named(good)]).toEqual([good, true]);
    }
    const bad = [
      '',
      ' a',
      'a ',
      '-rf',
      '--help',
      '.',
      '..',
      'a/b',
      'a\nb',
      'a\u0000',
      'a\u200bb',
      'a\u202eb',
      '$(id)',
    ];
    for (const name of [...bad, 'x'.repeat(64)]) expect([name, named(name)]).toEqual([name, false]);
  });
});
