import { type Finding, finding, type SourcePosition } from '../base/error.ts';
import { decodeInput } from './decode.ts';
import type { ObjectKey, Reference } from './definition.ts';
import { kindOf, type ModelObject, objectKey } from './kinds.ts';
import { type Refused, readObject } from './read.ts';
import { type Steps, stepsOfPath } from './shape.ts';
import { type KeyedFinding, pathOf } from './validate.ts';
import { readYaml, type YamlDocument } from './yaml.ts';

/**
 * From what somebody typed (YAML or JSON) to objects that know where they stand in it.
 *
 *     bytes -> text -> documents -> values -> objects
 *    UTF-8 (decode.ts)  YAML (yaml.ts)  shape (read.ts)
 *
 * A document is one object, or a list of objects. Every finding is listed, not only the first; what could be read is
 * returned beside them, but nobody applies a part of a file.
 */

/** More findings than this help nobody. */
const MAX_FINDINGS = 500;

export interface Input {
  /** Name to show: a path, or `standard input`. */
  readonly file: string;
  readonly text: string | Uint8Array;
}

/** An object and where it comes from. */
export interface ParsedObject {
  readonly key: ObjectKey;
  readonly object: ModelObject;
  /** `meta.revision`: apply only if the object is still at this revision. */
  readonly expectedRevision?: number;
  /** Where a field stands (`nics[0].mac`), or what is around it; '' is the object. */
  position(path: string): SourcePosition;
}

export interface Parsed {
  readonly objects: readonly ParsedObject[];
  readonly findings: readonly Finding[];
  /** Objects that are there but could not be read. */
  readonly refused: readonly Refused[];
}

/** The objects of one file. Never throws. */
export function parseDocuments(text: string | Uint8Array, file: string): Parsed {
  return parseInputs([{ text, file }]);
}

/** The objects of several files that are applied together. Never throws. Stops after MAX_FINDINGS findings. */
export function parseInputs(inputs: Iterable<Input>): Parsed {
  const objects: ParsedObject[] = [];
  const refused: Refused[] = [];
  const findings: Finding[] = [];
  for (const found of findingsOf(inputs, objects, refused)) {
    findings.push(found);
    if (findings.length < MAX_FINDINGS) continue;
    const many = `There may be more than these ${MAX_FINDINGS} findings.`;
    findings.push(finding('input-unreadable', '', many, 'Correct them and try again.'));
    break;
  }
  return { objects, findings, refused };
}

/** Reads the inputs into `objects` and `refused`, and gives the findings on the way. */
function* findingsOf(
  inputs: Iterable<Input>,
  objects: ParsedObject[],
  refused: Refused[],
): Generator<Finding> {
  for (const { text, file } of inputs) {
    const decoded = decodeInput(text, file);
    if (typeof decoded !== 'string') {
      yield decoded;
      continue;
    }
    for (const document of readYaml(decoded, file)) {
      yield* document.findings;
      for (const { value, steps } of valuesOf(document)) {
        const locate = (inner: Steps) => document.locate([...steps, ...inner]);
        const read = readObject(value);
        if (read.ok) {
          const { ok: _ok, ...rest } = read;
          objects.push({ ...rest, position: (path) => locate(stepsOfPath(path)) });
        } else {
          refused.push(read.refused);
          for (const f of read.findings) yield { ...f.finding, source: locate(f.steps) };
        }
      }
    }
  }
  yield* duplicates(objects);
}

/** A document is an object or a list of objects; a document that could not be read, or is empty, is none. */
function* valuesOf({ value, findings }: YamlDocument): Generator<{ value: unknown; steps: Steps }> {
  if (value === undefined || findings.length > 0) return;
  if (!Array.isArray(value)) yield { value, steps: [] };
  else for (const [i, item] of value.entries()) yield { value: item, steps: [i] };
}

/** Two objects with one key: nobody could say which one is meant. */
function* duplicates(objects: readonly ParsedObject[]): Generator<Finding> {
  const first = new Map<ObjectKey, ParsedObject>();
  for (const parsed of objects) {
    const earlier = first.get(parsed.key);
    if (!earlier) {
      first.set(parsed.key, parsed);
      continue;
    }
    const { file, line, column } = earlier.position('');
    const what = `${parsed.key} is described twice; the first time at ${file}:${line}:${column}.`;
    yield {
      ...finding('name-duplicate', parsed.key, what, 'Remove one of the two, or give it another name.'),
      source: parsed.position(''),
    };
  }
}

/**
 * Findings of validation with the places where their fields stand, for those objects that come from this input.
 * Without those that may only be there because some objects could not be read (`withoutMissing`).
 */
export function located(findings: Iterable<KeyedFinding>, parsed: Parsed): Finding[] {
  const objects = new Map(parsed.objects.map((o) => [o.key, o]));
  const all = [...findings];
  const kept = new Set(
    withoutMissing(
      all.map(({ finding }) => finding),
      parsed.objects.map(({ object }) => object),
      parsed.refused,
    ),
  );
  return all
    .filter((keyed) => kept.has(keyed.finding))
    .map(({ object, field, finding: found }) => {
      const source = objects.get(object)?.position(field);
      return source ? { ...found, source } : found;
    });
}

/**
 * Findings about `objects`, without those that may only be there because others could not be read. A name that
 * nothing has is a mistake all the same when none of the unreadable objects can be the one that is meant.
 */
export function withoutMissing(
  findings: readonly Finding[],
  objects: readonly ModelObject[],
  refused: readonly Refused[],
): Finding[] {
  if (refused.length === 0) return [...findings];
  const references = new Map(
    objects.flatMap((object) =>
      kindOf(object.kind)
        .references(object)
        .map((reference) => [pathOf(objectKey(object), reference.path), reference] as const),
    ),
  );
  return findings.filter((found) => {
    if (!MISSING.has(found.code)) return true;
    const reference = found.code === 'reference-missing' ? references.get(found.path) : undefined;
    return reference !== undefined && !refused.some((object) => mayBe(object, reference));
  });
}

/** Whether an object of which only this could be read may be the one that the reference means, or bring it along. */
function mayBe({ kind, name }: Refused, reference: Reference): boolean {
  const sameKind =
    kind === undefined ||
    kind === reference.kind ||
    (kind === 'LogicalNetwork' && reference.kind === 'VmNetwork');
  return sameKind && (name === undefined || reference.key === name || reference.key.endsWith(`/${name}`));
}

/** Codes of findings that an object would make go away by being there. */
const MISSING: ReadonlySet<string> = new Set([
  'reference-missing',
  'subnet-missing',
  'pool-missing',
  'network-unreachable',
  'network-unused',
  'site-mismatch',
  'nics-apart',
]);
