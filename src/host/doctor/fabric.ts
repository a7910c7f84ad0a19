/** What the policy of a host says about its fabric: what the doctor has to look at. */
import type { PolicyRecord } from '../../policy/records.ts';

export interface FabricPath {
  readonly from: string;
  readonly to: string;
  /** Bytes of IP packet that have to fit. */
  readonly needed: number;
}

export interface Fabric {
  /** Provider addresses of the host. */
  readonly own: readonly string[];
  /** To each provider address of others that the host may send to. */
  readonly paths: readonly FabricPath[];
  /** NICs that belong to switches, with the MTU of their physical network. */
  readonly nics: ReadonlyMap<string, number>;
}

const ETHERNET_MTU = 1500;

export function fabricOf(records: Iterable<PolicyRecord>): Fabric {
  const all = [...records];
  const nics = new Map<string, number>();
  const providers = new Map<string, { pa: string; mtu: number }>();
  const numbers = new Map<string, string>();
  for (const record of all) {
    if (record.kind === 'switch')
      for (const nic of record.uplink?.nics ?? []) nics.set(nic, record.uplink?.mtu ?? ETHERNET_MTU);
    if (record.kind === 'provider')
      providers.set(record.logicalNetwork, { pa: record.pa, mtu: record.mtu ?? ETHERNET_MTU });
    if (record.kind === 'domain') numbers.set(record.rdid, record.logicalNetwork);
  }
  const paths = new Map<string, FabricPath>();
  for (const record of all) {
    if (record.kind !== 'lookup') continue;
    const provider = providers.get(numbers.get(record.rdid) ?? '');
    for (const to of [record.pa, ...(record.standby === undefined ? [] : [record.standby])]) {
      if (provider && to !== provider.pa)
        paths.set(`${provider.pa} ${to}`, { from: provider.pa, to, needed: provider.mtu });
    }
  }
  return { own: [...providers.values()].map(({ pa }) => pa), paths: [...paths.values()], nics };
}
