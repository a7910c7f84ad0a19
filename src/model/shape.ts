import { z } from 'zod';
import { type Finding, finding } from '../base/error.ts';
import { nearest } from './suggest.ts';

/**
 * What the schema library has to say about a value, translated into findings in the user's words: all of them, each
 * with its field. The words beside the fields in the schema become the remedies.
 */

/** Steps into a value: names of fields and positions in lists. */
export type Steps = readonly (string | number)[];

/** A finding with the field that it is about, for whoever knows where the field stands in a text. */
export interface ShapeFinding {
  readonly steps: Steps;
  readonly finding: Finding;
}

/** What a value should be. */
export interface Shape {
  /** What such a thing is called. */
  readonly title: string;
  readonly document: z.ZodType;
}

/** Issues of one object that are told, and that are looked into again: hostile input must not cost hours. */
const MAX_ISSUES = 500;
const MAX_SECOND_LOOKS = 20;

/** Everything that is wrong with the shape of a value; `object` begins the paths. Empty where it fits. */
export function shapeFindings(shape: Shape, value: unknown, object: string): ShapeFinding[] {
  const issues = shape.document.safeParse(value).error?.issues ?? [];
  return issues.slice(0, MAX_ISSUES).flatMap((issue, i) => {
    const better = i < MAX_SECOND_LOOKS ? issueAsText(issue, value, shape) : undefined;
    return translate(better?.issue ?? issue, better?.value ?? value, shape, object);
  });
}

/** Fields that the schema requires of the whole. */
export function requiredFields(shape: Shape): readonly string[] {
  return placeOf(shape, [])?.required ?? [];
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * YAML takes 127.1 and 10 for numbers. Where a text is expected, what the user wants to know is what is wrong with the
 * text that was meant; only when nothing is, the advice is to put it in quotes.
 */
function issueAsText(
  issue: Issue,
  value: unknown,
  { document }: Shape,
): { issue: Issue; value: unknown } | undefined {
  if (issue.code !== 'invalid_type' || issue.expected !== 'string') return undefined;
  const steps = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const scalar = valueAt(value, steps);
  if (typeof scalar !== 'number' && typeof scalar !== 'boolean') return undefined;
  const meant = withText(value, steps, String(scalar));
  const again = document.safeParse(meant).error?.issues ?? [];
  const same = again.find((other) => other.path.join('.') === issue.path.join('.'));
  return same && { issue: same, value: meant };
}

/** A copy of the value with a text at these steps. */
function withText(value: unknown, [step, ...rest]: Steps, text: string): unknown {
  if (step === undefined) return text;
  if (Array.isArray(value)) return value.map((item, i) => (i === step ? withText(item, rest, text) : item));
  return isFields(value) ? { ...value, [step]: withText(value[step], rest, text) } : value;
}

// ------------------------------------------------------------------------------------ the words for an issue

type Issue = z.core.$ZodIssue;

/** JSON Schema of one place, as far as it is used here. */
interface Place {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Place>>;
  readonly additionalProperties?: Place | boolean;
  readonly items?: Place;
  readonly required?: readonly string[];
  /** It is as one of these. */
  readonly oneOf?: readonly Place[];
}

const places = new WeakMap<z.ZodType, Place>();

/** What the schema says about a place in the object: its description and its fields. */
function placeOf({ document }: Shape, steps: Steps): Place | undefined {
  let place: Place | undefined = places.get(document);
  if (!place) {
    place = z.toJSONSchema(document, { io: 'input', unrepresentable: 'any' }) as Place;
    places.set(document, place);
  }
  for (const step of steps) {
    place = typeof step === 'number' ? place?.items : place?.properties?.[step];
  }
  return place;
}

/** Names of the fields of a place, whichever of its alternatives it is as. */
function fieldsOf(place: Place | undefined): string[] {
  const all = [place, ...(place?.oneOf ?? [])].flatMap((each) => Object.keys(each?.properties ?? {}));
  return [...new Set(all)];
}

function translate(issue: Issue, root: unknown, shape: Shape, object: string): ShapeFinding[] {
  const steps = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const value = valueAt(root, steps);
  const place = placeOf(shape, steps);
  const path = pathOfSteps(object, steps);
  const remedy = place?.description ?? 'Correct the value.';
  const invalid = (message: string, advice = remedy): ShapeFinding[] => [
    { steps, finding: finding('value-invalid', path, message, advice) },
  ];
  const missing = (): ShapeFinding[] => {
    const field = steps.at(-1) ?? '';
    const advice = `Add ${field}. ${place?.description ?? ''}`.trimEnd();
    return [{ steps, finding: finding('field-missing', path, `The field "${field}" is missing.`, advice) }];
  };
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MAX_ISSUES).map((key) => unknownField(key, steps, place, shape, object));
    case 'invalid_type': {
      if (value === undefined) return missing();
      const expected = TYPE_WORDS[issue.expected] ?? issue.expected;
      return invalid(`${show(value)} is not ${expected}.`, typeAdvice(issue.expected, value, remedy));
    }
    case 'invalid_value': {
      if (value === undefined) return missing();
      const allowed = issue.values.map(String);
      const guess = typeof value === 'string' ? nearest(value, allowed) : undefined;
      return invalid(
        `${show(value)} is not one of ${allowed.join(', ')}.`,
        guess ? `Did you mean ${guess}?` : remedy,
      );
    }
    case 'too_big':
      return invalid(
        `${show(value)} is too ${issue.origin === 'string' ? 'long' : 'much'}: ${limit(issue.origin, 'at most', issue.maximum)}.`,
      );
    case 'too_small':
      return invalid(
        `${show(value)} is too ${issue.origin === 'string' ? 'short' : 'little'}: ${limit(issue.origin, 'at least', issue.minimum)}.`,
      );
    case 'custom':
    case 'invalid_union':
      if (value === undefined && issue.code === 'custom') return missing();
      return steps.length === 0
        ? invalid(`The ${shape.title} ${issue.message}.`, 'Correct the fields.')
        : invalid(`${show(value)} ${issue.message}.`);
    case 'invalid_format':
      return invalid(
        `${show(value)} ${issue.message.startsWith('must') ? issue.message : 'is not of the form that the field takes'}.`,
      );
    case 'invalid_key':
      return invalid(
        `${show(steps.at(-1))} cannot be the name of a label.`,
        'Use 1 to 63 ASCII letters, digits and . _ / - that begin and end with a letter or a digit.',
      );
    default:
      return invalid(`${show(value)} is not a value that the field takes.`);
  }
}

function unknownField(
  key: string,
  steps: Steps,
  place: Place | undefined,
  shape: Shape,
  object: string,
): ShapeFinding {
  const known = fieldsOf(place);
  const guess = nearest(key, known);
  const inner = [...steps, key];
  const owner =
    steps.length === 0
      ? `${/^[aeiou]/i.test(shape.title) ? 'An' : 'A'} ${shape.title}`
      : `"${pathOfSteps('', steps)}"`;
  return {
    steps: inner,
    finding: finding(
      'field-unknown',
      pathOfSteps(object, inner),
      `${owner} has no field ${show(key)}.`,
      guess ? `Did you mean ${guess}?` : `Remove it. The fields are ${known.join(', ')}.`,
    ),
  };
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of names and values',
};

function typeAdvice(expected: string, value: unknown, otherwise: string): string {
  if (value === null) return 'Give it a value, or remove the line.';
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return `Write it in quotes: "${value}".`;
  }
  if (expected === 'array') return 'Write a list: [a, b], or one item a line, each after a dash.';
  if ((expected === 'number' || expected === 'int') && typeof value === 'string') {
    return 'Write a number, without quotes.';
  }
  if (expected === 'boolean') return 'Write true or false, without quotes.';
  return otherwise;
}

function limit(origin: string, bound: string, value: number | bigint): string {
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';
  return `${bound} ${value}${unit}`;
}

function valueAt(root: unknown, steps: Steps): unknown {
  let value = root;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return value;
}

/** `Host/h1` and ['nics', 0, 'mac'] make `Host/h1.nics[0].mac`. */
export function pathOfSteps(object: string, steps: Steps): string {
  let path = object;
  for (const step of steps) path += typeof step === 'number' ? `[${step}]` : `${path && '.'}${cut(step)}`;
  return path;
}

/** The steps of a field path as findings write it: `nics[0].mac`. */
export function stepsOfPath(path: string): Steps {
  return (path.match(/[^.[\]]+/g) ?? []).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** A value for a message, cut: a message must not grow with hostile input. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a group of fields';
  return typeof value === 'string' ? JSON.stringify(cut(value)) : String(value);
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
