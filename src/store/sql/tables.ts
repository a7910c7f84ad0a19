/**
 * The tables, the same in every SQL database. Values and changes are canonical JSON as text, so that bytes stay bytes;
 * `crc` is the checksum of the row (`rows.ts`). They are made by the migrations of each database, for example
 * `../sqlite/migrations.ts`.
 */
export interface Tables {
  meta: MetaTable;
  objects: ObjectsTable;
  allocations: AllocationsTable;
  journal: JournalTable;
  journal_objects: JournalObjectsTable;
  jobs: JobsTable;
  secrets: SecretsTable;
}

/** One row, with id 1. A commit changes it before anything else. */
interface MetaTable {
  id: number;
  epoch: string;
  /** The latest revision. */
  revision: number;
  /** The last commit that was forgotten; 0 when the journal is whole. */
  compacted_to: number;
}

/** Primary key: kind, key. */
export interface ObjectsTable {
  kind: string;
  key: string;
  revision: number;
  value: string;
  crc: number;
}

/** Primary key: scope, owner. Unique: scope, value. */
export interface AllocationsTable {
  scope: string;
  owner: string;
  value: string;
  crc: number;
}

/** Primary key: revision. Unique: request_id. */
export interface JournalTable {
  revision: number;
  time: number;
  author: string;
  message: string;
  request_id: string | null;
  /** `{"allocations": AllocationChange[], "objects": ObjectChange[]}` */
  changes: string;
  crc: number;
}

/**
 * Which commit touched which object: the index behind `history`, and nothing that the journal does not say too.
 * Primary key: kind, key, revision. A row goes with that of its revision in the journal.
 */
interface JournalObjectsTable {
  kind: string;
  key: string;
  revision: number;
}

/** Primary key: id. */
export interface JobsTable {
  id: number;
  revision: number | null;
  value: string;
  crc: number;
}

/** Primary key: owner, name. */
export interface SecretsTable {
  owner: string;
  name: string;
  value: string;
  used: number | null;
  crc: number;
}
