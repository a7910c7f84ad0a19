/**
 * IGMP: version 1 (RFC 1112, appendix I), 2 (RFC 2236) and 3 (RFC 3376).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+-------------------------------+
 *     |     type      |max. response  |           checksum            |
 *     +---------------+---------------+-------------------------------+
 *     |            group; a version 3 report: 0, number of records    |
 *     +-------+-+-----+---------------+-------------------------------+
 *     |   0   |S| QRV |     QQIC      |       number of sources       |   a version 3 query,
 *     +-------+-+-----+---------------+-------------------------------+   12 bytes and more
 *     |            sources (4 each), or group records …               |
 *
 * A query of 8 bytes is of version 1 when its response time is 0, of version 2 otherwise; one of 9 to 11 bytes is
 * ignored (RFC 3376, 7.1). IGMP goes with TTL 1 and, from version 2 on, with the router alert option.
 */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber } from './address.ts';
import { read16, read32, write16, write32 } from './bytes.ts';
import { checksumFor } from './checksum.ts';
import { type GroupRecord, groupRecordsOf, groupResponseTime, readGroupRecords } from './group-record.ts';
import type { Option } from './option.ts';
import { IPV4_ADDRESSES } from './values.ts';
import { fits, View } from './view.ts';

export const IGMP = {
  TYPE: 0,
  MAX_RESPONSE: 1,
  CHECKSUM: 2,
  GROUP: 4,
  /** Of a version 3 report. */
  RECORD_COUNT: 6,
  SIZE: 8,
  /** Of a version 3 query. */
  FLAGS: 8,
  QQIC: 9,
  SOURCE_COUNT: 10,
  QUERY3_SIZE: 12,
} as const;

export const IGMP_TYPE = { QUERY: 0x11, REPORT1: 0x12, REPORT2: 0x16, LEAVE: 0x17, REPORT3: 0x22 } as const;

const TYPES: readonly number[] = Object.values(IGMP_TYPE);

/** In the byte at IGMP.FLAGS: routers shall not shorten their timers; below it the querier's robustness. */
export const IGMP_SUPPRESS = 0x08;

/** The IPv4 option that makes routers look at a packet that is not for them (RFC 2113). */
export const ROUTER_ALERT: Uint8Array = Uint8Array.of(0x94, 4, 0, 0);

export class IgmpView extends View {
  readonly headerLength: number;

  private constructor(bytes: Uint8Array, offset: number, end: number, headerLength: number) {
    super(bytes, offset, end);
    this.headerLength = headerLength;
  }

  /** Undefined also for other types than IGMP_TYPE. */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): IgmpView | undefined {
    if (!fits(bytes, offset, end, IGMP.SIZE)) return undefined;
    const length = igmpLength(bytes, offset, end);
    return length === undefined ? undefined : new IgmpView(bytes, offset, end, length);
  }

  /** See IGMP_TYPE. */
  get type(): number {
    return this.bytes[this.offset + IGMP.TYPE]!;
  }

  /** The protocol version that the message is of. */
  get version(): 1 | 2 | 3 {
    switch (this.type) {
      case IGMP_TYPE.QUERY:
        return this.headerLength > IGMP.SIZE ? 3 : this.maxResponse === 0 ? 1 : 2;
      case IGMP_TYPE.REPORT1:
        return 1;
      case IGMP_TYPE.REPORT3:
        return 3;
      default:
        return 2;
    }
  }

  /** As it stands: tenths of a second in version 2, a code in version 3 (`responseTime`). */
  get maxResponse(): number {
    return this.bytes[this.offset + IGMP.MAX_RESPONSE]!;
  }
  set maxResponse(value: number) {
    this.bytes[this.offset + IGMP.MAX_RESPONSE] = value;
  }

  /** Of a query: within how many milliseconds hosts answer. 10 s where version 1 does not say (RFC 2236, 4). */
  get responseTime(): number {
    if (this.version === 1) return 10_000;
    return 100 * (this.version === 3 ? groupResponseTime(this.maxResponse, 8) : this.maxResponse);
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + IGMP.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + IGMP.CHECKSUM, value);
  }

  /** Undefined for a version 3 report. */
  get group(): Ipv4 | undefined {
    return this.type === IGMP_TYPE.REPORT3
      ? undefined
      : ipv4FromNumber(read32(this.bytes, this.offset + IGMP.GROUP));
  }
  /** Without effect on a version 3 report. */
  set group(value: Ipv4) {
    if (this.type !== IGMP_TYPE.REPORT3) write32(this.bytes, this.offset + IGMP.GROUP, ipv4ToNumber(value));
  }

  /** Of a version 3 query; undefined for all else. */
  get suppress(): boolean | undefined {
    const flags = this.#flags();
    return flags === undefined ? undefined : (flags & IGMP_SUPPRESS) !== 0;
  }

  /** QRV: the querier's robustness, 0..7; of a version 3 query. */
  get robustness(): number | undefined {
    const flags = this.#flags();
    return flags === undefined ? undefined : flags & 7;
  }

  /** QQIC as it stands, a code for seconds; of a version 3 query. */
  get intervalCode(): number | undefined {
    return this.#isQuery3() ? this.bytes[this.offset + IGMP.QQIC]! : undefined;
  }

  /** Of a version 3 query; empty for all else. */
  sources(): readonly Ipv4[] {
    if (!this.#isQuery3()) return [];
    const from = this.offset + IGMP.QUERY3_SIZE;
    return IPV4_ADDRESSES.decode(this.bytes.subarray(from, this.payloadOffset)) ?? [];
  }

  /** Of a version 3 report; empty for all else. */
  records(): readonly GroupRecord<Ipv4>[] {
    return groupRecordsOf(this.options(), IPV4_ADDRESSES);
  }

  /** The records of a version 3 report as options: see group-record.ts. */
  options(): readonly Option[] {
    if (this.type !== IGMP_TYPE.REPORT3) return [];
    const count = read16(this.bytes, this.offset + IGMP.RECORD_COUNT);
    return readGroupRecords(this.bytes, this.offset + IGMP.SIZE, this.payloadOffset, count, 4)?.records ?? [];
  }

  /** What the checksum has to be: it covers all of the IP payload (RFC 3376, 4.1.2). */
  expectedChecksum(): number {
    return checksumFor(this.bytes, this.offset, this.end, this.offset + IGMP.CHECKSUM);
  }

  #isQuery3(): boolean {
    return this.headerLength > IGMP.SIZE && this.type === IGMP_TYPE.QUERY;
  }

  #flags(): number | undefined {
    return this.#isQuery3() ? this.bytes[this.offset + IGMP.FLAGS]! : undefined;
  }
}

/** Bytes of the message up to the last source or record; undefined when it is none. */
function igmpLength(bytes: Uint8Array, offset: number, end: number): number | undefined {
  const type = bytes[offset + IGMP.TYPE]!;
  const room = end - offset;
  if (type === IGMP_TYPE.REPORT3) {
    const count = read16(bytes, offset + IGMP.RECORD_COUNT);
    const list = readGroupRecords(bytes, offset + IGMP.SIZE, end, count, 4);
    return list && list.end - offset;
  }
  if (type !== IGMP_TYPE.QUERY || room === IGMP.SIZE) return TYPES.includes(type) ? IGMP.SIZE : undefined;
  if (room < IGMP.QUERY3_SIZE) return undefined;
  const length = IGMP.QUERY3_SIZE + 4 * read16(bytes, offset + IGMP.SOURCE_COUNT);
  return length <= room ? length : undefined;
}
