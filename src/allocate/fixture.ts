/** For tests: objects from YAML, edited and granted as the controller does, without a store. */
import { Deriver } from '../base/derive.ts';
import type { ObjectKey } from '../model/definition.ts';
import { factChanges } from '../model/facts.ts';
import { parseDocuments } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import { Allocator, type Grant } from './allocator.ts';
import { needs } from './demand.ts';
import type { Need } from './need.ts';

/** UUIDs that can be told from one another, the same in every run. */
export function countedUuids(): () => string {
  let last = 0;
  return () => `00000000-0000-4000-8000-${String(++last).padStart(12, '0')}`;
}

export type Edits = Map<ObjectKey, ModelObject | undefined>;

/** A YAML text as edits; keys in `removed` go away. Throws with the findings when the text has any. */
export function edits(yaml: string, ...removed: ObjectKey[]): Edits {
  const { objects, findings } = parseDocuments(yaml, 'test');
  if (findings.length > 0) throw new Error(findings.map((f) => `${f.path}: ${f.message}`).join('\n'));
  const changes: Edits = new Map(objects.map(({ key, object }) => [key, object]));
  for (const key of removed) changes.set(key, undefined);
  return changes;
}

/** Objects and what they are granted. A refused edit leaves no trace. */
export class Granted {
  readonly allocator = new Allocator(countedUuids());
  readonly needs: Deriver<ModelObject, Need>;
  /** Wall-clock milliseconds. */
  now = 0;
  readonly #objects = new Map<ObjectKey, ModelObject>();

  constructor(derivation = needs) {
    this.needs = new Deriver(derivation);
  }

  edit(changes: Edits): { grant: Grant; facts: Map<string, ModelObject | undefined> } {
    const now = (key: ObjectKey) => (changes.has(key) ? changes.get(key) : this.#objects.get(key));
    const facts = factChanges(changes.keys(), now);
    const before = [...facts.keys()].map((key) => [key, this.needs.fact(key)] as const);
    const grant = this.allocator.apply(this.needs.apply(facts), this.now);
    if (grant.findings.length > 0) {
      this.needs.apply(before);
      return { grant, facts: new Map() };
    }
    for (const [key, object] of changes) {
      if (object) this.#objects.set(key, object);
      else this.#objects.delete(key);
    }
    return { grant, facts };
  }

  /** `scope owner = value`, sorted; of the scopes that begin so. */
  text(scope = ''): string[] {
    return this.allocator
      .allocations()
      .filter((a) => a.scope.startsWith(scope))
      .map((a) => `${a.scope} ${a.owner} = ${a.value}`);
  }
}

/** Two hosts on one fabric with a pool for provider addresses, and a management network as it is. */
export const FABRIC = `
kind: HostGroup
name: G
---
kind: PhysicalNetwork
name: P
---
kind: LogicalNetwork
name: App
networkVirtualization: true
---
kind: NetworkSite
name: S
logicalNetwork: App
hostGroups: [G]
subnets: [{ prefix: 192.168.30.0/24, vlan: 30 }]
---
kind: IpPool
name: PA
logicalNetwork: App
site: S
prefix: 192.168.30.0/24
from: 192.168.30.11
to: 192.168.30.99
---
kind: LogicalNetwork
name: Mgmt
sameNameVmNetwork: true
---
kind: NetworkSite
name: S
logicalNetwork: Mgmt
hostGroups: [G]
subnets: [{ prefix: 192.168.0.0/24, gateway: 192.168.0.1 }]
---
kind: IpPool
name: M
logicalNetwork: Mgmt
site: S
prefix: 192.168.0.0/24
from: 192.168.0.0
to: 192.168.0.4
reserved: [192.168.0.3]
---
kind: UplinkPortProfile
name: U
networkVirtualization: true
sites: [{ logicalNetwork: App, site: S }, { logicalNetwork: Mgmt, site: S }]
---
kind: LogicalSwitch
name: L
uplinkProfiles: [U]
${['h1', 'h2']
  .map(
    (host, i) => `---
kind: Host
name: ${host}
group: G
nics: [{ name: n, physicalNetwork: P, mac: "00:1d:d8:b7:1c:0${i}" }]
---
kind: HostSwitch
host: ${host}
logicalSwitch: L
nics: [n]
uplinkProfile: U
`,
  )
  .join('')}`;

/** A tenant's network with one subnet. */
export const network = (name: string) => `
kind: VmNetwork
name: ${name}
logicalNetwork: App
isolation: virtualized
---
kind: VmSubnet
name: test
vmNetwork: ${name}
prefix: 10.10.0.0/16
`;
/** Its pool. */
export const pool = (name: string) => `
kind: IpPool
name: CA Pool
vmNetwork: ${name}
subnet: test
from: 10.10.1.100
to: 10.10.1.130
`;
/** A VM with one vNIC. */
export const vm = (name: string, host: string, vmNetwork: string, more = '') => `
kind: VirtualMachine
name: ${name}
host: ${host}
vnics: [{ vmNetwork: ${vmNetwork}${more} }]
`;
/** Documents as edits. */
export const all = (...documents: string[]) => edits(documents.map((text) => text.trim()).join('\n---\n'));
