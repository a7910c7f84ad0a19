/**
 * The match fields that Netloom uses, under the names and with the widths that `ovs-ofctl` gives them
 * (ovs-fields(7)). One line a field: adding one here makes it known to the text notation; the softswitch then
 * refuses to build until it knows where the field stands in a frame (softswitch/frame/key.ts).
 */
export interface Field {
  /** Width in bits. */
  readonly bits: number;
  /** How `ovs-ofctl` prints values. */
  readonly form: 'decimal' | 'hex' | 'mac' | 'ipv4' | 'ipv6' | 'ip-frag' | 'tcp-flags' | 'ct-state' | 'port';
  /** The field can stand in set_field, move and load. */
  readonly writable: boolean;
  /** NXM/OXM name used by move and load: `NXM_OF_ETH_SRC`. */
  readonly nxm: string;
  /** What a flow must match, or a frame be, for the field to exist. */
  readonly needs: Prerequisite;
  /** False where Open vSwitch takes only exact values in a match. */
  readonly maskable: boolean;
}

/**
 * Layers that a field stands in (ovs-fields(7), "Prerequisites"). `ip` is IPv4 or IPv6; `nd` a neighbour
 * solicitation or advertisement with code 0.
 */
export type Prerequisite =
  | 'nothing'
  | 'vlan'
  | 'arp'
  | 'ipv4'
  | 'ipv6'
  | 'ip'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'icmp6'
  | 'nd'
  | 'nd-solicit'
  | 'nd-advert';

const reg = (n: number) => field(32, 'hex', `NXM_NX_REG${n}`);
/** `xreg0` is `reg0` (high half) and `reg1`; `xxreg0` is `reg0`..`reg3`, the highest word first. */
const xreg = (n: number) => field(64, 'hex', `OXM_OF_PKT_REG${n}`);
const xxreg = (n: number) => field(128, 'hex', `NXM_NX_XXREG${n}`);

export const FIELDS = {
  // where the frame is
  in_port: field(16, 'port', 'NXM_OF_IN_PORT', { maskable: false }),
  tun_id: field(64, 'hex', 'NXM_NX_TUN_ID'),
  tun_src: field(32, 'ipv4', 'NXM_NX_TUN_IPV4_SRC'),
  tun_dst: field(32, 'ipv4', 'NXM_NX_TUN_IPV4_DST'),
  tun_ipv6_src: field(128, 'ipv6', 'NXM_NX_TUN_IPV6_SRC'),
  tun_ipv6_dst: field(128, 'ipv6', 'NXM_NX_TUN_IPV6_DST'),
  // what the pipeline notes about it
  metadata: field(64, 'hex', 'OXM_OF_METADATA'),
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
  // What connection tracking knows of it: nothing (0) before the frame went through `ct`. The mark and the label belong
  // to the connection; only actions inside ct(commit,exec(…)) write them.
  ct_state: field(32, 'ct-state', 'NXM_NX_CT_STATE', { writable: false }),
  ct_zone: field(16, 'hex', 'NXM_NX_CT_ZONE', { writable: false, maskable: false }),
  ct_mark: field(32, 'hex', 'NXM_NX_CT_MARK'),
  ct_label: field(128, 'hex', 'NXM_NX_CT_LABEL'),
  // Ethernet and 802.1Q. vlan_tci and vlan_vid carry the "has a tag" bit 0x1000, as in Open vSwitch.
  eth_src: field(48, 'mac', 'NXM_OF_ETH_SRC'),
  eth_dst: field(48, 'mac', 'NXM_OF_ETH_DST'),
  eth_type: field(16, 'hex', 'NXM_OF_ETH_TYPE', { writable: false, maskable: false }),
  vlan_tci: field(16, 'hex', 'NXM_OF_VLAN_TCI'),
  vlan_vid: field(13, 'decimal', 'OXM_OF_VLAN_VID'),
  vlan_pcp: field(3, 'decimal', 'OXM_OF_VLAN_PCP', { needs: 'vlan', maskable: false }),
  // ARP. Only the low eight bits of the operation are seen; a higher one reads as 0.
  arp_op: field(16, 'decimal', 'NXM_OF_ARP_OP', { needs: 'arp', maskable: false }),
  arp_spa: field(32, 'ipv4', 'NXM_OF_ARP_SPA', { needs: 'arp' }),
  arp_tpa: field(32, 'ipv4', 'NXM_OF_ARP_TPA', { needs: 'arp' }),
  arp_sha: field(48, 'mac', 'NXM_NX_ARP_SHA', { needs: 'arp' }),
  arp_tha: field(48, 'mac', 'NXM_NX_ARP_THA', { needs: 'arp' }),
  // IP
  ip_src: field(32, 'ipv4', 'NXM_OF_IP_SRC', { needs: 'ipv4' }),
  ip_dst: field(32, 'ipv4', 'NXM_OF_IP_DST', { needs: 'ipv4' }),
  ipv6_src: field(128, 'ipv6', 'NXM_NX_IPV6_SRC', { needs: 'ipv6' }),
  ipv6_dst: field(128, 'ipv6', 'NXM_NX_IPV6_DST', { needs: 'ipv6' }),
  ip_proto: field(8, 'decimal', 'NXM_OF_IP_PROTO', { needs: 'ip', writable: false, maskable: false }),
  ip_dscp: field(6, 'decimal', 'OXM_OF_IP_DSCP', { needs: 'ip', maskable: false }),
  ip_ecn: field(2, 'decimal', 'NXM_NX_IP_ECN', { needs: 'ip', maskable: false }),
  ip_ttl: field(8, 'decimal', 'NXM_NX_IP_TTL', { needs: 'ip', maskable: false }),
  ip_frag: field(2, 'ip-frag', 'NXM_NX_IP_FRAG', { needs: 'ip', writable: false }),
  // ICMP and neighbour discovery
  icmp_type: field(8, 'decimal', 'NXM_OF_ICMP_TYPE', { needs: 'icmp', maskable: false }),
  icmp_code: field(8, 'decimal', 'NXM_OF_ICMP_CODE', { needs: 'icmp', maskable: false }),
  icmpv6_type: field(8, 'decimal', 'NXM_NX_ICMPV6_TYPE', { needs: 'icmp6', maskable: false }),
  icmpv6_code: field(8, 'decimal', 'NXM_NX_ICMPV6_CODE', { needs: 'icmp6', maskable: false }),
  nd_target: field(128, 'ipv6', 'NXM_NX_ND_TARGET', { needs: 'nd' }),
  nd_sll: field(48, 'mac', 'NXM_NX_ND_SLL', { needs: 'nd-solicit' }),
  nd_tll: field(48, 'mac', 'NXM_NX_ND_TLL', { needs: 'nd-advert' }),
  nd_reserved: field(32, 'decimal', 'ERICOXM_OF_ICMPV6_ND_RESERVED', { needs: 'nd', maskable: false }),
  nd_options_type: field(8, 'decimal', 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE', { needs: 'nd', maskable: false }),
  // ports: only in a frame that is not a later fragment
  tcp_src: field(16, 'decimal', 'NXM_OF_TCP_SRC', { needs: 'tcp' }),
  tcp_dst: field(16, 'decimal', 'NXM_OF_TCP_DST', { needs: 'tcp' }),
  udp_src: field(16, 'decimal', 'NXM_OF_UDP_SRC', { needs: 'udp' }),
  udp_dst: field(16, 'decimal', 'NXM_OF_UDP_DST', { needs: 'udp' }),
  tcp_flags: field(12, 'tcp-flags', 'NXM_NX_TCP_FLAGS', { needs: 'tcp', writable: false }),
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

export const FIELD_NAMES = Object.keys(FIELDS) as readonly FieldName[];

/** The definition under its wide type; `FIELDS[name]` has the literal one. */
export function fieldOf(name: FieldName): Field {
  return FIELDS[name];
}

/** All bits of the field. */
export function fullMask(name: FieldName): bigint {
  return FULL_MASKS[name];
}

const FULL_MASKS = Object.fromEntries(
  FIELD_NAMES.map((name) => [name, (1n << BigInt(FIELDS[name].bits)) - 1n]),
) as Record<FieldName, bigint>;

/** The registers that `xregN` and `xxregN` are a view of, the highest word first; undefined for other fields. */
export function registersOf(name: FieldName): readonly FieldName[] | undefined {
  return REGISTER_VIEWS.get(name);
}

const REGISTER_VIEWS: ReadonlyMap<FieldName, readonly FieldName[]> = new Map(
  FIELD_NAMES.flatMap((name) => {
    const read = /^(x{1,2})reg(\d)$/.exec(name);
    if (!read) return [];
    const count = read[1] === 'x' ? 2 : 4;
    const first = Number(read[2]) * count;
    return [[name, Array.from({ length: count }, (_, i) => `reg${first + i}` as FieldName)] as const];
  }),
);

function field(
  bits: number,
  form: Field['form'],
  nxm: string,
  more: Partial<Pick<Field, 'writable' | 'needs' | 'maskable'>> = {},
): Field {
  return { bits, form, nxm, writable: true, needs: 'nothing', maskable: true, ...more };
}
