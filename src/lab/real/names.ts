/**
 * What the things of a lab are called. Everything is found again by its name, after a crash too, so a name says which lab
 * it belongs to:
 *
 *     nl-demo-host-node1   network namespace of the host "node1" of the lab "demo"
 *     nl-demo-vm-web       of the VM "web"
 *     nl-demo-fabric       of the switches that hosts are cabled to
 *     nl-demo-mgmt         of the network that hosts reach the controller by
 */
import { createHash } from 'node:crypto';
import { finding, NetloomError } from '../../base/error.ts';

/** The interface that a host reaches the controller by; not one of its described NICs. */
export const MANAGEMENT_NIC = 'lab0';
/** Where the agents find the controller, in the management network of every lab. */
export const CONTROLLER_ADDRESS = '198.18.0.1';
export const AGENTS_PORT = 7301;
export const MANAGEMENT_PREFIX_LENGTH = 16;

/** Of a network interface in Linux (IFNAMSIZ less its final zero). */
export const INTERFACE_NAME_LENGTH = 15;
/** Names are of use to people as long as they are short. */
const NAMESPACE_NAME_LENGTH = 48;
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Letters and digits only: no lab's names are the beginning of another's. Throws NetloomError. */
export function labName(text: string): string {
  if (/^[a-z0-9]{1,12}$/.test(text)) return text;
  throw new NetloomError([
    finding(
      'value-invalid',
      '--name',
      `${JSON.stringify(text)} is not a name for a lab.`,
      'Take up to 12 small letters and digits.',
    ),
  ]);
}

/** What the names of all namespaces of a lab begin with. */
export function namespacePrefix(lab: string): string {
  return `nl-${lab}-`;
}

export function namespaceName(lab: string, ...parts: readonly string[]): string {
  const prefix = namespacePrefix(lab);
  return `${prefix}${plainName(parts.join('-'), NAMESPACE_NAME_LENGTH - prefix.length)}`;
}

/** An interface that a machine's NIC comes out at on the host: `web.eth0`. */
export function tapName(machine: string, nic: string): string {
  return plainName(`${machine}.${nic}`, INTERFACE_NAME_LENGTH);
}

/** The port of a physical switch that a host's NIC is cabled to: `node1.nic1`. */
export function cableName(host: string, nic: string): string {
  return plainName(`${host}.${nic}`, INTERFACE_NAME_LENGTH);
}

/**
 * The text itself, with dashes for spaces, where it is short and of letters, digits, `.`, `_` and `-` only; otherwise as much
 * of it as there is room for, with a hash.
 */
export function plainName(text: string, length: number): string {
  const dashed = text.replaceAll(' ', '-');
  if (dashed.length <= length && PLAIN.test(dashed)) return dashed;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 4);
  const plain = dashed.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${plain.slice(0, length - hash.length - 1) || 'x'}-${hash}`;
}

/** Whether an interface can have this name as it is. */
export function isInterfaceName(text: string): boolean {
  return text.length <= INTERFACE_NAME_LENGTH && PLAIN.test(text);
}
