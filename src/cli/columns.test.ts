import { describe, expect, it } from 'vitest';
import { KIND_NAMES } from '../model/definition.ts';
import { noneText, tableOf } from './columns.ts';

describe('columns', () => {
  it('tell pools of the same name on subnets of the same name apart', () => {
    const pool = (vmNetwork: string) => ({ kind: 'IpPool', name: 'CA Pool', vmNetwork, subnet: 'test' });
    const site = { kind: 'IpPool', name: 'Pool', logicalNetwork: 'Management', site: 'A' };
    const { titles, rows } = tableOf('IpPool', [pool('AAA'), pool('BBB'), site], false);
    expect(titles).toEqual(['SUBNET', 'NAME']);
    expect(rows).toEqual([
      ['AAA/test', 'CA Pool'],
      ['BBB/test', 'CA Pool'],
      ['Management/A', 'Pool'],
    ]);
  });

  it('are left out where they say nothing of any object, and are all there with -o wide', () => {
    const shown = (objects: readonly { readonly name: string; readonly tenant?: string }[], wide = false) =>
      tableOf('VmNetwork', objects, wide).titles.includes('TENANT');
    expect(shown([{ name: 'a' }])).toBe(false);
    expect(shown([{ name: 'a' }, { name: 'b', tenant: 'red' }])).toBe(true);
    expect(shown([{ name: 'a' }], true)).toBe(true);
  });

  it('are words where there is nothing: also which MAC addresses there are without a pool', () => {
    for (const kind of KIND_NAMES) expect(noneText(kind)).toMatch(/^There are none.*\.\n$/);
    expect(noneText('MacPool')).toContain('00:1d:d8:b7:1c:00 to 00:1d:d8:f4:1f:ff');
  });
});
