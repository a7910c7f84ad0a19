/**
 * Cables that lead somewhere else than the description says, as far as the other ends say who they are (LLDP): a switch that
 * most of the NICs that hear it are described as cabled to belongs to their physical network.
 */
import { entryOf } from '../../base/map.ts';
import type { HostStatus } from '../../stream/feed.ts';
import type { NetworkView } from '../network.ts';
import { hostsOf } from './compare.ts';

/** A NIC that hears a switch of another physical network than it is described as cabled to. */
export interface OddCable {
  readonly host: string;
  /** Which of the NICs of the description. */
  readonly index: number;
  readonly nic: string;
  /** As it is described. */
  readonly network: string;
  /** What the switch calls itself, and the port at its end. */
  readonly system: string;
  readonly port: string;
  /** That of most of the NICs that hear this switch, which are two or more. */
  readonly usual: string;
}

export function oddCables(
  network: NetworkView,
  statuses: ReadonlyMap<string, HostStatus>,
): readonly OddCable[] {
  const heard = hostsOf(network).flatMap((host) =>
    host.nics.flatMap(({ name: nic, physicalNetwork }, index) => {
      const facts = statuses.get(host.name)?.report?.nics ?? [];
      const neighbour = facts.find(({ name }) => name === nic)?.neighbour;
      if (!neighbour || physicalNetwork === undefined) return [];
      const { chassis, system = chassis, port } = neighbour;
      return [{ host: host.name, index, nic, network: physicalNetwork, chassis, system, port }];
    }),
  );
  const switches = new Map<string, Map<string, number>>();
  for (const { chassis, network: name } of heard) {
    const counts = entryOf(switches, chassis, () => new Map<string, number>());
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return heard.flatMap(({ chassis, ...cable }) => {
    const counts = switches.get(chassis) ?? new Map<string, number>();
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const [usual] = [...counts].find(([, count]) => count >= 2 && count * 2 > all) ?? [];
    return usual === undefined || usual === cable.network ? [] : [{ ...cable, usual }];
  });
}
