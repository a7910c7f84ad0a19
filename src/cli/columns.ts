/**
 * What `netloom get` shows of each kind. A column is a title and a path into the object as the API gives it; `[]`
 * goes through a list, and `+` makes one name of several fields, as keys have it: `App Network/App`. Columns behind the
 * `wide` mark are shown by `-o wide` only.
 */
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { KindName } from '../model/definition.ts';
import { DEFAULT_MAC_POOL } from '../model/kinds/mac-pool.ts';

interface Columns {
  readonly narrow: readonly (readonly [title: string, path: string])[];
  readonly wide: readonly (readonly [title: string, path: string])[];
}

const COLUMNS: Readonly<Record<KindName, Columns>> = {
  FabricSettings: {
    narrow: [
      ['NAME', 'name'],
      ['AUTO-CREATE NETWORKS', 'autoCreateLogicalNetworks'],
      ['REMEDIATION', 'remediation'],
    ],
    wide: [],
  },
  HostGroup: {
    narrow: [
      ['NAME', 'name'],
      ['PARENT', 'parent'],
    ],
    wide: [['USED BY', 'status.users[]']],
  },
  PhysicalNetwork: {
    narrow: [
      ['NAME', 'name'],
      ['MTU', 'mtu'],
      ['VLANS', 'vlans[]'],
    ],
    wide: [['JOINED WITH', 'joinedWith[]']],
  },
  LogicalNetwork: {
    narrow: [
      ['NAME', 'name'],
      ['TYPE', 'type'],
      ['VIRTUALIZATION', 'networkVirtualization'],
    ],
    wide: [
      ['ENCAPSULATION', 'encapsulation'],
      ['SITES', 'status.sites[]'],
      ['VM NETWORKS', 'status.vmNetworks[]'],
    ],
  },
  Tenant: {
    narrow: [
      ['NAME', 'name'],
      ['LOGICAL NETWORKS', 'logicalNetworks[]'],
      ['VMS', 'status.used.virtualMachines'],
      ['VM NETWORKS', 'status.used.vmNetworks'],
    ],
    wide: [
      ['VM QUOTA', 'quotas.virtualMachines'],
      ['NETWORK QUOTA', 'quotas.vmNetworks'],
    ],
  },
  User: {
    narrow: [
      ['NAME', 'name'],
      ['TENANT', 'tenant'],
      ['ROLE', 'role'],
      ['DISABLED', 'disabled'],
    ],
    wide: [['DESCRIPTION', 'description']],
  },
  NetworkSite: {
    narrow: [
      ['LOGICAL NETWORK', 'logicalNetwork'],
      ['NAME', 'name'],
      ['SUBNETS', 'subnets[].prefix'],
    ],
    wide: [
      ['VLANS', 'subnets[].vlan'],
      ['HOST GROUPS', 'hostGroups[]'],
    ],
  },
  Host: {
    narrow: [
      ['NAME', 'name'],
      ['GROUP', 'group'],
      ['AGENT', 'status.agent.connected'],
      ['APPLIED', 'status.agent.applied'],
      ['COMPLIANCE', 'status.compliance.level'],
      ['VMS', 'status.virtualMachines'],
    ],
    wide: [
      ['NICS', 'nics[].name'],
      ['PROVIDER ADDRESSES', 'status.providerAddresses[].address'],
    ],
  },
  MacPool: {
    narrow: [
      ['NAME', 'name'],
      ['FROM', 'from'],
      ['TO', 'to'],
      ['USED', 'status.used'],
      ['INACTIVE', 'status.inactive'],
      ['FREE', 'status.free'],
    ],
    wide: [['HOST GROUPS', 'hostGroups[]']],
  },
  PortAcl: {
    narrow: [
      ['NAME', 'name'],
      ['TENANT', 'tenant'],
      ['RULES', 'rules[].name'],
      ['INBOUND DEFAULT', 'default.inbound'],
      ['OUTBOUND DEFAULT', 'default.outbound'],
    ],
    wide: [['USED BY', 'status.users[]']],
  },
  VmNetwork: {
    narrow: [
      ['NAME', 'name'],
      ['TENANT', 'tenant'],
      ['LOGICAL NETWORK', 'logicalNetwork'],
      ['ISOLATION', 'isolation'],
      ['VLAN', 'vlan'],
    ],
    wide: [
      ['RDID', 'status.routingDomainId'],
      ['IMPLIED BY', 'status.impliedBy'],
    ],
  },
  VmSubnet: {
    narrow: [
      ['VM NETWORK', 'vmNetwork'],
      ['NAME', 'name'],
      ['PREFIX', 'prefix'],
      ['IPV6 PREFIX', 'ipv6Prefix'],
      ['VSID', 'status.vsid'],
    ],
    wide: [
      ['GATEWAYS', 'status.gateways[]'],
      ['MTU', 'status.mtu'],
      ['POOLS', 'status.pools[]'],
    ],
  },
  IpPool: {
    narrow: [
      ['SUBNET', 'logicalNetwork+site+vmNetwork+subnet'],
      ['NAME', 'name'],
      ['FROM', 'from'],
      ['TO', 'to'],
      ['USED', 'status.used'],
      ['INACTIVE', 'status.inactive'],
      ['FREE', 'status.free'],
    ],
    wide: [
      ['SIZE', 'status.size'],
      ['RESERVED', 'status.reserved'],
      ['VIPS', 'status.vip'],
      ['GATEWAYS', 'gateways[].address'],
      ['DNS', 'dns[]'],
    ],
  },
  UplinkPortProfile: {
    narrow: [
      ['NAME', 'name'],
      ['TEAMING', 'teamingMode'],
      ['BALANCING', 'loadBalancing'],
      ['VIRTUALIZATION', 'networkVirtualization'],
    ],
    wide: [['LOGICAL NETWORKS', 'sites[].logicalNetwork']],
  },
  VirtualPortProfile: {
    narrow: [
      ['NAME', 'name'],
      ['WEIGHT', 'bandwidth.minimumWeight'],
      ['MINIMUM', 'bandwidth.minimumMbps'],
      ['MAXIMUM', 'bandwidth.maximumMbps'],
      ['BUILT IN', 'status.builtIn'],
    ],
    wide: [
      ['DESCRIPTION', 'description'],
      ['USED BY', 'status.users[]'],
    ],
  },
  PortClassification: {
    narrow: [
      ['NAME', 'name'],
      ['DESCRIPTION', 'description'],
      ['BUILT IN', 'status.builtIn'],
    ],
    wide: [['USED BY', 'status.users[]']],
  },
  LogicalSwitch: {
    narrow: [
      ['NAME', 'name'],
      ['UPLINK MODE', 'uplinkMode'],
      ['BANDWIDTH', 'bandwidthMode'],
    ],
    wide: [
      ['UPLINK PROFILES', 'uplinkProfiles[]'],
      ['COMPLIANCE', 'status.compliance.level'],
      ['SR-IOV', 'sriov'],
    ],
  },
  HostSwitch: {
    narrow: [
      ['HOST', 'host'],
      ['LOGICAL SWITCH', 'logicalSwitch'],
      ['NICS', 'nics[]'],
      ['HOST VNICS', 'hostVnics[].name'],
    ],
    wide: [
      ['UPLINK PROFILE', 'uplinkProfile'],
      ['ADDRESSES', 'status.hostVnics[].addresses[]'],
      ['COMPLIANCE', 'status.compliance.level'],
    ],
  },
  VirtualMachine: {
    narrow: [
      ['NAME', 'name'],
      ['TENANT', 'tenant'],
      ['HOST', 'host'],
      ['VM NETWORKS', 'vnics[].vmNetwork'],
      ['ADDRESSES', 'status.vnics[].addresses[]'],
    ],
    wide: [
      ['MACS', 'status.vnics[].mac'],
      ['VSIDS', 'status.vnics[].vsid'],
      ['SWITCHES', 'status.vnics[].switch'],
      ['MOVING TO', 'migration.destination'],
    ],
  },
};

/** What is said where there is no object of the kind. */
export function noneText(kind: KindName): string {
  switch (kind) {
    case 'FabricSettings':
      return 'There are none: the defaults hold.\n';
    case 'MacPool':
      return `There are none: vNICs get addresses of ${DEFAULT_MAC_POOL.from} to ${DEFAULT_MAC_POOL.to}.\n`;
    default:
      return 'There are none.\n';
  }
}

/** Titles and one row for each object. */
export function tableOf(
  kind: KindName,
  objects: readonly JsonObject[],
  wide: boolean,
): { titles: string[]; rows: string[][] } {
  const { narrow, wide: more } = COLUMNS[kind];
  const columns = wide ? [...narrow, ...more, ['REVISION', 'meta.revision'] as const] : narrow;
  const rows = objects.map((object) => columns.map(([, path]) => cell(object, path)));
  // A column that says nothing of any object, such as the VLAN of virtualized networks, only takes room.
  const shown = columns.map((_, i) => i === 0 || wide || rows.some((row) => row[i] !== ''));
  return {
    titles: columns.map(([title]) => title).filter((_, i) => shown[i]),
    rows: rows.map((row) => row.filter((_, i) => shown[i])),
  };
}

function cell(object: JsonObject, path: string): string {
  const fields = path.split('+');
  if (fields.length > 1)
    return fields
      .map((field) => cell(object, field))
      .filter((text) => text !== '')
      .join('/');
  const words = valuesAt(object, path.split('.')).map((value) =>
    value === true ? 'yes' : value === false ? 'no' : String(value),
  );
  return [...new Set(words)].join(', ');
}

function valuesAt(value: JsonValue | undefined, [step, ...rest]: readonly string[]): JsonValue[] {
  if (value === undefined || value === null) return [];
  if (step === undefined) return [value];
  if (typeof value !== 'object' || Array.isArray(value)) return [];
  const name = step.endsWith('[]') ? step.slice(0, -2) : step;
  const member = (value as JsonObject)[name];
  const inner = step.endsWith('[]') && Array.isArray(member) ? (member as readonly JsonValue[]) : [member];
  return inner.flatMap((item) => valuesAt(item, rest));
}
