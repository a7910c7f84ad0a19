/** Provider addresses: the host's own place on each fabric that it takes part in. */
import { fabricsOfHost } from '../allocate/host.ts';
import { MAC, providerOwner } from '../allocate/scopes.ts';
import { type AddressSubnet, fabricSubnet } from '../allocate/subnets.ts';
import { get } from '../model/facts.ts';
import { isKind } from '../model/kinds.ts';
import { type ProviderPlace, providerPlace } from '../model/uplinks.ts';
import { type IpAddress, ip, mac, prefixParts } from '../packet/address.ts';
import { hostScope } from '../policy/records.ts';
import { allocated, modelOf } from './facts.ts';
import { type CompileRead, type FeatureRule, put } from './feature.ts';
import { ETHERNET_MTU } from './mtu.ts';
import { routerAndDns } from './pool.ts';
import { uplinkMtu } from './switch.ts';

export const provider: FeatureRule = {
  name: 'provider',
  units: (key, fact) => (fact.kind === 'Host' ? [key] : []),
  *derive(unit, compileRead) {
    const read = modelOf(compileRead);
    const host = read.get(unit);
    if (!isKind(host, 'Host')) return;
    for (const fabric of fabricsOfHost(read, host)) {
      const network = get(read, 'LogicalNetwork', fabric);
      const found = providerOf(compileRead, host.name, fabric);
      const macAddress = allocated(compileRead, MAC, providerOwner(host.name, fabric));
      if (!network || !found?.subnet.prefix || macAddress === undefined) continue;
      const { pa, place, subnet } = found;
      const { gateway } = routerAndDns(subnet, pa);
      const mtu = uplinkMtu(read, place.uplink.hostSwitch);
      yield put(hostScope(host.name), {
        kind: 'provider',
        logicalNetwork: fabric,
        switch: place.uplink.hostSwitch.logicalSwitch,
        encapsulation: network.encapsulation,
        pa,
        prefixLength: prefixParts(found.subnet.prefix).length,
        ...(gateway === undefined ? {} : { gateway }),
        mac: mac(macAddress),
        vlan: place.row.vlan,
        ...(mtu === ETHERNET_MTU ? {} : { mtu }),
        origin: unit,
      });
    }
  },
};

interface ProviderAddress {
  readonly pa: IpAddress;
  readonly place: ProviderPlace;
  readonly subnet: AddressSubnet;
}

/** The host's provider address on a logical network; undefined while it has none. */
export function providerOf(read: CompileRead, host: string, fabric: string): ProviderAddress | undefined {
  const place = providerPlace(modelOf(read), host, fabric);
  if (!place?.uplink.profile.networkVirtualization) return undefined;
  const subnet = fabricSubnet(modelOf(read), place.uplink.site, place.row);
  if (!subnet) return undefined;
  const pa = allocated(read, subnet.scope, providerOwner(host, fabric));
  return pa === undefined ? undefined : { pa: ip(pa), place, subnet };
}
