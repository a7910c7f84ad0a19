/** A network with two tenants of the same shape, red and blue, and somebody in each role: for tests of who may what. */
import { parseDocuments } from '../model/input.ts';
import { ROLES, type Role } from '../model/kinds/user.ts';
import { isKind, type ModelObject } from '../model/kinds.ts';
import { blueRed, openApi, type TestApi, TOKEN } from './fixture.ts';

/** Whoever asks: nobody, the local operator, or a user of a role (the tenants' are of red). */
export type Asker = 'anonymous' | 'operator' | Role | 'blue';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
}

export interface Tenants extends TestApi {
  as(
    who: Asker,
    method: string,
    url: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** The API token of somebody. */
  tokenOf(who: Asker): string | undefined;
}

/** Objects of the administrator that no tenant sees, one of each kind; whatever is called `gone` does not exist. */
const HIDDEN = `
{kind: HostGroup, name: hide}
---
{kind: PhysicalNetwork, name: hide}
---
{kind: LogicalNetwork, name: hide, networkVirtualization: true, sameNameVmNetwork: true}
---
{kind: Host, name: hide, group: hide, nics: [{name: hide, mac: 02:00:00:00:09:01}]}
---
{kind: NetworkSite, name: hide, logicalNetwork: hide, hostGroups: [hide], subnets: [{prefix: 10.9.0.0/24}]}
---
{kind: IpPool, name: hide, logicalNetwork: hide, site: hide, prefix: 10.9.0.0/24, from: 10.9.0.10, to: 10.9.0.20}
---
{kind: UplinkPortProfile, name: hide, sites: [{logicalNetwork: hide, site: hide}]}
---
{kind: VirtualPortProfile, name: hide}
---
{kind: LogicalSwitch, name: hide, uplinkMode: no-team, uplinkProfiles: [hide]}
---
{kind: PortAcl, name: hide}
---
{kind: PortClassification, name: hide}
---
{kind: MacPool, name: hide, from: 02:00:00:10:00:00, to: 02:00:00:10:00:ff}
---
{kind: User, name: hide, role: read-only-administrator}
`;

/** What the administrator opened, and what everybody may name. */
const SHARED = `
{kind: LogicalNetwork, name: Office, sameNameVmNetwork: true}
---
{kind: NetworkSite, name: Rack 1, logicalNetwork: Office, hostGroups: [Rack 1], subnets: [{vlan: 7, prefix: 10.7.0.0/24}]}
---
{kind: IpPool, name: Office, logicalNetwork: Office, site: Rack 1, prefix: 10.7.0.0/24, from: 10.7.0.10, to: 10.7.0.200}
---
{kind: UplinkPortProfile, name: Fabric uplink, networkVirtualization: true, sites: [{logicalNetwork: Provider, site: Rack 1}, {logicalNetwork: Office, site: Rack 1}]}
---
{kind: PortClassification, name: gold}
`;

/** Everything that a tenant can have. */
export function tenantObjects(tenant: string): string {
  return `
{kind: Tenant, name: ${tenant}, logicalNetworks: [Provider, Office], portClassifications: [gold]}
---
{kind: User, name: boss, tenant: ${tenant}, role: tenant-administrator}
---
{kind: User, name: self, tenant: ${tenant}, role: self-service}
---
{kind: VmNetwork, name: web, tenant: ${tenant}, logicalNetwork: Provider, isolation: virtualized}
---
{kind: VmSubnet, name: front, vmNetwork: "${tenant}:web", prefix: 10.0.0.0/24}
---
{kind: IpPool, name: pool, vmNetwork: "${tenant}:web", subnet: front, from: 10.0.0.100, to: 10.0.0.200}
---
{kind: PortAcl, name: acl, tenant: ${tenant}, rules: [{direction: inbound, action: allow, priority: 10}]}
---
{kind: VirtualMachine, name: vm1, tenant: ${tenant}, host: host1, vnics: [{vmNetwork: "${tenant}:web", acls: ["${tenant}:acl"]}]}
---
{kind: VirtualMachine, name: vm2, tenant: ${tenant}, host: host2, vnics: [{vmNetwork: "${tenant}:web"}]}
`;
}

export function objectsOf(text: string): ModelObject[] {
  const { objects, findings } = parseDocuments(text, 'test');
  if (findings.length > 0) throw new Error(findings.map(({ message }) => message).join('\n'));
  return objects.map(({ object }) => object);
}

/** The fabric of the example, without its tenants. */
function fabric(): ModelObject[] {
  const own = objectsOf(SHARED);
  const replaced = new Set(own.flatMap((o) => (isKind(o, 'UplinkPortProfile') ? [o.name] : [])));
  return [
    ...blueRed().filter(
      (o) =>
        !['VmNetwork', 'VmSubnet', 'VirtualMachine'].includes(o.kind) &&
        !(isKind(o, 'UplinkPortProfile') && replaced.has(o.name)),
    ),
    ...own,
  ];
}

export async function openTenants(more: Parameters<typeof openApi>[1] = {}): Promise<Tenants> {
  const people = ROLES.slice(0, 3).map((role) => `{kind: User, name: ${role}, role: ${role}}`);
  const text = [HIDDEN, tenantObjects('red'), tenantObjects('blue'), ...people].join('\n---\n');
  const api = await openApi([...fabric(), ...objectsOf(text)], more);
  const tokens = new Map<Asker, string>([['operator', TOKEN]]);
  const users: readonly (readonly [Asker, string])[] = [
    ...ROLES.slice(0, 3).map((role) => [role, role] as const),
    ['tenant-administrator', 'red:boss'],
    ['self-service', 'red:self'],
    ['blue', 'blue:boss'],
  ];
  for (const [who, user] of users) {
    const object = api.controller.network.get(`User/${user}`)?.object;
    if (!isKind(object, 'User')) throw new Error(`there is no user ${user}`);
    const wish = { description: 'test', days: 30 };
    const { token } = await api.accounts.tokens.create(`User/${user}`, object, wish, 'test');
    tokens.set(who, token);
  }
  return {
    ...api,
    tokenOf: (who) => tokens.get(who),
    async as(who, method, url, body, headers = {}) {
      const token = tokens.get(who);
      const response = await api.inject({
        method: method as 'GET',
        url,
        headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      const isJson = String(response.headers['content-type']).includes('json');
      return {
        status: response.statusCode,
        text: response.body,
        json: isJson && response.body ? (JSON.parse(response.body) as unknown) : undefined,
      };
    },
  };
}
