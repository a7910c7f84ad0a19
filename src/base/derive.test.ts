import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Derivation, Deriver } from './derive.ts';

// A toy world: people live in cities; one output per person (with the mayor of the city), one per city (its streets).
type Fact = { kind: 'person'; city: string; street: string } | { kind: 'mayor'; name: string };
type Output = { key: string; text: string };

let derived: string[] = [];
const toy: Derivation<Fact, Output> = {
  indexes: { streets: (_key, fact) => (fact.kind === 'person' ? [[fact.city, fact.street]] : []) },
  rules: [
    {
      name: 'person',
      units: (key, fact) => (fact.kind === 'person' ? [key] : []),
      *derive(unit, read) {
        derived.push(unit);
        const person = read.get(unit);
        if (person?.kind !== 'person') return;
        const mayor = read.get(`mayor/${person.city}`);
        yield { key: unit, text: `${person.city} under ${mayor?.kind === 'mayor' ? mayor.name : 'nobody'}` };
      },
    },
    {
      name: 'city',
      units: (_key, fact) => (fact.kind === 'person' ? [fact.city] : []),
      *derive(unit, read) {
        derived.push(`city ${unit}`);
        yield { key: `city/${unit}`, text: read.members('streets', unit).join(' ') };
      },
    },
  ],
  outputKey: (o) => o.key,
  same: (a, b) => a.text === b.text,
};

const person = (city: string, street: string): Fact => ({ kind: 'person', city, street });

describe('Deriver', () => {
  it('derives again only what read the thing that changed', () => {
    const deriver = new Deriver(toy);
    deriver.apply([
      ['p/ann', person('Ghent', 'Elm')],
      ['p/bob', person('Ghent', 'Oak')],
      ['p/cyn', person('Lyon', 'Elm')],
    ]);
    derived = [];
    expect(deriver.apply([['mayor/Ghent', { kind: 'mayor', name: 'Ada' }]])).toEqual([
      {
        key: 'p/ann',
        before: { key: 'p/ann', text: 'Ghent under nobody' },
        after: { key: 'p/ann', text: 'Ghent under Ada' },
      },
      {
        key: 'p/bob',
        before: { key: 'p/bob', text: 'Ghent under nobody' },
        after: { key: 'p/bob', text: 'Ghent under Ada' },
      },
    ]);
    expect(derived).toEqual(['p/ann', 'p/bob']);
  });

  it('leaves the readers of a group alone while its set of members stays the same', () => {
    const deriver = new Deriver({
      ...toy,
      rules: [
        {
          name: 'watch',
          units: (_key, fact) => (fact.kind === 'mayor' ? ['Ghent'] : []),
          *derive(unit, read) {
            derived.push(unit);
            yield { key: unit, text: read.members('streets', unit).join(' ') };
          },
        },
      ],
    });
    deriver.apply([
      ['m', { kind: 'mayor', name: 'x' }],
      ['p/ann', person('Ghent', 'Elm')],
    ]);
    derived = [];
    deriver.apply([['p/bob', person('Ghent', 'Elm')]]);
    expect(derived).toEqual([]);
    deriver.apply([['p/ann', undefined]]);
    expect(derived).toEqual([]);
    deriver.apply([['p/bob', undefined]]);
    expect(derived).toEqual(['Ghent']);
  });

  it('refuses two units that make the same output, and names both', () => {
    const deriver = new Deriver({ ...toy, outputKey: () => 'same' });
    expect(() => deriver.apply([['p/ann', person('Ghent', 'Elm')]])).toThrow(
      /person p\/ann and city Ghent both make the output same|city Ghent and person p\/ann both make/,
    );
  });

  it('comes to the same whatever the path of changes, and its changes add up to its outputs', () => {
    const key = fc.constantFrom('p/a', 'p/b', 'p/c', 'p/d', 'mayor/X', 'mayor/Y');
    const edit = fc.record({
      key,
      city: fc.constantFrom('X', 'Y'),
      street: fc.constantFrom('1', '2'),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 8 }), (batches) => {
        const incremental = new Deriver(toy);
        const replica = new Map<string, string>();
        const facts = new Map<string, Fact>();
        for (const batch of batches) {
          const changes = new Map<string, Fact | undefined>();
          for (const e of batch) {
            const fact: Fact = e.key.startsWith('p/')
              ? person(e.city, e.street)
              : { kind: 'mayor', name: e.street };
            changes.set(e.key, e.gone ? undefined : fact);
          }
          for (const [k, fact] of changes) fact ? facts.set(k, fact) : facts.delete(k);
          for (const change of incremental.apply(changes)) {
            expect(replica.get(change.key)).toEqual(change.before?.text);
            if (change.after) replica.set(change.key, change.after.text);
            else replica.delete(change.key);
          }
        }
        const full = new Deriver(toy);
        full.apply(facts);
        const texts = (d: Deriver<Fact, Output>) => new Map([...d.outputs()].map((o) => [o.key, o.text]));
        expect(texts(incremental)).toEqual(texts(full));
        expect(replica).toEqual(texts(full));
      }),
    );
  });
});
