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
 *     reg1   VSID        virtual subnet: of the sender at first, of the destination after routing
 *            VLAN        the same bits on a private VLAN: the VLAN that the frame is in
 *     reg2   DOMAIN      number of the routing domain
 *     reg3   TARGET4     IPv4 address whose MAC address is wanted
 *     reg4-7 (xxreg1)    TARGET6   the same for IPv6
 *     reg8-9 (xreg4)     FOUND     the MAC address that `neighbour` found, in bits 0..47; 0 = nobody
 *                        bit 48: it is a router's
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

export const VSID = 'reg1';
export const VLAN = 'reg1';
export const DOMAIN = 'reg2';
export const TARGET4 = 'reg3';
export const TARGET6 = 'xxreg1';
export const FOUND = 'xreg4';
export const FOUND_ROUTER = 48;

/** Some bits of a register, and nothing of the others. */
export function bits(value: bigint, mask: bigint): Masked {
  return { value, mask };
}
