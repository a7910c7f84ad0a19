/** The names that people use for the ends of a ping or a walk: `blue1`, `blue1/eth0`, `cloud-pm-cn01/Management`. */
import { finding, NetloomError } from '../base/error.ts';
import type { GuestNic } from '../guest/nic.ts';
import { type IpAddress, isIpv4, parseIp } from '../packet/address.ts';
import type { PortRecord } from '../policy/records.ts';
import type { Fabric } from './fabric.ts';

/** One vNIC with the stack behind it. */
export interface Endpoint {
  /** `blue1/eth0` */
  readonly name: string;
  readonly host: string;
  readonly port: PortRecord;
  readonly nic: GuestNic;
}

/** Who pings whom: the destination is an address, and an endpoint when it was named as one. */
export interface Pair {
  readonly from: Endpoint;
  readonly to: Endpoint | undefined;
  readonly address: IpAddress;
}

/** Every vNIC of the lab, by name, sorted. */
export function endpointsOf(fabric: Fabric): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const [host, { agent, soft }] of fabric.hosts) {
    for (const record of agent.records().values()) {
      if (record.kind !== 'port') continue;
      const nic = record.owner === 'vm' ? fabric.machines.get(record.id)?.nic : soft.stack(record.id);
      if (nic) endpoints.push({ name: record.name, host, port: record, nic });
    }
  }
  return endpoints.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The pair that two names mean. A name without a NIC means the NIC that is on the same network as the other end, if
 * there is one, and otherwise the first. Throws `not-found` with the names that are alike.
 */
export function resolvePair(endpoints: readonly Endpoint[], from: string, to: string): Pair {
  const sources = candidates(endpoints, from);
  if (sources.length === 0) throw unknown(endpoints, from);
  const literal = parseIp(to);
  if (literal)
    return { from: sources[0]!, to: endpoints.find((e) => hasAddress(e, literal)), address: literal };
  const destinations = candidates(endpoints, to);
  if (destinations.length === 0) throw unknown(endpoints, to);
  let best: { readonly from: Endpoint; readonly to: Endpoint; readonly closeness: number } | undefined;
  for (const source of sources) {
    for (const destination of destinations) {
      const closeness = closenessOf(source.port, destination.port);
      if (!best || closeness > best.closeness) best = { from: source, to: destination, closeness };
    }
  }
  const { from: source, to: destination } = best!;
  return { from: source, to: destination, address: commonAddress(source, destination) };
}

function candidates(endpoints: readonly Endpoint[], name: string): Endpoint[] {
  const exact = endpoints.filter((e) => e.name === name);
  return exact.length > 0 ? exact : endpoints.filter((e) => e.name.startsWith(`${name}/`));
}

function closenessOf(a: PortRecord, b: PortRecord): number {
  if (a.attachment.type === 'virtual' && b.attachment.type === 'virtual') {
    return a.attachment.vsid === b.attachment.vsid ? 3 : 1;
  }
  if (a.attachment.type === 'vlan' && b.attachment.type === 'vlan') {
    return a.switch === b.switch && a.attachment.vlan === b.attachment.vlan && sharePrefix(a, b) ? 3 : 0;
  }
  if (a.attachment.type === 'private' && b.attachment.type === 'private') {
    const isOne = a.switch === b.switch && a.attachment.primary === b.attachment.primary;
    return isOne && sharePrefix(a, b) ? 3 : 0;
  }
  return 0;
}

function sharePrefix(a: PortRecord, b: PortRecord): boolean {
  const gateways = new Set(a.addresses.map((x) => `${x.gateway}/${x.prefixLength}`));
  return b.addresses.some((x) => gateways.has(`${x.gateway}/${x.prefixLength}`));
}

/** An address of `to` in a family that `from` has as well; IPv4 first. */
function commonAddress(from: Endpoint, to: Endpoint): IpAddress {
  const families = new Set(from.port.addresses.map(({ address }) => isIpv4(address)));
  const addresses = to.port.addresses.map(({ address }) => address);
  const address = addresses.find((a) => families.has(isIpv4(a))) ?? addresses[0] ?? to.nic.address;
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

function hasAddress(endpoint: Endpoint, address: IpAddress): boolean {
  return endpoint.port.addresses.some((own) => own.address === address);
}

function unknown(endpoints: readonly Endpoint[], name: string): NetloomError {
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
