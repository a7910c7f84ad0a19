/** What a DHCP server grants (RFC 2131 section 4.4.5; options RFC 2132, RFC 3442). */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber, type Prefix, prefixOf } from '../packet/address.ts';
import { read32 } from '../packet/bytes.ts';
import { DHCP_OPTION, type DhcpView } from '../packet/dhcp.ts';
import type { AddressSettings } from './addresses.ts';
import { MINIMUM_MTU } from './ip-packet.ts';

/** Times are moments of the clock's `now`; an endless lease has Infinity for each. */
export interface Lease {
  readonly settings: AddressSettings & { readonly address: Ipv4 };
  readonly server: Ipv4;
  readonly obtainedAt: number;
  /** T1: the server is asked to go on. */
  readonly renewAt: number;
  /** T2: every server is asked. */
  readonly rebindAt: number;
  readonly expiresAt: number;
}

const ENDLESS = 0xffffffff;
const NO_ADDRESS = ipv4FromNumber(0);

/** The lease that an offer or acknowledgement grants; undefined when it lacks what a lease needs. */
export function readLease(message: DhcpView, now: number): Lease | undefined {
  const server = message.address(DHCP_OPTION.SERVER_ID);
  const seconds = message.number(DHCP_OPTION.LEASE_TIME, 4);
  const address = message.yiaddr;
  if (!server || !seconds || !isHost(address) || !isHost(server)) return undefined;
  const mask = message.number(DHCP_OPTION.SUBNET_MASK, 4);
  const prefixLength = mask === undefined ? classLength(address) : maskLength(mask);
  if (prefixLength === undefined) return undefined;

  // Classless routes, when there are any, stand for the router option too (RFC 3442, "DHCP Client Behavior").
  const classless = readRoutes(message.option(DHCP_OPTION.CLASSLESS_ROUTES));
  const byDefault = classless?.find((r) => r.prefix === '0.0.0.0/0' && r.gateway !== undefined);
  const gateway = classless ? byDefault?.gateway : message.addresses(DHCP_OPTION.ROUTER).find(isHost);
  const mtu = message.number(DHCP_OPTION.MTU, 2);

  return {
    settings: {
      address,
      prefixLength,
      ...(gateway ? { gateway } : {}),
      dns: message.addresses(DHCP_OPTION.DNS),
      ...(mtu !== undefined && mtu >= MINIMUM_MTU[4] ? { mtu } : {}),
      ...(classless ? { routes: classless.filter((r) => r !== byDefault) } : {}),
    },
    server,
    obtainedAt: now,
    ...leaseTimes(message, now, seconds),
  };
}

/** T1 and T2 as the server says when they make sense, otherwise 1/2 and 7/8 of the lease. */
function leaseTimes(message: DhcpView, now: number, seconds: number) {
  if (seconds === ENDLESS) return { renewAt: Infinity, rebindAt: Infinity, expiresAt: Infinity };
  const t1 = message.number(DHCP_OPTION.RENEWAL_TIME, 4) ?? 0;
  const t2 = message.number(DHCP_OPTION.REBINDING_TIME, 4) ?? 0;
  const [renew, rebind] = 0 < t1 && t1 < t2 && t2 < seconds ? [t1, t2] : [seconds / 2, (seconds * 7) / 8];
  return { renewAt: now + renew * 1000, rebindAt: now + rebind * 1000, expiresAt: now + seconds * 1000 };
}

/** Not 0.x, loopback, a group or reserved. */
function isHost(address: Ipv4): boolean {
  const first = ipv4ToNumber(address) >>> 24;
  return first > 0 && first < 224 && first !== 127;
}

/** Undefined when the ones do not stand at the front. */
function maskLength(mask: number): number | undefined {
  const length = Math.clz32(~mask >>> 0);
  return length === 32 || (mask << length) >>> 0 === 0 ? length : undefined;
}

/** The length that the address alone implies (RFC 791 section 2.3), for a server that gives no mask. */
function classLength(address: Ipv4): number {
  const value = ipv4ToNumber(address);
  return value < 0x80000000 ? 8 : value < 0xc0000000 ? 16 : 24;
}

/** `length, significant octets of the destination, router` each; undefined when the option is missing or cut short. */
function readRoutes(option: Uint8Array | undefined): { prefix: Prefix; gateway?: Ipv4 }[] | undefined {
  if (!option) return undefined;
  const routes: { prefix: Prefix; gateway?: Ipv4 }[] = [];
  for (let at = 0; at < option.length; ) {
    const length = option[at]!;
    const octets = Math.ceil(length / 8);
    if (length > 32 || option.length - at < 1 + octets + 4) return undefined;
    const destination = new Uint8Array(4);
    destination.set(option.subarray(at + 1, at + 1 + octets));
    const router = ipv4FromNumber(read32(option, at + 1 + octets));
    const prefix = prefixOf(ipv4FromNumber(read32(destination, 0)), length);
    routes.push(router === NO_ADDRESS ? { prefix } : { prefix, gateway: router });
    at += 1 + octets + 4;
  }
  return routes;
}
