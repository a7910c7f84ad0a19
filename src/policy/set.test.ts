import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyDelta, scopedRecord } from '../../test/support/policy-arbitraries.ts';
import { type PolicyRecord, recordKey } from './records.ts';
import { diff, PolicySet } from './set.ts';

const policy = fc.array(scopedRecord, { maxLength: 20 }).map((records) => PolicySet.of(records));

describe('PolicySet', () => {
  it('comes from a to b by the difference between them', () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        const there = a.copy();
        there.apply(diff(a, b));
        expect(there.text()).toBe(b.text());
        expect(there.hash()).toBe(b.hash());
        expect(there.size).toBe(b.size);
        expect(there.scopes()).toEqual(b.scopes());
      }),
    );
  });

  it('differs in nothing from itself, nor from another with the same records', () => {
    fc.assert(
      fc.property(policy, (a) => {
        const again = PolicySet.of(
          a.snapshot().changes.map(({ scope, record }) => ({ scope, record: structuredClone(record!) })),
        );
        expect(diff(a, a).changes).toEqual([]);
        expect(diff(a, again).changes).toEqual([]);
      }),
    );
  });

  it('changes no more than it has to', () => {
    fc.assert(
      fc.property(policy, policyDelta, (a, delta) => {
        const b = a.copy();
        b.apply(delta);
        expect(diff(a, b).changes.length).toBeLessThanOrEqual(delta.changes.length);
      }),
    );
  });

  it('depends on its records and not on the path to them', () => {
    const edits = fc.array(policyDelta, { maxLength: 6 });
    fc.assert(
      fc.property(policy, edits, policy, (a, path, b) => {
        const wandered = a.copy();
        for (const delta of path) {
          wandered.apply(delta);
          wandered.hash(); // a hash that is remembered must not outlive the change
        }
        wandered.apply(diff(wandered, b));
        expect(wandered.text()).toBe(b.text());
        expect(wandered.hash()).toBe(b.hash());
        wandered.apply(diff(wandered, new PolicySet()));
        expect([wandered.size, wandered.text(), wandered.hash()]).toEqual([0, '', new PolicySet().hash()]);
      }),
    );
  });

  it('takes the same delta twice as once', () => {
    fc.assert(
      fc.property(policy, policyDelta, (a, delta) => {
        const [once, twice] = [a.copy(), a.copy()];
        once.apply(delta);
        twice.apply(delta);
        twice.apply(delta);
        expect(twice.text()).toBe(once.text());
        expect(twice.size).toBe(once.size);
      }),
    );
  });

  it('has another hash when anything is different, also the scope', () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        expect(a.hash() === b.hash()).toBe(a.text() === b.text());
      }),
    );
    const record: PolicyRecord = { kind: 'switch', name: 'Internal', type: 'private', origin: '' };
    const one = PolicySet.of([{ scope: 'host/h1', record }]);
    const other = PolicySet.of([{ scope: 'host/h2', record }]);
    expect(one.hash()).not.toBe(other.hash());
  });

  it('hashes some of its scopes as a policy that has only those', () => {
    fc.assert(
      fc.property(fc.array(scopedRecord, { maxLength: 20 }), (records) => {
        const some = records.filter(({ scope }) => scope === 'host/h1' || scope === 'domain/blue');
        expect(PolicySet.of(records).hash(['host/h1', 'domain/blue', 'domain/none'])).toBe(
          PolicySet.of(some).hash(),
        );
      }),
    );
  });

  it('gives a copy that goes its own way', () => {
    fc.assert(
      fc.property(policy, policyDelta, (a, delta) => {
        const before = a.text();
        a.copy().apply(delta);
        expect(a.text()).toBe(before);
      }),
    );
  });

  it('finds a record by scope and key', () => {
    fc.assert(
      fc.property(fc.array(scopedRecord, { minLength: 1, maxLength: 20 }), (records) => {
        const { scope, record } = records.at(-1)!;
        const set = PolicySet.of(records);
        expect(set.get(scope, recordKey(record))).toBe(record);
        expect(set.scope(scope).get(recordKey(record))).toBe(record);
        expect(set.get('host/nobody', recordKey(record))).toBeUndefined();
      }),
    );
  });
});
