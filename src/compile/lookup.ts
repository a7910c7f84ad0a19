/** Lookup records: where the machine with a customer address is. One for each address of a vNIC. */
import { isKind } from '../model/kinds.ts';
import { standbyHost } from '../model/migration.ts';
import { domainScope } from '../policy/records.ts';
import { rdidOf } from './domain.ts';
import { modelOf } from './facts.ts';
import { type FeatureRule, put } from './feature.ts';
import { providerOf } from './provider.ts';
import { vsidOf } from './subnet.ts';
import { vnicsOfVm } from './vnics.ts';

export const lookup: FeatureRule = {
  name: 'lookup',
  units: (key, fact) => (fact.kind === 'VirtualMachine' ? [key] : []),
  *derive(unit, read) {
    const vm = modelOf(read).get(unit);
    if (!isKind(vm, 'VirtualMachine') || vm.host === undefined) return;
    for (const { place, mac, id, addresses, origin } of vnicsOfVm(read, vm, vm.host)) {
      if (place.type !== 'virtual') continue;
      const rdid = rdidOf(read, place.network);
      const vsid = vsidOf(read, place.subnet);
      const provider = providerOf(read, vm.host, place.network.logicalNetwork);
      const other = standbyHost(vm);
      const standby = other === undefined ? undefined : providerOf(read, other, place.network.logicalNetwork);
      if (rdid === undefined || vsid === undefined || !provider) continue;
      for (const { address } of addresses) {
        yield put(domainScope(rdid), {
          kind: 'lookup',
          rdid,
          vsid,
          ca: address,
          mac,
          pa: provider.pa,
          ...(standby ? { standby: standby.pa } : {}),
          port: id,
          origin,
        });
      }
    }
  },
};
