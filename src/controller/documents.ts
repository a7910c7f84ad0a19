/**
 * Objects as they go out: what the operator said, with `meta` (id, revision) and `status` beside it. What goes out can
 * be sent back in as it is.
 */
import type { Finding } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { entryOf } from '../base/map.ts';
import type { KindName, ObjectKey } from '../model/definition.ts';
import { isKind, type ModelObject, objectName, splitObjectKey } from '../model/kinds.ts';
import type { HostStatus } from '../stream/feed.ts';
import type { Controller } from './controller.ts';
import type { Held } from './network.ts';
import { statusOf } from './status.ts';
import { jsonOf } from './stored.ts';

export interface ListOptions {
  /** Only objects of this name; of several parents, if their names are unique within a parent only. */
  readonly name?: string;
  /** Only what comes after this key: the next page. */
  readonly after?: string;
  /** At most so many. */
  readonly limit: number;
  /** Only objects that this says yes to. */
  readonly shows?: (key: ObjectKey, object: ModelObject) => boolean;
}

export interface DocumentPage {
  readonly documents: readonly { readonly key: ObjectKey; readonly document: JsonObject }[];
  /** `after` of the next page; absent when this was the last. */
  readonly next?: string;
}

/** One object; undefined when there is none. Objects that others imply are among them, without `meta`. */
export function documentOf(controller: Controller, key: ObjectKey): JsonObject | undefined {
  const object = controller.network.fact(key);
  return object && writer(controller)(key, object, controller.network.get(key));
}

/** The objects of a kind, sorted by key. */
export function documentsOf(controller: Controller, kind: KindName, options: ListOptions): DocumentPage {
  const { name, after, limit, shows = () => true } = options;
  const named = (key: string) =>
    name === undefined || key === name || key.endsWith(`/${name}`) || key.endsWith(`:${name}`);
  const wanted = controller.network
    .list(kind)
    .map((entry) => ({ ...entry, name: splitObjectKey(entry.key)!.key }))
    .filter((entry) => named(entry.name) && (after === undefined || entry.name > after))
    .filter(({ key, object }) => shows(key, object));
  const page = wanted.slice(0, limit);
  const write = writer(controller);
  return {
    documents: page.map(({ key, object, held }) => ({ key, document: write(key, object, held) })),
    ...(wanted.length > limit ? { next: page.at(-1)!.name } : {}),
  };
}

type Write = (key: ObjectKey, object: ModelObject, held: Held | undefined) => JsonObject;

/** Looks up once what every document needs. */
function writer(controller: Controller): Write {
  const { network, feed, time, wall, secrets } = controller;
  const warnings = new Map<ObjectKey, Finding[]>();
  for (const { object, finding } of network.warnings()) entryOf(warnings, object, () => []).push(finding);
  for (const finding of controller.noticed()) {
    const key = splitObjectKey(finding.path) && (finding.path as ObjectKey);
    if (key) entryOf(warnings, key, () => []).push(finding);
  }
  const hosts = new Map<string, HostStatus>(feed.status().map((status) => [status.host, status]));
  return (key, object, held) => ({
    ...fieldsOf(object),
    ...(held ? { meta: { id: held.id, revision: held.revision } } : {}),
    status: statusOf(network, object, warnings.get(key) ?? [], { hosts, secrets, time, wall }),
  });
}

/** The fields that the kind has: without what only the controller says, with the name that a host switch goes by. */
function fieldsOf(object: ModelObject): JsonObject {
  const { impliedBy: _shownAsStatus, builtIn: _shownThereToo, ...fields } = jsonOf(object);
  return isKind(object, 'HostSwitch') ? { ...fields, name: objectName(object) } : fields;
}
