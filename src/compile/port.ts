/** vNICs of VMs and of hosts: the ports of the virtual switches. */

import { get, type Reader } from '../model/facts.ts';
import { DHCP_SERVER, DHCPV6_SERVER } from '../model/kinds/vm-subnet.ts';
import { isKind, type VirtualPortProfile } from '../model/kinds.ts';
import { hostsOfVm } from '../model/migration.ts';
import type { VnicPlace } from '../model/placement.ts';
import { bandwidthModeOf, profileFor } from '../model/port-profiles.ts';
import { vlansIn } from '../model/range.ts';
import { addressWidth, type IpAddress, isIpv4, isIpv6, prefixParts } from '../packet/address.ts';
import {
  type Attachment,
  hostScope,
  type PortAddress,
  type PortBandwidth,
  type PortRecord,
  type PortSecurity,
  type PrivateAttachment,
  type TrunkAttachment,
} from '../policy/records.ts';
import { aclsOf } from './acl.ts';
import { modelOf } from './facts.ts';
import { type CompileRead, type FeatureRule, put } from './feature.ts';
import { guestMtu } from './mtu.ts';
import { isPooled, routerAndDns } from './pool.ts';
import { vsidOf } from './subnet.ts';
import { uplinkMtu } from './switch.ts';
import { type Vnic, type VnicAddress, vnicsOfHost, vnicsOfVm } from './vnics.ts';

export const vmPort: FeatureRule = {
  name: 'vm-port',
  units: (key, fact) => (fact.kind === 'VirtualMachine' ? [key] : []),
  *derive(unit, read) {
    const vm = modelOf(read).get(unit);
    if (!isKind(vm, 'VirtualMachine')) return;
    for (const host of hostsOfVm(vm)) {
      const state = vm.migration && (host === vm.host ? 'active' : 'standby');
      const all = [...vnicsOfVm(read, vm, host)];
      for (const vnic of all) yield* portOf(read, vnic, state, all);
    }
  },
};

export const hostPort: FeatureRule = {
  name: 'host-port',
  units: (key, fact) => (fact.kind === 'HostSwitch' ? [key] : []),
  *derive(unit, read) {
    const hostSwitch = modelOf(read).get(unit);
    if (!isKind(hostSwitch, 'HostSwitch')) return;
    for (const vnic of vnicsOfHost(read, hostSwitch)) yield* portOf(read, vnic);
  },
};

/** `siblings`: all vNICs of the machine. */
function* portOf(
  read: CompileRead,
  vnic: Vnic,
  migration?: 'active' | 'standby',
  siblings: readonly Vnic[] = [],
) {
  const { hostSwitch } = vnic.place.uplink;
  const attachment = attachmentOf(read, vnic);
  const bandwidth = bandwidthOf(modelOf(read), vnic);
  if (!attachment) return;
  // The host's own vNICs are its administrator's; the host has a firewall, and nobody locks it out from here.
  const acls = vnic.owner === 'vm' ? aclsOf(vnic.place, vnic.acls) : [];
  const record: PortRecord = {
    kind: 'port',
    id: vnic.id,
    name: vnic.name,
    owner: vnic.owner,
    switch: hostSwitch.logicalSwitch,
    mac: vnic.mac,
    addresses: vnic.addresses.map(portAddress),
    attachment,
    security: securityOf(modelOf(read), vnic),
    ...teamOf(read, vnic, siblings),
    ...(bandwidth ? { bandwidth } : {}),
    ...(acls.length > 0 ? { acls } : {}),
    mtu: mtuOf(modelOf(read), vnic),
    ...(hasDhcp(vnic, isIpv4) ? { dhcpServer: DHCP_SERVER } : {}),
    ...(hasDhcp(vnic, isIpv6) ? { dhcpv6Server: DHCPV6_SERVER } : {}),
    ...(migration ? { migration } : {}),
    origin: vnic.origin,
  };
  yield put(hostScope(hostSwitch.host), record);
}

/**
 * The guest may make a team of its vNICs on one VLAN: one of them goes on as another when that fails, and the learning
 * switch notices. On other networks policy says where an address is, so there is no such team.
 */
function teamOf(read: CompileRead, vnic: Vnic, siblings: readonly Vnic[]): Pick<PortRecord, 'team'> {
  const vlanOf = (one: Vnic) => {
    const attachment = attachmentOf(read, one);
    const allowed = profileOf(modelOf(read), one)?.security.guestTeaming === true;
    if (!allowed || attachment?.type !== 'vlan') return undefined;
    return `${attachment.vlan}/${one.place.uplink.hostSwitch.logicalSwitch}`;
  };
  const own = vlanOf(vnic);
  const mates = siblings.filter((one) => one !== vnic && own !== undefined && vlanOf(one) === own);
  if (mates.length === 0) return {};
  return { team: mates.map(({ mac, addresses }) => ({ mac, addresses: addresses.map(portAddress) })) };
}

/** Undefined where the port cannot be kept apart as its network demands: then it is not connected at all. */
function attachmentOf(read: CompileRead, vnic: Vnic): Attachment | undefined {
  const { place, trunk } = vnic;
  if (vnic.isMonitor) return { type: 'monitor' };
  if (place.type === 'virtual') {
    const vsid = vsidOf(read, place.subnet);
    return vsid === undefined ? undefined : { type: 'virtual', vsid };
  }
  if (place.network.isolation === 'pvlan') return privateAttachment(modelOf(read), vnic, place);
  if (trunk && place.network.isolation !== 'virtualized') return trunkAttachment(trunk, place.row.vlan);
  return { type: 'vlan', vlan: place.row.vlan };
}

/** The native VLAN is that of the place; a VLAN that stands twice is what it is first. */
function trunkAttachment(trunk: NonNullable<Vnic['trunk']>, native: number): TrunkAttachment {
  const tagged = vlansIn(trunk.tagged).filter((vlan) => vlan !== native);
  const untagged = vlansIn(trunk.untagged).filter((vlan) => vlan !== native && !tagged.includes(vlan));
  return { type: 'trunk', native, tagged, untagged };
}

/** Promiscuous by its port profile, else what the secondary VLAN of its row says. */
function privateAttachment(
  read: Reader,
  vnic: Vnic,
  { uplink, row }: Extract<VnicPlace, { type: 'site' }>,
): PrivateAttachment | undefined {
  const { vlan: primary, secondaryVlan, secondaryType } = row;
  const kin = uplink.site.subnets.flatMap((other) =>
    other.vlan === primary && other.secondaryVlan !== undefined ? [other.secondaryVlan] : [],
  );
  // A VLAN that were primary and secondary at once would join what it is to keep apart.
  if (secondaryVlan === undefined || kin.includes(primary)) return undefined;
  if (profileOf(read, vnic)?.security.promiscuous) {
    return {
      type: 'private',
      mode: 'promiscuous',
      primary,
      secondaries: [...new Set(kin)].sort((a, b) => a - b),
    };
  }
  return { type: 'private', mode: secondaryType ?? 'isolated', primary, secondaries: [secondaryVlan] };
}

const SAFE: PortSecurity = {
  macSpoofing: false,
  dhcpGuard: true,
  routerGuard: true,
  guestSpecifiedAddresses: false,
};

/** The virtual port profile that the classification stands for on this switch. */
function profileOf(read: Reader, { classification, place }: Vnic): VirtualPortProfile | undefined {
  return profileFor(read, place.uplink.hostSwitch.logicalSwitch, classification);
}

/** What the profile says of bandwidth, as far as the switch counts it; a maximum holds on every switch. */
function bandwidthOf(read: Reader, vnic: Vnic): PortBandwidth | undefined {
  const { minimumWeight, minimumMbps, maximumMbps } = profileOf(read, vnic)?.bandwidth ?? {};
  const logicalSwitch = get(read, 'LogicalSwitch', vnic.place.uplink.hostSwitch.logicalSwitch);
  const mode = logicalSwitch && bandwidthModeOf(logicalSwitch);
  const bandwidth: PortBandwidth = {
    ...(mode === 'weight' && minimumWeight !== undefined ? { minimumWeight } : {}),
    ...(mode === 'absolute' && minimumMbps !== undefined ? { minimumKbps: minimumMbps * 1000 } : {}),
    ...(maximumMbps === undefined ? {} : { maximumKbps: maximumMbps * 1000 }),
  };
  return Object.keys(bandwidth).length > 0 ? bandwidth : undefined;
}

function securityOf(read: Reader, vnic: Vnic): PortSecurity {
  const { owner, place } = vnic;
  const profile = profileOf(read, vnic);
  const { macSpoofing, dhcpGuard, routerGuard, guestSpecifiedAddresses } = profile?.security ?? SAFE;
  const priorityTagging = profile?.security.ieeePriorityTagging ?? false;
  // The host's own addresses are its administrator's choice, and where a site says nothing of subnets, so are all.
  const free =
    owner === 'host' ||
    (place.type === 'site' &&
      [place.row, ...(place.untagged ?? [])].every((row) => row.prefix === undefined));
  return {
    macSpoofing,
    dhcpGuard,
    routerGuard,
    guestSpecifiedAddresses: guestSpecifiedAddresses || free,
    ...(priorityTagging ? { priorityTagging } : {}),
  };
}

function mtuOf(read: Reader, { place }: Vnic): number {
  if (place.type === 'site') return uplinkMtu(read, place.uplink.hostSwitch);
  const network = get(read, 'LogicalNetwork', place.network.logicalNetwork);
  return network ? guestMtu(read, network) : uplinkMtu(read, place.uplink.hostSwitch);
}

function portAddress({ address, subnet, own }: VnicAddress): PortAddress {
  const prefixLength =
    subnet.prefix === undefined ? addressWidth(address) : prefixParts(subnet.prefix).length;
  const vlan = subnet.vlan === undefined ? {} : { vlan: subnet.vlan };
  return { address, prefixLength, ...routerAndDns(subnet, address), ...own, ...vlan };
}

/** Where the addresses are Netloom's to give, the switch gives them; elsewhere the guest may find a DHCP server. */
function hasDhcp({ place, addresses }: Vnic, ofVersion: (address: IpAddress) => boolean): boolean {
  return addresses.some(
    ({ address, subnet }) =>
      ofVersion(address) &&
      subnet.vlan === undefined &&
      (place.type === 'virtual' || isPooled(subnet, address)),
  );
}
