import { KIND_NAMES, type KindDefinition, type KindName, type ObjectKey } from './definition.ts';
import { type FabricSettings, fabricSettings } from './kinds/fabric-settings.ts';
import { type Host, host } from './kinds/host.ts';
import { type HostGroup, hostGroup } from './kinds/host-group.ts';
import { type HostSwitch, hostSwitch } from './kinds/host-switch.ts';
import { type IpPool, ipPool } from './kinds/ip-pool.ts';
import { type LogicalNetwork, logicalNetwork } from './kinds/logical-network.ts';
import { type LogicalSwitch, logicalSwitch } from './kinds/logical-switch.ts';
import { type MacPool, macPool } from './kinds/mac-pool.ts';
import { type NetworkSite, networkSite } from './kinds/network-site.ts';
import { type PhysicalNetwork, physicalNetwork } from './kinds/physical-network.ts';
import { type PortAcl, portAcl } from './kinds/port-acl.ts';
import { type PortClassification, portClassification } from './kinds/port-classification.ts';
import { type Tenant, tenant } from './kinds/tenant.ts';
import { type UplinkPortProfile, uplinkPortProfile } from './kinds/uplink-port-profile.ts';
import { type User, user } from './kinds/user.ts';
import { type VirtualMachine, virtualMachine } from './kinds/virtual-machine.ts';
import { type VirtualPortProfile, virtualPortProfile } from './kinds/virtual-port-profile.ts';
import { type VmNetwork, vmNetwork } from './kinds/vm-network.ts';
import { type VmSubnet, vmSubnet } from './kinds/vm-subnet.ts';

/**
 * The table of kinds. To add one: its file in `kinds/`, its name in `KIND_NAMES` (definition.ts), its lines here; the
 * compiler then asks for its checks (`validate.ts`) and for its place wherever kinds are told apart.
 */
export const KINDS = {
  FabricSettings: fabricSettings,
  HostGroup: hostGroup,
  PhysicalNetwork: physicalNetwork,
  LogicalNetwork: logicalNetwork,
  Tenant: tenant,
  User: user,
  NetworkSite: networkSite,
  Host: host,
  MacPool: macPool,
  PortAcl: portAcl,
  VmNetwork: vmNetwork,
  VmSubnet: vmSubnet,
  IpPool: ipPool,
  UplinkPortProfile: uplinkPortProfile,
  VirtualPortProfile: virtualPortProfile,
  PortClassification: portClassification,
  LogicalSwitch: logicalSwitch,
  HostSwitch: hostSwitch,
  VirtualMachine: virtualMachine,
} as const satisfies { [K in KindName]: KindDefinition<ObjectOf<K>> };

/** One of the operator's objects. */
export type ModelObject =
  | FabricSettings
  | HostGroup
  | PhysicalNetwork
  | LogicalNetwork
  | Tenant
  | User
  | NetworkSite
  | Host
  | MacPool
  | PortAcl
  | VmNetwork
  | VmSubnet
  | IpPool
  | UplinkPortProfile
  | VirtualPortProfile
  | PortClassification
  | LogicalSwitch
  | HostSwitch
  | VirtualMachine;

/** The type of a kind's objects. */
export type ObjectOf<K extends KindName> = Extract<ModelObject, { readonly kind: K }>;

const table: Readonly<Record<KindName, KindDefinition<ModelObject>>> = KINDS;

/** A kind's definition, for code that handles every kind alike. */
export function kindOf(kind: KindName): KindDefinition<ModelObject> {
  return table[kind];
}

/** `NetworkSite/Management/Building A` */
export function objectKey(object: ModelObject): ObjectKey {
  return `${object.kind}/${table[object.kind].key(object)}`;
}

/** What the object is called: its key within its kind (`Management/Building A`). */
export function objectName(object: ModelObject): string {
  return table[object.kind].key(object);
}

/** The two halves of an object key; undefined when it does not begin with a kind. */
export function splitObjectKey(key: string): { kind: KindName; key: string } | undefined {
  const slash = key.indexOf('/');
  const kind = slash < 0 ? undefined : KIND_NAMES.find((name) => name === key.slice(0, slash));
  return kind && { kind, key: key.slice(slash + 1) };
}

/** Whether an object is of a kind; narrows. */
export function isKind<K extends KindName>(object: ModelObject | undefined, kind: K): object is ObjectOf<K> {
  return object?.kind === kind;
}

/** The kind that a word of the command line or of an address means: `vm-networks`, `VmNetwork`, `vn` … in any case. */
export function findKind(word: string): KindName | undefined {
  return WORDS.get(plain(word));
}

const WORDS: ReadonlyMap<string, KindName> = new Map(
  KIND_NAMES.flatMap((kind) => {
    const { plural, short, title } = table[kind];
    const words = [kind, `${kind}s`, plural, title.replaceAll(' ', '-'), ...short];
    return words.map((word) => [plain(word), kind] as const);
  }),
);

/** Words are the same in capitals and small letters, with and without hyphens: `logicalswitches`. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll('-', '');
}

export type {
  Host,
  HostGroup,
  HostSwitch,
  IpPool,
  LogicalNetwork,
  LogicalSwitch,
  MacPool,
  NetworkSite,
  PhysicalNetwork,
  PortAcl,
  PortClassification,
  Tenant,
  UplinkPortProfile,
  User,
  VirtualMachine,
  VirtualPortProfile,
  VmNetwork,
  VmSubnet,
};
