/** What hosts need: their NICs' MAC addresses for themselves, and an address on each fabric that they take part in. */
import type { Index, Rule } from '../base/derive.ts';
import { get, type Reader } from '../model/facts.ts';
import { connectedTo } from '../model/kinds/virtual-machine.ts';
import { type Host, isKind, type ModelObject, objectKey } from '../model/kinds.ts';
import { hostsOfVm } from '../model/migration.ts';
import { hostSwitchFor, providerPlace } from '../model/uplinks.ts';
import { type Need, optional } from './need.ts';
import { macPoolsOf, rangeOfPrefix } from './pools.ts';
import { nicOwner, providerOwner } from './scopes.ts';
import { fabricSubnet } from './subnets.ts';
import { macDemand } from './vnic.ts';

/** host -> the VM networks that VMs there connect to. A second VM on a network that is in it changes nothing. */
export const networksOfHost: Index<ModelObject> = (_key, object) =>
  isKind(object, 'VirtualMachine')
    ? hostsOfVm(object).flatMap((host) => connectedTo(object).map((network) => [host, network] as const))
    : [];

/** host -> the port ACLs that vNICs of VMs there name themselves. */
export const aclsOfHost: Index<ModelObject> = (_key, object) =>
  isKind(object, 'VirtualMachine')
    ? hostsOfVm(object).flatMap((host) =>
        object.vnics.flatMap(({ acls = [] }) => acls.map((acl) => [host, acl] as const)),
      )
    : [];

/** Logical networks that need a provider address here: one is fixed, or a VM connects to a virtualized network. */
export function fabricsOfHost(read: Reader, host: Host): string[] {
  const fabrics = new Set(host.providerAddresses.map((p) => p.logicalNetwork));
  for (const name of read.members('networksOfHost', host.name)) {
    const network = get(read, 'VmNetwork', name);
    if (network?.isolation === 'virtualized') fabrics.add(network.logicalNetwork);
  }
  return [...fabrics].sort();
}

export const hostRule: Rule<ModelObject, Need> = {
  name: 'host',
  units: (key, object) => (isKind(object, 'Host') ? [key] : []),
  *derive(key, read) {
    const host = read.get(key);
    if (!isKind(host, 'Host')) return;
    // Burnt in, and claimed so that no pool gives them out again.
    for (const [i, nic] of host.nics.entries()) {
      yield macDemand(nicOwner(host.name, nic.name), `${key}.nics[${i}].mac`, [], nic.mac);
    }
    for (const fabric of fabricsOfHost(read, host)) yield* provider(read, host, key, fabric);
  },
};

function* provider(read: Reader, host: Host, key: string, fabric: string): Iterable<Need> {
  const uplink = hostSwitchFor(read, host.name, fabric);
  if (!uplink) return;
  const owner = providerOwner(host.name, fabric);
  const fixed = host.providerAddresses.findIndex((p) => p.logicalNetwork === fabric);
  const path = fixed < 0 ? key : `${key}.providerAddresses[${fixed}].address`;
  yield macDemand(owner, path, macPoolsOf(read, host));

  const place = providerPlace(read, host.name, fabric);
  // Without a place validation says why: no pool at the site, or a fixed address that is in none of its subnets.
  const subnet = place && fabricSubnet(read, place.uplink.site, place.row);
  if (!place || !subnet?.prefix) return;
  yield {
    kind: 'demand',
    scope: subnet.scope,
    owner,
    space: subnet.prefix.includes(':') ? 'ipv6' : 'ipv4',
    pools: place.fixed === undefined ? place.pools.map(objectKey) : [],
    within: rangeOfPrefix(subnet.prefix),
    place: subnet.words,
    remedy: `Add an IP pool to a subnet of site "${uplink.site.name}" of logical network "${fabric}", or fix the address in providerAddresses of the host.`,
    path,
    ...optional('value', place.fixed),
  };
}
