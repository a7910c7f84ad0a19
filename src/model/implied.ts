import type { ObjectKey } from './definition.ts';
import { isKind, type ModelObject, objectKey, splitObjectKey, type VmNetwork } from './kinds.ts';

/**
 * Objects that exist because another one says so, or that are built in (built-in.ts). The operator does not write them, the store does not keep them, and
 * whoever works with objects sees them like any other (`facts.ts`).
 */

/** The objects that this one brings along: the same-named VM network of a logical network that asks for one. */
export function implied(object: ModelObject): ModelObject[] {
  if (!isKind(object, 'LogicalNetwork') || !object.sameNameVmNetwork) return [];
  const network: VmNetwork = {
    kind: 'VmNetwork',
    name: object.name,
    logicalNetwork: object.name,
    isolation: 'none',
    description: `The logical network ${object.name} as it is`,
    impliedBy: objectKey(object),
  };
  return [network];
}

/** The keys of the objects that an object of this key can bring along, whether it does or not. */
export function impliedKeys(key: ObjectKey): ObjectKey[] {
  const split = splitObjectKey(key);
  return split?.kind === 'LogicalNetwork' ? [`VmNetwork/${split.key}`] : [];
}

/** The key of the object that can bring along one of this key; undefined where none can. */
export function originOfImplied(key: ObjectKey): ObjectKey | undefined {
  const split = splitObjectKey(key);
  return split?.kind === 'VmNetwork' ? `LogicalNetwork/${split.key}` : undefined;
}

/** The implied object of this key, if there is one; `object` looks up what the operator wrote. */
export function impliedAt(
  key: string,
  object: (key: ObjectKey) => ModelObject | undefined,
): ModelObject | undefined {
  const split = splitObjectKey(key);
  if (split?.kind !== 'VmNetwork') return undefined;
  const origin = object(`LogicalNetwork/${split.key}`);
  return origin && implied(origin).find((o) => objectKey(o) === key);
}

/** Whether the operator did not write this object. */
export function isImplied(object: ModelObject): boolean {
  return (isKind(object, 'VmNetwork') && object.impliedBy !== undefined) || isBuiltIn(object);
}

/** Whether the object ships with Netloom. */
export function isBuiltIn(object: ModelObject): boolean {
  return 'builtIn' in object && object.builtIn === true;
}
