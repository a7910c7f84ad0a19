/** vNICs of VMs and of hosts: the ports of the virtual switches. */

import { get, type Reader } from '../model/facts.ts';
import { DHCP_SERVER } from '../model/kinds/vm-subnet.ts';
import { isKind } from '../model/kinds.ts';
import { addressWidth, isIpv4, prefixParts } from '../packet/address.ts';
import {
  type Attachment,
  hostScope,
  type PortAddress,
  type PortRecord,
  type PortSecurity,
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
function attachmentOf(read: CompileRead, { place }: Vnic): Attachment | undefined {
  if (place.type === 'virtual') {
    const vsid = vsidOf(read, place.subnet);
    return vsid === undefined ? undefined : { type: 'virtual', vsid };
  }
  // The policy has no words for private VLANs yet; on the bare VLAN the guests would not be isolated.
  if (place.network.isolation === 'pvlan') return undefined;
  return { type: 'vlan', vlan: place.row.vlan };
}

const SAFE: PortSecurity = {
  macSpoofing: false,
  dhcpGuard: true,
  routerGuard: true,
  guestSpecifiedAddresses: false,
};

/** What the virtual port profile says that the classification stands for on this switch. */
function securityOf(read: Reader, { classification, owner, place }: Vnic): PortSecurity {
  const logicalSwitch = get(read, 'LogicalSwitch', place.uplink.hostSwitch.logicalSwitch);
  const offered = logicalSwitch?.classifications.find((c) => c.classification === classification);
  const profile = offered && get(read, 'VirtualPortProfile', offered.profile);
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
