import { finding } from '../base/error.ts';
import { KIND_NAMES, type KindDefinition, type KindName, type ObjectKey } from './definition.ts';
import { findKind, kindOf, type ModelObject, objectKey } from './kinds.ts';
import { type Fields, isFields, requiredFields, type ShapeFinding, shapeFindings, show } from './shape.ts';
import { nearest } from './suggest.ts';

/**
 * From a plain value (out of YAML or JSON) to an object: the shape and nothing else.
 */

export type ReadResult =
  | {
      readonly ok: true;
      readonly key: ObjectKey;
      readonly object: ModelObject;
      /** `meta.revision`: the change was made for this revision of the object. */
      readonly expectedRevision?: number;
    }
  | {
      readonly ok: false;
      readonly findings: readonly ShapeFinding[];
      /** What the object would have been, as far as can be told. */
      readonly refused: Refused;
    };

/** An object that could not be read. */
export interface Refused {
  readonly kind?: KindName;
  readonly name?: string;
}

/** Reads one object. Never throws. */
export function readObject(value: unknown): ReadResult {
  if (!isFields(value)) {
    const what = finding(
      'value-invalid',
      '',
      `An object is a group of fields (kind, name …), and this is ${show(value)}.`,
      'Write the object as fields, beginning with its kind.',
    );
    return { ok: false, findings: [{ steps: [], finding: what }], refused: {} };
  }
  const kind = KIND_NAMES.find((k) => k === value.kind);
  const refusedName = typeof value.name === 'string' ? { name: value.name } : {};
  if (!kind) {
    return { ok: false, findings: [unknownKind(value.kind)], refused: refusedName };
  }
  const definition = kindOf(kind);
  const result = definition.document.safeParse(value);
  if (result.success) {
    const { meta, status: _ignored, ...rest } = result.data;
    const object = withoutDerivedName(rest as ModelObject);
    const revision = meta?.revision;
    return {
      ok: true,
      key: objectKey(object),
      object,
      ...(revision === undefined ? {} : { expectedRevision: revision }),
    };
  }
  const findings = shapeFindings(definition, value, pathOfRaw(definition, value));
  return { ok: false, findings, refused: { kind, ...refusedName } };
}

/** A host switch has no name of its own; what was shown as its name is dropped when it comes back. */
function withoutDerivedName(object: ModelObject): ModelObject {
  if (object.kind !== 'HostSwitch') return object;
  const { name: _derived, ...rest } = object;
  return rest;
}

function unknownKind(kind: unknown): ShapeFinding {
  if (kind === undefined) {
    const missing = finding(
      'field-missing',
      'kind',
      'The object does not say what kind it is.',
      `Add kind: one of ${KIND_NAMES.join(', ')}.`,
    );
    return { steps: [], finding: missing };
  }
  const guess = typeof kind === 'string' ? (findKind(kind) ?? nearest(kind, KIND_NAMES)) : undefined;
  const remedy = guess ? `Did you mean ${guess}?` : `The kinds are ${KIND_NAMES.join(', ')}.`;
  return {
    steps: ['kind'],
    finding: finding('kind-unknown', 'kind', `There is no kind ${show(kind)}.`, remedy),
  };
}

/** The object's key as far as the fields go that are texts; the kind alone where there is no name. */
function pathOfRaw(definition: KindDefinition<ModelObject>, value: Fields): string {
  const texts = Object.entries(value).filter(([, v]) => typeof v === 'string' && v.length <= 63);
  const known: Readonly<Record<string, unknown>> = Object.fromEntries(texts);
  if (known.name === undefined && definition.kind !== 'HostSwitch') return definition.kind;
  // Keys are put together from text fields only; a required one that is missing shows as a question mark.
  const required = requiredFields(definition);
  const stand = { ...Object.fromEntries(required.map((field) => [field, '?'])), ...known };
  return `${definition.kind}/${definition.key(stand as Partial<ModelObject> as ModelObject)}`;
}
