import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deriver } from '../base/derive.ts';
import { describeFinding } from '../base/error.ts';
import { BASE, CASES } from './checks/cases.ts';
import type { ObjectKey } from './definition.ts';
import { factChanges } from './facts.ts';
import { parseDocuments } from './input.ts';
import type { ModelObject } from './kinds.ts';
import { type KeyedFinding, validate, validation } from './validate.ts';

type Objects = ReadonlyMap<ObjectKey, ModelObject>;

function objectsOf(text: string): Objects {
  const { objects, findings } = parseDocuments(text, 'test');
  expect(findings.map(describeFinding)).toEqual([]);
  return new Map(objects.map((o) => [o.key, o.object]));
}

const base = objectsOf(BASE);
const findingsWith = (text: string) => validate(new Map([...base, ...objectsOf(text)]).values());
const texts = (findings: readonly KeyedFinding[]) => findings.map((f) => describeFinding(f.finding));

describe('validate', () => {
  it('has nothing to say about the base of the examples', () => {
    expect(texts(validate(base.values()))).toEqual([]);
  });

  for (const { what, code, path, bad, good } of CASES) {
    it(`finds ${what}`, () => {
      const found = findingsWith(bad).filter((f) => f.finding.code === code && f.finding.path === path);
      expect(found, texts(findingsWith(bad)).join('\n')).toHaveLength(1);
      expect(found[0]?.finding.message).toMatch(/\.$/);
      expect(found[0]?.finding.remedy).toMatch(/[.?]$/);
      expect(texts(findingsWith(good))).toEqual([]);
    });
  }

  it('has an example for every code that a check can give', () => {
    const folder = `${import.meta.dirname}/checks`;
    const sources = [
      `${import.meta.dirname}/placement.ts`,
      ...readdirSync(folder).map((f) => `${folder}/${f}`),
    ];
    const codes = sources
      .filter((file) => !file.endsWith('cases.ts'))
      .flatMap((file) => [
        ...readFileSync(file, 'utf8').matchAll(/code:[^,]*?'([a-z-]+)'(?: : '([a-z-]+)')?/g),
      ])
      .flatMap((match) => match.slice(1).filter((code) => code !== undefined));
    expect(codes.length).toBeGreaterThan(50);
    expect([...new Set(codes)].sort()).toEqual([...new Set(CASES.map((c) => c.code))].sort());
  });

  it('names both buildings where a host has the uplink port profile of another one', () => {
    const mismatch = CASES.find((c) => c.code === 'site-mismatch' && c.path.startsWith('HostSwitch'));
    const found = findingsWith(mismatch?.bad ?? '').find((f) => f.finding.code === 'site-mismatch');
    expect(found?.finding.message).toMatch(/"h2" stands in "South".*hosts in "North"/);
    expect(found?.finding.remedy).toBe('Use "up south".');
  });

  it('warns, and does not refuse, where nothing is wrong but doubtful', () => {
    const severities = new Map(
      CASES.flatMap((c) => findingsWith(c.bad).map((f) => [f.finding.code, f.finding.severity])),
    );
    const warnings = [...severities].filter(([, severity]) => severity === 'warning').map(([code]) => code);
    expect(warnings.sort()).toEqual(['network-unused', 'rule-unreachable', 'single-nic']);
  });

  it('says what fails in which order when a vNIC moves to a new VM network', () => {
    const vm = '{kind: VirtualMachine, name: t, host: h1, vnics: [{vmNetwork: AAA}]}';
    const steps = [
      '{kind: VmNetwork, name: AAA, logicalNetwork: Fabric, isolation: virtualized}',
      '{kind: VmSubnet, name: test, vmNetwork: AAA, prefix: 10.10.0.0/16}',
      '{kind: IpPool, name: CA Pool, vmNetwork: AAA, subnet: test, from: 10.10.1.100, to: 10.10.1.130}',
    ];
    const messages = [0, 1, 2, 3].map((n) =>
      findingsWith([vm, ...steps.slice(0, n)].join('\n---\n')).map((f) => f.finding.message),
    );
    expect(messages).toEqual([
      ['There is no VM network "AAA".'],
      ['VM network "AAA" has no subnet.'],
      ['Subnet "test" of VM network "AAA" has no IP address pool to take an address from.'],
      [],
    ]);
  });

  it('lets two VM networks have the same prefix, subnet name and pool name', () => {
    const tenant = (name: string) => `
{kind: VmNetwork, name: ${name}, logicalNetwork: Fabric, isolation: virtualized}
---
{kind: VmSubnet, name: test, vmNetwork: ${name}, prefix: 10.10.0.0/16}
---
{kind: IpPool, name: CA Pool, vmNetwork: ${name}, subnet: test, from: 10.10.1.100, to: 10.10.1.130}`;
    expect(texts(findingsWith(`${tenant('AAA')}\n---${tenant('BBB')}`))).toEqual([]);
  });

  it('comes to the same whatever the path of changes, and its changes add up to its findings', () => {
    const versions = [...base, ...CASES.flatMap((c) => [...objectsOf(c.bad), ...objectsOf(c.good)])];
    const edit = fc.record({
      version: fc.constantFrom(...versions),
      gone: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    });
    const batches = fc.array(fc.array(edit, { minLength: 1, maxLength: 12 }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(batches, fc.boolean(), (all, startFromBase) => {
        const objects = new Map<ObjectKey, ModelObject>();
        const incremental = new Deriver(validation);
        const replica = new Map<string, string>();
        const change = (edits: readonly (readonly [ObjectKey, ModelObject | undefined])[]) => {
          for (const [key, object] of edits) object ? objects.set(key, object) : objects.delete(key);
          const keys = edits.map(([key]) => key);
          for (const c of incremental.apply(factChanges(keys, (k) => objects.get(k)))) {
            expect(replica.get(c.key)).toEqual(c.before && describeFinding(c.before.finding));
            if (c.after) replica.set(c.key, describeFinding(c.after.finding));
            else replica.delete(c.key);
          }
        };
        if (startFromBase) change([...base]);
        for (const batch of all) {
          change(batch.map(({ version: [key, object], gone }) => [key, gone ? undefined : object]));
        }
        const full = new Map(validate(objects.values()).map((f) => [f.key, describeFinding(f.finding)]));
        expect(replica).toEqual(full);
        expect(new Map([...incremental.outputs()].map((f) => [f.key, describeFinding(f.finding)]))).toEqual(
          full,
        );
      }),
    );
  });

  it('checks again only what looked at what has changed', () => {
    const checked: string[] = [];
    const spied = {
      ...validation,
      rules: validation.rules.map((rule) => ({
        ...rule,
        derive: (unit: string, read: Parameters<typeof rule.derive>[1]) => {
          checked.push(unit);
          return rule.derive(unit, read);
        },
      })),
    };
    const deriver = new Deriver(spied);
    deriver.apply(factChanges(base.keys(), (k) => base.get(k)));
    checked.length = 0;
    const added = objectsOf('{kind: VirtualMachine, name: vm2, host: h1, vnics: [{vmNetwork: Blue}]}');
    deriver.apply(added);
    expect(checked).toEqual(['VirtualMachine/vm2']);
  });
});
