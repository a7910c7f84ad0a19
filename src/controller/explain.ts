/**
 * Everything that stands in the way of a change, at once. A refusal says what it met first, and behind a missing subnet
 * nobody sees that the pool is missing too. So the change is proposed again and again, each time with an object added that
 * repairs what was in the way, until nothing is: what is said is the order in which it would fail, and what is proposed
 * has been tried. Nothing of it is kept.
 */
import type { Finding } from '../base/error.ts';
import type { Reader } from '../model/facts.ts';
import { type ModelObject, objectKey } from '../model/kinds.ts';
import type { Edit, Network } from './network.ts';

/** One thing in the way, and an object that would repair it; without one, the finding's remedy says what to do. */
export interface Lack {
  readonly finding: Finding;
  readonly repair?: ModelObject;
}

/** The new object that does away with a finding; undefined where none can. */
export type Repair = (found: Finding, read: Reader) => ModelObject | undefined;

/** An end for repairs that beget each other; a vNIC lacks five things at most. */
const ROUNDS = 16;

/** Empty when nothing stands in the way. */
export function explainEdit(network: Network, edit: Edit, repair: Repair, now: number): Lack[] {
  const lacks: Lack[] = [];
  const repairs: Edit[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { findings } = network.propose([...repairs, edit], now);
    const added = nextRepair(findings, lacks, (found) => {
      const object = repair(found, network.reader);
      const key = object && objectKey(object);
      return key === undefined || network.get(key) || repairs.some((other) => other.key === key)
        ? undefined
        : object;
    });
    network.discard();
    if (!added) break;
    repairs.push({ key: objectKey(added), object: added });
  }
  return lacks;
}

/** Adds what is new to the list, up to the first one that can be repaired; its repair. */
function nextRepair(
  findings: readonly Finding[],
  lacks: Lack[],
  repair: (found: Finding) => ModelObject | undefined,
): ModelObject | undefined {
  for (const found of findings) {
    if (found.severity !== 'error' || lacks.some((lack) => sameFinding(lack.finding, found))) continue;
    const object = repair(found);
    lacks.push({ finding: found, ...(object ? { repair: object } : {}) });
    if (object) return object;
  }
  return undefined;
}

function sameFinding(a: Finding, b: Finding): boolean {
  return a.code === b.code && a.path === b.path && a.message === b.message;
}
