/**
 * Where like hosts differ. Hosts that serve one purpose should be configured alike, so that a machine runs on each of
 * them as on any other; what most of them have is taken for what is meant, and whoever has something else is named.
 */
import { entryOf } from '../../base/map.ts';
import { type Host, isKind } from '../../model/kinds.ts';
import { groupPath } from '../../model/uplinks.ts';
import type { HostStatus } from '../../stream/feed.ts';
import type { NicFact } from '../../stream/report.ts';
import type { NetworkView } from '../network.ts';
import { fabricsOf, hostSwitchesOf } from './of-host.ts';

/** One thing that hosts can differ in. */
export interface Aspect {
  /** `NICs`, `Fabric: uplink port profile` … */
  readonly aspect: string;
  /** What there is of it, and who has it; what most have first. */
  readonly values: readonly { readonly value: string; readonly hosts: readonly string[] }[];
  /** What more than half of the hosts have that have the thing at all; absent where nothing is so common. */
  readonly usual?: string;
  /** The hosts that have something else; all of them where nothing is usual. */
  readonly odd: readonly string[];
}

export interface Comparison {
  /** What the hosts have in common: `host group Building N`, `the hosts named`. */
  readonly of: string;
  readonly hosts: readonly string[];
  /** Only those aspects that differ. */
  readonly differences: readonly Aspect[];
}

/** The hosts of a group and of the groups in it. */
export function hostsOfGroup(network: NetworkView, group: string): Host[] {
  const read = network.reader;
  return hostsOf(network).filter((host) => groupPath(read, host.group).includes(group));
}

/** Each host group that has at least two hosts of its own. */
export function compareGroups(
  network: NetworkView,
  statuses: ReadonlyMap<string, HostStatus>,
): readonly Comparison[] {
  return [...Map.groupBy(hostsOf(network), ({ group }) => group)]
    .filter(([, hosts]) => hosts.length > 1)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, hosts]) => compareHosts(network, `host group ${group}`, hosts, statuses));
}

export function compareHosts(
  network: NetworkView,
  of: string,
  hosts: readonly Host[],
  statuses: ReadonlyMap<string, HostStatus>,
): Comparison {
  /** aspect -> value -> hosts */
  const table = new Map<string, Map<string, string[]>>();
  for (const host of hosts) {
    for (const [aspect, value] of aspectsOf(network, host, statuses.get(host.name))) {
      entryOf(
        entryOf(table, aspect, () => new Map<string, string[]>()),
        value,
        () => [],
      ).push(host.name);
    }
  }
  return {
    of,
    hosts: hosts.map(({ name }) => name),
    differences: [...table].flatMap(([aspect, values]) => difference(aspect, values)),
  };
}

/** Nothing where all agree that have the thing at all: who has which switch is an aspect of its own. */
function difference(aspect: string, found: ReadonlyMap<string, readonly string[]>): Aspect[] {
  if (found.size < 2) return [];
  const values = [...found]
    .map(([value, hosts]) => ({ value, hosts }))
    .sort((a, b) => b.hosts.length - a.hosts.length || (a.value < b.value ? -1 : 1));
  const all = values.flatMap(({ hosts }) => hosts).sort();
  const usual = values.find(({ hosts }) => hosts.length * 2 > all.length);
  return [
    {
      aspect,
      values,
      ...(usual ? { usual: usual.value } : {}),
      odd: usual ? all.filter((name) => !usual.hosts.includes(name)) : all,
    },
  ];
}

function* aspectsOf(
  network: NetworkView,
  host: Host,
  status: HostStatus | undefined,
): Generator<readonly [aspect: string, value: string]> {
  const nicOf = (name: string) => host.nics.find((nic) => nic.name === name);
  yield ['number of NICs', String(host.nics.length)];
  yield ['NICs', listed(host.nics.map(({ name }) => name))];
  yield ['speeds of the NICs', listed(host.nics.map(({ name, speedMbps }) => `${name} ${speedMbps} Mbit/s`))];
  yield [
    'cables',
    listed(host.nics.map(({ name, physicalNetwork = 'nothing' }) => `${name} to ${physicalNetwork}`)),
  ];
  yield [
    'capabilities',
    listed(host.nics.map(({ name, capabilities }) => `${name} ${capabilities.join('+')}`)),
  ];
  const switches = hostSwitchesOf(network, host.name);
  yield ['logical switches', listed(switches.map(({ logicalSwitch }) => logicalSwitch))];
  for (const hostSwitch of switches) {
    const { logicalSwitch: name, nics, uplinkProfile, hostVnics } = hostSwitch;
    yield [`${name}: uplink port profile`, uplinkProfile];
    yield [`${name}: NICs`, listed(nics)];
    yield [`${name}: team`, nics.length > 1 ? `${nics.length} NICs` : 'no team'];
    const networks = new Set(nics.map((nic) => nicOf(nic)?.physicalNetwork ?? 'nothing'));
    yield [`${name}: physical networks`, listed([...networks])];
    const vnics = hostVnics.map(({ vmNetwork, classification }) =>
      classification === undefined ? vmNetwork : `${vmNetwork} as ${classification}`,
    );
    yield [`${name}: host vNICs`, listed(vnics)];
  }
  const providers = fabricsOf(network, host.name).map(({ logicalNetwork }) => logicalNetwork);
  yield ['provider addresses', listed(providers)];
  if (!status?.report) return;
  yield ['version of the agent', status.report.version || 'unknown'];
  yield ['switching', status.report.engine || 'unknown'];
  yield* foundAspects(host, status.report.nics);
}

/** What the machine itself says of the NICs that are described; nothing of what it does not say. */
function* foundAspects(host: Host, found: readonly NicFact[]): Generator<readonly [string, string]> {
  const facts = found.filter(({ name }) => host.nics.some((nic) => nic.name === name));
  const aspect = (text: (fact: NicFact) => string | undefined) =>
    facts.flatMap((fact) => {
      const said = text(fact);
      return said === undefined ? [] : [`${fact.name} ${said}`];
    });
  const aspects: [string, string[]][] = [
    ['drivers of the NICs', aspect(({ driver }) => driver)],
    ['MTU of the NICs', aspect(({ mtu }) => mtu?.toString())],
    ['offloads of the NICs', aspect(({ offloads }) => offloads && (offloads.join('+') || 'nothing'))],
    // Not the port: that is another one for every host.
    [
      'physical switches',
      aspect(({ neighbour }) => neighbour && `to ${neighbour.system ?? neighbour.chassis}`),
    ],
  ];
  for (const [name, values] of aspects) if (values.length > 0) yield [name, listed(values)];
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : [...values].sort().join(', ');
}

/** All hosts of the description. */
export function hostsOf(network: NetworkView): Host[] {
  return network.list('Host').flatMap(({ object }) => (isKind(object, 'Host') ? [object] : []));
}
