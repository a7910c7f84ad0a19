/**
 * What a frame carries through the pipeline besides its own bytes. Every register bit that the pipeline uses stands
 * here, once; the rest is free.
 *
 *     reg0   bits 0..3   ORIGIN    where the frame came from: 1 vNIC, 2 tunnel
 *            bit  4      ATTACHED  the vNIC is on: 0 a VLAN, 1 a virtual subnet
 *            bit  5      GUARD_DHCP    drop what a DHCP server would send
 *            bit  6      GUARD_ROUTER  drop router advertisements and redirects
 *            bit  7      ATTACHED_PRIVATE  the frame is on a private VLAN
 *            bits 8..9   PURPOSE   why the neighbour is looked up: 1 ARP, 2 ND, 3 routing
 *            bit  10     TOO_BIG   the frame does not fit the tunnel
 *            bit  11     EXPIRED   its time to live is used up
 *            bit  12     KEEP_PRIORITY  the priority in a tag of the guest stays
 *     reg1   VSID        virtual subnet: of the sender at first, of the destination after routing
 *            VLAN        the same bits on a private VLAN, and on one with port ACLs: the VLAN that the frame is in
 *     reg2   DOMAIN      number of the routing domain
 *     reg3   TARGET4     IPv4 address whose MAC address is wanted
 *     reg4-7 (xxreg1)    TARGET6   the same for IPv6
 *     reg8-9 (xreg4)     FOUND     the MAC address that `neighbour` found, in bits 0..47; 0 = nobody
 *                        bit 48: it is a router's
 *     reg10  bits 0..15  PLACE     OpenFlow port that leads to a machine that moves: its own, or the way to the other
 *                        host; 0xffff where there is none
 *     reg11  what port ACLs know of the frame (acl.ts)
 *            bits 0..15  ACL_PORT     OpenFlow port of the vNIC whose ACLs judge it, and zone of its connections
 *            bit  16     ACL_JUDGED   it has any
 *            bit  17     ACL_INBOUND  the frame is on its way to the vNIC, else from it
 *            bit  18     ACL_TRACK    it is to go through connection tracking first
 *            bit  19     ACL_TRACKED  it has
 *            bit  20     ACL_ANSWER   the rules are asked about what it answers
 *            bit  21     ACL_COMMIT   its connection is to be remembered
 *            bits 24..31 ACL_STEP     how many ACLs of the port were asked
 *     reg12  ACL         number of the ACL that judges it
 *     reg13  ACL_RULE    the rule of it that is reported: 1 is the first
 */
import type { Masked } from '../flow/flow.ts';

export const ORIGIN_MASK = 0xfn;
export const ORIGIN = { vnic: 1n, tunnel: 2n } as const;

export const ATTACHED_VIRTUAL = 1n << 4n;
export const GUARD_DHCP = 1n << 5n;
export const GUARD_ROUTER = 1n << 6n;
export const ATTACHED_PRIVATE = 1n << 7n;

export const PURPOSE_MASK = 3n << 8n;
export const PURPOSE = { arp: 1n << 8n, nd: 2n << 8n, route: 3n << 8n } as const;

export const TOO_BIG_BIT = 10;
export const TOO_BIG = 1n << BigInt(TOO_BIG_BIT);
export const EXPIRED = 1n << 11n;
export const KEEP_PRIORITY = 1n << 12n;

export const VSID = 'reg1';
export const VLAN = 'reg1';
export const DOMAIN = 'reg2';
export const TARGET4 = 'reg3';
export const TARGET6 = 'xxreg1';
export const FOUND = 'xreg4';
export const FOUND_ROUTER = 48;
export const PLACE = 'reg10';
export const ACL_STATE = 'reg11';
export const ACL = 'reg12';
export const ACL_RULE = 'reg13';

export const ACL_PORT = 'reg11[0..15]';
export const ACL_PORT_MASK = 0xffffn;
export const ACL_JUDGED = 1n << 16n;
export const ACL_INBOUND = 1n << 17n;
export const ACL_TRACK = 1n << 18n;
export const ACL_TRACKED = 1n << 19n;
export const ACL_ANSWER = 1n << 20n;
export const ACL_COMMIT = 1n << 21n;
export const ACL_STEP_MASK = 0xffn << 24n;

export function aclStep(step: number): bigint {
  return BigInt(step) << 24n;
}

/** Some bits of a register, and nothing of the others. */
export function bits(value: bigint, mask: bigint): Masked {
  return { value, mask };
}
