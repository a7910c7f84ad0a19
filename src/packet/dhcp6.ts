/**
 * DHCPv6 between clients and servers (RFC 8415, 8); relay messages have another header and are not taken.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+-----------------------------------------------+
 *     | message type  |  transaction id: ties an answer to its question |
 *     +---------------+---------------+-------------------------------+
 *     |         option code           |         option length         |
 *     +-------------------------------+-------------------------------+
 *     | value …, what it means: dhcp6-options.ts
 */
import { read16, read24, write16, write24 } from './bytes.ts';
import { type Option, type OptionType, optionValue } from './option.ts';
import { fits, View } from './view.ts';

export const DHCP6 = { TYPE: 0, XID: 1, OPTIONS: 4 } as const;

/** RFC 8415, 7.3. */
export const DHCP6_MESSAGE = {
  SOLICIT: 1,
  ADVERTISE: 2,
  REQUEST: 3,
  CONFIRM: 4,
  RENEW: 5,
  REBIND: 6,
  REPLY: 7,
  RELEASE: 8,
  DECLINE: 9,
  RECONFIGURE: 10,
  INFORMATION_REQUEST: 11,
} as const;

/** Types above are those of relay agents, and later additions. */
const LAST_TYPE = DHCP6_MESSAGE.INFORMATION_REQUEST;

/** RFC 8415, 21; 23 and 24: RFC 3646. */
export const DHCP6_OPTION = {
  CLIENT_ID: 1,
  SERVER_ID: 2,
  IA_NA: 3,
  IA_ADDRESS: 5,
  OPTION_REQUEST: 6,
  PREFERENCE: 7,
  ELAPSED_TIME: 8,
  STATUS_CODE: 13,
  RAPID_COMMIT: 14,
  DNS: 23,
  DOMAIN_LIST: 24,
  REFRESH_TIME: 32,
} as const;

/** Bytes of option code and length. */
const OPTION_HEADER = 4;

export class Dhcp6View extends View {
  readonly #options: readonly Option[];

  private constructor(bytes: Uint8Array, offset: number, end: number, options: readonly Option[]) {
    super(bytes, offset, end);
    this.#options = options;
  }

  /** Undefined also for the messages of relay agents, and when an option goes beyond the end. */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): Dhcp6View | undefined {
    if (!fits(bytes, offset, end, DHCP6.OPTIONS)) return undefined;
    const type = bytes[offset + DHCP6.TYPE]!;
    if (type === 0 || type > LAST_TYPE) return undefined;
    const options = readDhcp6Options(bytes, offset + DHCP6.OPTIONS, end);
    return options && new Dhcp6View(bytes, offset, end, options);
  }

  /** With all options: the whole message. */
  get headerLength(): number {
    return this.end - this.offset;
  }

  /** See DHCP6_MESSAGE. */
  get type(): number {
    return this.bytes[this.offset + DHCP6.TYPE]!;
  }
  set type(value: number) {
    this.bytes[this.offset + DHCP6.TYPE] = value;
  }

  /** 24 bits. */
  get xid(): number {
    return read24(this.bytes, this.offset + DHCP6.XID);
  }
  set xid(value: number) {
    write24(this.bytes, this.offset + DHCP6.XID, value);
  }

  /** In order. */
  options(): readonly Option[] {
    return this.#options;
  }

  /** The data of the first option with this code; undefined when it is missing. */
  option(code: number): Uint8Array | undefined {
    return this.#options.find((o) => o.code === code)?.data;
  }

  /** The value of the first option of this type (DHCP6_VALUE); undefined when it is missing, or has another form. */
  read<T>(type: OptionType<T>): T | undefined {
    return optionValue(this.#options, type);
  }
}

/** Undefined when an option goes beyond the end. */
export function readDhcp6Options(
  bytes: Uint8Array,
  offset: number,
  end: number,
): readonly Option[] | undefined {
  const options: Option[] = [];
  while (offset < end) {
    const data = offset + OPTION_HEADER;
    if (data > end) return undefined;
    const next = data + read16(bytes, offset + 2);
    if (next > end) return undefined;
    options.push({ code: read16(bytes, offset), data: bytes.subarray(data, next) });
    offset = next;
  }
  return options;
}

/** Bytes that the options take. */
export function dhcp6OptionsLength(options: readonly Option[]): number {
  return options.reduce((sum, o) => sum + OPTION_HEADER + o.data.length, 0);
}

export function writeDhcp6Options(bytes: Uint8Array, offset: number, options: readonly Option[]): void {
  for (const { code, data } of options) {
    write16(bytes, offset, code);
    write16(bytes, offset + 2, data.length);
    bytes.set(data, offset + OPTION_HEADER);
    offset += OPTION_HEADER + data.length;
  }
}
