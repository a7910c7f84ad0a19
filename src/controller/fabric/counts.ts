/**
 * What hosts have counted: asked of their agents at the moment that somebody asks, and kept nowhere. An agent is a stranger:
 * what it says about ports, rules and objects that its own policy does not have is passed over.
 */
import type { Clock } from '../../base/clock.ts';
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

export interface Counts {
  readonly ports: readonly PortCount[];
  readonly acls: readonly OnHost<AclCount>[];
  readonly drops: readonly OnHost<DropCount>[];
  /** `port` is the name of the vNIC; in the order of their times. */
  readonly log: readonly OnHost<AclEntry>[];
  /** Hosts that have not answered: away, of an older version, or too slow. */
  readonly silent: readonly string[];
  /** Hosts that have not told everything: there is more than one answer holds, or their engine is away. */
  readonly partial: readonly string[];
}

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
  const own = [...answers].map(([host, counters]) => ownOf(feed.policy, host, counters));
  return {
    ports: own.flatMap(({ ports }) => ports).sort(byName),
    acls: own.flatMap(({ acls }) => acls),
    drops: own.flatMap(({ drops }) => drops).sort((a, b) => b.packets - a.packets),
    log: own.flatMap(({ log }) => log).sort((a, b) => a.time - b.time),
    silent: hosts.filter((host) => !answers.has(host)),
    partial: hosts.filter((host) => answers.get(host)?.complete === false),
  };
}

/** What the host says about what is its own, in the words of its records. */
function ownOf(policy: PolicyView, host: string, counters: HostCounters) {
  const records = policy.scope(hostScope(host));
  const origins = new Set([...records.values()].map(({ origin }) => origin));
  const isAbout = (object: string) =>
    object === '' || origins.has(object) || isOfDomain(policy, records, object);
  return {
    ports: counters.ports.flatMap(({ port, ...counted }): PortCount[] => {
      const place = placeOf(records, port, counted.nic);
      return place ? [{ host, ...place, ...counted }] : [];
    }),
    acls: counters.acls.filter((count) => hasRule(records, count)).map((count) => ({ host, ...count })),
    drops: counters.drops
      .filter((drop) => records.has(`switch/${drop.switch}`) && isAbout(drop.object))
      .map((drop) => ({ host, ...drop })),
    log: counters.log.flatMap((entry): OnHost<AclEntry>[] => {
      const record = records.get(`port/${entry.port}`);
      if (record?.kind !== 'port' || !record.acls?.includes(entry.acl) || !hasRule(records, entry)) return [];
      return [{ host, ...entry, port: record.name }];
    }),
  };
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

function hasRule(
  records: Records,
  { acl, rule, direction }: Pick<AclCount, 'acl' | 'rule' | 'direction'>,
): boolean {
  const record = records.get(`acl/${acl}`);
  if (record?.kind !== 'acl') return false;
  return (
    record.rules.some((each) => each.name === rule && each.direction === direction) ||
    (rule === 'default' && record[direction] !== undefined)
  );
}

/** Whether a record of a routing domain of the host comes from the object. */
function isOfDomain(policy: PolicyView, records: Records, object: string): boolean {
  return [...records.values()].some(
    (record) =>
      record.kind === 'domain' &&
      policy
        .scope(domainScope(record.rdid))
        .values()
        .some(({ origin }) => origin === object),
  );
}

function byName(a: PortCount, b: PortCount): number {
  const text = ({ host, type, name, nic = '' }: PortCount) => JSON.stringify([host, RANK[type], name, nic]);
  return text(a) < text(b) ? -1 : 1;
}

/** Machines first. */
const RANK: Readonly<Record<PortCount['type'], number>> = {
  vm: 0,
  host: 1,
  uplink: 2,
  provider: 3,
  tunnel: 4,
};
