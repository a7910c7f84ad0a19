/**
 * Hints: what works, and could be better or is about to run short. Nothing is refused for them. They are worked out when
 * somebody asks, each by a function of its own; to add one, write it here and put it into HINTS.
 */

import { hostVnicOwner, VNIC } from '../../allocate/scopes.ts';
import type { ErrorCode } from '../../base/codes.ts';
import { type Finding, warning } from '../../base/error.ts';
import { ETHERNET_MTU, encapsulationBytes } from '../../compile/mtu.ts';
import type { KindName, ObjectKey } from '../../model/definition.ts';
import { get, objects, type Reader } from '../../model/facts.ts';
import { type Host, type HostSwitch, isKind, type ObjectOf, objectKey } from '../../model/kinds.ts';
import { hostVnicAddresses } from '../../model/placement.ts';
import { carriesVlan } from '../../model/range.ts';
import { siteDistance, sitesOfProfile } from '../../model/uplinks.ts';
import { hostScope } from '../../policy/records.ts';
import type { HostStatus } from '../../stream/feed.ts';
import type { NetworkView } from '../network.ts';
import { oddCables } from './cabling.ts';

interface Look {
  readonly network: NetworkView;
  readonly read: Reader;
  /** Wall-clock milliseconds. */
  readonly now: number;
  /** What the hosts say of themselves. */
  readonly statuses: ReadonlyMap<string, HostStatus>;
}

type Hint = (look: Look) => Iterable<Finding>;

/** From this part of its addresses in use on, in percent, a pool is nearly used up. */
const LOW_PERCENT = 80n;
/** Networks of the host itself from which on four NICs are recommended. */
const MANY_NETWORKS = 3;
/** What every link must carry for IPv6, in bytes (RFC 8200 section 5). */
const IPV6_MTU = 1280;
/** Hosts that a hint names one by one. */
const NAMES_SHOWN = 8;

/** Every hint, sorted by object. */
export function hintsOf(
  network: NetworkView,
  now: number,
  statuses: ReadonlyMap<string, HostStatus> = new Map(),
): readonly Finding[] {
  const look: Look = { network, read: network.reader, now, statuses };
  return HINTS.flatMap((hint) => [...hint(look)]).sort((a, b) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : 0,
  );
}

function* fewNics({ network, read }: Look): Generator<Finding> {
  for (const host of all(network, 'Host')) {
    const switches = objects(read, 'HostSwitch', 'hostSwitches', host.name);
    const used = new Set(switches.flatMap(({ nics }) => nics));
    const networks = new Set(
      switches.flatMap(({ hostVnics }) => hostVnics.map(({ vmNetwork }) => vmNetwork)),
    );
    const count = host.nics.length;
    // That a switch takes the only NIC is a warning of the host switch.
    if (count === 0 || (count === 1 && used.size === 1)) continue;
    if (count === 1) {
      yield hint(
        'few-nics',
        host,
        'nics',
        `Host "${host.name}" has one NIC.`,
        'Give it at least two, four where it has storage networks.',
      );
    } else if (count < 4 && networks.size >= MANY_NETWORKS) {
      const listed = [...networks].sort().join(', ');
      yield hint(
        'few-nics',
        host,
        'nics',
        `The host is on ${networks.size} networks of its own (${listed}) and has ${count} NICs for them and for its machines.`,
        'Four NICs keep storage, migration and machines out of one another’s way.',
      );
    }
  }
}

function* managementMissing({ network, read }: Look): Generator<Finding> {
  for (const host of all(network, 'Host')) {
    const switches = objects(read, 'HostSwitch', 'hostSwitches', host.name);
    const taker = switches.find(
      ({ nics }) => host.managementNic !== undefined && nics.includes(host.managementNic),
    );
    if (taker && !taker.hostVnics.some(({ inheritManagementNic }) => inheritManagementNic)) {
      yield hint(
        'management-missing',
        taker,
        'hostVnics',
        `The switch takes NIC "${host.managementNic}", which host "${host.name}" is managed through, and no host vNIC takes over its addresses.`,
        'Add a host vNIC with inheritManagementNic: true.',
      );
    }
    const free = host.nics.filter(({ name }) => !switches.some(({ nics }) => nics.includes(name)));
    const isReached = switches.some((each) =>
      each.hostVnics.some(
        (vnic) => hostVnicAddresses(read, each, vnic).length > 0 || isPooled(network, each, vnic.name),
      ),
    );
    if (!taker && switches.length > 0 && free.length === 0 && !isReached) {
      yield hint(
        'management-missing',
        host,
        '',
        `Switches have all NICs of host "${host.name}", and no host vNIC has an address: nothing reaches the host itself.`,
        'Add a host vNIC on the management network.',
      );
    }
  }
}

/** Whether the host vNIC was given an address. */
function isPooled(network: NetworkView, hostSwitch: HostSwitch, vnic: string): boolean {
  const id = network.allocation(VNIC, hostVnicOwner(hostSwitch, vnic));
  const record = network.record(hostScope(hostSwitch.host), `port/${id}`)?.record;
  return record?.kind === 'port' && record.addresses.length > 0;
}

function* teams({ network, read }: Look): Generator<Finding> {
  for (const hostSwitch of all(network, 'HostSwitch')) {
    const nics = nicsOf(read, hostSwitch);
    if (nics.length < 2) continue;
    const cables = new Set(nics.map(({ physicalNetwork }) => physicalNetwork));
    if (cables.size === 1) {
      yield hint(
        'team-one-cable',
        hostSwitch,
        'nics',
        `All NICs of the team are on physical network "${[...cables][0]}": where that is one switch, the team ends with it.`,
        'Cable them to two physical networks that are joined, unless the physical switch is several in one.',
      );
    }
    const speeds = new Set(nics.map(({ speedMbps }) => speedMbps));
    if (speeds.size > 1) {
      const listed = nics.map(({ name, speedMbps }) => `${name} ${speedMbps} Mbit/s`).join(', ');
      yield hint(
        'speeds-differ',
        hostSwitch,
        'nics',
        `The NICs of the team have different speeds: ${listed}.`,
        'Use NICs of one speed in a team.',
      );
    }
  }
}

function* sitesUnused({ network, read }: Look): Generator<Finding> {
  for (const profile of all(network, 'UplinkPortProfile')) {
    const users = network
      .referrers(objectKey(profile))
      .map((key) => network.fact(key as ObjectKey))
      .filter((object) => isKind(object, 'HostSwitch'));
    const hosts = users.map(({ host }) => get(read, 'Host', host)).filter((host) => host !== undefined);
    if (hosts.length === 0) {
      yield hint(
        'site-unused',
        profile,
        '',
        `No host uses uplink port profile "${profile.name}".`,
        'Choose it in a host switch, or delete it.',
      );
      continue;
    }
    for (const site of sitesOfProfile(read, profile)) {
      if (hosts.some((host) => siteDistance(read, site, host) !== undefined)) continue;
      yield hint(
        'site-unused',
        profile,
        'sites',
        `None of the hosts that use the profile stands in site "${site.name}" of logical network "${site.logicalNetwork}".`,
        'Take the site out of the profile, or let hosts of the site use the profile.',
      );
    }
  }
}

function* guestMtus({ network, read }: Look): Generator<Finding> {
  const physical = all(network, 'PhysicalNetwork');
  for (const logical of all(network, 'LogicalNetwork')) {
    if (!logical.networkVirtualization || objects(read, 'NetworkSite', 'sites', logical.name).length === 0)
      continue;
    const more = encapsulationBytes(read, logical);
    const small = physical
      .filter(({ mtu }) => mtu < ETHERNET_MTU + more)
      .map(({ name, mtu }) => `"${name}" (${mtu})`);
    if (small.length === 0) continue;
    const mtu = Math.min(...physical.map((each) => each.mtu)) - more;
    yield hint(
      'guest-mtu',
      logical,
      'encapsulation',
      `Guests of virtualized networks on "${logical.name}" have an MTU of ${mtu}: ${logical.encapsulation} takes ${more} bytes of each packet, and the physical networks ${small.join(', ')} carry no larger ones.`,
      `Raise the MTU there to ${ETHERNET_MTU + more} to give guests ${ETHERNET_MTU}.`,
    );
  }
}

function* ipv6Mtus({ network, read }: Look): Generator<Finding> {
  for (const logical of all(network, 'LogicalNetwork')) {
    const needed = IPV6_MTU + encapsulationBytes(read, logical);
    const least = Math.min(...all(network, 'PhysicalNetwork').map(({ mtu }) => mtu));
    if (!logical.networkVirtualization || least >= needed) continue;
    for (const subnet of all(network, 'VmSubnet')) {
      const { prefix, ipv6Prefix = prefix } = subnet;
      const over = get(read, 'VmNetwork', subnet.vmNetwork)?.logicalNetwork;
      if (over !== logical.name || !ipv6Prefix.includes(':')) continue;
      yield hint(
        'ipv6-mtu',
        subnet,
        prefix === ipv6Prefix ? 'prefix' : 'ipv6Prefix',
        `Guests of the subnet have an MTU of ${IPV6_MTU - (needed - least)}, and IPv6 needs ${IPV6_MTU}.`,
        `Raise the MTU of the physical networks to ${needed} at least.`,
      );
    }
  }
}

function* fabricVersions({ network }: Look): Generator<Finding> {
  for (const logical of all(network, 'LogicalNetwork')) {
    const hosts = new Map<string, string[]>();
    for (const { name } of all(network, 'Host')) {
      const provider = network.record(hostScope(name), `provider/${logical.name}`)?.record;
      if (provider?.kind !== 'provider') continue;
      const version = provider.pa.includes(':') ? 'IPv6' : 'IPv4';
      hosts.set(version, [...(hosts.get(version) ?? []), name]);
    }
    if (hosts.size < 2) continue;
    const listed = [...hosts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([version, names]) => `${version} on ${namesText(names)}`);
    yield hint(
      'fabric-versions',
      logical,
      '',
      `Provider addresses are of ${listed.join(', of ')}: no tunnel leads from one to the other, so machines there do not reach each other.`,
      'Give all hosts provider addresses of one version: by the pools of the sites, or by providerAddresses of the hosts.',
    );
  }
}

/** The first few of many. */
function namesText(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}

function* vlansNowhere({ network, read }: Look): Generator<Finding> {
  for (const site of all(network, 'NetworkSite')) {
    const carriers = all(network, 'Host')
      .filter((host) => siteDistance(read, site, host) !== undefined)
      .flatMap(({ nics }) => nics.flatMap(({ physicalNetwork }) => physicalNetwork ?? []));
    const networks = [...new Set(carriers)]
      .map((name) => get(read, 'PhysicalNetwork', name))
      .filter((n) => n !== undefined);
    if (networks.length === 0) continue;
    for (const [i, { vlan, secondaryVlan = 0 }] of site.subnets.entries()) {
      for (const wanted of [vlan, secondaryVlan]) {
        if (wanted === 0 || networks.some(({ vlans }) => carriesVlan(vlans, wanted))) continue;
        const listed = networks.map(({ name }) => `"${name}"`).join(', ');
        yield hint(
          'vlan-nowhere',
          site,
          `subnets[${i}]`,
          `No physical network at a host of the site carries VLAN ${wanted}; there are ${listed}.`,
          'Add the VLAN on the physical switches and to vlans of the physical network.',
        );
      }
    }
  }
}

function* poolsLow({ network, now }: Look): Generator<Finding> {
  for (const pool of [...all(network, 'IpPool'), ...all(network, 'MacPool')]) {
    const use = network.poolUse(objectKey(pool), now);
    if (!use || use.size === 0n || (use.size - use.free) * 100n < use.size * LOW_PERCENT) continue;
    yield hint(
      'pool-low',
      pool,
      '',
      `Of the ${use.size} addresses of pool "${pool.name}", ${use.free} are free.`,
      'Add another pool before it is used up.',
    );
  }
}

function* cablesElsewhere({ network, read, statuses }: Look): Generator<Finding> {
  for (const { host: name, index, nic, network: described, system, port, usual } of oddCables(
    network,
    statuses,
  )) {
    const host = get(read, 'Host', name);
    if (!host) continue;
    yield hint(
      'cable-elsewhere',
      host,
      `nics[${index}].physicalNetwork`,
      `NIC "${nic}" is described as cabled to "${described}", and at the other end is ${system}, port ${port}, where the other NICs are of "${usual}".`,
      'Plug the cable in where it belongs, or say where it is.',
    );
  }
}

const HINTS: readonly Hint[] = [
  fewNics,
  managementMissing,
  teams,
  sitesUnused,
  guestMtus,
  ipv6Mtus,
  fabricVersions,
  vlansNowhere,
  poolsLow,
  cablesElsewhere,
];

function hint(
  code: ErrorCode,
  object: ObjectOf<KindName>,
  field: string,
  message: string,
  remedy: string,
): Finding {
  return warning(code, `${objectKey(object)}${field && `.${field}`}`, message, remedy);
}

function nicsOf(read: Reader, { host, nics }: HostSwitch): Host['nics'] {
  return (get(read, 'Host', host)?.nics ?? []).filter(({ name }) => nics.includes(name));
}

function all<K extends KindName>(network: NetworkView, kind: K): ObjectOf<K>[] {
  return network.list(kind).flatMap(({ object }) => (isKind(object, kind) ? [object] : []));
}
