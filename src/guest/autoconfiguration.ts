/**
 * What an IPv6 host does to get its addresses: it asks for a router (RFC 4861, 6.3.7), and does what the router says
 * (6.3.4): makes addresses of the prefixes (RFC 4862), asks for others by DHCPv6, takes the router for the way out.
 *
 *     start --solicitations--> advertisement --A--> an address of each prefix
 *                                  |          --M, or O alone--> dhcpv6-client.ts --> addresses, name servers
 *                                  `--> gateway, MTU, on-link prefixes of all of them
 *
 * One router is enough for these guests: the one that spoke last. What it said holds for as long as it said.
 */
import {
  type Ipv6,
  ipv6,
  isIpv6,
  linkLocalOf,
  type Mac,
  multicastMacOf,
  type Prefix,
  prefix,
  prefixContains,
  prefixOverlaps,
  prefixParts,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { ICMPV6_TYPE, Icmpv6View, ND_OPTION, type RouterAdvertisement } from '../packet/icmpv6.ts';
import { ND_VALUE } from '../packet/nd-options.ts';
import { SLAAC_LENGTH, slaacAddress } from '../packet/slaac.ts';
import type { AddressSettings } from './addresses.ts';
import { Alarm } from './alarm.ts';
import { Dhcpv6Client, type Dhcpv6State } from './dhcpv6-client.ts';
import { type IpPacket, MINIMUM_MTU } from './ip-packet.ts';
import type { Stack } from './stack.ts';

/** What a router has said and still holds. */
export interface RouterNews {
  readonly router: Ipv6;
  /** Whether it is the way out. */
  readonly isDefault: boolean;
  readonly managed: boolean;
  readonly other: boolean;
  readonly mtu?: number;
  readonly prefixes: readonly {
    readonly prefix: Prefix;
    readonly onLink: boolean;
    readonly autonomous: boolean;
  }[];
  readonly dns: readonly Ipv6[];
  readonly search: readonly string[];
}

/** The same with its ends: moments of the clock's `now`, or Infinity. */
interface Heard extends Omit<RouterNews, 'isDefault' | 'prefixes'> {
  readonly defaultUntil: number;
  readonly prefixes: readonly (RouterNews['prefixes'][number] & { readonly until: number })[];
}

const ALL_ROUTERS = ipv6('ff02::2');
const LINK_LOCAL = prefix('fe80::/10');
const GROUPS = prefix('ff00::/8');
/** What has come through a router is none (RFC 4861, 6.1). */
const HOP_LIMIT = 255;
const ENDLESS = 0xffffffff;
/** Milliseconds: to the first repetition (RFC 4861, 10), and between the last ones (RFC 7559). */
const FIRST_RETRY = 4000;
const LONGEST_RETRY = 3_600_000;

export class Autoconfiguration {
  readonly #stack: Stack;
  readonly #dhcp: Dhcpv6Client;
  #running = false;
  #heard: Heard | undefined;
  /** Addresses that are there because of what was heard. */
  readonly #claimed = new Set<Ipv6>();
  /** Addresses that somebody else has. */
  readonly #lost = new Set<Ipv6>();
  /** To ask again. */
  readonly #question: Alarm;
  /** The next of what was heard runs out. */
  readonly #expiry: Alarm;

  constructor(stack: Stack) {
    this.#stack = stack;
    this.#question = new Alarm(stack.clock);
    this.#expiry = new Alarm(stack.clock);
    this.#dhcp = new Dhcpv6Client(stack, () => this.#settle());
  }

  get news(): RouterNews | undefined {
    const now = this.#stack.clock.now();
    if (!this.#heard) return undefined;
    const { defaultUntil, prefixes, ...rest } = this.#heard;
    return {
      ...rest,
      isDefault: defaultUntil > now,
      prefixes: prefixes.filter(({ until }) => until > now).map(({ until: _, ...said }) => said),
    };
  }

  get dhcpState(): Dhcpv6State {
    return this.#dhcp.state;
  }

  /** Without effect when it runs. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#ask(FIRST_RETRY);
  }

  /** Gives up what it got. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#question.cancel();
    this.#expiry.cancel();
    this.#dhcp.stop();
    this.#heard = undefined;
    this.#lost.clear();
    this.#settle();
  }

  /** Takes what a server sent to the DHCPv6 client port. */
  receiveDhcp(payload: Uint8Array): void {
    if (this.#running) this.#dhcp.receive(payload);
  }

  /** Takes a router advertisement whose checksum is right; `from` is the frame's source. */
  receive(packet: IpPacket, from: Mac): void {
    if (!this.#running) return;
    const { clock, counters, neighbours } = this.#stack;
    const message = Icmpv6View.at(packet.bytes, packet.payloadOffset);
    const said = message?.router();
    const { source } = packet;
    const isValid = isIpv6(source) && prefixContains(LINK_LOCAL, source) && packet.ttl === HOP_LIMIT;
    if (!message || !said || !isValid || message.code !== 0) {
      counters.drop('nd-malformed');
      return;
    }
    const link = message.linkAddress(ND_OPTION.SOURCE_LINK) ?? from;
    neighbours.learn(source, link, { create: true, confirmed: false, override: true });
    this.#question.cancel();
    this.#heard = heardIn(message, said, source, clock.now());
    if (said.managed) this.#dhcp.start('addresses');
    else if (said.other) this.#dhcp.start('settings');
    this.#settle();
  }

  #ask(wait: number): void {
    const { mac, sendFrame } = this.#stack;
    this.#question.after(wait, () => this.#ask(Math.min(LONGEST_RETRY, 2 * wait)));
    sendFrame(
      frame(
        { layer: 'eth', src: mac, dst: multicastMacOf(ALL_ROUTERS) },
        { layer: 'ipv6', src: linkLocalOf(mac), dst: ALL_ROUTERS, ttl: HOP_LIMIT },
        { layer: 'icmpv6', type: ICMPV6_TYPE.ROUTER_SOLICITATION, sll: mac },
      ),
    );
  }

  /** Brings the addresses to what was heard. */
  #settle(): void {
    const { addresses, clock } = this.#stack;
    const news = this.news;
    const wanted = new Map(
      this.#wanted(news).map((address) => [address, settingsFor(address, news, this.#dhcp)]),
    );
    for (const address of [...this.#claimed]) {
      if (wanted.has(address)) continue;
      this.#claimed.delete(address);
      addresses.release(address);
    }
    for (const [address, settings] of wanted) {
      if (this.#claimed.has(address)) addresses.update(settings);
      else this.#claim(settings);
    }
    const ends = this.#heard ? [this.#heard.defaultUntil, ...this.#heard.prefixes.map((p) => p.until)] : [];
    const next = Math.min(...ends.filter((end) => end > clock.now() && end !== Infinity));
    this.#expiry.until(next, () => this.#settle());
  }

  #claim(settings: AddressSettings & { readonly address: Ipv6 }): void {
    const { address } = settings;
    const isLeased = this.#dhcp.lease?.addresses.includes(address) === true;
    this.#claimed.add(address);
    this.#stack.addresses.claim(settings, isLeased ? 'dhcp' : 'slaac', {
      probe: true,
      yields: true,
      lost: () => {
        this.#claimed.delete(address);
        if (isLeased) this.#dhcp.decline(address);
        else this.#lost.add(address);
      },
    });
  }

  #wanted(news: RouterNews | undefined): Ipv6[] {
    const made = (news?.prefixes ?? [])
      .filter(({ prefix, autonomous }) => autonomous && prefixParts(prefix).length === SLAAC_LENGTH)
      .map(({ prefix }) => slaacAddress(prefix, this.#stack.mac))
      .filter((address) => !this.#lost.has(address));
    return [...(this.#dhcp.lease?.addresses ?? []), ...made];
  }
}

function settingsFor(
  address: Ipv6,
  news: RouterNews | undefined,
  { lease }: Dhcpv6Client,
): AddressSettings & { readonly address: Ipv6 } {
  const link = news?.prefixes.find(({ prefix, onLink }) => onLink && prefixContains(prefix, address));
  return {
    address,
    // Without a word about the link, only the address itself is known to be there (RFC 8415, 18.2.10.1).
    prefixLength: link ? prefixParts(link.prefix).length : 128,
    ...(news?.isDefault ? { gateway: news.router } : {}),
    ...(news?.mtu === undefined ? {} : { mtu: news.mtu }),
    dns: [...new Set([...(news?.dns ?? []), ...(lease?.dns ?? [])])],
  };
}

function heardIn(message: Icmpv6View, said: RouterAdvertisement, router: Ipv6, now: number): Heard {
  const after = (seconds: number) => (seconds === ENDLESS ? Infinity : now + 1000 * seconds);
  const mtu = message.read(ND_VALUE.mtu);
  const isPlausible = mtu !== undefined && mtu >= MINIMUM_MTU[6] && mtu <= 0xffff;
  return {
    router,
    defaultUntil: now + 1000 * said.lifetime,
    managed: said.managed,
    other: said.other,
    ...(isPlausible ? { mtu } : {}),
    prefixes: message
      .readAll(ND_VALUE.prefix)
      // Link-local prefixes are passed over (RFC 4861, 6.3.4), and groups are nobody's addresses.
      .filter(({ prefix: p, valid }) => valid > 0 && ![LINK_LOCAL, GROUPS].some((q) => prefixOverlaps(p, q)))
      .map(({ prefix: p, onLink, autonomous, valid }) => ({
        prefix: p,
        onLink,
        autonomous,
        until: after(valid),
      })),
    dns: message
      .readAll(ND_VALUE.dnsServers)
      .flatMap(({ servers, lifetime }) => (lifetime > 0 ? servers : [])),
    search: message
      .readAll(ND_VALUE.dnsSearch)
      .flatMap(({ domains, lifetime }) => (lifetime > 0 ? domains : [])),
  };
}
