/**
 * Rows and what they mean. Each row carries a checksum of the rest of it: the checks of a database look at its own
 * structure, and would not see that a bit of an address has flipped.
 */

import { crc32 } from 'node:zlib';
import type { NetloomError } from '../../base/error.ts';
import { canonicalJson, type JsonObject } from '../../base/json.ts';
import type { Allocation, Commit, SecretWrite, StoredJob, StoredObject, StoredSecret } from '../contract.ts';
import { storeCorrupt } from '../faults.ts';
import type { AllocationsTable, JobsTable, JournalTable, ObjectsTable, SecretsTable } from './tables.ts';

export function objectRow({ kind, key, revision, value }: StoredObject): ObjectsTable {
  const text = canonicalJson(value);
  return { kind, key, revision, value: text, crc: checksum(kind, key, revision, text) };
}

/** `place` names the data in the message about a damaged row, here and below. */
export function readObject({ kind, key, revision, value, crc }: ObjectsTable, place: string): StoredObject {
  const what = `${kind} ${key}`;
  if (crc !== checksum(kind, key, revision, value)) throw damaged(what, place);
  return { kind, key, revision, value: readText<JsonObject>(value, what, place) };
}

export function allocationRow({ scope, owner, value }: Allocation): AllocationsTable {
  return { scope, owner, value, crc: checksum(scope, owner, value) };
}

export function readAllocation({ scope, owner, value, crc }: AllocationsTable, place: string): Allocation {
  if (crc !== checksum(scope, owner, value)) throw damaged(`${value} of ${owner} in ${scope}`, place);
  return { scope, owner, value };
}

export function journalRow(commit: Commit): JournalTable {
  const { revision, time, author, message, requestId, objects, allocations, secrets } = commit;
  const changes = canonicalJson({ objects, allocations, ...(secrets ? { secrets } : {}) });
  const request_id = requestId ?? null;
  const crc = checksum(revision, time, author, message, request_id, changes);
  return { revision, time, author, message, request_id, changes, crc };
}

export function readCommit(row: JournalTable, place: string): Commit {
  const { revision, time, author, message, request_id, changes, crc } = row;
  const what = `revision ${revision} of the journal`;
  if (crc !== checksum(revision, time, author, message, request_id, changes)) throw damaged(what, place);
  return {
    revision,
    time,
    author,
    message,
    ...(request_id === null ? {} : { requestId: request_id }),
    ...readText<Pick<Commit, 'objects' | 'allocations' | 'secrets'>>(changes, what, place),
  };
}

export function jobRow({ id, revision, value }: StoredJob): JobsTable {
  const text = canonicalJson(value);
  // Without the revision: it stays when the rest is written anew.
  return { id, revision, value: text, crc: checksum(id, text) };
}

export function readJob({ id, revision, value, crc }: JobsTable, place: string): StoredJob {
  const what = `job ${id}`;
  if (crc !== checksum(id, value)) throw damaged(what, place);
  return { id, revision, value: readText<JsonObject>(value, what, place) };
}

export function secretRow({
  owner,
  name,
  value,
}: SecretWrite & { readonly value: JsonObject }): SecretsTable {
  const text = canonicalJson(value);
  // Without the time of use, which is noted without reading the rest.
  return { owner, name, value: text, used: null, crc: checksum(owner, name, text) };
}

export function readSecret({ owner, name, value, used, crc }: SecretsTable, place: string): StoredSecret {
  const what = `the secret ${name} of ${owner}`;
  if (crc !== checksum(owner, name, value)) throw damaged(what, place);
  return { owner, name, value: readText<JsonObject>(value, what, place), used };
}

function checksum(...columns: readonly (string | number | null)[]): number {
  return crc32(columns.join('\0'));
}

function readText<T>(text: string, what: string, place: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (thrown) {
    throw damaged(what, place, thrown);
  }
}

function damaged(what: string, place: string, cause?: unknown): NetloomError {
  return storeCorrupt(place, `What is stored for ${what} is damaged.`, cause);
}
