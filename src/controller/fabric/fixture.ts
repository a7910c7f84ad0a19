/** A fabric of two hosts that tests of this folder begin with, and change. */
import { FakeClock } from '../../base/clock.ts';
import type { ObjectKey } from '../../model/definition.ts';
import { parseDocuments } from '../../model/input.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { ChangeSummary } from '../change.ts';
import { Controller } from '../controller.ts';

/** One logical network for management, one for tenants; hosts h1 and h2 with a team of two NICs each. */
export const FABRIC: readonly string[] = [
  'kind: HostGroup\nname: G',
  'kind: PhysicalNetwork\nname: blue\nmtu: 1600',
  'kind: PhysicalNetwork\nname: green\nmtu: 1600\njoinedWith: [blue]',
  'kind: LogicalNetwork\nname: Mgmt\nsameNameVmNetwork: true',
  'kind: NetworkSite\nname: S\nlogicalNetwork: Mgmt\nhostGroups: [G]\nsubnets: [{ prefix: 192.168.0.0/24, gateway: 192.168.0.1 }]',
  'kind: LogicalNetwork\nname: App\nnetworkVirtualization: true',
  'kind: NetworkSite\nname: S\nlogicalNetwork: App\nhostGroups: [G]\nsubnets: [{ vlan: 30, prefix: 192.168.30.0/24 }]',
  'kind: UplinkPortProfile\nname: U\nnetworkVirtualization: true\nsites: [{ logicalNetwork: Mgmt, site: S }, { logicalNetwork: App, site: S }]',
  'kind: LogicalSwitch\nname: L\nuplinkProfiles: [U]',
  hostText('h1', 1),
  hostText('h2', 2),
  switchText('h1'),
  switchText('h2'),
];

/** A host with two NICs, a on blue and b on green, managed through a. `more`: further lines. */
export function hostText(name: string, number: number, nicB = '', more = ''): string {
  return `kind: Host
name: ${name}
group: G
nics:
  - { name: a, physicalNetwork: blue, mac: "02:00:00:00:0${number}:01" }
  - { name: b, physicalNetwork: green, mac: "02:00:00:00:0${number}:02"${nicB} }
managementNic: a
managementAddresses: [192.168.0.1${number}]
${more}`;
}

export function switchText(
  host: string,
  nics = '[a, b]',
  vnics = '{ name: M, vmNetwork: Mgmt, inheritManagementNic: true }',
): string {
  return `kind: HostSwitch\nhost: ${host}\nlogicalSwitch: L\nnics: ${nics}\nuplinkProfile: U\nhostVnics: [${vnics}]`;
}

export interface World {
  readonly controller: Controller;
  apply(...documents: string[]): Promise<ChangeSummary>;
  remove(...keys: ObjectKey[]): Promise<ChangeSummary>;
}

/** A controller that holds the documents. */
export async function world(documents: readonly string[]): Promise<World> {
  let next = 0;
  const uuid = () => `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`;
  const controller = await Controller.open({ store: createMemoryStore(), clock: new FakeClock(), uuid });
  const made: World = {
    controller,
    apply: (...texts) => {
      const { objects, findings } = parseDocuments(texts.map((text) => text.trim()).join('\n---\n'), 'test');
      if (findings.length > 0) throw new Error(JSON.stringify(findings));
      const changes = objects.map(({ object }) => ({ object }));
      return controller.apply(changes, { author: 'test' });
    },
    remove: (...keys) =>
      controller.apply(
        keys.map((key) => ({ delete: key })),
        { author: 'test' },
      ),
  };
  await made.apply(...documents);
  return made;
}
