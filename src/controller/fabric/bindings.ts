/**
 * What a virtual switch does to the adapters of its host. The NIC keeps the switch and nothing else; what was bound to
 * it, addresses, routes and name servers among it, goes to a host vNIC, and comes back when the switch is deleted. So one
 * list tells both ways: `without` is how it is before the switch is made and after it is deleted.
 */
import { type Finding, warning } from '../../base/error.ts';
import type { ObjectKey } from '../../model/definition.ts';
import { get } from '../../model/facts.ts';
import { type Host, type HostSwitch, isKind, objectKey } from '../../model/kinds.ts';
import { hostVnicAddresses } from '../../model/placement.ts';
import type { Edit, NetworkView } from '../network.ts';

/** One adapter of the host, and what is bound to it. */
export interface AdapterBindings {
  readonly adapter: string;
  readonly type: 'NIC' | 'team' | 'host vNIC';
  /** Without the switch; absent where there is no such adapter then. */
  readonly without?: readonly string[];
  readonly withSwitch: readonly string[];
}

/** Settings that go from the management NIC to the host vNIC that inherits them. */
export interface Takeover {
  readonly nic: string;
  readonly hostVnic: string;
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly dns?: readonly string[];
}

const PROTOCOLS = ['IPv4', 'IPv6'];

/** Adapter by adapter: NICs, the team that they make, host vNICs. */
export function bindingsOf(network: NetworkView, hostSwitch: HostSwitch): readonly AdapterBindings[] {
  const read = network.reader;
  const host = get(read, 'Host', hostSwitch.host);
  const isTeam = hostSwitch.nics.length > 1;
  const nics = hostSwitch.nics.map((adapter): AdapterBindings => {
    const own = host?.managementNic === adapter ? settingsOf(host) : [];
    const withSwitch = [isTeam ? `member of team ${hostSwitch.logicalSwitch}` : 'virtual switch'];
    return { adapter, type: 'NIC', without: [...PROTOCOLS, ...own], withSwitch };
  });
  const team: AdapterBindings[] = isTeam
    ? [{ adapter: hostSwitch.logicalSwitch, type: 'team', withSwitch: ['virtual switch'] }]
    : [];
  const vnics = hostSwitch.hostVnics.map((vnic): AdapterBindings => {
    const own =
      vnic.inheritManagementNic && host ? settingsOf(host) : hostVnicAddresses(read, hostSwitch, vnic);
    return { adapter: vnic.name, type: 'host vNIC', withSwitch: [...PROTOCOLS, ...own] };
  });
  return [...nics, ...team, ...vnics];
}

/** What a host vNIC of the switch takes over from the management NIC; undefined where none does. */
export function takeoverOf(network: NetworkView, hostSwitch: HostSwitch): Takeover | undefined {
  const host = get(network.reader, 'Host', hostSwitch.host);
  const heir = hostSwitch.hostVnics.find(({ inheritManagementNic }) => inheritManagementNic);
  if (!host || !heir || host.managementNic === undefined) return undefined;
  const {
    managementNic: nic,
    managementAddresses: addresses,
    managementGateway: gateway,
    managementDns: dns,
  } = host;
  return {
    nic,
    hostVnic: heir.name,
    addresses,
    ...(gateway === undefined ? {} : { gateway }),
    ...(dns === undefined ? {} : { dns }),
  };
}

function settingsOf({ managementAddresses, managementGateway, managementDns = [] }: Host): string[] {
  return [
    ...managementAddresses,
    ...(managementGateway === undefined ? [] : [`router ${managementGateway}`]),
    ...managementDns.map((server) => `DNS ${server}`),
  ];
}

/**
 * Warnings about hosts that lose their connection for a moment: a switch comes to, or goes from, the NIC that they are
 * managed through. A host that is new in the same change has none to lose. `network`: as it was before the edits.
 */
export function interruptions(network: NetworkView, edits: readonly Edit[]): readonly Finding[] {
  return edits.flatMap(({ key, object }) => {
    const before = network.get(key)?.object;
    const [old, made] = [
      isKind(before, 'HostSwitch') ? before : undefined,
      isKind(object, 'HostSwitch') ? object : undefined,
    ];
    const name = (made ?? old)?.host;
    const host = name === undefined ? undefined : network.get(`Host/${name}` as ObjectKey)?.object;
    if (!isKind(host, 'Host') || host.managementNic === undefined) return [];
    const [had, has] = [takes(old, host), takes(made, host)];
    if (had === has) return [];
    const change = has
      ? `goes to the virtual switch, and its settings (${listed(host)}) to ${heirOf(made)}`
      : `is given back by the virtual switch, with its settings (${listed(host)})`;
    return [
      warning(
        'management-interrupted',
        objectKey((made ?? old)!),
        `NIC "${host.managementNic}", which host "${host.name}" is managed through, ${change}: the connection to the host is interrupted for a moment.`,
        'Make the change when nobody minds.',
      ),
    ];
  });
}

function takes(hostSwitch: HostSwitch | undefined, { managementNic = '' }: Host): boolean {
  return hostSwitch?.nics.includes(managementNic) === true;
}

function heirOf(hostSwitch: HostSwitch | undefined): string {
  const heir = hostSwitch?.hostVnics.find(({ inheritManagementNic }) => inheritManagementNic);
  return heir ? `host vNIC "${heir.name}"` : 'nobody, since no host vNIC inherits them';
}

function listed(host: Host): string {
  return settingsOf(host).join(', ') || 'none that Netloom knows of';
}
