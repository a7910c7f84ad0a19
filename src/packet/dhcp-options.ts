/**
 * What the options of DHCPv4 mean (RFC 2132; 82: RFC 3046, 119: RFC 3397, 121: RFC 3442), for `DhcpView.read` and
 * `dhcpOptionsOf`.
 *
 *     82   relay agent information:  | sub-option | length | value |…       1 = circuit id, 2 = remote id
 *     121  classless routes:         | length 0..32 | the octets of the prefix that count | router (4) |…
 */
import {
  type Ipv4,
  ipv4FromNumber,
  ipv4ToNumber,
  type Prefix,
  parseIpv4,
  parsePrefix,
  prefixOf,
  prefixParts,
} from './address.ts';
import { fromHex, read32, toHex, write32 } from './bytes.ts';
import { DHCP_OPTION, type DhcpOption } from './dhcp.ts';
import { type Option, type OptionType, optionType, type ValueType } from './option.ts';
import {
  CODES_8,
  COMPRESSED_DOMAIN_NAMES,
  everyOne,
  IPV4_ADDRESS,
  IPV4_ADDRESSES,
  joined,
  parseUint,
  TEXT,
  UINT8,
  UINT16,
  UINT32,
} from './values.ts';

/** What identifies a client (RFC 2132, 9.14): hardware type 1 and its MAC address, or 0 or 255 and anything. */
export interface ClientId {
  readonly type: number;
  /** One byte at least. */
  readonly id: Uint8Array;
}

const CLIENT_ID_VALUE: ValueType<ClientId> = {
  what: 'a type and hexadecimal digits, such as 1:001dd8b71c01',
  decode: (data) => (data.length >= 2 ? { type: data[0]!, id: data.subarray(1) } : undefined),
  encode: ({ type, id }) => joined([UINT8.encode(type), id]),
  format: ({ type, id }) => `${type}:${toHex(id)}`,
  parse(text) {
    const [type, id, ...more] = text.split(':');
    const number = type === undefined ? undefined : parseUint(type, 255);
    const bytes = id === undefined ? undefined : fromHex(id);
    return number !== undefined && bytes && more.length === 0 ? { type: number, id: bytes } : undefined;
  },
};

/** Sub-options of option 82 (RFC 3046, 2.0; 5: RFC 3527; 11: RFC 5107). */
export const RELAY_SUBOPTION = {
  CIRCUIT_ID: 1,
  REMOTE_ID: 2,
  LINK_SELECTION: 5,
  SERVER_OVERRIDE: 11,
} as const;

const RELAY_NAMES: Readonly<Record<string, number>> = {
  circuit: RELAY_SUBOPTION.CIRCUIT_ID,
  remote: RELAY_SUBOPTION.REMOTE_ID,
};

const RELAY_VALUE: ValueType<readonly Option[]> = {
  what: 'sub-options joined by +, such as circuit:6574683+remote:00 or s5:0a000000',
  decode(data) {
    const list: Option[] = [];
    for (let at = 0; at < data.length; ) {
      const length = data[at + 1];
      if (length === undefined || length > data.length - at - 2) return undefined;
      list.push({ code: data[at]!, data: data.subarray(at + 2, at + 2 + length) });
      at += 2 + length;
    }
    return list.length > 0 ? list : undefined;
  },
  encode: (list) =>
    joined(list.flatMap(({ code, data }) => [UINT8.encode(code), UINT8.encode(data.length), data])),
  format: (list) =>
    list
      .map(({ code, data }) => {
        const name = Object.keys(RELAY_NAMES).find((key) => RELAY_NAMES[key] === code);
        return `${name ?? `s${code}`}:${toHex(data)}`;
      })
      .join('+'),
  parse(text) {
    const list = text.split('+').map((part): Option | undefined => {
      const [, name = '', hex = ''] = /^([a-z]+|s\d{1,3}):([0-9a-f]*)$/.exec(part) ?? [];
      const code = Object.hasOwn(RELAY_NAMES, name) ? RELAY_NAMES[name] : parseUint(name.slice(1), 255);
      const data = fromHex(hex);
      return code !== undefined && data ? { code, data } : undefined;
    });
    return everyOne(list) ? list : undefined;
  },
};

/** A route of option 121. The router 0.0.0.0 means: on this link. */
export interface ClasslessRoute {
  readonly prefix: Prefix;
  readonly router: Ipv4;
}

const ROUTES_VALUE: ValueType<readonly ClasslessRoute[]> = {
  what: 'routes joined by +, such as "10.1.0.0/16 via 10.0.0.1"',
  decode(data) {
    const routes: ClasslessRoute[] = [];
    for (let at = 0; at < data.length; ) {
      const length = data[at]!;
      const octets = Math.ceil(length / 8);
      if (length > 32 || data.length - at < 1 + octets + 4) return undefined;
      const destination = new Uint8Array(4);
      destination.set(data.subarray(at + 1, at + 1 + octets));
      routes.push({
        // Bits behind the length are masked, as the client must.
        prefix: prefixOf(ipv4FromNumber(read32(destination, 0)), length),
        router: ipv4FromNumber(read32(data, at + 1 + octets)),
      });
      at += 1 + octets + 4;
    }
    return routes.length > 0 ? routes : undefined;
  },
  encode: (routes) => joined(routes.map(encodeRoute)),
  format: (routes) => routes.map(({ prefix, router }) => `${prefix} via ${router}`).join('+'),
  parse(text) {
    const routes = text.split('+').map((part): ClasslessRoute | undefined => {
      const [to = '', via, by = '', ...more] = part.split(' ');
      const prefix = parsePrefix(to);
      const router = parseIpv4(by);
      const isIpv4 = prefix && prefixParts(prefix).family === 4;
      return isIpv4 && via === 'via' && router && more.length === 0 ? { prefix, router } : undefined;
    });
    return everyOne(routes) ? routes : undefined;
  },
};

function encodeRoute({ prefix, router }: ClasslessRoute): Uint8Array {
  const { address, length, family } = prefixParts(prefix);
  if (family !== 4) throw new RangeError(`${prefix} is not an IPv4 prefix`);
  const octets = Math.ceil(length / 8);
  const destination = IPV4_ADDRESS.encode(address as Ipv4);
  const route = new Uint8Array(1 + octets + 4);
  route[0] = length;
  route.set(destination.subarray(0, octets), 1);
  write32(route, 1 + octets, ipv4ToNumber(router));
  return route;
}

/** The smallest MTU that may be told (RFC 2132, 5.1). */
const SMALLEST_MTU = 68;
const MTU_VALUE: ValueType<number> = {
  ...UINT16,
  decode(data) {
    const mtu = UINT16.decode(data);
    return mtu !== undefined && mtu >= SMALLEST_MTU ? mtu : undefined;
  },
};

/** The options that we know, by what they say. */
export const DHCP_VALUE = {
  subnetMask: optionType(DHCP_OPTION.SUBNET_MASK, 'mask', IPV4_ADDRESS),
  routers: optionType(DHCP_OPTION.ROUTER, 'gateway', IPV4_ADDRESSES),
  dns: optionType(DHCP_OPTION.DNS, 'dns', IPV4_ADDRESSES),
  hostName: optionType(DHCP_OPTION.HOST_NAME, 'hostname', TEXT),
  domainName: optionType(DHCP_OPTION.DOMAIN_NAME, 'domain', TEXT),
  /** 68 at least. */
  mtu: optionType(DHCP_OPTION.MTU, 'mtu', MTU_VALUE),
  /** WINS. */
  netbiosNameServers: optionType(DHCP_OPTION.NETBIOS_NAME_SERVERS, 'wins', IPV4_ADDRESSES),
  requestedAddress: optionType(DHCP_OPTION.REQUESTED_ADDRESS, 'requested', IPV4_ADDRESS),
  /** Seconds; 0xffffffff = for ever. */
  leaseTime: optionType(DHCP_OPTION.LEASE_TIME, 'lease', UINT32),
  /** See DHCP_MESSAGE. */
  messageType: optionType(DHCP_OPTION.MESSAGE_TYPE, 'message', UINT8),
  serverId: optionType(DHCP_OPTION.SERVER_ID, 'server', IPV4_ADDRESS),
  parameterList: optionType(DHCP_OPTION.PARAMETER_LIST, 'params', CODES_8),
  /** Why a server refuses, or a client declines. */
  message: optionType(DHCP_OPTION.MESSAGE, 'text', TEXT),
  /** Seconds: T1. */
  renewalTime: optionType(DHCP_OPTION.RENEWAL_TIME, 'renewal', UINT32),
  /** Seconds: T2. */
  rebindingTime: optionType(DHCP_OPTION.REBINDING_TIME, 'rebinding', UINT32),
  clientId: optionType(DHCP_OPTION.CLIENT_ID, 'client', CLIENT_ID_VALUE),
  tftpServer: optionType(DHCP_OPTION.TFTP_SERVER, 'tftp', TEXT),
  bootFile: optionType(DHCP_OPTION.BOOT_FILE, 'bootfile', TEXT),
  /** Sub-options in their order: RELAY_SUBOPTION. */
  relayInformation: optionType(DHCP_OPTION.RELAY_INFORMATION, 'relay', RELAY_VALUE),
  domainSearch: optionType(DHCP_OPTION.DOMAIN_SEARCH, 'search', COMPRESSED_DOMAIN_NAMES),
  classlessRoutes: optionType(DHCP_OPTION.CLASSLESS_ROUTES, 'routes', ROUTES_VALUE),
} as const;

/**
 * The options that carry a value: one, or several where it takes more than 255 bytes (RFC 3396). Throws RangeError
 * when the value has no bytes.
 */
export function dhcpOptionsOf<T>(type: OptionType<T>, value: T): readonly DhcpOption[] {
  const data = type.encode(value);
  const parts = Math.max(1, Math.ceil(data.length / 255));
  return Array.from({ length: parts }, (_, i) => ({
    code: type.code,
    data: data.subarray(255 * i, 255 * (i + 1)),
  }));
}
