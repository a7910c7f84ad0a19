import { stringify } from 'yaml';
import type { PolicyRecord, Scope, ScopedRecord } from '../../policy/records.ts';

/**
 * Records as a file that `readRecords` reads: a document for each scope, every field written out. `host` has a document
 * in any case. The texts for two hosts, one after the other, are a file as well.
 */
export function writeRecords(host: string, records: readonly ScopedRecord[]): string {
  const scopes = new Map<Scope, PolicyRecord[]>([[`host/${host}`, []]]);
  for (const { scope, record } of records) {
    const list = scopes.get(scope);
    if (list) list.push(record);
    else scopes.set(scope, [record]);
  }
  return [...scopes].map(([scope, list]) => `---\n${documentText(scope, list)}`).join('');
}

function documentText(scope: Scope, records: readonly PolicyRecord[]): string {
  const slash = scope.indexOf('/');
  const document = { [scope.slice(0, slash)]: scope.slice(slash + 1), records };
  return stringify(document, { aliasDuplicateObjects: false });
}
