/**
 * Link Layer Discovery Protocol (IEEE 802.1AB-2016, 8): a list of type, length and value behind EtherType 0x88cc.
 *
 *      0                   1
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 *     +-------------+-----------------+----------------------
 *     |    type     |  length, 9 bits | value …
 *     +-------------+-----------------+----------------------
 *
 *     1 chassis id, 2 port id, 3 time to live: these three, in this order; then 4 port description, 5 system name,
 *     6 system description, 7 capabilities, 8 management address, 127 organizationally specific; 0 = end
 *
 * The end may be missing (8.5.1); padding then looks like one.
 */
import { type Mac, macFromNumber, parseMac } from './address.ts';
import { fromHex, read16, toHex, write16 } from './bytes.ts';
import {
  type Option,
  type OptionLimits,
  type OptionNotation,
  type OptionType,
  optionNotation,
  optionType,
  optionValue,
  type ValueType,
} from './option.ts';
import { BYTES, joined, MAC_ADDRESS, parseUint, TEXT, UINT8, UINT16 } from './values.ts';
import { fits, View } from './view.ts';

/** Bytes of type and length. */
const TLV_HEADER = 2;

/** The "end" is no option: it ends the list. */
export const LLDP_LIMITS: OptionLimits = { lowest: 1, highest: 127, longest: 511 };

/** 8.4.1, table 8-1. */
export const LLDP_TLV = {
  END: 0,
  CHASSIS_ID: 1,
  PORT_ID: 2,
  TIME_TO_LIVE: 3,
  PORT_DESCRIPTION: 4,
  SYSTEM_NAME: 5,
  SYSTEM_DESCRIPTION: 6,
  CAPABILITIES: 7,
  MANAGEMENT_ADDRESS: 8,
  ORGANIZATION: 127,
} as const;

/** The group address that bridges do not forward: nearest bridge (7.1). */
export const LLDP_GROUP: Mac = macFromNumber(0x0180c200000e);

/** What kind of name a chassis or port has: the subtypes that are MAC addresses (8.5.2.2, 8.5.3.2). */
const MAC_SUBTYPE = { CHASSIS: 4, PORT: 3 } as const;

/** In the capabilities (8.5.8.1). */
export const LLDP_CAPABILITY = { BRIDGE: 0x0004, ROUTER: 0x0010, STATION: 0x0080 } as const;

export class LldpView extends View {
  readonly #list: TlvList;

  private constructor(bytes: Uint8Array, offset: number, end: number, list: TlvList) {
    super(bytes, offset, end);
    this.#list = list;
  }

  /** Undefined also without the three that must be there, in their order. */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): LldpView | undefined {
    if (!fits(bytes, offset, end, TLV_HEADER)) return undefined;
    const list = readTlvs(bytes, offset, end);
    const { CHASSIS_ID, PORT_ID, TIME_TO_LIVE } = LLDP_TLV;
    const isLldp = list && [CHASSIS_ID, PORT_ID, TIME_TO_LIVE].every((t, i) => list.tlvs[i]?.code === t);
    // One byte of subtype, one of name at least; the time has two, and may be followed by anything.
    const shortest = isLldp && list.tlvs.slice(0, 3).every((tlv) => tlv.data.length >= 2);
    // What is behind the "end" is padding.
    return shortest ? new LldpView(bytes, offset, list.end, list) : undefined;
  }

  /** With the "end", where there is one. */
  get headerLength(): number {
    return this.#list.end - this.offset;
  }

  /** Seconds for which what is said holds; 0 = forget it. */
  get timeToLive(): number {
    return read16(this.options()[2]!.data, 0);
  }

  /** Whether the list has its "end". */
  get hasEnd(): boolean {
    return this.#list.hasEnd;
  }

  /** In order, without the "end". */
  options(): readonly Option[] {
    return this.#list.tlvs;
  }

  /** The value of the first TLV of this type (LLDP_VALUE); undefined when it is missing, or has another form. */
  read<T>(type: OptionType<T>): T | undefined {
    return optionValue(this.#list.tlvs, type);
  }
}

interface TlvList {
  readonly tlvs: readonly Option[];
  readonly hasEnd: boolean;
  readonly end: number;
}

/** Undefined when a length goes beyond the end. */
function readTlvs(bytes: Uint8Array, offset: number, end: number): TlvList | undefined {
  const tlvs: Option[] = [];
  while (offset < end) {
    const data = offset + TLV_HEADER;
    if (data > end) return undefined;
    const word = read16(bytes, offset);
    const next = data + (word & 0x1ff);
    if (word === LLDP_TLV.END) return { tlvs, hasEnd: true, end: data };
    if (next > end || word >>> 9 === LLDP_TLV.END) return undefined;
    tlvs.push({ code: word >>> 9, data: bytes.subarray(data, next) });
    offset = next;
  }
  return { tlvs, hasEnd: false, end };
}

/** Bytes that the TLVs take, the "end" included. */
export function lldpLength(tlvs: readonly Option[]): number {
  return tlvs.reduce((sum, tlv) => sum + TLV_HEADER + tlv.data.length, TLV_HEADER);
}

/** Writes the TLVs and the "end". */
export function writeLldp(bytes: Uint8Array, offset: number, tlvs: readonly Option[]): void {
  for (const { code, data } of tlvs) {
    write16(bytes, offset, (code << 9) | data.length);
    bytes.set(data, offset + TLV_HEADER);
    offset += TLV_HEADER + data.length;
  }
  write16(bytes, offset, LLDP_TLV.END);
}

/** A chassis or a port: what kind of name it has, and the name. */
export interface LldpId {
  readonly subtype: number;
  readonly id: Uint8Array;
}

/** `mac` is the subtype that is a MAC address: it stands as such, all else as subtype and bytes. */
function idValue(mac: number): ValueType<LldpId> {
  return {
    what: 'a MAC address, or a subtype and hexadecimal digits such as 5:65746830',
    decode: (data) => (data.length >= 2 ? { subtype: data[0]!, id: data.subarray(1) } : undefined),
    encode: ({ subtype, id }) => joined([UINT8.encode(subtype), id]),
    format({ subtype, id }) {
      const address = subtype === mac ? MAC_ADDRESS.decode(id) : undefined;
      return address ?? `${subtype}:${toHex(id)}`;
    },
    parse(text) {
      const address = parseMac(text);
      if (address) return { subtype: mac, id: MAC_ADDRESS.encode(address) };
      const [, number = '', hex = ''] = /^(\d{1,3}):([0-9a-f]+)$/i.exec(text) ?? [];
      const subtype = parseUint(number, 255);
      const id = fromHex(hex);
      return subtype !== undefined && id ? { subtype, id } : undefined;
    },
  };
}

export interface LldpCapabilities {
  /** What the system can do: sum of LLDP_CAPABILITY. */
  readonly supported: number;
  /** What it does. */
  readonly enabled: number;
}

const CAPABILITIES_VALUE: ValueType<LldpCapabilities> = {
  what: 'what is supported and what is enabled: 20+4',
  decode: (data) =>
    data.length === 4 ? { supported: read16(data, 0), enabled: read16(data, 2) } : undefined,
  encode: ({ supported, enabled }) => joined([UINT16.encode(supported), UINT16.encode(enabled)]),
  format: ({ supported, enabled }) => `${supported}+${enabled}`,
  parse(text) {
    const [first = '', second = '', ...more] = text.split('+');
    const supported = parseUint(first, 0xffff);
    const enabled = parseUint(second, 0xffff);
    return supported === undefined || enabled === undefined || more.length > 0
      ? undefined
      : { supported, enabled };
  },
};

/** The TLVs that we know, by what they say. */
export const LLDP_VALUE = {
  chassis: optionType(LLDP_TLV.CHASSIS_ID, 'chassis', idValue(MAC_SUBTYPE.CHASSIS)),
  port: optionType(LLDP_TLV.PORT_ID, 'port', idValue(MAC_SUBTYPE.PORT)),
  /** Seconds. */
  timeToLive: optionType(LLDP_TLV.TIME_TO_LIVE, 'ttl', UINT16),
  portDescription: optionType(LLDP_TLV.PORT_DESCRIPTION, 'port-description', TEXT),
  systemName: optionType(LLDP_TLV.SYSTEM_NAME, 'system', TEXT),
  systemDescription: optionType(LLDP_TLV.SYSTEM_DESCRIPTION, 'description', TEXT),
  capabilities: optionType(LLDP_TLV.CAPABILITIES, 'capabilities', CAPABILITIES_VALUE),
  /** Three bytes of organization, one of its subtype, and anything. */
  organization: optionType(LLDP_TLV.ORGANIZATION, 'organization', BYTES),
} as const;

/** `chassis=00:1d:d8:b7:1c:00`, `ttl=120`, `system="leaf1"`, `o8=…`. */
export const LLDP_NOTATION: OptionNotation = optionNotation(Object.values(LLDP_VALUE), LLDP_LIMITS);
