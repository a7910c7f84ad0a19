/** How messages about multicast groups are written: IGMP, MLD. */
import type { IpAddress } from './address.ts';
import { write16 } from './bytes.ts';
import { checksumFor } from './checksum.ts';
import { groupRecordsLength, writeGroupRecords } from './group-record.ts';
import { fitting16, type Header, within, writeIpv4, writeIpv6 } from './header.ts';
import { icmpv6Checksum } from './icmpv6.ts';
import { IGMP, IGMP_SUPPRESS, IGMP_TYPE } from './igmp.ts';
import { DEFAULT, type IgmpLayer, type MldLayer } from './layer.ts';
import { MLD, MLD_SUPPRESS, MLD_TYPE } from './mld.ts';
import { IPV4_ADDRESSES, IPV6_ADDRESSES } from './values.ts';

export function igmpHeader(l: IgmpLayer): Header {
  const type = l.type ?? DEFAULT.igmpType;
  const { sources = [], records = [] } = l;
  const isQuery3 = type === IGMP_TYPE.QUERY && hasSourceFields(l);
  const isReport3 = type === IGMP_TYPE.REPORT3;
  const size = isQuery3
    ? IGMP.QUERY3_SIZE + 4 * sources.length
    : IGMP.SIZE + (isReport3 ? groupRecordsLength(records, 4) : 0);
  return {
    size,
    write({ bytes, at }) {
      bytes[at + IGMP.TYPE] = type;
      bytes[at + IGMP.MAX_RESPONSE] = l.maxresp ?? 0;
      if (isReport3) {
        write16(bytes, at + IGMP.RECORD_COUNT, fitting16(records.length, 'an IGMP report'));
        writeGroupRecords(bytes, at + IGMP.SIZE, records, 4);
        return;
      }
      writeIpv4(bytes, at + IGMP.GROUP, l.group);
      if (!isQuery3) return;
      bytes[at + IGMP.FLAGS] = (l.suppress ? IGMP_SUPPRESS : 0) | (l.qrv ?? 0);
      bytes[at + IGMP.QQIC] = l.qqic ?? 0;
      write16(bytes, at + IGMP.SOURCE_COUNT, fitting16(sources.length, 'an IGMP query'));
      if (sources.length > 0) bytes.set(IPV4_ADDRESSES.encode(sources), at + IGMP.QUERY3_SIZE);
    },
    seal({ bytes, at, end }) {
      const field = at + IGMP.CHECKSUM;
      write16(bytes, field, l.checksum ?? checksumFor(bytes, at, end, field));
    },
  };
}

export function mldHeader(l: MldLayer): Header {
  const type = l.type ?? DEFAULT.mldType;
  const { sources = [], records = [] } = l;
  const isQuery2 = type === MLD_TYPE.QUERY && hasSourceFields(l);
  const isReport2 = type === MLD_TYPE.REPORT2;
  const size = isReport2
    ? MLD.REPORT2_SIZE + groupRecordsLength(records, 16)
    : isQuery2
      ? MLD.QUERY2_SIZE + 16 * sources.length
      : MLD.SIZE;
  return {
    size,
    write({ bytes, at }) {
      bytes[at + MLD.TYPE] = type;
      bytes[at + MLD.CODE] = l.code ?? 0;
      write16(bytes, at + MLD.MAX_RESPONSE, l.maxresp ?? 0);
      if (isReport2) {
        write16(bytes, at + MLD.RECORD_COUNT, fitting16(records.length, 'an MLD report'));
        writeGroupRecords(bytes, at + MLD.REPORT2_SIZE, records, 16);
        return;
      }
      writeIpv6(bytes, at + MLD.GROUP, l.group);
      if (!isQuery2) return;
      bytes[at + MLD.FLAGS] = (l.suppress ? MLD_SUPPRESS : 0) | (l.qrv ?? 0);
      bytes[at + MLD.QQIC] = l.qqic ?? 0;
      write16(bytes, at + MLD.SOURCE_COUNT, fitting16(sources.length, 'an MLD query'));
      if (sources.length > 0) bytes.set(IPV6_ADDRESSES.encode(sources), at + MLD.QUERY2_SIZE);
    },
    seal({ bytes, at, end, ip }) {
      write16(bytes, at + MLD.CHECKSUM, l.checksum ?? icmpv6Checksum(bytes, within(ip), at, end));
    },
  };
}

/** Whether a query has what only the version with sources has. */
function hasSourceFields(l: {
  readonly suppress?: boolean;
  readonly qrv?: number;
  readonly qqic?: number;
  readonly sources?: readonly IpAddress[];
}): boolean {
  return l.suppress === true || l.qrv !== undefined || l.qqic !== undefined || l.sources !== undefined;
}
