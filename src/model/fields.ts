import { z } from 'zod';
import {
  addressWidth,
  type IpAddress,
  isMulticastMac,
  type Mac,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
  prefixProblem,
  ZERO_MAC,
} from '../packet/address.ts';
import { parseSocketAddress } from '../packet/socket-address.ts';
import { parseAddressRange, parsePortRange, parseVlanRange } from './range.ts';

/**
 * The fields that kinds have in common, each exact and bounded. Their descriptions are what the API's reference and
 * the forms show; a kind describes a field again where it means something more particular.
 */

/** Lists are bounded, so that no object grows without limit; the longest are the vNICs and NICs. */
const LIST_MAXIMUM = 256;

/** Letters of any script, digits, space . _ - ; begins with a letter, a digit or _ ; no space at the end. */
const NAME = /^[\p{L}\p{Nd}_](?:[\p{L}\p{M}\p{Nd} ._-]{0,61}[\p{L}\p{M}\p{Nd}._-])?$/u;
const NAME_RULE =
  'a name: 1 to 63 letters, digits, spaces and . _ - that begins with a letter, a digit or _ and does not end with a space';

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;

/**
 * A text that is kept in one canonical form. `parse` says undefined for what it does not take; `problem` says why in
 * words that go after the field's name.
 */
function canonical<T extends string>(
  parse: (text: string) => T | undefined,
  problem: (text: string) => string,
  maximum: number,
): z.ZodType<T, string> {
  const schema = z
    .string()
    .max(maximum, { abort: true })
    .refine((text) => parse(text) !== undefined, { error: (issue) => problem(String(issue.input)) })
    .overwrite((text) => parse(text) ?? text);
  return schema as z.ZodType<string, string> as z.ZodType<T, string>;
}

/** Normalised (NFC), because two names that look the same must be the same. */
function parseName(text: string): string | undefined {
  const normal = text.normalize('NFC');
  return NAME.test(normal) ? normal : undefined;
}

export const name = canonical(parseName, () => `must be ${NAME_RULE}`, 256).describe(
  'Name, unique within the kind: 1 to 63 letters of any script, digits, spaces and . _ -',
);

/** A reference by name; describes what is meant. */
export function reference(what: string): z.ZodType<string, string> {
  return name.describe(what);
}

const OWNED_RULE = 'must be a name, or the name of a tenant, a colon and a name: web, red:web';

/** A reference to an object that a tenant may own: `web`, or `red:web` where it is the tenant red's. */
export function ownedReference(what: string): z.ZodType<string, string> {
  return canonical(parseOwned, () => OWNED_RULE, 512).describe(`${what} A tenant’s is written red:web.`);
}

function parseOwned(text: string): string | undefined {
  const names = text.split(':').map(parseName);
  return names.length <= 2 && names.every((n) => n !== undefined) ? names.join(':') : undefined;
}

/** The tenant that an object belongs to. */
export const tenant = reference(
  'Tenant that it belongs to; its key is then tenant:name. Left out: it is the administrator’s.',
);

export const description = z
  .string()
  .max(1000)
  .describe('For people; nothing is decided by it.')
  .exactOptional();

export const labels = z
  .record(z.string().max(63).regex(LABEL), z.string().max(63))
  .refine((all) => Object.keys(all).length <= 32, { error: 'must not be more than 32 labels' })
  .describe('Names and values of your own, to search by; at most 32.')
  .exactOptional();

export const meta = z
  .object({
    id: z.string().max(64).describe('Given by the controller; ignored on the way in.').exactOptional(),
    revision: z
      .int()
      .min(0)
      .describe(
        'On the way in: the revision that the change was made for; it is refused when the object has been changed since.',
      )
      .exactOptional(),
  })
  .describe('Added by the controller; accepted on the way in, so that what was read can be written back.');

export function kindField<const Kind extends string>(kind: Kind) {
  return z.literal(kind).describe('What the object is.');
}

/** A list of at most `maximum` items. */
export function list<Item extends z.ZodType>(item: Item, maximum: number = LIST_MAXIMUM) {
  return z.array(item).max(maximum);
}

export const ipAddress = canonical<IpAddress>(
  parseIp,
  () => 'must be an IP address such as 10.0.0.5 or 2001:db8::5',
  45,
).describe('IPv4 or IPv6 address.');

export const socketAddress = canonical(
  parseSocketAddress,
  () => 'must be an IP address and a port such as 192.0.2.10:4739 or [2001:db8::10]:4739',
  53,
).describe('IP address, a colon and a port; an IPv6 address stands in brackets.');

export const ipPrefix = canonical<Prefix>(
  parsePrefix,
  (text) => `must be a prefix such as 10.0.0.0/24 or 2001:db8::/64: ${prefixProblem(text) ?? ''}`,
  49,
).describe('Network address and length, 10.0.0.0/24.');

/** A MAC address that an interface can have: not the zero address, no group bit. */
export const macAddress = canonical<Mac>(
  (text) => {
    const mac = parseMac(text);
    return mac === undefined || mac === ZERO_MAC || isMulticastMac(mac) ? undefined : mac;
  },
  (text) => {
    const mac = parseMac(text);
    if (mac === ZERO_MAC) return 'must not be the zero address';
    if (mac !== undefined)
      return 'must be the address of one interface, and this is a multicast address (lowest bit of the first octet)';
    return 'must be a MAC address such as 00:1d:d8:b7:1c:00';
  },
  17,
).describe('MAC address of one interface, 00:1d:d8:b7:1c:00.');

/** Seconds: five minutes outlive ARP caches and most of what else still means the former owner. */
export const QUARANTINE_DEFAULT = 300;
const QUARANTINE_MAXIMUM = 30 * 24 * 3600;

/** How long what is given back is given to nobody else. */
export const quarantineSeconds = z.int().min(0).max(QUARANTINE_MAXIMUM).default(QUARANTINE_DEFAULT);

/** An address, or `first-last`. */
export const addressRange = canonical(
  (text) => {
    const range = parseAddressRange(text);
    if (!range) return undefined;
    return range.from === range.to ? range.from : `${range.from}-${range.to}`;
  },
  () => 'must be an address or a range such as 10.0.0.1-10.0.0.9, the lower address first',
  91,
).describe('Address, or first and last address of a range: 10.0.0.1-10.0.0.9.');

/** A prefix, or an address, which is written as the prefix that has it alone: 10.0.0.5 is 10.0.0.5/32. */
export const prefixOrAddress = canonical<Prefix>(
  (text) => {
    const address = parseIp(text);
    return parsePrefix(address === undefined ? text : `${address}/${addressWidth(address)}`);
  },
  (text) => `must be an address or a prefix such as 10.0.0.5 or 10.0.0.0/24: ${prefixProblem(text) ?? ''}`,
  49,
).describe('Address or prefix, 10.0.0.5 or 10.0.0.0/24.');

/** A TCP or UDP port, or `first-last`. */
export const portRange = canonical(
  (text) => {
    const range = parsePortRange(text);
    if (!range) return undefined;
    return range.from === range.to ? String(range.from) : `${range.from}-${range.to}`;
  },
  () => 'must be a range of ports within 0 to 65535 such as 8000-8080, the lower port first',
  11,
).describe('Range of ports, 8000-8080.');

/** The port ACLs that apply to something, the first one first. */
export const acls = list(ownedReference('Port ACL.'), 8).describe(
  'Port ACLs, at most 8; the first one that has something to say about a packet decides.',
);

/** 0 is untagged; 4095 is reserved (IEEE 802.1Q-2018, table 9-2). */
export const vlan = z.int().min(0).max(4094).describe('VLAN, 1 to 4094; 0 is untagged.');

/** A VLAN or `first-last`. */
export const vlanRange = canonical(
  (text) => {
    const range = parseVlanRange(text);
    if (!range) return undefined;
    return range.from === range.to ? String(range.from) : `${range.from}-${range.to}`;
  },
  () => 'must be a range of VLANs within 0 to 4094 such as 10-19, the lower VLAN first',
  9,
).describe('Range of VLANs, 10-19.');

export const uuid = canonical(
  (text) => (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined),
  () => 'must be a UUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  36,
).describe('UUID.');

/** Name of a VM subnet, or prefix of a site's subnet. */
export const subnetChoice = canonical(
  (text) => parseName(text) ?? parsePrefix(text),
  () => 'must be the name of a VM subnet, or the prefix of one of the subnets of the site',
  256,
).describe(
  'Which subnet: the name of a VM subnet; on a network without virtualization, the prefix of one of the subnets of the site. Can be left out where there is only one.',
);
