/** Namespaces and the cables between them. A cable is made with its ends in place, so nothing of it is ever outside. */
import { readdirSync } from 'node:fs';
import { sideBySide } from './in-turns.ts';
import { namespacePrefix } from './names.ts';
import { attempt, inNamespace, run } from './run.ts';

/** One end of a cable: an interface in a namespace. */
export interface CableEnd {
  readonly in: string;
  readonly name: string;
  readonly mac?: string;
  /** Whether the kernel is to have no address on it, because a switch has the interface. */
  readonly silent?: boolean;
}

/**
 * Settings of the kernel in every namespace: nothing is forwarded, an interface answers for its own addresses alone, and
 * neighbours hear of it when a MAC address is set. New namespaces may otherwise begin with what the machine has.
 */
const KERNEL = [
  'net.ipv4.ip_forward=0',
  'net.ipv4.conf.all.arp_ignore=1',
  'net.ipv4.conf.all.arp_announce=2',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.conf.default.arp_notify=1',
  'net.ipv6.conf.all.forwarding=0',
  'net.ipv6.conf.default.ndisc_notify=1',
  // Everybody in the lab may ping: no program of ours needs more than its namespace.
  'net.ipv4.ping_group_range=0 2147483647',
];

/** `settings` are more of the kernel's, as sysctl(8) takes them. */
export async function addNamespace(name: string, settings: readonly string[] = []): Promise<void> {
  await run('ip', 'netns', 'add', name);
  await run(...inNamespace(name, 'sysctl', '-q', '-w', ...KERNEL, ...settings));
  await run('ip', '-n', name, 'link', 'set', 'lo', 'up');
}

/** Takes the namespace away with all interfaces in it. One that is not there is fine. */
export async function removeNamespace(name: string): Promise<void> {
  if (namespaces().includes(name)) await run('ip', 'netns', 'delete', name);
}

/** The namespaces of a lab, by their names. */
export function namespacesOf(lab: string): string[] {
  return namespaces().filter((name) => name.startsWith(namespacePrefix(lab)));
}

export function namespaces(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    // Nobody has made one since the machine came up.
    return [];
  }
}

/** A cable, with both ends up, or those that are named. Both have the MTU, in bytes of IP packet. */
export async function addCable(a: CableEnd, b: CableEnd, mtu: number, up = [a, b]): Promise<void> {
  const end = ({ name, mac, in: namespace }: CableEnd) => [
    name,
    ...(mac === undefined ? [] : ['address', mac]),
    'mtu',
    `${mtu}`,
    'netns',
    namespace,
  ];
  await run('ip', 'link', 'add', ...end(a), 'type', 'veth', 'peer', 'name', ...end(b));
  await sideBySide(up.map(prepareEnd));
}

/**
 * Brings an interface up. A checksum that the sender leaves to the hardware would be missing behind a switch in user space,
 * which takes frames as they are (docs/decisions/0009).
 */
export async function prepareEnd({ in: namespace, name, silent }: CableEnd): Promise<void> {
  await run(...inNamespace(namespace, 'ethtool', '-K', name, 'tx', 'off'));
  // Before it is up: what comes up without that has an address at once.
  if (silent) await run('ip', '-n', namespace, 'link', 'set', name, 'addrgenmode', 'none');
  await run('ip', '-n', namespace, 'link', 'set', name, 'up');
}

/** Takes an interface away, and the other end of its cable with it. One that is not there is fine. */
export async function removeInterface(namespace: string, name: string): Promise<void> {
  await attempt('ip', '-n', namespace, 'link', 'delete', name);
}
