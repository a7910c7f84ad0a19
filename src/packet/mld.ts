/**
 * Multicast Listener Discovery: version 1 (RFC 2710) and 2 (RFC 3810), which are ICMPv6 messages.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+-------------------------------+
 *     |     type      |     code      |           checksum            |
 *     +---------------+---------------+-------------------------------+
 *     |        max. response          |               0               |   version 2 report: 0, number of records
 *     +-------------------------------+-------------------------------+
 *     |                     group (16)                                |   version 2 report: group records …
 *     +-------+-+-----+---------------+-------------------------------+
 *     |   0   |S| QRV |     QQIC      |       number of sources       |   a version 2 query,
 *     +-------+-+-----+---------------+-------------------------------+   28 bytes and more
 *     |                     sources (16 each) …                       |
 *
 * A query of 24 bytes is of version 1, one of 25 to 27 bytes is ignored (RFC 3810, 8.1). MLD goes with hop limit 1
 * from a link-local address, behind a hop-by-hop header with the router alert option.
 */
import { type Ipv6, ipv6FromBigint, ipv6ToBigint } from './address.ts';
import { read16, read128, write16, write128 } from './bytes.ts';
import { type GroupRecord, groupRecordsOf, groupResponseTime, readGroupRecords } from './group-record.ts';
import { ICMPV6_TYPE, icmpv6Checksum } from './icmpv6.ts';
import type { Option } from './option.ts';
import { IPV6_ADDRESSES } from './values.ts';
import { fits, View } from './view.ts';

export const MLD = {
  TYPE: 0,
  CODE: 1,
  CHECKSUM: 2,
  MAX_RESPONSE: 4,
  /** Of a version 2 report. */
  RECORD_COUNT: 6,
  REPORT2_SIZE: 8,
  GROUP: 8,
  SIZE: 24,
  /** Of a version 2 query. */
  FLAGS: 24,
  QQIC: 25,
  SOURCE_COUNT: 26,
  QUERY2_SIZE: 28,
} as const;

export const MLD_TYPE = {
  QUERY: ICMPV6_TYPE.MLD_QUERY,
  REPORT: ICMPV6_TYPE.MLD_REPORT,
  DONE: ICMPV6_TYPE.MLD_DONE,
  REPORT2: ICMPV6_TYPE.MLD2_REPORT,
} as const;

/** In the byte at MLD.FLAGS: routers shall not shorten their timers; below it the querier's robustness. */
export const MLD_SUPPRESS = 0x08;

/** Body of the hop-by-hop header that MLD has in front of it: router alert 0 (RFC 2711), and two bytes of padding. */
export const MLD_HOP_BY_HOP: Uint8Array = Uint8Array.of(5, 2, 0, 0, 1, 0);

export class MldView extends View {
  readonly headerLength: number;

  private constructor(bytes: Uint8Array, offset: number, end: number, headerLength: number) {
    super(bytes, offset, end);
    this.headerLength = headerLength;
  }

  /** Undefined also for other types than MLD_TYPE. */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): MldView | undefined {
    if (!fits(bytes, offset, end, MLD.REPORT2_SIZE)) return undefined;
    const length = mldLength(bytes, offset, end);
    return length === undefined ? undefined : new MldView(bytes, offset, end, length);
  }

  /** See MLD_TYPE. */
  get type(): number {
    return this.bytes[this.offset + MLD.TYPE]!;
  }

  get version(): 1 | 2 {
    return this.type === MLD_TYPE.REPORT2 || this.#isQuery2() ? 2 : 1;
  }

  get code(): number {
    return this.bytes[this.offset + MLD.CODE]!;
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + MLD.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + MLD.CHECKSUM, value);
  }

  /** As it stands: milliseconds in version 1, a code in version 2 (`responseTime`). */
  get maxResponse(): number {
    return read16(this.bytes, this.offset + MLD.MAX_RESPONSE);
  }
  set maxResponse(value: number) {
    write16(this.bytes, this.offset + MLD.MAX_RESPONSE, value);
  }

  /** Of a query: within how many milliseconds hosts answer. */
  get responseTime(): number {
    return this.#isQuery2() ? groupResponseTime(this.maxResponse, 16) : this.maxResponse;
  }

  /** Undefined for a version 2 report. */
  get group(): Ipv6 | undefined {
    return this.type === MLD_TYPE.REPORT2
      ? undefined
      : ipv6FromBigint(read128(this.bytes, this.offset + MLD.GROUP));
  }
  /** Without effect on a version 2 report. */
  set group(value: Ipv6) {
    if (this.type !== MLD_TYPE.REPORT2) write128(this.bytes, this.offset + MLD.GROUP, ipv6ToBigint(value));
  }

  /** Of a version 2 query; undefined for all else. */
  get suppress(): boolean | undefined {
    const flags = this.#flags();
    return flags === undefined ? undefined : (flags & MLD_SUPPRESS) !== 0;
  }

  /** QRV: the querier's robustness, 0..7; of a version 2 query. */
  get robustness(): number | undefined {
    const flags = this.#flags();
    return flags === undefined ? undefined : flags & 7;
  }

  /** QQIC as it stands, a code for seconds; of a version 2 query. */
  get intervalCode(): number | undefined {
    return this.#isQuery2() ? this.bytes[this.offset + MLD.QQIC]! : undefined;
  }

  /** Of a version 2 query; empty for all else. */
  sources(): readonly Ipv6[] {
    if (!this.#isQuery2()) return [];
    const from = this.offset + MLD.QUERY2_SIZE;
    return IPV6_ADDRESSES.decode(this.bytes.subarray(from, this.payloadOffset)) ?? [];
  }

  /** Of a version 2 report; empty for all else. */
  records(): readonly GroupRecord<Ipv6>[] {
    return groupRecordsOf(this.options(), IPV6_ADDRESSES);
  }

  /** The records of a version 2 report as options: see group-record.ts. */
  options(): readonly Option[] {
    if (this.type !== MLD_TYPE.REPORT2) return [];
    const from = this.offset + MLD.REPORT2_SIZE;
    const count = read16(this.bytes, this.offset + MLD.RECORD_COUNT);
    return readGroupRecords(this.bytes, from, this.payloadOffset, count, 16)?.records ?? [];
  }

  /** What the checksum has to be under the IPv6 header at `ip`. */
  expectedChecksum(ip: number): number {
    return icmpv6Checksum(this.bytes, ip, this.offset, this.end);
  }

  #isQuery2(): boolean {
    return this.headerLength > MLD.SIZE && this.type === MLD_TYPE.QUERY;
  }

  #flags(): number | undefined {
    return this.#isQuery2() ? this.bytes[this.offset + MLD.FLAGS]! : undefined;
  }
}

/** Bytes of the message up to the last source or record; undefined when it is none. */
function mldLength(bytes: Uint8Array, offset: number, end: number): number | undefined {
  const room = end - offset;
  switch (bytes[offset + MLD.TYPE]) {
    case MLD_TYPE.REPORT2: {
      const count = read16(bytes, offset + MLD.RECORD_COUNT);
      const list = readGroupRecords(bytes, offset + MLD.REPORT2_SIZE, end, count, 16);
      return list && list.end - offset;
    }
    case MLD_TYPE.REPORT:
    case MLD_TYPE.DONE:
      return room >= MLD.SIZE ? MLD.SIZE : undefined;
    case MLD_TYPE.QUERY: {
      if (room === MLD.SIZE) return MLD.SIZE;
      if (room < MLD.QUERY2_SIZE) return undefined;
      const length = MLD.QUERY2_SIZE + 16 * read16(bytes, offset + MLD.SOURCE_COUNT);
      return length <= room ? length : undefined;
    }
    default:
      return undefined;
  }
}
