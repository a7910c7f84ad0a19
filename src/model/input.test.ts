import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFinding } from '../base/error.ts';
import { MAX_INPUT_BYTES } from './decode.ts';
import { located, parseDocuments, parseInputs } from './input.ts';
import { validate } from './validate.ts';

const example = (name: string) => readFileSync(`${import.meta.dirname}/../../examples/${name}.yaml`);
const lines = (text: string | Uint8Array) => parseDocuments(text, 'f.yaml').findings.map(describeFinding);

describe('the examples', () => {
  for (const [name, count] of [
    ['blue-red', 19],
    ['campus', 70],
  ] as const) {
    it(`${name}.yaml has nothing wrong with it`, () => {
      const parsed = parseDocuments(example(name), name);
      expect(parsed.findings).toEqual([]);
      expect(parsed.objects).toHaveLength(count);
      const findings = located(validate(parsed.objects.map((o) => o.object)), parsed);
      expect(findings.map(describeFinding)).toEqual([]);
    });
  }
});

describe('parseDocuments', () => {
  it('reads YAML and JSON, several documents, and lists of objects', () => {
    const text = `# nothing yet
---
kind: HostGroup
name: a
--- {"kind": "HostGroup", "name": "b\\/c\\u00e9"}
---
- kind: HostGroup
  name: d
- {kind: HostGroup, name: e}
...
`;
    const { objects, findings } = parseDocuments(text.replace('\\/', ' '), 'f.yaml');
    expect(findings).toEqual([]);
    expect(objects.map((o) => o.key)).toEqual([
      'HostGroup/a',
      'HostGroup/b cé',
      'HostGroup/d',
      'HostGroup/e',
    ]);
    const json = JSON.stringify(
      objects.map((o) => o.object),
      null,
      '\t',
    );
    const again = parseDocuments(`\ufeff${json}`, 'f.json');
    expect(again.objects.map((o) => o.object)).toEqual(objects.map((o) => o.object));
  });

  it('knows where every field stands', () => {
    const text = `kind: HostGroup
name: a
---
  # indented
  kind: Host
  name: h
  group: a
  nics:
    - {name: n, mac: 02:00:00:00:00:01}
    - name: m
      mac: 02:00:00:00:00:02
`;
    const host = parseDocuments(text, 'f.yaml').objects[1];
    const at = (path: string) => {
      const { file, line, column } = host?.position(path) ?? { file: '', line: 0, column: 0 };
      return `${file}:${line}:${column}`;
    };
    expect(at('')).toBe('f.yaml:5:3');
    expect(at('group')).toBe('f.yaml:7:3');
    expect(at('nics[0].mac')).toBe('f.yaml:9:17');
    expect(at('nics[1].mac')).toBe('f.yaml:11:7');
    expect(at('nics[1].speedMbps')).toBe('f.yaml:10:7');
    expect(at('nics[7]')).toBe('f.yaml:8:3');
  });

  it('lists everything that is wrong at once, in the user’s words', () => {
    const text = `kind: Host
name: h1
grup: A
nics:
  - name: n1
    mac: 01:00:00:00:00:01
    speedMbps: fast
    capabilities: [vlan, vqm]
  - name: 7
    mac: 02:00:00:00:00:01
    vlan: 3
---
kind: NetworkSite
name: s
logicalNetwork: L
subnets:
  - {vlan: 4095, prefix: 10.0.0.1/24, gateway: 127.1}
  - {prefix: 10.0.0.0/33}
---
kind: VmSubnet
name: s
vmNetwork: V
prefix: fd00::/64
vsid: 4095
---
kind: VirtualMachin
name: x
---
name: y
---
kind: IpPool
name: p
from: 10.0.0.1
to:
---
kind: IpPool
name: p
vmNetwork: V
from: 10.0.0.1
to: 10.0.0.2
---
just text
`;
    expect(lines(text)).toEqual([
      'f.yaml:1:1: error[field-missing] Host/h1.group: The field "group" is missing. Add group. Host group that the host stands in.',
      'f.yaml:6:5: error[value-invalid] Host/h1.nics[0].mac: "01:00:00:00:00:01" must be the address of one interface, and this is a multicast address (lowest bit of the first octet). Its burnt-in MAC address.',
      'f.yaml:7:5: error[value-invalid] Host/h1.nics[0].speedMbps: "fast" is not a number. Write a number, without quotes.',
      'f.yaml:8:26: error[value-invalid] Host/h1.nics[0].capabilities[1]: "vqm" is not one of vlan, vmq, ipsec-offload, sriov. Did you mean vmq?',
      'f.yaml:9:5: error[value-invalid] Host/h1.nics[1].name: 7 is not text. Write it in quotes: "7".',
      'f.yaml:11:5: error[field-unknown] Host/h1.nics[1].vlan: "nics[1]" has no field "vlan". Remove it. The fields are name, physicalNetwork, mac, speedMbps, capabilities.',
      'f.yaml:3:1: error[field-unknown] Host/h1.grup: A host has no field "grup". Did you mean group?',
      'f.yaml:17:6: error[value-invalid] NetworkSite/L/s.subnets[0].vlan: 4095 is too much: at most 4094. VLAN, 1 to 4094; 0 is untagged.',
      'f.yaml:17:18: error[value-invalid] NetworkSite/L/s.subnets[0].prefix: "10.0.0.1/24" must be a prefix such as 10.0.0.0/24 or 2001:db8::/64: "10.0.0.1/24" has host bits set; the prefix is 10.0.0.0/24. IP subnet of the VLAN. Left out: addresses are not the business of Netloom.',
      'f.yaml:17:39: error[value-invalid] NetworkSite/L/s.subnets[0].gateway: "127.1" must be an IP address such as 10.0.0.5 or 2001:db8::5. Router of the subnet.',
      'f.yaml:18:6: error[value-invalid] NetworkSite/L/s.subnets[1].prefix: "10.0.0.0/33" must be a prefix such as 10.0.0.0/24 or 2001:db8::/64: "10.0.0.0/33" has the prefix length "33"; it must be 0..32. IP subnet of the VLAN. Left out: addresses are not the business of Netloom.',
      'f.yaml:24:1: error[value-invalid] VmSubnet/V/s.vsid: 4095 is too little: at least 4096. Virtual subnet id, 4096 to 16777214. Left out: the controller chooses one.',
      'f.yaml:26:1: error[kind-unknown] kind: There is no kind "VirtualMachin". Did you mean VirtualMachine?',
      expect.stringMatching(
        /^f\.yaml:29:1: error\[field-missing\] kind: The object does not say what kind it is\./,
      ),
      'f.yaml:34:1: error[value-invalid] IpPool/NetworkSite/?/?/p.to: nothing (null) is not text. Give it a value, or remove the line.',
      'f.yaml:36:1: error[value-invalid] IpPool/VmSubnet/V/?/p: The IP pool must say where it belongs: either logicalNetwork, site and prefix, or vmNetwork and subnet, and not both. Correct the fields.',
      'f.yaml:42:1: error[value-invalid] An object is a group of fields (kind, name …), and this is "just text". Write the object as fields, beginning with its kind.',
    ]);
  });

  it('names both places of an object that is there twice, also across files', () => {
    const { findings, objects } = parseInputs([
      { file: 'a.yaml', text: 'kind: HostGroup\nname: x\n' },
      { file: 'b.yaml', text: '# again\nkind: HostGroup\nname: x\n' },
    ]);
    expect(objects).toHaveLength(2);
    expect(findings.map(describeFinding)).toEqual([
      'b.yaml:2:1: error[name-duplicate] HostGroup/x: HostGroup/x is described twice; the first time at a.yaml:1:1. Remove one of the two, or give it another name.',
    ]);
  });

  it('gives findings of validation their places, and leaves out what a refused object may have caused', () => {
    const text = `kind: HostGroup
name: a
---
kind: Host
name: h
group: a
managementNic: mgmt
providerAddresses:
  - {logicalNetwork: L, address: 10.0.0.5}
`;
    const findings = (t: string) => {
      const parsed = parseDocuments(t, 'f.yaml');
      return located(validate(parsed.objects.map((o) => o.object)), parsed).map(
        (f) => `${f.source?.line}:${f.source?.column} ${f.code}`,
      );
    };
    expect(findings(text)).toEqual(['7:1 nic-unknown', '9:6 reference-missing']);
    expect(findings(`${text}---\nkind: LogicalNetwork\nname: L\nbox: true\n`)).toEqual(['7:1 nic-unknown']);
    // Another one cannot be the one that is missed, so the name is a mistake all the same.
    for (const other of ['kind: LogicalNetwork\nname: M\nbox: true', 'kind: HostGroup\nname: L\nbox: true']) {
      expect(findings(`${text}---\n${other}\n`)).toEqual(['7:1 nic-unknown', '9:6 reference-missing']);
    }
    // Of unknown kind, or without a name, it may be.
    for (const other of ['kind: Logical\nname: L', 'kind: LogicalNetwork\nbox: true']) {
      expect(findings(`${text}---\n${other}\n`)).toEqual(['7:1 nic-unknown']);
    }
  });

  it('accepts nothing of YAML but data', () => {
    const codes = (text: string) =>
      parseDocuments(text, 'f').findings.map((f) => `${f.source?.line}:${f.source?.column} ${f.code}`);
    const control = 'kind: HostGroup\nname: a\ndescription: "*a &a !tag << %YAML"\n';
    expect(codes(control)).toEqual([]);
    expect(codes('kind: HostGroup\nname: &a x\n')).toEqual(['2:7 yaml-forbidden']);
    expect(codes('kind: HostGroup\nname: *a\n')).toEqual(['2:7 yaml-forbidden']);
    expect(codes('kind: HostGroup\nname: !!str x\n')).toEqual(['2:7 yaml-forbidden']);
    expect(codes('kind: HostGroup\n<<: {name: x}\n')).toEqual(['2:1 yaml-forbidden']);
    expect(codes('%YAML 1.1\n---\nkind: HostGroup\nname: x\n')).toEqual(['1:1 yaml-forbidden']);
    expect(codes('kind: HostGroup\nname: x\nname: y\n')).toEqual(['3:1 yaml-forbidden']);
    expect(codes('kind: HostGroup\nname: x\n? [a]\n: b\n')).toEqual(['3:3 yaml-forbidden']);
    expect(codes('kind: HostGroup\nname: x: y\n')).toEqual(['2:7 yaml-syntax']);
    expect(codes('kind: HostGroup\nname: "x\n')).toEqual(['3:1 yaml-syntax']);
  });

  it('does not let a document reach into the language', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      for (const text of [
        `kind: HostGroup\nname: x\n${name}: {polluted: 1}\n`,
        `kind: HostGroup\nname: x\nlabels: {${name}: y}\n`,
        JSON.stringify({ kind: 'HostGroup', name: 'x', meta: { revision: 1 } }).replace(
          '"revision"',
          `"${name}"`,
        ),
      ]) {
        const { objects, findings } = parseDocuments(text, 'f');
        expect(objects).toEqual([]);
        expect(findings.map((f) => f.code)).toEqual(['yaml-forbidden']);
      }
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('sees a bomb before it builds anything from it', () => {
    const bomb = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(i && 9)}x]`);
    expect(new Set(parseDocuments(bomb.join('\n'), 'f').findings.map((f) => f.code))).toEqual(
      new Set(['yaml-forbidden']),
    );
    const half = 512 * 1024;
    const deep = ['['.repeat(half), '{a: '.repeat(half), '- '.repeat(half), '? '.repeat(half)];
    deep.push(Array.from({ length: 900 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'));
    for (const text of deep) {
      const { findings } = parseDocuments(text, 'f');
      expect(findings.map((f) => f.code)).toEqual(['yaml-forbidden']);
      expect(findings[0]?.message).toMatch(/nested deeper than 32 levels/);
    }
    const levels = (n: number) => lines(`${'['.repeat(n)}${']'.repeat(n)}`).join();
    expect(levels(32)).not.toMatch(/deeper/);
    expect(levels(34)).toMatch(/deeper/);
  });

  it('stops reading a text that is nothing but errors', () => {
    const many = 1000;
    for (const text of [
      ']'.repeat(many),
      '[]'.repeat(many),
      '"" '.repeat(many),
      '&a '.repeat(many),
      '%a\n'.repeat(many),
    ]) {
      const { findings } = parseDocuments(text, 'f');
      expect(findings.length, text.slice(0, 6)).toBeLessThanOrEqual(101);
      expect(findings.length).toBeGreaterThan(0);
    }
    // After so many errors nothing more is taken in, or this would end with the finding about too many values.
    const [last] = parseDocuments(']'.repeat(1024 * 1024), 'f').findings.slice(-1);
    expect(last).toMatchObject({
      code: 'yaml-syntax',
      message: expect.stringContaining('No more of it is read'),
    });
    expect(lines(`[${','.repeat(600_000)}]`).at(-1)).toMatch(/input-too-large/);
  });

  it('refuses what is too large, and what is not text', () => {
    expect(lines(new Uint8Array(100 * 1024 * 1024))).toEqual([
      'error[input-too-large] f.yaml has 100 MiB; at most 32 MiB are read. Split the file and apply the parts one after the other.',
    ]);
    expect(lines(' '.repeat(MAX_INPUT_BYTES + 1))[0]).toMatch(/input-too-large/);
    expect(lines(new Uint8Array([0x61, 0x0a, 0x62, 0xe2, 0x82, 0x41]))).toEqual([
      'f.yaml:2:2: error[input-unreadable] f.yaml is not UTF-8 text from here on. Give a YAML or JSON file, saved as UTF-8.',
    ]);
    expect(lines(new Uint8Array([0xff, 0xfe, 0x6b, 0]))[0]).toMatch(
      /^f\.yaml:1:1: error\[input-unreadable\]/,
    );
    expect(lines('kind: HostGroup\nname: a\u0000b\n')).toEqual([
      'f.yaml:2:8: error[input-unreadable] f.yaml contains the character U+0000, so it is not text. Give a YAML or JSON file, saved as UTF-8.',
    ]);
    expect(lines('name: \ud800')[0]).toMatch(/input-unreadable/);
    expect(lines('---\nx\n'.repeat(100_001)).at(-1)).toMatch(/more than these 500 findings/);
  });

  it('does not mind CRLF', () => {
    const { objects, findings } = parseDocuments(
      'kind: HostGroup\r\nname: x\r\n---\r\nkind: Host\r\nname: h\r\n',
      'f',
    );
    expect(objects[0]?.object).toEqual({ kind: 'HostGroup', name: 'x' });
    expect(findings.map((f) => `${f.source?.line}:${f.source?.column} ${f.path}`)).toEqual([
      '4:1 Host/h.group',
    ]);
  });

  it('never throws, whatever it is given, and always says what to do next', () => {
    const check = (text: string | Uint8Array) => {
      const { objects, findings } = parseDocuments(text, 'f');
      for (const f of findings) {
        expect(f.message).not.toBe('');
        expect(f.remedy).not.toBe('');
        expect(f.message.length).toBeLessThan(1000);
        if (f.source) expect(Math.min(f.source.line, f.source.column)).toBeGreaterThan(0);
      }
      for (const o of objects) expect(o.position('nics[0].a').line).toBeGreaterThan(0);
      validate(objects.map((o) => o.object));
    };
    const seedText = example('blue-red').toString();
    const piece = fc.constantFrom(
      ...[
        '\n',
        '---\n',
        '- ',
        ': ',
        '{',
        '}',
        '[',
        ']',
        '"',
        "'",
        '|\n',
        '>',
        '&a',
        '*a',
        '!',
        '?',
        '%',
        '#',
        ',',
        '  ',
      ],
      ...[
        'kind: Host\n',
        'name: x\n',
        'null',
        '1e999',
        '.nan',
        '0x10',
        '\t',
        '\u0085',
        '\u2028',
        '\ufeff',
        '<<: ',
      ],
    );
    const mutated = fc
      .array(fc.record({ at: fc.nat(seedText.length), cut: fc.nat(40), put: piece }), { maxLength: 6 })
      .map((edits) =>
        edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), seedText),
      );
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((p) => p.join('')),
        check,
      ),
      { numRuns: 300 },
    );
    fc.assert(fc.property(mutated, check), { numRuns: 60 });
    fc.assert(fc.property(fc.json(), check));
  });
});
