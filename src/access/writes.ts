/**
 * What somebody wants to write, as changes for the controller. An administrator's objects are taken as they are. A
 * tenant's user writes the tenant's objects and no others, leaves the tenant out of names, and names what is seen alone:
 * whatever else a reference means is treated as what does not exist, by the same code and in the same words.
 *
 *     value -> the tenant added -> read -> references completed -> fields of the administrator kept -> hidden ones masked
 */
import { type Finding, finding, throwIfErrors } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { Change } from '../controller/change.ts';
import type { NetworkView } from '../controller/network.ts';
import { jsonOf } from '../controller/stored.ts';
import { type KindName, type ObjectKey, type Reference, target } from '../model/definition.ts';
import { kindOf, type ModelObject, objectKey, splitObjectKey } from '../model/kinds.ts';
import { type Refused, readObject } from '../model/read.ts';
import { type Fields, isFields, stepsOfPath } from '../model/shape.ts';
import { mayWrite } from './roles.ts';
import { tenantFields, tenantWrite } from './tenant-fields.ts';
import type { View } from './view.ts';

export type Written =
  | { readonly ok: true; readonly key: ObjectKey; readonly change: Extract<Change, { object: unknown }> }
  | { readonly ok: false; readonly findings: readonly Finding[]; readonly refused: Refused };

/** Kinds that say their tenant in a field; of the others it stands in the VM network that they are part of. */
const WITH_TENANT: ReadonlySet<string> = new Set(['User', 'VmNetwork', 'VirtualMachine', 'PortAcl']);

/** What hides a reference: no name begins with it, so there is nothing that it could mean. */
export const MASK = '?';

/** Reads all values of one change, each with what is wrong with it. */
export function readWrites(view: View, network: NetworkView, values: readonly unknown[]): Written[] {
  if (view.tenant === undefined) return values.map((value) => readOne(view, value));
  const own = values.map((value) => withTenant(view.tenant ?? '', value));
  // What the change makes can be named in the change.
  const coming = new Set(
    own.flatMap((value) => {
      const read = readObject(value);
      return read.ok ? [view.own(read.object.kind, read.key.slice(read.object.kind.length + 1))] : [];
    }),
  );
  return own.map((value) => {
    const read = readOne(view, value);
    return read.ok && isFields(value) ? new TenantWriter(view, network, coming).write(read, value) : read;
  });
}

/** What was asked for once, as the same user would ask for it now. Throws what is wrong with that. */
export function readAgain(view: View, network: NetworkView, changes: readonly Change[]): readonly Change[] {
  if (view.tenant === undefined) return changes;
  const asked = changes.flatMap((change) => ('object' in change ? [change.object] : []));
  const written = readWrites(
    view,
    network,
    asked.map((object) => tenantFields(object.kind, jsonOf(object))),
  );
  throwIfErrors(written.flatMap((one) => (one.ok ? [] : one.findings)));
  const again = written.flatMap((one) => (one.ok ? [one.change] : []))[Symbol.iterator]();
  return changes.map((change) => {
    if ('delete' in change) return change;
    const { expect } = change;
    return { ...again.next().value!, ...(expect === undefined ? {} : { expect }) };
  });
}

/** Findings with the names that were asked for in the place of the masked ones. */
export function unmasked(findings: readonly Finding[]): Finding[] {
  const bare = (text: string) => text.replaceAll(MASKED, '$1');
  return findings.map((f) => ({ ...f, path: bare(f.path), message: bare(f.message) }));
}

/** What a name in a request refers to: the name within the kind, or, where nothing is seen, a name of nothing. */
export function referenceTo(view: View, kind: KindName, typed: string): string {
  const key = view.resolve(kind, typed);
  // Of the tenant's own names it may be told that there is nothing of it.
  const isSeen = view.tenant === undefined || view.sees(key) || view.owns(key);
  return isSeen ? key.slice(kind.length + 1) : MASK + typed;
}

/** The key of the tenant's own object that somebody typed; where none is seen, a key of nothing. */
export function ownKeyOf(view: View, typed: ObjectKey): ObjectKey {
  const { kind, key: name } = splitObjectKey(typed)!;
  const key = view.own(kind, name);
  return view.tenant === undefined || (view.owns(key) && view.sees(key)) ? key : `${kind}/${MASK}${name}`;
}

/** A key without the mask. */
export function bareKey(key: ObjectKey): ObjectKey {
  return key.replace(MASKED, '$1') as ObjectKey;
}

const MASKED = /(^|["/])\?(?=[\p{L}\p{Nd}_])/gu;

function readOne(view: View, value: unknown): Written {
  const read = readObject(value);
  if (!read.ok) return { ok: false, findings: read.findings.map((f) => f.finding), refused: read.refused };
  const { key, object, expectedRevision: expect } = read;
  const { role } = view.principal;
  if (!mayWrite(role, object.kind)) {
    const { title } = kindOf(object.kind);
    const words = `The role ${role} does not write objects of the kind ${title}.`;
    const remedy = 'Ask somebody whose role allows it.';
    return {
      ok: false,
      findings: [finding('forbidden', key, words, remedy)],
      refused: { kind: object.kind },
    };
  }
  return { ok: true, key, change: { object, ...(expect === undefined ? {} : { expect }) } };
}

function withTenant(tenant: string, value: unknown): unknown {
  if (!isFields(value) || !WITH_TENANT.has(String(value.kind)) || value.tenant !== undefined) return value;
  return { ...value, tenant };
}

class TenantWriter {
  readonly #view: View;
  readonly #network: NetworkView;
  readonly #coming: ReadonlySet<ObjectKey>;

  constructor(view: View, network: NetworkView, coming: ReadonlySet<ObjectKey>) {
    this.#view = view;
    this.#network = network;
    this.#coming = coming;
  }

  write(read: Extract<Written, { ok: true }>, sent: Fields): Written {
    const completed = this.#complete(read.change.object);
    const key = objectKey(completed);
    const held = this.#view.owns(key) ? this.#network.get(key)?.object : undefined;
    const { kind } = completed;
    const put = (on: ModelObject | undefined) =>
      tenantWrite(kind, { sent: sent as JsonObject, read: jsonOf(completed), held: on && jsonOf(on) });
    const wrong = (findings: readonly Finding[]): Written => ({ ok: false, findings, refused: { kind } });
    const { fields, forbidden } = put(held);
    // Without them, what is left need not be an object of its kind.
    if (forbidden.length > 0) return wrong(forbidden.map((path) => fieldForbidden(key, path)));
    const object = this.#mask(kindOf(kind).schema.parse(fields), held);
    const masked = objectKey(object);
    // An object that is not the tenant's is one of something that the tenant sees, or else it would be masked now.
    if (!this.#view.owns(key) && masked === key) return wrong([notOwn(key)]);
    // What is the administrator's in it is that of the moment when it is written, and not of now.
    const onto = (on: ModelObject | undefined) =>
      on === held ? object : this.#mask(kindOf(kind).schema.parse(put(on).fields), on);
    return { ok: true, key: masked, change: { ...read.change, object, onto } };
  }

  /** Every reference with the tenant that it means. */
  #complete(object: ModelObject): ModelObject {
    let completed = object;
    for (const { path } of kindOf(object.kind).references(object)) {
      // Looked up anew: completing one may complete the key of another, as of a subnet of a network.
      const reference = kindOf(object.kind)
        .references(completed)
        .find((r) => r.path === path);
      if (!reference) continue;
      const whole = this.#view.resolve(reference.kind, reference.key, this.#coming);
      const name = whole.slice(reference.kind.length + 1);
      if (name !== reference.key && isNamedByKey(completed, reference))
        completed = withText(completed, path, name);
    }
    return completed;
  }

  /** References to what the user does not see lead nowhere, unless they were there already. */
  #mask(object: ModelObject, held: ModelObject | undefined): ModelObject {
    const known = new Set(held && kindOf(held.kind).references(held).map(target));
    let masked = object;
    for (const reference of kindOf(object.kind).references(object)) {
      const key = target(reference);
      if (known.has(key) || this.#coming.has(key) || this.#view.sees(key)) continue;
      const text = textAt(masked, reference.path);
      if (text !== undefined) masked = withText(masked, reference.path, MASK + text);
    }
    return masked;
  }
}

/** Whether the field holds the whole key of what it means, and not only the last part of it. */
function isNamedByKey(object: ModelObject, { path, key }: Reference): boolean {
  return textAt(object, path) === key;
}

function textAt(object: ModelObject, path: string): string | undefined {
  let at: unknown = object;
  for (const step of stepsOfPath(path))
    at = typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined;
  return typeof at === 'string' ? at : undefined;
}

/** The object with another text in one field. */
function withText(object: ModelObject, path: string, text: string): ModelObject {
  const put = (at: unknown, [step, ...rest]: readonly (string | number)[]): unknown => {
    if (step === undefined) return text;
    if (Array.isArray(at)) return at.map((item: unknown, i) => (i === step ? put(item, rest) : item));
    return isFields(at) ? { ...at, [step]: put(at[step], rest) } : at;
  };
  return put(object, stepsOfPath(path)) as ModelObject;
}

function fieldForbidden(key: ObjectKey, path: string): Finding {
  return finding(
    'field-forbidden',
    `${key}.${path}`,
    `The field "${path}" is set by the administrator alone.`,
    'Leave it out.',
  );
}

function notOwn(key: ObjectKey): Finding {
  return finding(
    'forbidden',
    key,
    `${key} would not be your tenant’s.`,
    'Write objects of your own tenant, on its own networks.',
  );
}
