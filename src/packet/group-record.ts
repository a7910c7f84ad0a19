/**
 * The group records of IGMPv3 and MLDv2 reports (RFC 3376, 4.2.4; RFC 3810, 5.2.4), `width` being 4 or 16:
 *
 *     | type | auxiliary length in 4 bytes | number of sources (2) | group (width) | sources (width each) | auxiliary |
 *
 * Auxiliary data mean nothing to anybody (RFC 3376, 4.2.11) and are passed over.
 */
import { type IpAddress, type Ipv4, type Ipv6, isIpv4, parseIp } from './address.ts';
import { read16, write16 } from './bytes.ts';
import { type Option, type OptionNotation, optionNotation, optionType, type ValueType } from './option.ts';
import { everyOne, IPV4_ADDRESSES, IPV6_ADDRESSES } from './values.ts';

/** What a record says: the state of a group at the sender, a change of its mode, a change of its sources. */
export const GROUP_RECORD = {
  IS_INCLUDE: 1,
  IS_EXCLUDE: 2,
  TO_INCLUDE: 3,
  TO_EXCLUDE: 4,
  ALLOW: 5,
  BLOCK: 6,
} as const;

const RECORD = { TYPE: 0, AUXILIARY: 1, SOURCES: 2, GROUP: 4 } as const;

export interface GroupRecord<A extends IpAddress> {
  /** See GROUP_RECORD. */
  readonly type: number;
  readonly group: A;
  readonly sources: readonly A[];
}

/** Bytes of a record without sources. */
function recordSize(width: number): number {
  return RECORD.GROUP + width;
}

/**
 * The records as options: the data are group and sources, 4 or 16 bytes each. Undefined when one goes beyond the end.
 * `end` is where the last one ends.
 */
export function readGroupRecords(
  bytes: Uint8Array,
  offset: number,
  end: number,
  count: number,
  width: 4 | 16,
): { readonly records: readonly Option[]; readonly end: number } | undefined {
  const records: Option[] = [];
  for (let i = 0; i < count; i++) {
    if (end - offset < recordSize(width)) return undefined;
    const addresses = offset + RECORD.GROUP;
    const after = addresses + width * (1 + read16(bytes, offset + RECORD.SOURCES));
    const next = after + 4 * bytes[offset + RECORD.AUXILIARY]!;
    if (next > end) return undefined;
    records.push({ code: bytes[offset + RECORD.TYPE]!, data: bytes.subarray(addresses, after) });
    offset = next;
  }
  return { records, end: offset };
}

/** Bytes that the records take. Throws RangeError for one whose data are not one address or several. */
export function groupRecordsLength(records: readonly Option[], width: 4 | 16): number {
  let length = 0;
  for (const { code, data } of records) {
    if (data.length === 0 || data.length % width !== 0)
      throw new RangeError(
        `group record ${code} has ${data.length} bytes, which are no addresses of ${width}`,
      );
    length += RECORD.GROUP + data.length;
  }
  return length;
}

export function writeGroupRecords(
  bytes: Uint8Array,
  offset: number,
  records: readonly Option[],
  width: 4 | 16,
): void {
  for (const { code, data } of records) {
    bytes[offset + RECORD.TYPE] = code;
    write16(bytes, offset + RECORD.SOURCES, data.length / width - 1);
    bytes.set(data, offset + RECORD.GROUP);
    offset += RECORD.GROUP + data.length;
  }
}

function groupRecord<A extends IpAddress>(
  { type, group, sources }: GroupRecord<A>,
  addresses: ValueType<readonly A[]>,
): Option {
  return { code: type, data: addresses.encode([group, ...sources]) };
}

/** For the `records` of an IGMP layer. */
export function igmpRecord(record: GroupRecord<Ipv4>): Option {
  return groupRecord(record, IPV4_ADDRESSES);
}

/** For the `records` of an MLD layer. */
export function mldRecord(record: GroupRecord<Ipv6>): Option {
  return groupRecord(record, IPV6_ADDRESSES);
}

/** What records say. */
export function groupRecordsOf<A extends IpAddress>(
  records: readonly Option[],
  addresses: ValueType<readonly A[]>,
): readonly GroupRecord<A>[] {
  return records.flatMap(({ code, data }) => {
    const [group, ...sources] = addresses.decode(data) ?? [];
    return group === undefined ? [] : [{ type: code, group, sources }];
  });
}

/** `to-exclude=239.1.1.1`, `allow=239.1.1.1+10.0.0.5`: the group, then the sources. */
function recordNotation(addresses: ValueType<readonly unknown[]>, width: 4 | 16): OptionNotation {
  const types = Object.entries(GROUP_RECORD).map(([name, code]) =>
    optionType(code, name.toLowerCase().replaceAll('_', '-'), addresses),
  );
  return optionNotation(types, {
    lowest: 0,
    highest: 255,
    longest: 0xffff * width,
    unit: width,
    spare: width,
  });
}

export const IGMP_RECORD_NOTATION: OptionNotation = recordNotation(IPV4_ADDRESSES, 4);
export const MLD_RECORD_NOTATION: OptionNotation = recordNotation(IPV6_ADDRESSES, 16);

/** Addresses of one family joined by +; undefined for any other text. */
export function parseAddresses(text: string, family: 4 | 6): readonly IpAddress[] | undefined {
  const list = text.split('+').map(parseIp);
  return everyOne(list) && list.every((a) => a && isIpv4(a) === (family === 4)) ? list : undefined;
}

/** The response time that a code of 8 or 16 bits stands for: above 127 (32767) a small floating-point number. */
export function groupResponseTime(code: number, bits: 8 | 16): number {
  const [mantissaBits, highest] = bits === 8 ? [4, 0x80] : [12, 0x8000];
  if (code < highest) return code;
  const mantissa = code & (2 ** mantissaBits - 1);
  const exponent = (code >>> mantissaBits) & 7;
  return (mantissa | (2 ** mantissaBits)) << (exponent + 3);
}
