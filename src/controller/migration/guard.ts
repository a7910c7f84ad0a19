/** What a change that is no step of a migration may do to a VM that moves: everything but move it, or take it away. */
import { type Finding, finding } from '../../base/error.ts';
import { virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import { isKind, type ModelObject, objectKey, type VirtualMachine } from '../../model/kinds.ts';
import { migrationPhase } from '../../model/migration.ts';

/**
 * The object as it is to be kept. Like `status`, `migration` is ignored on the way in: the file of an operator, who
 * knows nothing of the migration, can be applied in the middle of one.
 */
export function keepMigration(object: ModelObject, held: ModelObject | undefined): ModelObject {
  if (!isKind(object, 'VirtualMachine')) return object;
  const { migration: _ignored, ...said } = object;
  const { migration } = isKind(held, 'VirtualMachine') ? held : {};
  return migration ? { ...said, migration } : said;
}

/** Why the change is refused; `after` is undefined for a deletion. */
export function whileMoving(
  held: ModelObject | undefined,
  after: ModelObject | undefined,
): Finding | undefined {
  if (!isKind(held, 'VirtualMachine') || !held.migration) return undefined;
  const key = objectKey(held);
  if (after === undefined) return underWay(held, key, 'so it cannot be deleted');
  if (!isKind(after, 'VirtualMachine') || after.host === held.host) return undefined;
  const words =
    after.host === undefined
      ? 'so it must be on a host'
      : `so it cannot be placed on host "${after.host}" now`;
  return underWay(held, `${key}.host`, words);
}

/** Why a change that takes back a commit is refused: it would take back a step of a migration. */
export function stepsTakenBack(
  objects: readonly ModelObject[],
  held: (object: ModelObject) => ModelObject | undefined,
): Finding[] {
  return objects.flatMap((object) => {
    const now = held(object);
    if (!isKind(object, 'VirtualMachine') || !isKind(now, 'VirtualMachine')) return [];
    const [then, present] = [object.migration, now.migration];
    if (then?.source === present?.source && then?.destination === present?.destination) return [];
    const key = virtualMachineKey(object);
    return finding(
      'migration-step',
      objectKey(object),
      `The commit is a step of a migration of "${key}", which is not taken back like other changes.`,
      `While the VM moves, "netloom vm migrate ${key} --abort" ends it; later, move the VM back.`,
    );
  });
}

function underWay(vm: VirtualMachine, path: string, consequence: string): Finding {
  const phase = migrationPhase(vm) === 'prepared' ? 'prepared' : 'switched over';
  return finding(
    'migration-under-way',
    path,
    `The VM is being moved to another host (it is ${phase}), ${consequence}.`,
    `Wait for the end of the migration, or end it: "netloom vm migrate ${virtualMachineKey(vm)} --abort".`,
  );
}
