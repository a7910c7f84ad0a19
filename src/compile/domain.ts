/** Which routing domains a host takes part in: those that a VM there is connected to. */

import { DOMAIN_NUMBER, RDID } from '../allocate/scopes.ts';
import { get } from '../model/facts.ts';
import { connectedTo } from '../model/kinds/virtual-machine.ts';
import { vmNetworkKey } from '../model/kinds/vm-network.ts';
import { objectKey, type VmNetwork } from '../model/kinds.ts';
import { hostsOfVm } from '../model/migration.ts';
import { hostScope } from '../policy/records.ts';
import { allocated, modelOf } from './facts.ts';
import { type CompileRead, type FeatureRule, put } from './feature.ts';

export const domain: FeatureRule = {
  name: 'domain',
  // Names have no slash, so the unit can be taken apart again.
  units: (_key, fact) =>
    fact.kind === 'VirtualMachine'
      ? new Set(hostsOfVm(fact).flatMap((host) => connectedTo(fact).map((network) => `${host}/${network}`)))
      : [],
  *derive(unit, read) {
    const slash = unit.indexOf('/');
    const network = get(modelOf(read), 'VmNetwork', unit.slice(slash + 1));
    if (network?.isolation !== 'virtualized') return;
    const rdid = rdidOf(read, network);
    const number = allocated(read, DOMAIN_NUMBER, objectKey(network));
    if (rdid === undefined || number === undefined) return;
    yield put(hostScope(unit.slice(0, slash)), {
      kind: 'domain',
      rdid,
      number: Number(number),
      name: vmNetworkKey(network),
      logicalNetwork: network.logicalNetwork,
      origin: objectKey(network),
    });
  },
};

/** The routing domain id of a virtualized network; a fixed one is handed out like any other. */
export function rdidOf(read: CompileRead, network: VmNetwork): string | undefined {
  return allocated(read, RDID, objectKey(network));
}
