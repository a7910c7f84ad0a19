/**
 * Policy records that somebody wrote: a YAML file with a document for each host and each routing domain, which are the
 * scopes that records have (policy/records.ts). What `netloom policy get -o yaml` prints is such a file.
 *
 *     host: host1                                 scope host/host1
 *     records:
 *       - { kind: switch, name: Tenants, uplink: { nics: [nic1] } }
 *     ---
 *     domain: Blue                                scope domain/Blue
 *     records:
 *       - { kind: lookup, vsid: 5001, ca: 10.0.0.5, mac: 00:1d:d8:b7:1c:00, pa: 192.168.4.11 }
 *
 * A record has the fields of its kind, each under its own name. What may be left out stands in defaults.ts. A host or a
 * domain may have several documents, and a record may stand there twice if it says the same.
 */
import * as z from 'zod';
import { type Finding, finding, NetloomError, throwIfErrors } from '../../base/error.ts';
import { decodeInput } from '../../model/decode.ts';
import {
  type Fields,
  isFields,
  pathOfSteps,
  type ShapeFinding,
  type Steps,
  shapeFindings,
  show,
} from '../../model/shape.ts';
import { nearest } from '../../model/suggest.ts';
import { readYaml, type YamlDocument } from '../../model/yaml.ts';
import { KIND_ORDER } from '../../policy/order.ts';
import { belongs } from '../../policy/parse.ts';
import {
  domainScope,
  hostScope,
  type PolicyRecord,
  type RecordKind,
  type Scope,
} from '../../policy/records.ts';
import { RECORD_SCHEMAS } from '../../policy/schema.ts';
import { recordText } from '../../policy/text.ts';
import { checkRecords, warningsOf } from './check.ts';
import { canonical, type Surroundings, withDefaults } from './defaults.ts';
import type { HandRecord, HandWritten, Place } from './record.ts';

const name = z
  .string()
  .regex(/^[^/\s](?:[^/]{0,251}[^/\s])?$/u, { error: 'is not a name: 1 to 253 characters without a slash' });

const SHAPE = {
  title: 'document',
  document: z
    .strictObject({
      host: name.describe('Name of a host; its records follow.').exactOptional(),
      domain: name
        .describe('Id of a routing domain, usually a UUID; what all its hosts have follows.')
        .exactOptional(),
      records: z.array(z.unknown()).describe('The records, each with its kind.'),
    })
    .refine(({ host, domain }) => (host === undefined) !== (domain === undefined), {
      error: 'is for a host or for a routing domain: it has one of the fields host and domain',
    }),
} as const;

/** Findings that are told; more help nobody. */
const MOST_FINDINGS = 500;

interface ReadDocument {
  readonly scope: Scope;
  readonly items: readonly unknown[];
  readonly document: YamlDocument;
}

/** Throws NetloomError with all that is wrong, each at its line. `file` is a name to show. */
export function readRecords(bytes: string | Uint8Array, file: string): HandWritten {
  const text = decodeInput(bytes, file);
  if (typeof text !== 'string') throw new NetloomError([text]);
  const findings: Finding[] = [];
  const documents = readDocuments(text, file, findings);
  const scopes = [...new Set(documents.map(({ scope }) => scope))];
  const domains = scopes.filter((scope) => scope.startsWith('domain/'));
  const records = withoutCopies(readItems(documents, domains, findings));
  // What refers to a record that could not be read is not wrong for that.
  if (findings.length === 0) findings.push(...checkRecords(records, domains));
  throwIfErrors(findings.slice(0, MOST_FINDINGS));
  const hosts = scopes.filter((scope) => scope.startsWith('host/')).map(nameOf);
  return { hosts, records, warnings: warningsOf(records) };
}

/** Documents that are as they should be; what is wrong with the others goes into `findings`. */
function readDocuments(text: string, file: string, findings: Finding[]): ReadDocument[] {
  const documents: ReadDocument[] = [];
  for (const document of readYaml(text, file)) {
    findings.push(...document.findings);
    if (document.value === undefined) continue;
    const read = readDocument(document);
    if ('scope' in read) documents.push(read);
    else findings.push(...read.map((each) => ({ ...each.finding, source: document.locate(each.steps) })));
  }
  if (documents.length === 0 && findings.length === 0) {
    const remedy = 'Write documents that begin with "host:" or "domain:"; docs/records.md has an example.';
    findings.push(finding('input-unreadable', '', `There are no records in ${file}.`, remedy));
  }
  return documents;
}

/** The records of the documents; what is wrong with others goes into `findings`. */
function readItems(
  documents: readonly ReadDocument[],
  domains: readonly Scope[],
  findings: Finding[],
): HandRecord[] {
  const surroundings = surroundingsOf(documents, domains);
  const records: HandRecord[] = [];
  for (const { scope, items, document } of documents) {
    const around = surroundings.get(scope)!;
    for (const [i, item] of items.entries()) {
      const at = (...steps: Steps): Place => ({
        path: pathOfSteps(scope, ['records', i, ...steps]),
        source: document.locate(['records', i, ...steps]),
      });
      const read = readRecord(item, scope, { ...around, origin: originOf(at()) });
      if ('record' in read) records.push({ scope, record: read.record, at });
      else findings.push(...read.map((wrong) => ({ ...wrong.finding, ...at(...wrong.steps) })));
    }
  }
  return records;
}

/** What several hosts hold may stand there for each of them. Records with one key that differ are all kept. */
function withoutCopies(records: readonly HandRecord[]): HandRecord[] {
  const seen = new Set<string>();
  return records.filter(({ scope, record }) => {
    const text = `${scope} ${recordText({ ...record, origin: '' })}`;
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

function readDocument(document: YamlDocument): ReadDocument | readonly ShapeFinding[] {
  const { value } = document;
  const read = SHAPE.document.safeParse(value);
  if (!read.success) return shapeFindings(SHAPE, value, '');
  const { host, domain = '', records: items } = read.data;
  return { scope: host === undefined ? domainScope(domain) : hostScope(host), items, document };
}

function readRecord(
  item: unknown,
  scope: Scope,
  around: Surroundings,
): { readonly record: PolicyRecord } | readonly ShapeFinding[] {
  if (!isFields(item)) {
    const what = `A record is a group of fields, and this is ${show(item)}.`;
    return [{ steps: [], finding: finding('value-invalid', '', what, 'Write { kind: …, … }.') }];
  }
  const kind = KIND_ORDER.find((each) => each === item.kind);
  if (!kind) return [unknownKind(item)];
  const value = withDefaults(kind, canonical(item), around);
  const read = RECORD_SCHEMAS[kind].safeParse(value);
  if (!read.success) {
    return shapeFindings({ title: `record of the kind ${kind}`, document: RECORD_SCHEMAS[kind] }, value, '');
  }
  const { data: record } = read;
  return belongs(record, scope) ? { record } : [misplaced(record, scope)];
}

function unknownKind({ kind }: Fields): ShapeFinding {
  if (kind === undefined) {
    const remedy = `Add kind: one of ${KIND_ORDER.join(', ')}.`;
    const what = 'The record does not say of what kind it is.';
    return { steps: [], finding: finding('field-missing', 'kind', what, remedy) };
  }
  const guess = typeof kind === 'string' ? nearest(kind, KIND_ORDER) : undefined;
  const remedy = guess === undefined ? `The kinds are ${KIND_ORDER.join(', ')}.` : `Did you mean ${guess}?`;
  const what = `There is no kind of record ${show(kind)}.`;
  return { steps: ['kind'], finding: finding('kind-unknown', 'kind', what, remedy) };
}

function misplaced(record: PolicyRecord, scope: Scope): ShapeFinding {
  const ofDomain = 'rdid' in record && record.kind !== 'domain';
  const [steps, what]: [Steps, string] =
    ofDomain && scope.startsWith('domain/')
      ? [['rdid'], `The record is of the routing domain ${record.rdid}, and stands with ${nameOf(scope)}.`]
      : [['kind'], `A record of the kind ${record.kind} has no place in ${scope}.`];
  const remedy = ofDomain
    ? 'Write it into the document of its routing domain.'
    : 'Write it into the document of a host.';
  return { steps, finding: finding('value-invalid', '', what, remedy) };
}

type ScopeSurroundings = Omit<Surroundings, 'origin'>;

function surroundingsOf(
  documents: readonly ReadDocument[],
  domains: readonly Scope[],
): ReadonlyMap<Scope, ScopeSurroundings> {
  const places = placesOf(domains.map(nameOf));
  const byScope = Map.groupBy(documents, ({ scope }) => scope);
  return new Map(
    [...byScope].map(([scope, all]) => {
      const items = all.flatMap((each) => each.items);
      const switches = placesOf(textsOf(items, 'switch', 'name'));
      const [only] = switches.keys();
      const switchName = switches.size === 1 ? only : undefined;
      return [scope, { scope, switchName, domains: places, acls: placesOf(textsOf(items, 'acl', 'id')) }];
    }),
  );
}

/** What a field says in all records of a kind. */
function textsOf(items: readonly unknown[], kind: RecordKind, field: string): string[] {
  return items.flatMap((item) =>
    isFields(item) && item.kind === kind && typeof item[field] === 'string' ? [item[field]] : [],
  );
}

/** Each text once, with its place from 1. */
function placesOf(texts: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(texts)].map((text, i) => [text, i + 1]));
}

function originOf({ source }: Place): string {
  return `${source.file}:${source.line}`;
}

/** Of the host or of the routing domain. */
function nameOf(scope: Scope): string {
  return scope.slice(scope.indexOf('/') + 1);
}
