/**
 * The router of a virtual subnet tells its guests about itself (RFC 4861, 4.2 and 6.2): it answers their solicitations,
 * and speaks unasked when something has changed and every ADVERTISING_INTERVAL, so that nothing of what it said runs
 * out. Each guest hears of its own port alone, so an advertisement says what the guest of that port is to do:
 *
 *     M  there are addresses for it by DHCPv6         A (of the prefix)  it makes one of the prefix itself
 *     O  there is more to be had by DHCPv6: always    L (of the prefix)  its neighbours are on the link
 *     lifetime 0 where the operator named other gateways and not the subnet's router; a low preference where it is not the
 *     first of them
 */
import type { Clock } from '../base/clock.ts';
import {
  type IpAddress,
  type Ipv6,
  ipv6,
  isIpv6,
  linkLocalOf,
  type Mac,
  multicastMacOf,
  type Prefix,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { checksumHolds, pseudoHeaderSum } from '../packet/checksum.ts';
import { ICMPV6_TYPE, ND_OPTION } from '../packet/icmpv6.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import { ND_VALUE } from '../packet/nd-options.ts';
import { type Option, optionOf } from '../packet/option.ts';
import { parseFrame } from '../packet/parse.ts';
import { type PortRecord, prefixOfFamily, type SubnetRecord } from '../policy/records.ts';
import { ipv6DnsOf, managedAddresses } from './answers.ts';

/** In milliseconds: the longest that RFC 4861, 6.2.1 lets a router be silent by default (MaxRtrAdvInterval). */
const ADVERTISING_INTERVAL = 600_000;

/** In seconds: the longest of RFC 4861, 6.2.1, so that guests keep their router while an agent is away. */
export const ROUTER_LIFETIME = 9000;
/** Of a prefix, in seconds (RFC 4861, 6.2.1). */
export const PREFIX_LIFETIME = { valid: 2_592_000, preferred: 604_800 } as const;

/** Of a router among others (RFC 4191, 2.1). */
const PREFERENCE = { medium: 0, low: 3 } as const;

const UNSPECIFIED = ipv6('::');
const ALL_NODES = ipv6('ff02::1');
/** What has come through a router is none (RFC 4861, 6.1). */
const ND_HOP_LIMIT = 255;
/** For packets of guests. */
const GUEST_HOP_LIMIT = 64;

/** Every ADVERTISING_INTERVAL from now on. The result ends it. */
export function advertiseRegularly(agent: { advertise(): Promise<void> }, clock: Clock): () => void {
  let cancel = () => {};
  const wait = () => {
    cancel = clock.after(ADVERTISING_INTERVAL, () => {
      wait();
      void agent.advertise();
    });
  };
  wait();
  return () => cancel();
}

/**
 * The frame that answers a router solicitation of this port; undefined when it is none (RFC 4861, 6.1.1), or the subnet
 * has no IPv6.
 */
export function answerSolicitation(
  port: PortRecord,
  subnet: SubnetRecord,
  solicitation: Uint8Array,
): Uint8Array | undefined {
  const { bytes, eth, vlans, ipv6: ip, icmpv6, fragment } = parseFrame(solicitation);
  if (!eth || !ip || icmpv6?.type !== ICMPV6_TYPE.ROUTER_SOLICITATION) return undefined;
  if (vlans.length > 0 || fragment !== 'none' || icmpv6.code !== 0 || ip.hopLimit !== ND_HOP_LIMIT)
    return undefined;
  const pseudo = pseudoHeaderSum(bytes, ip.offset, IP_PROTOCOL.ICMPV6, icmpv6.end - icmpv6.offset);
  if (!checksumHolds(bytes, icmpv6.offset, icmpv6.end, pseudo)) return undefined;
  const isUnspecified = ip.srcIp === UNSPECIFIED;
  if (isUnspecified && icmpv6.linkAddress(ND_OPTION.SOURCE_LINK) !== undefined) return undefined;
  return isUnspecified ? advertisement(port, subnet) : advertisement(port, subnet, ip.srcIp, eth.srcMac);
}

/** To one guest, or, without a destination, to all: that is, to whoever is behind the port. Undefined without IPv6. */
export function advertisement(
  port: PortRecord,
  subnet: SubnetRecord,
  to: Ipv6 = ALL_NODES,
  toMac: Mac = multicastMacOf(to),
): Uint8Array | undefined {
  const here = prefixOfFamily(subnet, 6);
  if (!here) return undefined;
  return frame(
    { layer: 'eth', src: subnet.gatewayMac, dst: toMac },
    { layer: 'ipv6', src: linkLocalOf(subnet.gatewayMac), dst: to, ttl: ND_HOP_LIMIT },
    {
      layer: 'icmpv6',
      type: ICMPV6_TYPE.ROUTER_ADVERTISEMENT,
      hoplimit: GUEST_HOP_LIMIT,
      managed: managedAddresses(port, subnet).length > 0,
      other: true,
      ...standing(port, here.gateway),
      sll: subnet.gatewayMac,
      options: [
        optionOf(ND_VALUE.mtu, port.mtu),
        optionOf(ND_VALUE.prefix, {
          prefix: here.prefix,
          onLink: true,
          autonomous: here.autonomous === true,
          ...PREFIX_LIFETIME,
        }),
        ...dnsOptions(port),
      ],
    },
  );
}

/**
 * What was said no longer holds: the router is none, and addresses of its prefix are not to be used for anything new
 * (RFC 4862, 5.5.4). Undefined without IPv6.
 */
function withdrawal({ prefixes, gatewayMac }: SubnetRecord): Uint8Array | undefined {
  const gone = prefixes.find(({ gateway }) => isIpv6(gateway));
  if (!gone) return undefined;
  const autonomous = gone.autonomous === true;
  return frame(
    { layer: 'eth', src: gatewayMac, dst: multicastMacOf(ALL_NODES) },
    { layer: 'ipv6', src: linkLocalOf(gatewayMac), dst: ALL_NODES, ttl: ND_HOP_LIMIT },
    {
      layer: 'icmpv6',
      type: ICMPV6_TYPE.ROUTER_ADVERTISEMENT,
      lifetime: 0,
      sll: gatewayMac,
      options: [
        optionOf(ND_VALUE.prefix, {
          prefix: gone.prefix,
          onLink: true,
          autonomous,
          valid: 0,
          preferred: 0,
        }),
      ],
    },
  );
}

/** What the router is to the guests among the gateways that the operator named (RFC 4191, 2.2). */
function standing(port: PortRecord, router: IpAddress): { lifetime: number; preference: number } {
  const own = port.addresses.filter(({ address }) => isIpv6(address));
  if (own.length === 0 || own.some(({ gateway }) => gateway === router))
    return { lifetime: ROUTER_LIFETIME, preference: PREFERENCE.medium };
  const isOther = own.some(({ otherGateways = [] }) => otherGateways.includes(router));
  return { lifetime: isOther ? ROUTER_LIFETIME : 0, preference: PREFERENCE.low };
}

/** What guests were told last, by port: so that they can be told when it no longer holds. */
export class Advertiser {
  readonly #told = new Map<string, SubnetRecord>();

  /** The frames that the guest of the port is to hear now, in this order. `subnet`: with IPv6, or none. */
  *frames(port: PortRecord, subnet: SubnetRecord | undefined): Iterable<Uint8Array> {
    const told = this.#told.get(port.id);
    const news = subnet && advertisement(port, subnet);
    const isSame = told?.gatewayMac === subnet?.gatewayMac && ipv6Of(told) === ipv6Of(subnet);
    const gone = told && !(news && isSame) ? withdrawal(told) : undefined;
    if (gone) yield gone;
    if (news) yield news;
    if (subnet && news) this.#told.set(port.id, subnet);
    else this.#told.delete(port.id);
  }

  /** The port is gone. */
  forget(id: string): void {
    this.#told.delete(id);
  }
}

function ipv6Of(subnet: SubnetRecord | undefined): Prefix | undefined {
  return subnet && prefixOfFamily(subnet, 6)?.prefix;
}

/** RFC 8106; good for as long as the router. */
function dnsOptions(port: PortRecord): Option[] {
  const lifetime = ROUTER_LIFETIME;
  const { servers, domains } = ipv6DnsOf(port);
  return [
    ...(servers.length > 0 ? [optionOf(ND_VALUE.dnsServers, { lifetime, servers })] : []),
    ...(domains.length > 0 ? [optionOf(ND_VALUE.dnsSearch, { lifetime, domains })] : []),
  ];
}
