/** What records say of one another: every finding at once. */
import { type Finding, finding, warning } from '../../base/error.ts';
import {
  domainScope,
  hostScope,
  type PolicyRecord,
  type RecordKind,
  recordKey,
  type Scope,
} from '../../policy/records.ts';
import type { HandRecord, Place } from './record.ts';

type Of<K extends RecordKind> = Extract<PolicyRecord, { kind: K }>;

/** `domains`: the scopes of the routing domains that have a document. */
export function checkRecords(records: readonly HandRecord[], domains: readonly Scope[]): Finding[] {
  const checker = new Checker(records, domains);
  return [
    ...checker.twice(),
    ...checker.shared(),
    ...records.flatMap((each) => [...checker.references(each)]),
  ];
}

/** A provider address that leads nowhere, as when a file is for some of the hosts only. */
export function warningsOf(records: readonly HandRecord[]): Finding[] {
  const known = new Set(records.map(({ record }) => (record.kind === 'provider' ? record.pa : '')));
  return records.flatMap(({ record, at }) => {
    if (record.kind !== 'lookup' || known.has(record.pa)) return [];
    const what = `No host of the file has the provider address ${record.pa}, so nobody reaches ${record.ca}.`;
    return [{ ...warning('reference-missing', '', what, 'Correct it, or add the host.'), ...at('pa') }];
  });
}

class Checker {
  readonly #records: readonly HandRecord[];
  readonly #domains: ReadonlySet<Scope>;
  /** By VSID. */
  readonly #subnets: ReadonlyMap<number, Of<'subnet'>>;
  /** `scope key` of every record. */
  readonly #keys: ReadonlySet<string>;

  constructor(records: readonly HandRecord[], domains: readonly Scope[]) {
    this.#records = records;
    this.#domains = new Set(domains);
    this.#subnets = new Map(this.#of('subnet').map(({ record }) => [record.vsid, record]));
    this.#keys = new Set(records.map(({ scope, record }) => `${scope} ${recordKey(record)}`));
  }

  /** Two records with one key in one scope. */
  *twice(): Generator<Finding> {
    yield* repeated(
      this.#records,
      ({ scope, record }) => `${scope} ${recordKey(record)}`,
      ({ record }, first) =>
        `There are two records ${recordKey(record)}; the first stands at line ${first.source.line}.`,
      'Remove one of them.',
    );
  }

  /** What there may be one of in the whole file. */
  *shared(): Generator<Finding> {
    yield* repeated(
      this.#of('subnet'),
      ({ record }) => `${record.vsid}`,
      ({ record }, first) =>
        `The VSID ${record.vsid} is that of the subnet at line ${first.source.line}, too.`,
      'Give each virtual subnet a VSID of its own.',
    );
    yield* repeated(
      this.#of('port'),
      ({ record }) => record.id,
      ({ record }, first) => `The port at line ${first.source.line} has the id ${record.id}, too.`,
      'Give them different MAC addresses, or ids of their own.',
      ({ record }) => record.migration === undefined,
    );
    yield* repeated(
      this.#of('port'),
      ({ record }) => record.name,
      ({ record }, first) => `The port at line ${first.source.line} is called ${record.name}, too.`,
      'Give each vNIC a name of its own.',
      ({ record }) => record.migration === undefined,
    );
    yield* repeated(
      this.#of('provider'),
      ({ record }) => `${record.logicalNetwork} ${record.pa}`,
      ({ record }, first) =>
        `The provider address ${record.pa} is that of the record at line ${first.source.line}, too.`,
      'Give each host its own.',
    );
    yield* repeated(
      this.#of('switch').flatMap((each) => (each.record.uplink?.nics ?? []).map((nic) => ({ ...each, nic }))),
      ({ scope, nic }) => `${scope} ${nic}`,
      ({ nic }, first) => `The NIC ${nic} is used by the switch at line ${first.source.line} already.`,
      'A NIC is in one switch.',
    );
    const numbers = new Map<number, string>();
    for (const { record, at } of this.#of('domain')) {
      const other = numbers.get(record.number) ?? record.rdid;
      numbers.set(record.number, other);
      if (other === record.rdid) continue;
      const what = `The number ${record.number} is that of the routing domain ${other}, too.`;
      yield { ...finding('value-invalid', '', what, 'Give each routing domain its own.'), ...at('number') };
    }
  }

  /** What a record refers to and there is not. */
  *references({ scope, record, at }: HandRecord): Generator<Finding> {
    const has = (key: string) => this.#keys.has(`${scope} ${key}`);
    switch (record.kind) {
      case 'switch':
      case 'acl':
      case 'subnet':
        return;
      case 'provider':
        if (!has(`switch/${record.switch}`)) yield missing(at('switch'), `switch ${record.switch}`, scope);
        return;
      case 'domain':
        if (!this.#domains.has(domainScope(record.rdid))) {
          const what = `There is no document for the routing domain ${record.rdid}.`;
          const remedy = `Add one: "domain: ${record.rdid}" and its subnets.`;
          yield { ...finding('reference-missing', '', what, remedy), ...at('rdid') };
        }
        if (!has(`provider/${record.logicalNetwork}`)) {
          yield missing(at('logicalNetwork'), `provider record of ${record.logicalNetwork}`, scope);
        }
        return;
      case 'route':
      case 'lookup':
        if (!has(`subnet/${record.vsid}`)) yield missing(at('vsid'), `subnet ${record.vsid}`, scope);
        return;
      case 'mirror':
        if (!has(`switch/${record.switch}`)) yield missing(at('switch'), `switch ${record.switch}`, scope);
        if (!has(`port/${record.source}`)) yield missing(at('source'), `port ${record.source}`, scope);
        if ('port' in record.output && !has(`port/${record.output.port}`))
          yield missing(at('output'), `port ${record.output.port}`, scope);
        return;
      case 'port':
        yield* this.#portReferences(record, scope, at);
    }
  }

  *#portReferences(record: Of<'port'>, scope: Scope, at: HandRecord['at']): Generator<Finding> {
    const { name, attachment, acls = [] } = record;
    if (!/^[^/]+\/[^/]+$/u.test(name)) {
      const what = `"${name}" is not the name of a machine, a slash and the name of its NIC.`;
      yield {
        ...finding('value-invalid', '', what, `Write ${name.split('/')[0]}/eth0, for example.`),
        ...at('name'),
      };
    }
    if (!this.#keys.has(`${scope} switch/${record.switch}`))
      yield missing(at('switch'), `switch ${record.switch}`, scope);
    for (const [i, acl] of acls.entries())
      if (!this.#keys.has(`${scope} acl/${acl}`)) yield missing(at('acls', i), `acl ${acl}`, scope);
    if (attachment.type !== 'virtual') return;
    const { vsid } = attachment;
    const subnet = this.#subnets.get(vsid);
    const place = at('attachment', 'vsid');
    if (!subnet) {
      const what = `There is no subnet with the VSID ${vsid}.`;
      yield {
        ...finding('reference-missing', '', what, 'Add it to the document of a routing domain.'),
        ...place,
      };
    } else if (!this.#keys.has(`${scope} domain/${subnet.rdid}`)) {
      const what = `The host does not take part in the routing domain ${subnet.rdid}, which VSID ${vsid} is in.`;
      const remedy = `Add { kind: domain, rdid: ${subnet.rdid} } to ${scope}.`;
      yield { ...finding('reference-missing', '', what, remedy), ...place };
    }
  }

  #of<K extends RecordKind>(kind: K): (HandRecord & { readonly record: Of<K> })[] {
    return this.#records.filter(
      (each): each is HandRecord & { readonly record: Of<K> } => each.record.kind === kind,
    );
  }
}

/** A finding for each that has the same `key` as one before it. */
function* repeated<T extends HandRecord>(
  records: readonly T[],
  key: (each: T) => string,
  words: (each: T, first: Place) => string,
  remedy: string,
  counts: (each: T) => boolean = () => true,
): Generator<Finding> {
  const firsts = new Map<string, T>();
  for (const each of records) {
    const first = firsts.get(key(each));
    if (!first) firsts.set(key(each), each);
    else if (counts(each))
      yield { ...finding('name-duplicate', '', words(each, first.at()), remedy), ...each.at() };
  }
}

function missing(place: Place, what: string, scope: Scope): Finding {
  const words = `There is no ${what} in ${scope}.`;
  const where = scope === hostScope(scope.slice(5)) ? 'the host' : 'the routing domain';
  return {
    ...finding('reference-missing', '', words, `Add it to the document of ${where}, or correct the name.`),
    ...place,
  };
}
