import { PolicySet } from '../../policy/set.ts';
import { PolicyFeed } from '../../stream/feed.ts';
import type { CabledNic, PolicySource } from '../policy-source.ts';
import type { HandWritten } from './record.ts';

/**
 * Hosts that have the records that somebody wrote, and nobody who would ever change them. The NICs of switches of one
 * name are on one physical network of that name, on all hosts.
 */
export function handSource({ hosts, records }: HandWritten): PolicySource {
  const nics = new Map<string, CabledNic[]>(hosts.map((host) => [host, []]));
  const wires = new Set<string>();
  for (const { scope, record } of records) {
    if (record.kind !== 'switch' || !record.uplink) continue;
    wires.add(record.name);
    for (const name of record.uplink.nics)
      nics.get(scope.slice(5))?.push({ name, link: true, physicalNetwork: record.name });
  }
  return {
    feed: new PolicyFeed({ epoch: 'by-hand', revision: 1, policy: PolicySet.of(records) }),
    hosts: () => hosts,
    nics: (host) => nics.get(host) ?? [],
    physicalNetworks: () => [...wires].map((name) => ({ name, joinedWith: [] })),
    watch: () => () => {},
  };
}
