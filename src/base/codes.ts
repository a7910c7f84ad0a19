/**
 * Every error code of Netloom, in one table. A code is stable: scripts and people rely on it, so a code is added or
 * retired, never given another meaning. Each has a heading of the same name in docs/errors.md (a test checks this).
 *
 * status: the HTTP status of a response whose first finding has this code.
 * title:  what is wrong, without the particulars.
 */
export const CODES = {
  // input as text
  'input-unreadable': { status: 400, title: 'The file or document cannot be read' },
  'input-too-large': { status: 413, title: 'The input is larger than allowed' },
  'yaml-syntax': { status: 400, title: 'The document is not valid YAML' },
  'yaml-forbidden': { status: 400, title: 'The document uses a YAML feature that is not accepted' },
  // shape
  'kind-unknown': { status: 400, title: 'There is no such kind' },
  'field-unknown': { status: 400, title: 'The kind has no such field' },
  'field-missing': { status: 400, title: 'A required field is missing' },
  'value-invalid': { status: 400, title: 'The value is not one that this field takes' },
  // meaning
  'name-duplicate': { status: 409, title: 'Two objects have the same name' },
  'reference-missing': { status: 422, title: 'The object refers to one that does not exist' },
  // everything else
  'not-found': { status: 404, title: 'There is no such object' },
  conflict: { status: 409, title: 'The object was changed by somebody else in the meantime' },
  'in-use': { status: 409, title: 'Other objects still refer to this one' },
  internal: { status: 500, title: 'A defect of Netloom' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof CODES;
