/** What the network has of one host. */
import { get, objects } from '../../model/facts.ts';
import type { HostSwitch } from '../../model/kinds.ts';
import { hostScope, type ProviderRecord } from '../../policy/records.ts';
import type { NetworkView } from '../network.ts';

/** The virtual switches of a host, as they are described. */
export function hostSwitchesOf(network: NetworkView, host: string): HostSwitch[] {
  return objects(network.reader, 'HostSwitch', 'hostSwitches', host);
}

/** The provider addresses of a host: its places on the fabrics of logical networks. */
export function fabricsOf(network: NetworkView, host: string): ProviderRecord[] {
  const read = network.reader;
  const carried = hostSwitchesOf(network, host).flatMap(
    ({ uplinkProfile }) => get(read, 'UplinkPortProfile', uplinkProfile)?.sites ?? [],
  );
  const names = [...new Set(carried.map(({ logicalNetwork }) => logicalNetwork))].sort();
  return names.flatMap((name) => {
    const record = network.record(hostScope(host), `provider/${name}`)?.record;
    return record?.kind === 'provider' ? [record] : [];
  });
}
