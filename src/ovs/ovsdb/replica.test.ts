import { describe, expect, it } from 'vitest';
import { Replica } from './replica.ts';

const A = '4c86fa19-d32e-4a4e-8a21-bb1efb52e725';
const B = '83436f34-15f4-478d-8772-67be1731723e';

const FIRST = {
  Bridge: {
    [A]: {
      initial: {
        name: 'br0',
        ports: ['uuid', B],
        external_ids: [
          'map',
          [
            ['a', '1'],
            ['b', '2'],
          ],
        ],
      },
    },
  },
  Port: { [B]: { initial: { name: 'p', tag: 7, trunks: ['set', [1, 2]] } } },
};

function filled(): Replica {
  const replica = new Replica();
  replica.replace(FIRST, 'differences');
  return replica;
}

describe('Replica', () => {
  it('has rows with defaults where the server left columns out', () => {
    const replica = new Replica();
    expect(replica.replace(FIRST, 'differences').map(({ table, before }) => [table, before])).toEqual([
      ['Bridge', undefined],
      ['Port', undefined],
    ]);
    expect(replica.rows('Bridge').get(A)).toMatchObject({
      _uuid: A,
      name: 'br0',
      ports: [B],
      fail_mode: null,
    });
    expect(replica.rows('Port').get(B)).toMatchObject({ tag: 7, trunks: [1, 2], vlan_mode: null });
    expect(replica.rows('QoS').size).toBe(0);
  });

  it('takes differences, and says what was and what is', () => {
    const replica = filled();
    const before = replica.rows('Port').get(B);
    const changes = replica.apply(
      {
        Bridge: {
          [A]: {
            modify: {
              external_ids: [
                'map',
                [
                  ['a', '1'],
                  ['b', '3'],
                  ['c', '4'],
                ],
              ],
            },
          },
        },
        Port: { [B]: { modify: { tag: ['set', []], trunks: ['set', [2, 3]] } } },
      },
      'differences',
    );
    expect(changes).toHaveLength(2);
    expect(changes[1]).toMatchObject({
      table: 'Port',
      uuid: B,
      after: { tag: null, trunks: [1, 3], name: 'p' },
    });
    expect(changes[1]?.before).toBe(before);
    // A row that was read stays what it was.
    expect(before).toMatchObject({ tag: 7, trunks: [1, 2] });
    const ids = replica.rows('Bridge').get(A)?.external_ids;
    expect(Object.fromEntries(ids ?? [])).toEqual({ b: '3', c: '4' });
    expect(replica.apply({ Port: { [B]: { delete: null } } }, 'differences')).toMatchObject([
      { table: 'Port', uuid: B },
    ]);
    expect(replica.rows('Port').size).toBe(0);
  });

  it('takes rows of RFC 7047', () => {
    const replica = new Replica();
    replica.replace({ Port: { [B]: { new: { name: 'p', tag: 7 } } } }, 'rows');
    replica.apply({ Port: { [B]: { old: { tag: 7 }, new: { name: 'p', tag: 8 } } } }, 'rows');
    expect(replica.rows('Port').get(B)).toMatchObject({ name: 'p', tag: 8 });
    replica.apply({ Port: { [B]: { old: { name: 'p', tag: 8 } } } }, 'rows');
    expect(replica.rows('Port').size).toBe(0);
  });

  it('tells only of what is different when everything comes again', () => {
    const replica = filled();
    expect(replica.replace(FIRST, 'differences')).toEqual([]);
    const changes = replica.replace({ Bridge: { [A]: { initial: { name: 'br1' } } } }, 'differences');
    expect(changes).toMatchObject([
      { table: 'Bridge', before: { name: 'br0' }, after: { name: 'br1' } },
      { table: 'Port', before: { name: 'p' } },
    ]);
    expect(changes[1]?.after).toBeUndefined();
  });

  it.each([
    ['a change of a row that it never told of', { Port: { [A]: { modify: { tag: 1 } } } }],
    ['a table that nobody asked for', { Nonsense: {} }],
    ['a column that nobody asked for', { Port: { [B]: { modify: { nonsense: 1 } } } }],
    ['a column of another type', { Port: { [B]: { modify: { tag: 'x' } } } }],
    ['an unknown kind of change', { Port: { [B]: { sing: {} } } }],
    ['a list', []],
    ['a row that is none', { Port: { [B]: 7 } }],
  ])('refuses %s, with all that came with it', (_, part) => {
    const replica = filled();
    const before = replica.rows('Bridge').get(A);
    const whole = Array.isArray(part) ? part : { Bridge: { [A]: { modify: { name: 'x' } } }, ...part };
    expect(() => replica.apply(whole, 'differences')).toThrow('cannot be understood');
    expect(() => replica.replace(whole, 'differences')).toThrow('cannot be understood');
    expect(replica.rows('Bridge').get(A)).toBe(before);
  });
});
