/** The names that people use for the ends of a ping or a walk: `blue1`, `blue1/eth0`, `cloud-pm-cn01/Management`. */
import { finding, NetloomError } from '../base/error.ts';
import type { GuestNic } from '../guest/nic.ts';
import { type IpAddress, isIpv4, parseIp } from '../packet/address.ts';
import type { PortRecord } from '../policy/records.ts';
import type { Fabric } from './fabric.ts';
import type { Machine } from './machine.ts';

/** One vNIC with the stack behind it. */
export interface Endpoint {
  /** `blue1/eth0` */
  readonly name: string;
  readonly host: string;
  readonly port: PortRecord;
  readonly nic: GuestNic;
  /** RDID, on a virtualized network. */
  readonly domain?: string;
}

/** What names are resolved among: endpoints, in this process or elsewhere. */
export interface Nameable {
  readonly name: string;
  readonly port: PortRecord;
  readonly domain?: string;
  /** Where it is at hand: what the guest knows. */
  readonly nic?: Pick<GuestNic, 'address'>;
}

/** Who pings whom: the destination is an address, and an endpoint when it was named as one. */
export interface Pair<E extends Nameable = Endpoint> {
  readonly from: E;
  readonly to: E | undefined;
  readonly address: IpAddress;
}

export type IpVersion = 4 | 6;

/** Every vNIC of the lab, by name, sorted. */
export function endpointsOf(fabric: Fabric): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const [host, { agent, soft }] of fabric.hosts) {
    for (const record of agent.records().values()) {
      // One that gets copies takes no part in the network.
      if (record.kind !== 'port' || record.attachment.type === 'monitor') continue;
      endpoints.push(...vlanEndpoints(fabric, host, record));
      const nic = record.owner === 'vm' ? machineAt(fabric, host, record)?.nic : soft.stack(record.id);
      const addresses = record.addresses.filter(({ vlan }) => vlan === undefined);
      const domain = domainOf(fabric, host, record);
      if (nic)
        endpoints.push({
          name: record.name,
          host,
          port: { ...record, addresses },
          nic,
          ...(domain === undefined ? {} : { domain }),
        });
    }
  }
  return endpoints.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function domainOf({ hosts }: Fabric, host: string, { attachment }: PortRecord): string | undefined {
  if (attachment.type !== 'virtual') return undefined;
  const subnet = hosts.get(host)?.agent.records().get(`subnet/${attachment.vsid}`);
  return subnet?.kind === 'subnet' ? subnet.rdid : undefined;
}

/** The machine of a port, if it runs on that host: while it moves, another host has the port as well. */
function machineAt(fabric: Fabric, host: string, { id }: PortRecord): Machine | undefined {
  const machine = fabric.machines.get(id);
  return machine?.host === host ? machine : undefined;
}

/** The interfaces of a machine for VLANs of its trunk, `router/eth0.30`, each as if it were plugged into that VLAN. */
function vlanEndpoints(fabric: Fabric, host: string, record: PortRecord): Endpoint[] {
  const nics = record.owner === 'vm' ? machineAt(fabric, host, record)?.vlanNics : undefined;
  return [...(nics ?? [])].map(([vlan, nic]) => {
    const addresses = record.addresses.filter((a) => a.vlan === vlan);
    const port: PortRecord = { ...record, addresses, attachment: { type: 'vlan', vlan } };
    return { name: nic.name, host, port, nic };
  });
}

/**
 * The pair that two names mean. A name without a NIC means the NIC that is on the same network as the other end, if
 * there is one, and otherwise the first. An address means whoever has it on a network of the sender: elsewhere others
 * can have it too. Throws `not-found` with the names that are alike, `no-address` where an end that is named has no
 * address of the version that is asked for.
 */
export function resolvePair<E extends Nameable>(
  endpoints: readonly E[],
  from: string,
  to: string,
  version?: IpVersion,
): Pair<E> {
  const sources = candidates(endpoints, from);
  if (sources.length === 0) throw unknown(endpoints, from);
  const literal = parseIp(to);
  if (literal) {
    const holders = endpoints.filter((e) => hasAddress(e, literal));
    const best = closest(sources, holders);
    if (best && best.closeness >= 2) return { from: best.from, to: best.to, address: literal };
    return { from: sources.find((e) => speaks(e, literal)) ?? sources[0]!, to: undefined, address: literal };
  }
  const destinations = candidates(endpoints, to);
  if (destinations.length === 0) throw unknown(endpoints, to);
  const { from: source, to: destination } = closest(sources, destinations)!;
  return { from: source, to: destination, address: commonAddress(source, destination, version) };
}

interface Closest<E> {
  readonly from: E;
  readonly to: E;
  readonly closeness: number;
}

/** The two that are closest to each other, the first of them; undefined without sources or destinations. */
function closest<E extends Nameable>(
  sources: readonly E[],
  destinations: readonly E[],
): Closest<E> | undefined {
  let best: Closest<E> | undefined;
  for (const from of sources) {
    for (const to of destinations) {
      const closeness = closenessOf(from, to);
      if (!best || closeness > best.closeness) best = { from, to, closeness };
    }
  }
  return best;
}

/** The endpoint of this name, the first one of a machine. Throws `not-found` with the names that are alike. */
export function findEndpoint<E extends Nameable>(endpoints: readonly E[], name: string): E {
  const [found] = candidates(endpoints, name);
  if (!found) throw unknown(endpoints, name);
  return found;
}

function candidates<E extends Nameable>(endpoints: readonly E[], name: string): E[] {
  const exact = endpoints.filter((e) => e.name === name);
  return exact.length > 0 ? exact : endpoints.filter((e) => e.name.startsWith(`${name}/`));
}

/** 3 on one network, 2 on two subnets of one routing domain, 1 on two virtualized networks, 0 otherwise. */
function closenessOf(
  { port: a, domain: domainOfA }: Nameable,
  { port: b, domain: domainOfB }: Nameable,
): number {
  if (a.attachment.type === 'virtual' && b.attachment.type === 'virtual') {
    if (a.attachment.vsid === b.attachment.vsid) return 3;
    return domainOfA !== undefined && domainOfA === domainOfB ? 2 : 1;
  }
  const [vlanOfA, vlanOfB] = [untaggedVlan(a), untaggedVlan(b)];
  if (vlanOfA !== undefined && vlanOfB !== undefined) {
    return a.switch === b.switch && vlanOfA === vlanOfB && sharePrefix(a, b) ? 3 : 0;
  }
  if (a.attachment.type === 'private' && b.attachment.type === 'private') {
    const isOne = a.switch === b.switch && a.attachment.primary === b.attachment.primary;
    return isOne && sharePrefix(a, b) ? 3 : 0;
  }
  return 0;
}

/** The VLAN of its untagged frames, where it is on VLANs. */
function untaggedVlan({ attachment }: PortRecord): number | undefined {
  if (attachment.type === 'vlan') return attachment.vlan;
  return attachment.type === 'trunk' ? attachment.native : undefined;
}

function sharePrefix(a: PortRecord, b: PortRecord): boolean {
  const gateways = new Set(a.addresses.map((x) => `${x.gateway}/${x.prefixLength}`));
  return b.addresses.some((x) => gateways.has(`${x.gateway}/${x.prefixLength}`));
}

/** An address of `to` in a family that `from` has as well; IPv4 first. With a version, one of that version. */
function commonAddress(from: Nameable, to: Nameable, version: IpVersion | undefined): IpAddress {
  const families = new Set(from.port.addresses.map(({ address }) => isIpv4(address)));
  const addresses = [...to.port.addresses.map(({ address }) => address), ...ownAddresses(to)];
  if (version !== undefined) {
    const wanted = addresses.find((a) => isIpv4(a) === (version === 4));
    if (wanted !== undefined) return wanted;
    throw new NetloomError([
      finding(
        'no-address',
        to.name,
        `${to.name} has no address of IPv${version}.`,
        'Leave the version out, or give its subnet a prefix and a pool of that version.',
      ),
    ]);
  }
  const address = addresses.find((a) => families.has(isIpv4(a))) ?? addresses[0];
  if (address !== undefined) return address;
  throw new NetloomError([
    finding(
      'no-address',
      to.name,
      `${to.name} has no address.`,
      'Give its network a pool, or the vNIC an address of its own.',
    ),
  ]);
}

function hasAddress(endpoint: Nameable, address: IpAddress): boolean {
  return endpoint.port.addresses.some((own) => own.address === address);
}

/** What the guest chose or made itself. */
function ownAddresses({ nic }: Nameable): IpAddress[] {
  return nic?.address === undefined ? [] : [nic.address];
}

/** Whether it has an address of the version of this one. */
function speaks(endpoint: Nameable, address: IpAddress): boolean {
  return endpoint.port.addresses.some((own) => isIpv4(own.address) === isIpv4(address));
}

function unknown(endpoints: readonly Nameable[], name: string): NetloomError {
  const wanted = name.toLowerCase();
  const known = [...new Set(endpoints.map((e) => e.name.split('/')[0]!))];
  const alike = known.filter((k) => k.toLowerCase().startsWith(wanted.slice(0, 3)));
  const shown = (alike.length > 0 ? alike : known).slice(0, 8).join(', ');
  const remedy =
    known.length === 0
      ? 'The network has no machines and no host vNICs yet.'
      : `There are: ${shown}. "netloom endpoints" lists them all.`;
  return new NetloomError([finding('not-found', '', `No machine and no host is called "${name}".`, remedy)]);
}
