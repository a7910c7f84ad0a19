/**
 * What hosts have counted: asked of their agents at the moment that somebody asks, and kept nowhere. An agent is a stranger:
 * what it says about ports, rules and objects that its own policy does not have is passed over.
 */
import type { Clock } from '../../base/clock.ts';
import { entryOf } from '../../base/map.ts';
import { domainScope, hostScope, type PolicyRecord } from '../../policy/records.ts';
import type { PolicyView } from '../../policy/set.ts';
import type { AclCount, AclEntry, DropCount, HostCounters, PortCounter } from '../../stream/counted.ts';
import type { PolicyFeed } from '../../stream/feed.ts';

/** A port of a host, as people call it. */
export interface PortCount extends Omit<PortCounter, 'port'> {
  readonly host: string;
  /** `blue1/eth0`, `cloud-pm-cn01/Management`; of an uplink the logical switch, else the logical network. */
  readonly name: string;
  readonly type: 'vm' | 'host' | 'uplink' | 'provider' | 'tunnel';
  /** The virtual switch. */
  readonly switch: string;
}

type OnHost<T> = T & { readonly host: string };

/** How long agents may take, in milliseconds. */
const ANSWER_LIMIT_MS = 10_000;

/** Asks these hosts, all at the same time. Never rejects. */
export async function countHosts(
  { feed, clock }: { readonly feed: PolicyFeed; readonly clock: Clock },
  hosts: readonly string[],
): Promise<Counts> {
  const late = new AbortController();
  const cancel = clock.after(ANSWER_LIMIT_MS, () => late.abort());
  const answers = await feed.count(hosts, late.signal);
  cancel();
  return new Counts(feed.policy, hosts, answers);
}

/**
 * What hosts have answered, in the words of their records. Each kind of it is worked out when it is asked for, and of that what
 * is wanted and no more: answers are large.
 */
export class Counts {
  readonly #policy: PolicyView;
  readonly #answers: ReadonlyMap<string, HostCounters>;
  /** Hosts that have not answered: away, of an older version, or too slow. */
  readonly silent: readonly string[];
  /** Hosts that have not told everything: there is more than one answer holds, or their engine is away. */
  readonly partial: readonly string[];

  constructor(policy: PolicyView, hosts: readonly string[], answers: ReadonlyMap<string, HostCounters>) {
    this.#policy = policy;
    this.#answers = answers;
    this.silent = hosts.filter((host) => !answers.has(host));
    this.partial = hosts.filter((host) => answers.get(host)?.complete === false);
  }

  /** By host; machines first, by name. */
  ports(isWanted: (port: PortCount) => boolean): PortCount[] {
    const found = this.#each((host, records, { ports }) =>
      ports.flatMap(({ port, ...counted }): PortCount[] => {
        const place = placeOf(records, port, counted.nic);
        return place ? [{ host, ...place, ...counted }] : [];
      }),
    ).filter(isWanted);
    return sorted(found, ({ host, type, name, nic = '' }) => JSON.stringify([host, RANK[type], name, nic]));
  }

  acls(isWanted: (count: OnHost<AclCount>) => boolean): OnHost<AclCount>[] {
    return this.#each((host, records, { acls }) => {
      const isRule = rulesOf(records);
      return acls.map((count) => ({ host, ...count })).filter((count) => isWanted(count) && isRule(count));
    });
  }

  /** What was dropped most often comes first. */
  drops(isWanted: (drop: OnHost<DropCount>) => boolean): OnHost<DropCount>[] {
    const found = this.#each((host, records, { drops }) => {
      const wanted = drops
        .map((drop) => ({ host, ...drop }))
        .filter((drop) => isWanted(drop) && records.has(`switch/${drop.switch}`));
      if (wanted.length === 0) return [];
      const origins = new Set(originsOf(this.#policy, records));
      return wanted.filter(({ object }) => origins.has(object));
    });
    return found.sort((a, b) => b.packets - a.packets);
  }

  /** `port` is the name of the vNIC; in the order of their times. */
  log(isWanted: (entry: OnHost<AclEntry>) => boolean): OnHost<AclEntry>[] {
    const found = this.#each((host, records, { log }) => {
      const isRule = rulesOf(records);
      return log.flatMap((entry): OnHost<AclEntry>[] => {
        const record = records.get(`port/${entry.port}`);
        if (record?.kind !== 'port' || !record.acls?.includes(entry.acl)) return [];
        const named = { host, ...entry, port: record.name };
        return isWanted(named) && isRule(entry) ? [named] : [];
      });
    });
    return found.sort((a, b) => a.time - b.time);
  }

  #each<T>(read: (host: string, records: Records, counters: HostCounters) => T[]): T[] {
    return [...this.#answers].flatMap(([host, counters]) =>
      read(host, this.#policy.scope(hostScope(host)), counters),
    );
  }
}

type Records = ReadonlyMap<string, PolicyRecord>;
type Place = Pick<PortCount, 'name' | 'type' | 'switch'>;

/** The record that a port is of (pipeline/facts.ts, `portOf`); undefined where the host has none. */
function placeOf(records: Records, port: string, nic: string | undefined): Place | undefined {
  const [, type = '', what = ''] = /^(\w+)\/(.*)$/s.exec(port) ?? [];
  if (type === 'uplink') {
    const record = records.get(`switch/${what}`);
    if (record?.kind !== 'switch' || nic === undefined || !record.uplink?.nics.includes(nic))
      return undefined;
    return { name: what, type, switch: what };
  }
  if (nic !== undefined) return undefined;
  if (type === 'vnic') {
    const record = records.get(`port/${what}`);
    return record?.kind === 'port'
      ? { name: record.name, type: record.owner, switch: record.switch }
      : undefined;
  }
  const record = records.get(`provider/${what}`);
  if (record?.kind !== 'provider' || (type !== 'provider' && type !== 'tunnel')) return undefined;
  return { name: what, type, switch: record.switch };
}

/** Whether the host has such a rule, or default, in one of its port ACLs. */
function rulesOf(records: Records): (about: Pick<AclCount, 'acl' | 'rule' | 'direction'>) => boolean {
  const known = new Map<string, ReadonlySet<string>>();
  const keyOf = (rule: string, direction: string) => `${direction} ${rule}`;
  const rulesIn = (acl: string) => {
    const record = records.get(`acl/${acl}`);
    if (record?.kind !== 'acl') return new Set<string>();
    const defaults = (['inbound', 'outbound'] as const).filter((way) => record[way] !== undefined);
    return new Set([
      ...record.rules.map(({ name, direction }) => keyOf(name, direction)),
      ...defaults.map((direction) => keyOf('default', direction)),
    ]);
  };
  return ({ acl, rule, direction }) => entryOf(known, acl, () => rulesIn(acl)).has(keyOf(rule, direction));
}

/** Where the records of a host and of its routing domains come from, and '' for what each switch has. */
function* originsOf(policy: PolicyView, records: Records): Generator<string> {
  yield '';
  for (const record of records.values()) {
    yield record.origin;
    if (record.kind !== 'domain') continue;
    for (const { origin } of policy.scope(domainScope(record.rdid)).values()) yield origin;
  }
}

/** By a key that each is asked for once. */
function sorted<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items
    .map((item) => [keyOf(item), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);
}

/** Machines first. */
const RANK: Readonly<Record<PortCount['type'], number>> = {
  vm: 0,
  host: 1,
  uplink: 2,
  provider: 3,
  tunnel: 4,
};
