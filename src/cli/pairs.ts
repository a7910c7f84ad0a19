/** Whom to ping when nobody says: enough to see who reaches whom, and who does not. */
import type { LiveNetwork } from '../lab/live-network.ts';

const MAX_PAIRS = 12;
/** Of these, pairs on different networks. */
const MAX_APART = 4;

/** Pairs of VMs (of hosts where there are no VMs): those on one network first, then some that are on none together. */
export function somePairs(lab: LiveNetwork): (readonly [from: string, to: string])[] {
  const networks = new Map<string, Set<string>>();
  const endpoints = lab.endpoints();
  const vms = new Set([...lab.fabric.machines.values()].map(({ port }) => machineOf(port.name)));
  const machines = endpoints.filter(({ name }) => vms.has(machineOf(name)));
  for (const { name, network } of machines.length > 1 ? machines : endpoints) {
    const end = machines.length > 1 ? machineOf(name) : name;
    networks.set(end, (networks.get(end) ?? new Set()).add(network));
  }
  const ends = [...networks];
  const pairs = ends.flatMap(([from, some], i) =>
    ends.slice(i + 1).map(([to, others]) => ({ from, to, together: !some.isDisjointFrom(others) })),
  );
  const together = pairs.filter((pair) => pair.together);
  const apart = pairs.filter((pair) => !pair.together);
  const kept = together.slice(0, MAX_PAIRS - Math.min(MAX_APART, apart.length));
  return [...kept, ...apart.slice(0, MAX_PAIRS - kept.length)].map(({ from, to }) => [from, to] as const);
}

function machineOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf('/'));
}
