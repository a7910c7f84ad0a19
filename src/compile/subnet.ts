/** VM subnets: each with its router, and the route by which the others of its routing domain reach it. */
import { VSID } from '../allocate/scopes.ts';
import { get } from '../model/facts.ts';
import { isAutonomous, prefixesOf } from '../model/kinds/vm-subnet.ts';
import { isKind, objectKey, type VmSubnet } from '../model/kinds.ts';
import { firstHost, ip, type Mac, macFromNumber, prefixParts } from '../packet/address.ts';
import { domainScope, type SubnetPrefix } from '../policy/records.ts';
import { rdidOf } from './domain.ts';
import { allocated, modelOf } from './facts.ts';
import { type CompileRead, type FeatureRule, put } from './feature.ts';
import { guestMtu } from './mtu.ts';

export const subnet: FeatureRule = {
  name: 'subnet',
  units: (key, fact) => (fact.kind === 'VmSubnet' ? [key] : []),
  *derive(unit, compileRead) {
    const read = modelOf(compileRead);
    const vmSubnet = read.get(unit);
    if (!isKind(vmSubnet, 'VmSubnet')) return;
    const network = get(read, 'VmNetwork', vmSubnet.vmNetwork);
    const logicalNetwork = get(read, 'LogicalNetwork', network?.logicalNetwork ?? '');
    if (network?.isolation !== 'virtualized' || !logicalNetwork) return;
    const rdid = rdidOf(compileRead, network);
    const vsid = vsidOf(compileRead, vmSubnet);
    if (rdid === undefined || vsid === undefined) return;
    const prefixes = prefixesOf(vmSubnet);
    yield put(domainScope(rdid), {
      kind: 'subnet',
      vsid,
      rdid,
      name: `${vmSubnet.vmNetwork}/${vmSubnet.name}`,
      prefixes: prefixes.map((prefix): SubnetPrefix => {
        const autonomous = isAutonomous(vmSubnet, prefix);
        return { prefix, gateway: firstHost(prefix), ...(autonomous ? { autonomous } : {}) };
      }),
      gatewayMac: routerMac(vsid),
      mtu: guestMtu(read, logicalNetwork),
      origin: unit,
    });
    for (const prefix of prefixes) {
      const onLink = prefixParts(prefix).family === 4 ? '0.0.0.0' : '::';
      yield put(domainScope(rdid), { kind: 'route', rdid, vsid, prefix, nextHop: ip(onLink), origin: unit });
    }
  },
};

/** The virtual subnet id; a fixed one is handed out like any other. */
export function vsidOf(read: CompileRead, vmSubnet: VmSubnet): number | undefined {
  const vsid = allocated(read, VSID, objectKey(vmSubnet));
  return vsid === undefined ? undefined : Number(vsid);
}

/** Locally administered (IEEE 802-2014, 8.4), "NL", and the VSID: the same on every host, as the router is. */
const ROUTER_MAC = 0x02_4e_4c_00_00_00;

function routerMac(vsid: number): Mac {
  return macFromNumber(ROUTER_MAC + vsid);
}
