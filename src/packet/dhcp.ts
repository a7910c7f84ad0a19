/**
 * DHCP for IPv4 (RFC 2131, options RFC 2132).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+---------------+---------------+
 *     |  op: 1 asks   |   htype = 1   |    hlen = 6   |     hops      |
 *     +---------------+---------------+---------------+---------------+
 *     |                 xid: ties an answer to its question           |
 *     +-------------------------------+-+-----------------------------+
 *     |   secs since the client began |B|            flags            |
 *     +-------------------------------+-+-----------------------------+
 *     |            ciaddr: the client's address, when it has one      |
 *     |            yiaddr: "your" address, from the server            |
 *     |            siaddr: next server, for booting                   |
 *     |            giaddr: the relay agent                            |
 *     +---------------------------------------------------------------+
 *     |            chaddr (16), sname (64), file (128)                |
 *     +---------------------------------------------------------------+
 *     |            magic cookie 0x63825363                            |
 *     +---------------+---------------+-------------------------------+
 *     | option: code  |    length     | value …     0 = pad, 255 = end|
 *     +---------------+---------------+-------------------------------+
 *
 * Options in `sname` and `file` (option 52, overload) are not read. What follows the "end" option is payload: the
 * zeros that fill a message up to MINIMUM.
 */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber, type Mac, macFromNumber, macToNumber } from './address.ts';
import { read16, read32, read48, write16, write32, write48 } from './bytes.ts';
import type { Option, OptionType } from './option.ts';
import { fits, View } from './view.ts';

export const DHCP = {
  OP: 0,
  HTYPE: 1,
  HLEN: 2,
  HOPS: 3,
  XID: 4,
  SECS: 8,
  FLAGS: 10,
  CIADDR: 12,
  YIADDR: 16,
  SIADDR: 20,
  GIADDR: 24,
  CHADDR: 28,
  SNAME: 44,
  FILE: 108,
  COOKIE: 236,
  OPTIONS: 240,
  /** Messages are padded to this: a message was never shorter in BOOTP (RFC 1542, 2.1), and some drop what is. */
  MINIMUM: 300,
} as const;

export const DHCP_COOKIE = 0x63825363;

export const DHCP_OP = { REQUEST: 1, REPLY: 2 } as const;

/** In the flags: answer me by broadcast, I cannot take unicast yet. */
export const DHCP_BROADCAST = 0x8000;

/** Values of option 53. */
export const DHCP_MESSAGE = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;

/** RFC 2132; 82: RFC 3046, 119: RFC 3397, 121: RFC 3442. Times are in seconds. What they mean: dhcp-options.ts. */
export const DHCP_OPTION = {
  PAD: 0,
  SUBNET_MASK: 1,
  ROUTER: 3,
  DNS: 6,
  HOST_NAME: 12,
  DOMAIN_NAME: 15,
  MTU: 26,
  NETBIOS_NAME_SERVERS: 44,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  MESSAGE_TYPE: 53,
  SERVER_ID: 54,
  PARAMETER_LIST: 55,
  MESSAGE: 56,
  MAX_SIZE: 57,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  CLIENT_ID: 61,
  TFTP_SERVER: 66,
  BOOT_FILE: 67,
  RELAY_INFORMATION: 82,
  DOMAIN_SEARCH: 119,
  CLASSLESS_ROUTES: 121,
  END: 255,
} as const;

/** One option: code 1..254, at most 255 bytes. */
export type DhcpOption = Option;

/** Whether a text can stand in a field of so many bytes: printable ASCII without quotation mark and backslash. */
export function isDhcpText(text: string, longest: number): boolean {
  return text.length <= longest && /^[ !#-[\]-~]*$/.test(text);
}

interface OptionList {
  /** In order, without padding. */
  readonly options: readonly DhcpOption[];
  /** Behind the "end" option. */
  readonly end: number;
}

export class DhcpView extends View {
  readonly #list: OptionList;

  private constructor(bytes: Uint8Array, offset: number, end: number, list: OptionList) {
    super(bytes, offset, end);
    this.#list = list;
  }

  /** Undefined also for other hardware than Ethernet, and where no "end" ends the options (RFC 2131, 4.1). */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): DhcpView | undefined {
    if (!fits(bytes, offset, end, DHCP.OPTIONS + 1)) return undefined;
    if (bytes[offset + DHCP.HTYPE] !== 1 || bytes[offset + DHCP.HLEN] !== 6) return undefined;
    if (read32(bytes, offset + DHCP.COOKIE) !== DHCP_COOKIE) return undefined;
    const list = readDhcpOptions(bytes, offset + DHCP.OPTIONS, end);
    return list && new DhcpView(bytes, offset, end, list);
  }

  /** With all options. */
  get headerLength(): number {
    return this.#list.end - this.offset;
  }

  /** See DHCP_OP. */
  get op(): number {
    return this.bytes[this.offset + DHCP.OP]!;
  }
  set op(value: number) {
    this.bytes[this.offset + DHCP.OP] = value;
  }

  get hops(): number {
    return this.bytes[this.offset + DHCP.HOPS]!;
  }
  set hops(value: number) {
    this.bytes[this.offset + DHCP.HOPS] = value;
  }

  get xid(): number {
    return read32(this.bytes, this.offset + DHCP.XID);
  }
  set xid(value: number) {
    write32(this.bytes, this.offset + DHCP.XID, value);
  }

  get secs(): number {
    return read16(this.bytes, this.offset + DHCP.SECS);
  }
  set secs(value: number) {
    write16(this.bytes, this.offset + DHCP.SECS, value);
  }

  get flags(): number {
    return read16(this.bytes, this.offset + DHCP.FLAGS);
  }
  set flags(value: number) {
    write16(this.bytes, this.offset + DHCP.FLAGS, value);
  }

  get broadcast(): boolean {
    return (this.flags & DHCP_BROADCAST) !== 0;
  }

  get ciaddr(): Ipv4 {
    return this.#addressAt(DHCP.CIADDR);
  }
  set ciaddr(value: Ipv4) {
    write32(this.bytes, this.offset + DHCP.CIADDR, ipv4ToNumber(value));
  }

  get yiaddr(): Ipv4 {
    return this.#addressAt(DHCP.YIADDR);
  }
  set yiaddr(value: Ipv4) {
    write32(this.bytes, this.offset + DHCP.YIADDR, ipv4ToNumber(value));
  }

  get siaddr(): Ipv4 {
    return this.#addressAt(DHCP.SIADDR);
  }
  set siaddr(value: Ipv4) {
    write32(this.bytes, this.offset + DHCP.SIADDR, ipv4ToNumber(value));
  }

  get giaddr(): Ipv4 {
    return this.#addressAt(DHCP.GIADDR);
  }
  set giaddr(value: Ipv4) {
    write32(this.bytes, this.offset + DHCP.GIADDR, ipv4ToNumber(value));
  }

  get chaddr(): Mac {
    return macFromNumber(read48(this.bytes, this.offset + DHCP.CHADDR));
  }
  set chaddr(value: Mac) {
    write48(this.bytes, this.offset + DHCP.CHADDR, macToNumber(value));
  }

  /** Name of the host to start from; '' = none, undefined = no printable text. At most 64 bytes. */
  get serverName(): string | undefined {
    return this.#textAt(DHCP.SNAME, DHCP.FILE);
  }

  /** Name of the file to start from; '' = none, undefined = no printable text. At most 128 bytes. */
  get bootFile(): string | undefined {
    return this.#textAt(DHCP.FILE, DHCP.COOKIE);
  }

  /** See DHCP_MESSAGE; undefined when the option is missing or not of one byte. */
  get type(): number | undefined {
    return this.number(DHCP_OPTION.MESSAGE_TYPE, 1);
  }

  /** In order, without padding. */
  options(): readonly DhcpOption[] {
    return this.#list.options;
  }

  /** The value of an option; that of options with the same code is joined (RFC 3396). Undefined when it is missing. */
  option(code: number): Uint8Array | undefined {
    const [first, ...more] = this.#list.options.filter((o) => o.code === code);
    if (!first || more.length === 0) return first?.data;
    return Uint8Array.from([first, ...more].flatMap((o) => [...o.data]));
  }

  /** The value of an option of dhcp-options.ts; undefined when it is missing, or does not have its form. */
  read<T>(type: OptionType<T>): T | undefined {
    const data = this.option(type.code);
    return data && type.decode(data);
  }

  /** An option that is one number of `size` bytes; undefined when it is missing or of another size. */
  number(code: number, size: 1 | 2 | 4): number | undefined {
    const value = this.option(code);
    if (value?.length !== size) return undefined;
    return size === 1 ? value[0]! : size === 2 ? read16(value, 0) : read32(value, 0);
  }

  /** An option that is one address; undefined when it is missing or of another size. */
  address(code: number): Ipv4 | undefined {
    const value = this.number(code, 4);
    return value === undefined ? undefined : ipv4FromNumber(value);
  }

  /** An option that is a list of addresses; empty when it is missing or not of whole addresses. */
  addresses(code: number): readonly Ipv4[] {
    const value = this.option(code);
    if (!value || value.length % 4 !== 0) return [];
    return Array.from({ length: value.length / 4 }, (_, i) => ipv4FromNumber(read32(value, 4 * i)));
  }

  /** Up to the first zero. */
  #textAt(from: number, to: number): string | undefined {
    const field = this.bytes.subarray(this.offset + from, this.offset + to);
    const end = field.indexOf(0);
    const text = String.fromCharCode(...(end < 0 ? field : field.subarray(0, end)));
    return isDhcpText(text, to - from) ? text : undefined;
  }

  #addressAt(field: number): Ipv4 {
    return ipv4FromNumber(read32(this.bytes, this.offset + field));
  }
}

/** Undefined when an option goes beyond the end, or no "end" option stands before it. */
function readDhcpOptions(bytes: Uint8Array, offset: number, end: number): OptionList | undefined {
  const options: DhcpOption[] = [];
  while (offset < end) {
    const code = bytes[offset]!;
    if (code === DHCP_OPTION.END) return { options, end: offset + 1 };
    if (code === DHCP_OPTION.PAD) {
      offset += 1;
      continue;
    }
    if (end - offset < 2) return undefined;
    const length = bytes[offset + 1]!;
    if (length > end - offset - 2) return undefined;
    options.push({ code, data: bytes.subarray(offset + 2, offset + 2 + length) });
    offset += 2 + length;
  }
  return undefined;
}

/** Who sends messages of this type: DHCP_OP. */
export function dhcpOpOf(type: number): number {
  const { OFFER, ACK, NAK } = DHCP_MESSAGE;
  return type === OFFER || type === ACK || type === NAK ? DHCP_OP.REPLY : DHCP_OP.REQUEST;
}

/** Bytes that the options take, the "end" option included. */
export function dhcpOptionsLength(options: readonly DhcpOption[]): number {
  return options.reduce((sum, o) => sum + 2 + o.data.length, 1);
}

/** Writes the options and the "end" option. */
export function writeDhcpOptions(bytes: Uint8Array, offset: number, options: readonly DhcpOption[]): void {
  for (const { code, data } of options) {
    bytes[offset] = code;
    bytes[offset + 1] = data.length;
    bytes.set(data, offset + 2);
    offset += 2 + data.length;
  }
  bytes[offset] = DHCP_OPTION.END;
}

export function byteOption(code: number, value: number): DhcpOption {
  return { code, data: Uint8Array.of(value) };
}

/** A number of 16 bits: the MTU. */
export function shortOption(code: number, value: number): DhcpOption {
  const data = new Uint8Array(2);
  write16(data, 0, value);
  return { code, data };
}

/** A number of 32 bits: seconds. */
export function longOption(code: number, value: number): DhcpOption {
  const data = new Uint8Array(4);
  write32(data, 0, value);
  return { code, data };
}

/** One address or several, at most 63. */
export function addressOption(code: number, addresses: readonly Ipv4[]): DhcpOption {
  const data = new Uint8Array(4 * addresses.length);
  for (const [i, address] of addresses.entries()) write32(data, 4 * i, ipv4ToNumber(address));
  return { code, data };
}

/** UTF-8, at most 255 bytes. */
export function textOption(code: number, text: string): DhcpOption {
  return { code, data: new TextEncoder().encode(text) };
}
