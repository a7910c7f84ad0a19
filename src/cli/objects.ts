/** Objects of the server by the words that people use for them. */

import { KEY_PARTS, kindPath, objectPath } from '../api/paths.ts';
import { finding, NetloomError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { KIND_NAMES, type KindName, type ObjectKey } from '../model/definition.ts';
import { findKind, kindOf } from '../model/kinds.ts';
import { nearest } from '../model/suggest.ts';
import type { Client } from './client.ts';

interface Page {
  readonly items: readonly JsonObject[];
  readonly next?: string;
}

export function kindOfWord(word: string): KindName {
  const kind = findKind(word);
  if (kind) return kind;
  const words = KIND_NAMES.flatMap((name) => [name, kindOf(name).plural, ...kindOf(name).short]);
  const guess = nearest(word, words);
  throw new NetloomError([
    finding(
      'kind-unknown',
      '',
      `There is no kind ${JSON.stringify(word.slice(0, 60))}.`,
      guess ? `Did you mean ${guess}?` : '"netloom get" lists the kinds.',
    ),
  ]);
}

/** All objects of a kind, page after page. */
export async function listObjects(client: Client, kind: KindName, name?: string): Promise<JsonObject[]> {
  const objects: JsonObject[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({
      ...(name === undefined ? {} : { name }),
      ...(after === undefined ? {} : { after }),
    });
    const page = await client.get<Page>(`${kindPath(kind)}?${query}`);
    objects.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return objects;
}

/** One object by its key within the kind, or by its own name where only one has it. */
export async function findObject(client: Client, kind: KindName, name: string): Promise<JsonObject> {
  if (isWholeKey(kind, name)) return client.get<JsonObject>(objectPath(`${kind}/${name}`));
  const found = await listObjects(client, kind, name);
  const [only] = found;
  if (only && found.length === 1) return only;
  if (!only) {
    throw new NetloomError([
      finding(
        'not-found',
        '',
        `There is no ${kindOf(kind).title} ${JSON.stringify(name)}.`,
        `"netloom get ${kindOf(kind).plural}" lists them.`,
      ),
    ]);
  }
  const keys = found.map((object) => JSON.stringify(keyWithinKind(kind, object)));
  throw new NetloomError([
    finding(
      'not-found',
      '',
      `There are ${found.length} ${kindOf(kind).plural} called ${JSON.stringify(name)}.`,
      `Say which: ${keys.join(', ')}.`,
    ),
  ]);
}

/** The key of one object that is there. */
export async function findKey(client: Client, kind: KindName, name: string): Promise<ObjectKey> {
  if (isWholeKey(kind, name)) return `${kind}/${name}`;
  return `${kind}/${keyWithinKind(kind, await findObject(client, kind, name))}`;
}

function isWholeKey(kind: KindName, name: string): boolean {
  return name.split('/').length === KEY_PARTS[kind].length;
}

/** The key of an object as the API gave it. */
function keyWithinKind(kind: KindName, object: JsonObject): string {
  const { meta: _meta, status: _status, ...fields } = object;
  const parsed = kindOf(kind).schema.safeParse(fields);
  return parsed.success ? kindOf(kind).key(parsed.data) : String(object.name);
}
