import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scopedRecord } from '../../test/support/policy-arbitraries.ts';
import { DEPENDENCIES, KIND_ORDER, kindOfKey, ordered } from './order.ts';
import { type PolicyRecord, recordKey } from './records.ts';
import { diff, PolicySet, type PolicyView } from './set.ts';

/** What the record refers to and is not there. */
function dangling(policy: PolicyView): string[] {
  const all = policy.snapshot().changes.flatMap(({ record }) => record ?? []);
  const has = (test: (r: PolicyRecord) => boolean) => all.some(test);
  const hasSwitch = (name: string) => has((r) => r.kind === 'switch' && r.name === name);
  const hasSubnet = (vsid: number) => has((r) => r.kind === 'subnet' && r.vsid === vsid);
  const refers = (record: PolicyRecord): boolean => {
    switch (record.kind) {
      case 'switch':
      case 'acl':
        return true;
      case 'provider':
      case 'mirror':
        return hasSwitch(record.switch);
      case 'domain':
        return has((r) => r.kind === 'provider' && r.logicalNetwork === record.logicalNetwork);
      case 'subnet':
        return has((r) => r.kind === 'domain' && r.rdid === record.rdid);
      case 'lookup':
      case 'route':
        return hasSubnet(record.vsid);
      case 'port':
        return (
          hasSwitch(record.switch) &&
          (record.acls ?? []).every((id) => has((r) => r.kind === 'acl' && r.id === id)) &&
          (record.attachment.type !== 'virtual' || hasSubnet(record.attachment.vsid))
        );
    }
  };
  return all.filter((record) => !refers(record)).map(recordKey);
}

/** A policy in which no record refers to a missing one. */
const soundPolicy = fc.array(scopedRecord, { maxLength: 40 }).map((records) => {
  const policy = PolicySet.of(records);
  for (let missing = dangling(policy); missing.length > 0; missing = dangling(policy)) {
    const changes = policy.snapshot().changes.filter(({ key }) => missing.includes(key));
    policy.apply({ changes: changes.map(({ scope, key }) => ({ scope, key })) });
  }
  return policy;
});

describe('the order of changes', () => {
  it('has every kind after the kinds that it depends on', () => {
    for (const [kind, dependencies] of Object.entries(DEPENDENCIES)) {
      for (const other of dependencies) {
        expect(KIND_ORDER.map(String).indexOf(other), `${other} before ${kind}`).toBeLessThan(
          KIND_ORDER.map(String).indexOf(kind),
        );
      }
    }
  });

  it('leaves no record that refers to a missing one, however far one has got', () => {
    let steps = 0;
    fc.assert(
      fc.property(soundPolicy, soundPolicy, (a, b) => {
        const now = a.copy();
        for (const change of ordered(diff(a, b).changes)) {
          now.apply({ changes: [change] });
          steps++;
          expect(dangling(now)).toEqual([]);
        }
      }),
    );
    expect(steps).toBeGreaterThan(100);
  });

  it('does not depend on where the changes came from', () => {
    fc.assert(
      fc.property(soundPolicy, soundPolicy, fc.nat(), (a, b, turn) => {
        const { changes } = diff(a, b);
        const turned = changes.map((_, i) => changes[(i + turn) % changes.length]!);
        expect(ordered(turned)).toEqual(ordered(changes));
      }),
    );
  });

  it('reads the kind from a key', () => {
    fc.assert(
      fc.property(scopedRecord, ({ record }) => {
        expect(kindOfKey(recordKey(record))).toBe(record.kind);
      }),
    );
    expect(kindOfKey('firewall/1')).toBeUndefined();
    expect(kindOfKey('port')).toBeUndefined();
  });
});
