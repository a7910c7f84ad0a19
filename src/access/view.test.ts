import { describe, expect, it } from 'vitest';
import type { NetworkView } from '../controller/network.ts';
import { factsOf } from '../model/facts.ts';
import { parseDocuments } from '../model/input.ts';
import type { Role } from '../model/kinds/user.ts';
import type { ModelObject } from '../model/kinds.ts';
import { View } from './view.ts';

const facts = factsOf(
  parseDocuments(
    `
{kind: LogicalNetwork, name: Open, sameNameVmNetwork: true}
---
{kind: LogicalNetwork, name: Closed, sameNameVmNetwork: true}
---
{kind: Tenant, name: red, logicalNetworks: [Open], portClassifications: [gold]}
---
{kind: PortClassification, name: gold}
---
{kind: PortClassification, name: loose}
---
{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Open, isolation: virtualized}
---
{kind: VmNetwork, name: web, tenant: blue, logicalNetwork: Open, isolation: virtualized}
---
{kind: VmNetwork, name: Open, tenant: red, logicalNetwork: Open, isolation: virtualized}
---
{kind: VmNetwork, name: Plain, logicalNetwork: Open, isolation: virtualized}
---
{kind: User, name: boss, tenant: red, role: tenant-administrator}
---
{kind: User, name: self, tenant: red, role: self-service}
---
{kind: Host, name: h1, group: g, nics: [{name: n, mac: 02:00:00:00:00:01}]}
`,
    'test',
  ).objects.map(({ object }) => object),
);

/** The part of a network that views look at. */
const network = {
  fact: (key: string) => facts.get(key as never),
  get: (key: string) => {
    const object: ModelObject | undefined = facts.get(key as never);
    return object && { object, id: '', revision: 1 };
  },
} as NetworkView;

const view = (role: Role, tenant?: string) =>
  new View(network, {
    name: `${tenant}:self`,
    user: `User/${tenant}:self`,
    role,
    by: 'session',
    ...(tenant === undefined ? {} : { tenant }),
  });

describe('a view', () => {
  it('of an administrator is everything', () => {
    const all = [...facts.keys()];
    expect(all.every((key) => view('read-only-administrator').sees(key))).toBe(true);
    expect(view('administrator').resolve('VmNetwork', 'web')).toBe('VmNetwork/web');
  });

  it('of a tenant is its own objects, and what is open to it', () => {
    const seen = [...facts.keys()].filter((key) => view('tenant-administrator', 'red').sees(key)).sort();
    expect(seen).toEqual([
      'LogicalNetwork/Open',
      'PortClassification/gold',
      'Tenant/red',
      'User/red:boss',
      'User/red:self',
      'VmNetwork/Open',
      'VmNetwork/red:Open',
      'VmNetwork/red:web',
    ]);
    const self = [...facts.keys()].filter((key) => view('self-service', 'red').sees(key));
    expect(self.filter((key) => key.startsWith('User/'))).toEqual(['User/red:self']);
  });

  it('of a role of a tenant without one is nothing at all', () => {
    expect([...facts.keys()].filter((key) => view('tenant-administrator').sees(key))).toEqual([]);
    expect([...facts.keys()].filter((key) => view('tenant-administrator', 'noon').sees(key))).toEqual([]);
  });

  it('reads names without the tenant: its own first, then the administrator’s', () => {
    const red = view('tenant-administrator', 'red');
    expect(red.resolve('VmNetwork', 'web')).toBe('VmNetwork/red:web');
    expect(red.resolve('VmNetwork', 'Open')).toBe('VmNetwork/red:Open');
    expect(view('self-service', 'noon').resolve('VmNetwork', 'Open')).toBe('VmNetwork/noon:Open');
    expect(red.resolve('LogicalNetwork', 'Open')).toBe('LogicalNetwork/Open');
    expect(red.resolve('VmNetwork', 'blue:web')).toBe('VmNetwork/blue:web');
    expect(red.resolve('VmSubnet', 'web/front')).toBe('VmSubnet/red:web/front');
    expect(red.resolve('IpPool', 'VmSubnet/web/front/p')).toBe('IpPool/VmSubnet/red:web/front/p');
    // What the administrator has, and does not show, is not even in the way.
    expect(red.resolve('VmNetwork', 'Plain')).toBe('VmNetwork/red:Plain');
  });
});
