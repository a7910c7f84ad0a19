/**
 * How fields are named on the wire: by a class and a number (OpenFlow 1.5, 7.2.3; meta-flow.h of Open vSwitch), both of
 * which stand in the header of each value:
 *
 *      31                16 15          9   8  7        0
 *     +--------------------+-------------+----+----------+
 *     | class              | number      | HM | length   |   HM: a mask follows the value
 *     +--------------------+-------------+----+----------+
 *     | experimenter: 32 bits more, in class 0xffff only |
 *     +--------------------------------------------------+
 *
 * Many fields have several names. We write the first, which is the one that flow/fields.ts knows it by (`nxm`), and
 * read them all.
 */
import { FIELD_NAMES, type FieldName } from '../../../flow/fields.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** Classes (OFPXMC_…). */
const NXM_0 = 0x0000;
const NXM_1 = 0x0001;
const OPENFLOW_BASIC = 0x8000;
const PACKET_REGS = 0x8001;
const EXPERIMENTER = 0xffff;
/** A class that Open vSwitch gives to Ericsson's fields. */
const ERICSSON = 0x1000;

/** The Open Networking Foundation as an experimenter: for fields that came into the standard later. */
const ONF = 0x4f4e4600;

interface Name {
  readonly class: number;
  readonly number: number;
  readonly experimenter?: number;
}

/** NXM_OF_… */
const nxm0 = (number: number): Name => ({ class: NXM_0, number });
/** NXM_NX_… */
const nxm1 = (number: number): Name => ({ class: NXM_1, number });
/** OXM_OF_… */
const oxm = (number: number): Name => ({ class: OPENFLOW_BASIC, number });
/** ERICOXM_OF_… */
const ericsson = (number: number): Name => ({ class: ERICSSON, number });
/** ONFOXM_ET_… */
const onf = (number: number): Name => ({ class: EXPERIMENTER, number, experimenter: ONF });

interface WireField {
  /** Of the value: 1, 2, 4, 6, 8 or 16. */
  readonly bytes: number;
  /** The name that is written. */
  readonly name: Name;
  /** Others that are understood. */
  readonly others: readonly Name[];
}

function field(bytes: number, name: Name, ...others: readonly Name[]): WireField {
  return { bytes, name, others };
}

const reg = (n: number) => field(4, nxm1(n));
const xreg = (n: number) => field(8, { class: PACKET_REGS, number: n });
const xxreg = (n: number) => field(16, nxm1(111 + n));

const WIRE: Readonly<Record<FieldName, WireField>> = {
  in_port: field(2, nxm0(0)),
  tun_id: field(8, nxm1(16), oxm(38)),
  tun_src: field(4, nxm1(31)),
  tun_dst: field(4, nxm1(32)),
  tun_ipv6_src: field(16, nxm1(109)),
  tun_ipv6_dst: field(16, nxm1(110)),
  metadata: field(8, oxm(2)),
  reg0: reg(0),
  reg1: reg(1),
  reg2: reg(2),
  reg3: reg(3),
  reg4: reg(4),
  reg5: reg(5),
  reg6: reg(6),
  reg7: reg(7),
  reg8: reg(8),
  reg9: reg(9),
  reg10: reg(10),
  reg11: reg(11),
  reg12: reg(12),
  reg13: reg(13),
  reg14: reg(14),
  reg15: reg(15),
  xreg0: xreg(0),
  xreg1: xreg(1),
  xreg2: xreg(2),
  xreg3: xreg(3),
  xreg4: xreg(4),
  xreg5: xreg(5),
  xreg6: xreg(6),
  xreg7: xreg(7),
  xxreg0: xxreg(0),
  xxreg1: xxreg(1),
  xxreg2: xxreg(2),
  xxreg3: xxreg(3),
  ct_state: field(4, nxm1(105)),
  ct_zone: field(2, nxm1(106)),
  ct_mark: field(4, nxm1(107)),
  ct_label: field(16, nxm1(108)),
  eth_src: field(6, nxm0(2), oxm(4)),
  eth_dst: field(6, nxm0(1), oxm(3)),
  eth_type: field(2, nxm0(3), oxm(5)),
  vlan_tci: field(2, nxm0(4)),
  vlan_vid: field(2, oxm(6)),
  vlan_pcp: field(1, oxm(7)),
  arp_op: field(2, nxm0(15), oxm(21)),
  arp_spa: field(4, nxm0(16), oxm(22)),
  arp_tpa: field(4, nxm0(17), oxm(23)),
  arp_sha: field(6, nxm1(17), oxm(24)),
  arp_tha: field(6, nxm1(18), oxm(25)),
  ip_src: field(4, nxm0(7), oxm(11)),
  ip_dst: field(4, nxm0(8), oxm(12)),
  ipv6_src: field(16, nxm1(19), oxm(26)),
  ipv6_dst: field(16, nxm1(20), oxm(27)),
  ip_proto: field(1, nxm0(6), oxm(10)),
  ip_dscp: field(1, oxm(8)),
  ip_ecn: field(1, nxm1(28), oxm(9)),
  ip_ttl: field(1, nxm1(29)),
  ip_frag: field(1, nxm1(26)),
  icmp_type: field(1, nxm0(13), oxm(19)),
  icmp_code: field(1, nxm0(14), oxm(20)),
  icmpv6_type: field(1, nxm1(21), oxm(29)),
  icmpv6_code: field(1, nxm1(22), oxm(30)),
  nd_target: field(16, nxm1(23), oxm(31)),
  nd_sll: field(6, nxm1(24), oxm(32)),
  nd_tll: field(6, nxm1(25), oxm(33)),
  nd_reserved: field(4, ericsson(1)),
  nd_options_type: field(1, ericsson(2)),
  tcp_src: field(2, nxm0(9), oxm(13)),
  tcp_dst: field(2, nxm0(10), oxm(14)),
  udp_src: field(2, nxm0(11), oxm(15)),
  udp_dst: field(2, nxm0(12), oxm(16)),
  tcp_flags: field(2, nxm1(34), oxm(42), onf(42)),
};

/** OXM_OF_IN_PORT: the number of a port in 32 bits. In matches it is `in_port`; actions know it as another field. */
export const OXM_IN_PORT = 'in_port_oxm';

/** The class, the number and the experimenter as one number, which is what a header is looked up by. */
function keyOf({ class: group, number, experimenter: who = 0 }: Name): number {
  return who * 2 ** 23 + ((group << 7) | number);
}

const BY_KEY: ReadonlyMap<number, FieldName | typeof OXM_IN_PORT> = new Map([
  [keyOf(oxm(0)), OXM_IN_PORT] as const,
  ...FIELD_NAMES.flatMap((name) =>
    [WIRE[name].name, ...WIRE[name].others].map((wire) => [keyOf(wire), name] as const),
  ),
]);

/** Bytes of a value of the field. */
export function bytesOf(name: FieldName): number {
  return WIRE[name].bytes;
}

/** The header of a value, 4 bytes, or 8 with an experimenter. `hasMask`: a mask of the same size follows it. */
export function writeHeader(writer: Writer, name: FieldName, hasMask: boolean): void {
  const { bytes, name: wire } = WIRE[name];
  const extra = wire.experimenter === undefined ? 0 : 4;
  writer.u16(wire.class);
  writer.u8((wire.number << 1) | (hasMask ? 1 : 0));
  writer.u8(extra + (hasMask ? 2 : 1) * bytes);
  if (wire.experimenter !== undefined) writer.u32(wire.experimenter);
}

export interface FieldHeader {
  /** Undefined: no field that is known here. */
  readonly field: FieldName | typeof OXM_IN_PORT | undefined;
  readonly hasMask: boolean;
  /** Bytes of value and mask that follow. */
  readonly length: number;
}

/** Throws WireError when the header is cut short. A length that is not that of the field makes the field unknown. */
export function readHeader(reader: Reader): FieldHeader {
  const group = reader.u16();
  const octet = reader.u8();
  let length = reader.u8();
  const name: { class: number; number: number; experimenter?: number } = { class: group, number: octet >> 1 };
  if (group === EXPERIMENTER && length >= 4) {
    name.experimenter = reader.u32();
    length -= 4;
  }
  const hasMask = (octet & 1) === 1;
  const field = BY_KEY.get(keyOf(name));
  const size = field === undefined ? 0 : field === OXM_IN_PORT ? 4 : WIRE[field].bytes;
  return { field: length === size * (hasMask ? 2 : 1) ? field : undefined, hasMask, length };
}

/** A header that names a field in an action: without a mask, and with the length of the field. */
export function readFieldName(reader: Reader): FieldName | undefined {
  const { field, hasMask } = readHeader(reader);
  return hasMask || field === OXM_IN_PORT ? undefined : field;
}
