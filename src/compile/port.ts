/** vNICs of VMs and of hosts: the ports of the virtual switches. */

import { get, type Reader } from '../model/facts.ts';
import { DHCP_SERVER } from '../model/kinds/vm-subnet.ts';
import { isKind, type VirtualPortProfile } from '../model/kinds.ts';
import type { VnicPlace } from '../model/placement.ts';
import { addressWidth, isIpv4, prefixParts } from '../packet/address.ts';
import {
  type Attachment,
  hostScope,
  type PortAddress,
  type PortRecord,
  type PortSecurity,
  type PrivateAttachment,
} from '../policy/records.ts';
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
    for (const vnic of vnicsOfVm(read, vm)) yield* portOf(read, vnic);
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

function* portOf(read: CompileRead, vnic: Vnic) {
  const { hostSwitch } = vnic.place.uplink;
  const attachment = attachmentOf(read, vnic);
  if (!attachment) return;
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
    mtu: mtuOf(modelOf(read), vnic),
    ...(hasDhcp(vnic) ? { dhcpServer: DHCP_SERVER } : {}),
    origin: vnic.origin,
  };
  yield put(hostScope(hostSwitch.host), record);
}

/** Undefined where the port cannot be kept apart as its network demands: then it is not connected at all. */
function attachmentOf(read: CompileRead, vnic: Vnic): Attachment | undefined {
  const { place } = vnic;
  if (place.type === 'virtual') {
    const vsid = vsidOf(read, place.subnet);
    return vsid === undefined ? undefined : { type: 'virtual', vsid };
  }
  if (place.network.isolation === 'pvlan') return privateAttachment(modelOf(read), vnic, place);
  return { type: 'vlan', vlan: place.row.vlan };
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
  const logicalSwitch = get(read, 'LogicalSwitch', place.uplink.hostSwitch.logicalSwitch);
  const offered = logicalSwitch?.classifications.find((c) => c.classification === classification);
  return offered && get(read, 'VirtualPortProfile', offered.profile);
}

function securityOf(read: Reader, vnic: Vnic): PortSecurity {
  const { owner, place } = vnic;
  const profile = profileOf(read, vnic);
  const { macSpoofing, dhcpGuard, routerGuard, guestSpecifiedAddresses } = profile?.security ?? SAFE;
  // The host's own addresses are its administrator's choice, and where a site says nothing of subnets, so are all.
  const free = owner === 'host' || (place.type === 'site' && place.row.prefix === undefined);
  return {
    macSpoofing,
    dhcpGuard,
    routerGuard,
    guestSpecifiedAddresses: guestSpecifiedAddresses || free,
  };
}

function mtuOf(read: Reader, { place }: Vnic): number {
  if (place.type === 'site') return uplinkMtu(read, place.uplink.hostSwitch);
  const network = get(read, 'LogicalNetwork', place.network.logicalNetwork);
  return network ? guestMtu(read, network) : uplinkMtu(read, place.uplink.hostSwitch);
}

function portAddress({ address, subnet }: VnicAddress): PortAddress {
  const prefixLength =
    subnet.prefix === undefined ? addressWidth(address) : prefixParts(subnet.prefix).length;
  return { address, prefixLength, ...routerAndDns(subnet, address) };
}

/** Where the addresses are Netloom's to give, the switch gives them; elsewhere the guest may find a DHCP server. */
function hasDhcp({ place, addresses }: Vnic): boolean {
  return addresses.some(
    ({ address, subnet }) => isIpv4(address) && (place.type === 'virtual' || isPooled(subnet, address)),
  );
}
