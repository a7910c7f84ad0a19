/** How an object stands in the store: as it was said, with the id that it was given. */
import { finding, NetloomError } from '../base/error.ts';
import type { JsonObject, Plain } from '../base/json.ts';
import { KIND_NAMES } from '../model/definition.ts';
import { kindOf, type ModelObject } from '../model/kinds.ts';

/** The object as JSON. */
export function jsonOf(object: ModelObject): JsonObject {
  const plain: Plain<ModelObject> = object;
  return plain;
}

export function writeStored(object: ModelObject, id: string): JsonObject {
  return { ...jsonOf(object), meta: { id } };
}

/** Throws `store-corrupt` for what this version does not understand: it must never be taken for nothing. */
export function readStored(
  kind: string,
  key: string,
  value: JsonObject,
): { object: ModelObject; id: string } {
  const { meta, ...fields } = value;
  const name = KIND_NAMES.find((known) => known === kind);
  const parsed = name && kindOf(name).schema.safeParse(fields);
  const id = typeof meta === 'object' && meta !== null && 'id' in meta ? meta.id : undefined;
  if (parsed?.success && typeof id === 'string') return { object: parsed.data, id };
  const why = parsed?.error
    ? parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')
    : 'its kind is not known';
  throw new NetloomError([
    finding(
      'store-corrupt',
      `${kind}/${key}`,
      `The data holds ${kind}/${key}, which this version does not understand: ${why}.`,
      'Start the version that wrote it, or restore a backup.',
    ),
  ]);
}
