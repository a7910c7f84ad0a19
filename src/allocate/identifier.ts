/** Numbers and UUIDs that stand for things: RDID and domain number of a VM network, VSID of a VM subnet. */
import type { Rule } from '../base/derive.ts';
import { prefixesOf } from '../model/kinds/vm-subnet.ts';
import { isKind, type ModelObject } from '../model/kinds.ts';
import { firstHost, isIpv4, prefixParts } from '../packet/address.ts';
import { type Demand, type Need, optional } from './need.ts';
import { ACL_NUMBER_POOLS, DOMAIN_NUMBER_POOLS, VSID_POOLS } from './pools.ts';
import { ACL_NUMBER, DOMAIN_NUMBER, RDID, routerOwner, subnetScope, VNIC, VSID } from './scopes.ts';

export const domainRule: Rule<ModelObject, Need> = {
  name: 'domain',
  units: (key, object) => (isKind(object, 'VmNetwork') && object.isolation === 'virtualized' ? [key] : []),
  *derive(key, read) {
    const network = read.get(key);
    if (!isKind(network, 'VmNetwork')) return;
    yield {
      ...uuidDemand(RDID, key, `${key}.routingDomainId`),
      place: 'the routing domain ids (RDID)',
      ...optional('value', network.routingDomainId),
    };
    yield {
      kind: 'demand',
      scope: DOMAIN_NUMBER,
      owner: key,
      space: 'number',
      pools: DOMAIN_NUMBER_POOLS,
      place: 'the domain numbers',
      remedy: '',
      path: key,
    };
  },
};

export const portAclRule: Rule<ModelObject, Need> = {
  name: 'port-acl',
  units: (key, object) => (isKind(object, 'PortAcl') ? [key] : []),
  *derive(key) {
    yield {
      kind: 'demand',
      scope: ACL_NUMBER,
      owner: key,
      space: 'number',
      pools: ACL_NUMBER_POOLS,
      place: 'the numbers of port ACLs',
      remedy: '',
      path: key,
    };
  },
};

export const subnetRule: Rule<ModelObject, Need> = {
  name: 'subnet',
  units: (key, object) => (isKind(object, 'VmSubnet') ? [key] : []),
  *derive(key, read) {
    const subnet = read.get(key);
    if (!isKind(subnet, 'VmSubnet')) return;
    yield {
      kind: 'demand',
      scope: VSID,
      owner: key,
      space: 'number',
      pools: VSID_POOLS,
      place: 'the virtual subnet ids (VSID)',
      remedy: '',
      path: `${key}.vsid`,
      ...optional('value', subnet.vsid === undefined ? undefined : String(subnet.vsid)),
    };
    // Claimed like any other address, so that no machine can be given it, nor fix it.
    for (const prefix of prefixesOf(subnet)) {
      const router = firstHost(prefix);
      yield {
        kind: 'demand',
        scope: subnetScope(subnet.vmNetwork, subnet.name, prefixParts(prefix).family),
        owner: routerOwner(subnet.vmNetwork, subnet.name),
        space: isIpv4(router) ? 'ipv4' : 'ipv6',
        value: router,
        pools: [],
        place: `VM subnet "${subnet.vmNetwork}/${subnet.name}"`,
        remedy: '',
        path: `${key}.${prefix === subnet.prefix ? 'prefix' : 'ipv6Prefix'}`,
      };
    }
  },
};

/** The id by which a vNIC's interface is found. */
export function vnicIdDemand(owner: string, path: string): Demand {
  return { ...uuidDemand(VNIC, owner, path), place: 'the vNIC ids' };
}

function uuidDemand(scope: string, owner: string, path: string): Omit<Demand, 'place'> {
  return { kind: 'demand', scope, owner, space: 'uuid', pools: [], remedy: '', path };
}
