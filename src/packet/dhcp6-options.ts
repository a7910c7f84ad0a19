/**
 * What the options of DHCPv6 mean (RFC 8415, 21; DNS RFC 3646), for `Dhcp6View.read` and `optionOf`.
 *
 *     1, 2  client, server: a DUID, which identifies its owner as a whole (RFC 8415, 11)
 *     3  IA_NA       | IAID (4) | T1 (4) | T2 (4) | options: IA address, status code |
 *     5  IA address  | address (16) | preferred (4) | valid (4) | options: status code |
 *     13 status code | status (2) | text in UTF-8 |
 *
 * Times are in seconds, 0xffffffff = for ever.
 */
import { type Ipv6, type Mac, parseIpv6 } from './address.ts';
import { read16, read32, write32 } from './bytes.ts';
import { DHCP6_OPTION, dhcp6OptionsLength, readDhcp6Options, writeDhcp6Options } from './dhcp6.ts';
import {
  type Option,
  type OptionNotation,
  optionNotation,
  optionOf,
  optionType,
  optionValue,
  type ValueType,
} from './option.ts';
import {
  BYTES,
  CODES_16,
  DOMAIN_NAMES,
  everyOne,
  IPV6_ADDRESS,
  IPV6_ADDRESSES,
  joined,
  MAC_ADDRESS,
  NOTHING,
  parseUint,
  UINT8,
  UINT16,
  UINT32,
} from './values.ts';

/** RFC 8415, 21.13. */
export const DHCP6_STATUS = {
  SUCCESS: 0,
  UNSPECIFIED: 1,
  NO_ADDRESSES: 2,
  NO_BINDING: 3,
  NOT_ON_LINK: 4,
  USE_MULTICAST: 5,
} as const;

/** The DUID that an Ethernet interface has for its MAC address: DUID-LL, hardware type 1 (RFC 8415, 11.4). */
export function duidOf(mac: Mac): Uint8Array {
  return joined([UINT16.encode(3), UINT16.encode(1), MAC_ADDRESS.encode(mac)]);
}

/** Type, and one byte at least (RFC 8415, 11.1). */
const SHORTEST_DUID = 3;
const LONGEST_DUID = 130;

const DUID_VALUE: ValueType<Uint8Array> = {
  ...BYTES,
  what: `${SHORTEST_DUID} to ${LONGEST_DUID} bytes as pairs of hexadecimal digits`,
  decode: (data) => (data.length >= SHORTEST_DUID && data.length <= LONGEST_DUID ? data : undefined),
};

export interface Dhcp6Status {
  /** See DHCP6_STATUS. */
  readonly status: number;
  /** For people; may be empty. */
  readonly text: string;
}

const STATUS_VALUE: ValueType<Dhcp6Status> = {
  what: 'a status and a text: "2 no address left"',
  isText: true,
  decode(data) {
    if (data.length < 2) return undefined;
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(data.subarray(2));
    return /[\p{Cc}\uFFFD]/u.test(text) ? undefined : { status: read16(data, 0), text };
  },
  encode: ({ status, text }) => joined([UINT16.encode(status), new TextEncoder().encode(text)]),
  format: ({ status, text }) => (text === '' ? `${status}` : `${status} ${text}`),
  parse(text) {
    const [, number = '', rest = ''] = /^(\d{1,5})(?: (.*))?$/.exec(text) ?? [];
    const status = parseUint(number, 0xffff);
    return status === undefined ? undefined : { status, text: rest };
  },
};

/** An address that a server gives, or that a client asks for. */
export interface Dhcp6Address {
  readonly address: Ipv6;
  readonly preferred: number;
  readonly valid: number;
  readonly status?: Dhcp6Status;
}

const ADDRESS_SIZE = 24;

const ADDRESS_VALUE: ValueType<Dhcp6Address> = {
  what: 'address, preferred and valid seconds: "2001:db8::5 3000 4000"',
  decode(data) {
    const address = IPV6_ADDRESS.decode(data.subarray(0, 16));
    if (!address || data.length < ADDRESS_SIZE) return undefined;
    const [preferred, valid] = [read32(data, 16), read32(data, 20)];
    const options = readDhcp6Options(data, ADDRESS_SIZE, data.length);
    if (!options || preferred > valid) return undefined;
    return { address, preferred, valid, ...statusIn(options) };
  },
  encode({ address, preferred, valid, status }) {
    const fixed = joined([IPV6_ADDRESS.encode(address), UINT32.encode(preferred), UINT32.encode(valid)]);
    return withOptions(fixed, statusOptions(status));
  },
  format: ({ address, preferred, valid }) => `${address} ${preferred} ${valid}`,
  parse(text) {
    const [first = '', second = '', third = '', ...more] = text.split(' ');
    const address = parseIpv6(first);
    const preferred = parseUint(second, 0xffffffff);
    const valid = parseUint(third, 0xffffffff);
    if (!address || preferred === undefined || valid === undefined || more.length > 0) return undefined;
    return { address, preferred, valid };
  },
};

/** An identity association for addresses: what a client holds on one interface. */
export interface Dhcp6Association {
  readonly iaid: number;
  /** T1, when the client asks its server to go on; 0 = as it likes. */
  readonly renew: number;
  /** T2, when it asks any server; 0 = as it likes. */
  readonly rebind: number;
  readonly addresses: readonly Dhcp6Address[];
  readonly status?: Dhcp6Status;
}

const ASSOCIATION_SIZE = 12;

const ASSOCIATION_VALUE: ValueType<Dhcp6Association> = {
  what: 'IAID, T1, T2, then addresses and a status: "1 1800 2880; 2001:db8::5 3000 4000" or "1 0 0; status 2 none left"',
  decode(data) {
    if (data.length < ASSOCIATION_SIZE) return undefined;
    const options = readDhcp6Options(data, ASSOCIATION_SIZE, data.length);
    const [renew, rebind] = [read32(data, 4), read32(data, 8)];
    // RFC 8415, 21.4: an IA_NA with T1 after T2 is discarded as invalid.
    if (!options || (renew > rebind && rebind > 0)) return undefined;
    // An address that makes no sense is passed over, the others stand (RFC 8415, 21.6).
    const addresses = options
      .filter((o) => o.code === DHCP6_OPTION.IA_ADDRESS)
      .map((o) => ADDRESS_VALUE.decode(o.data))
      .filter((address) => address !== undefined);
    return { iaid: read32(data, 0), renew, rebind, addresses, ...statusIn(options) };
  },
  encode({ iaid, renew, rebind, addresses, status }) {
    const fixed = new Uint8Array(ASSOCIATION_SIZE);
    [iaid, renew, rebind].forEach((value, i) => {
      write32(fixed, 4 * i, value);
    });
    const options = addresses.map((a) => ({ code: DHCP6_OPTION.IA_ADDRESS, data: ADDRESS_VALUE.encode(a) }));
    return withOptions(fixed, [...options, ...statusOptions(status)]);
  },
  format({ iaid, renew, rebind, addresses, status }) {
    return [
      `${iaid} ${renew} ${rebind}`,
      ...addresses.map((a) => ADDRESS_VALUE.format(a)),
      ...(status ? [`status ${STATUS_VALUE.format(status)}`] : []),
    ].join('; ');
  },
  parse(text) {
    const [head = '', ...rest] = text.split('; ');
    const numbers = head.split(' ').map((n) => parseUint(n, 0xffffffff));
    const [iaid, renew, rebind] = numbers;
    if (numbers.length !== 3 || iaid === undefined || renew === undefined || rebind === undefined)
      return undefined;
    const last = rest.at(-1) ?? '';
    const status = last.startsWith('status ') ? STATUS_VALUE.parse(last.slice(7)) : undefined;
    const addresses = (status ? rest.slice(0, -1) : rest).map((part) => ADDRESS_VALUE.parse(part));
    return everyOne(addresses)
      ? { iaid, renew, rebind, addresses, ...(status ? { status } : {}) }
      : undefined;
  },
};

function statusIn(options: readonly Option[]): { readonly status?: Dhcp6Status } {
  const status = optionValue(options, STATUS_OPTION);
  return status ? { status } : {};
}

function statusOptions(status: Dhcp6Status | undefined): readonly Option[] {
  return status ? [optionOf(STATUS_OPTION, status)] : [];
}

function withOptions(fixed: Uint8Array, options: readonly Option[]): Uint8Array {
  const data = new Uint8Array(fixed.length + dhcp6OptionsLength(options));
  data.set(fixed);
  writeDhcp6Options(data, fixed.length, options);
  return data;
}

const STATUS_OPTION = optionType(DHCP6_OPTION.STATUS_CODE, 'status', STATUS_VALUE);

/** The options that we know, by what they say. */
export const DHCP6_VALUE = {
  clientId: optionType(DHCP6_OPTION.CLIENT_ID, 'client', DUID_VALUE),
  serverId: optionType(DHCP6_OPTION.SERVER_ID, 'server', DUID_VALUE),
  association: optionType(DHCP6_OPTION.IA_NA, 'ia', ASSOCIATION_VALUE),
  optionRequest: optionType(DHCP6_OPTION.OPTION_REQUEST, 'params', CODES_16),
  /** Of an advertise; 255 = ask me without waiting for others. */
  preference: optionType(DHCP6_OPTION.PREFERENCE, 'preference', UINT8),
  /** Since the client began, in hundredths of a second. */
  elapsedTime: optionType(DHCP6_OPTION.ELAPSED_TIME, 'elapsed', UINT16),
  status: STATUS_OPTION,
  /** Two messages rather than four. */
  rapidCommit: optionType(DHCP6_OPTION.RAPID_COMMIT, 'rapid-commit', NOTHING),
  dns: optionType(DHCP6_OPTION.DNS, 'dns', IPV6_ADDRESSES),
  domainList: optionType(DHCP6_OPTION.DOMAIN_LIST, 'search', DOMAIN_NAMES),
  /** Seconds: when a client without addresses asks again. */
  refreshTime: optionType(DHCP6_OPTION.REFRESH_TIME, 'refresh', UINT32),
} as const;

/** `ia="1 1800 2880; 2001:db8::5 3000 4000"`, `dns=2001:db8::53`, `o39=…`. */
export const DHCP6_NOTATION: OptionNotation = optionNotation(Object.values(DHCP6_VALUE), {
  lowest: 0,
  highest: 0xffff,
  longest: 0xffff,
});
