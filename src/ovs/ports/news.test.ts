import { describe, expect, it } from 'vitest';
import { type Row, type TableName, watchedColumns } from '../ovsdb/columns.ts';
import type { RowChange } from '../ovsdb/replica.ts';
import { defaultValue } from '../ovsdb/values.ts';
import { isNewsOfNics } from './news.ts';

function row<T extends TableName>(table: T, columns: Partial<Row<T>>): Row<T> {
  const types = Object.entries(watchedColumns(table));
  const defaults = Object.fromEntries(types.map(([name, type]) => [name, defaultValue(type)]));
  // All columns of the table, each with a value of its type.
  return { _uuid: '', ...defaults, ...columns } as Row<T>;
}

function nic(name: string, columns: Partial<Row<'Interface'>> = {}): Row<'Interface'> {
  return row('Interface', { name, ofport: 1, ...columns });
}

const bridge = (name: string, ...ports: readonly string[]) => row('Bridge', { name, ports });

describe('a change of the database', () => {
  const table = 'Interface';
  it.each<[string, boolean, RowChange]>([
    ['a NIC comes', true, { table, uuid: '', after: nic('nic1') }],
    ['a NIC goes', true, { table, uuid: '', before: nic('nic1') }],
    [
      'a NIC gets another number',
      true,
      { table, uuid: '', before: nic('nic1'), after: nic('nic1', { ofport: 2 }) },
    ],
    [
      'the link of a NIC goes down',
      false,
      { table, uuid: '', before: nic('nic1'), after: nic('nic1', { link_state: 'down' }) },
    ],
    ['a tap comes', false, { table, uuid: '', after: nic('tap1') }],
    [
      'a port comes to the bridge',
      true,
      { table: 'Bridge', uuid: '', before: bridge('nlb1'), after: bridge('nlb1', 'port') },
    ],
    [
      'a port comes to another bridge',
      false,
      { table: 'Bridge', uuid: '', before: bridge('nlb2'), after: bridge('nlb2', 'port') },
    ],
    [
      'the bridge is what it was',
      false,
      { table: 'Bridge', uuid: '', before: bridge('nlb1', 'port'), after: bridge('nlb1', 'port') },
    ],
  ])('is news for uplinks or is not: %s', (_, isNews, change) => {
    expect(isNewsOfNics(change, new Set(['nic1']), new Set(['nlb1']))).toBe(isNews);
  });
});
