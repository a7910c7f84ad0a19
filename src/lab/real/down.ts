/** The end of a lab: whatever state it is in, nothing of it is left. */
import { makerOf, removeDirectory } from './place.ts';
import { isThere, kill, processesOf } from './processes.ts';
import { namespacesOf, removeNamespace } from './wires.ts';

export interface Leftovers {
  readonly processes: number;
  readonly namespaces: number;
}

/**
 * Ends every program of the lab and of its namespaces, then takes away the namespaces, with all interfaces in them, and the
 * directory. Goes by what is there and not by what was written down, so it may be called at any time, and again.
 */
export async function takeDown(lab: string): Promise<Leftovers> {
  const count = { processes: 0, namespaces: 0 };
  // First whoever still makes it; then there is nothing that comes anew.
  const maker = makerOf(lab);
  if (maker && isThere(maker)) await kill([{ pid: maker.pid, part: 'up' }]);
  // What is ended may have just started something: until nothing is found.
  for (let all = processesOf(lab, namespacesOf(lab)); all.length > 0; ) {
    count.processes += all.length;
    // At once: nothing that they would leave in order stays.
    await kill(all);
    all = processesOf(lab, namespacesOf(lab));
  }
  const names = namespacesOf(lab);
  count.namespaces = names.length;
  await Promise.all(names.map(removeNamespace));
  removeDirectory(lab);
  return count;
}
