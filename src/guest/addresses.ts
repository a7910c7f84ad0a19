/**
 * The addresses of one interface: from claimed to usable, and what happens when somebody else has one (RFC 5227).
 *
 *     claim --probe?--> probing --nobody answered--> usable --conflict--> defended, or given up
 *                          `------ conflict -------> given up
 */
import {
  addressWidth,
  broadcastAddress,
  type IpAddress,
  ip,
  isIpv4,
  isMulticastIp,
  type Mac,
  type Prefix,
  prefixContains,
  prefixOf,
} from '../packet/address.ts';
import { MINIMUM_MTU } from './ip-packet.ts';
import { ANNOUNCE_INTERVAL, type ProbeEnvironment, startProbing } from './probe.ts';
import { type Route, RouteTable } from './routes.ts';

/** What an interface is told about one of its addresses. */
export interface AddressSettings {
  readonly address: IpAddress;
  /** 0..32 or 0..128 */
  readonly prefixLength: number;
  /** Next hop to everything that is not on the link. */
  readonly gateway?: IpAddress;
  readonly dns?: readonly IpAddress[];
  /** Largest IP packet in bytes. */
  readonly mtu?: number;
  /** Further routes; without a gateway they are on-link. */
  readonly routes?: readonly { readonly prefix: Prefix; readonly gateway?: IpAddress }[];
}

export interface OwnAddress extends AddressSettings {
  readonly origin: 'static' | 'dhcp' | 'slaac' | 'link-local';
  /** Only a usable address is answered for and sent from. */
  readonly state: 'probing' | 'usable';
}

/** Somebody else on the link has an address of ours. */
export interface Conflict {
  readonly address: IpAddress;
  /** Who said so. */
  readonly mac: Mac;
  /** When, by the clock's `now`. */
  readonly at: number;
}

export interface ClaimOptions {
  /** Ask first whether somebody has the address. */
  readonly probe: boolean;
  /** Give a usable address up on the second conflict within DEFEND_INTERVAL; otherwise it is kept, and defended. */
  readonly yields: boolean;
  /** The address is usable now; called before `claim` returns when it is not probed for. */
  readonly ready?: () => void;
  /** The address was given up to somebody else; it is not ours any more when this is called. */
  readonly lost?: (conflict: Conflict) => void;
}

export interface AddressEnvironment extends ProbeEnvironment {
  /** Asks on the wire whether somebody has the address. */
  readonly probe: (address: IpAddress) => void;
  /** Says on the wire that we have it. */
  readonly announce: (address: IpAddress) => void;
}

/** Milliseconds between two defences of an address (RFC 5227 section 1.1). */
export const DEFEND_INTERVAL = 10_000;
/** Conflicts remembered, the latest ones. */
const CONFLICT_LIMIT = 32;

interface Claim {
  own: OwnAddress;
  readonly options: ClaimOptions;
  defendedAt: number;
  cancel: () => void;
}

export class AddressBook {
  readonly routes = new RouteTable();
  readonly #env: AddressEnvironment;
  readonly #claims = new Map<IpAddress, Claim>();
  readonly #conflicts: Conflict[] = [];
  #usable: readonly OwnAddress[] = [];
  #broadcasts: ReadonlySet<IpAddress> = new Set();
  #mtu: number | undefined;

  constructor(env: AddressEnvironment) {
    this.#env = env;
  }

  /** Throws RangeError where the settings contradict themselves. An address that is claimed again is claimed anew. */
  claim(settings: AddressSettings, origin: OwnAddress['origin'], options: ClaimOptions): void {
    checkSettings(settings);
    this.release(settings.address);
    const { address } = settings;
    const claim: Claim = {
      own: { ...settings, origin, state: 'probing' },
      options,
      defendedAt: Number.NEGATIVE_INFINITY,
      cancel: () => {},
    };
    this.#claims.set(address, claim);
    if (options.probe) {
      claim.cancel = startProbing(
        this.#env,
        () => this.#env.probe(address),
        () => {
          this.#settle(claim);
          claim.cancel = this.#env.clock.after(ANNOUNCE_INTERVAL, () => this.#env.announce(address));
          this.#env.announce(address);
          options.ready?.();
        },
      );
      return;
    }
    this.#settle(claim);
    options.ready?.();
  }

  /** Changes what goes with an address that is ours, such as its gateway after a renewal. */
  update(settings: AddressSettings): void {
    const claim = this.#claims.get(settings.address);
    if (!claim) return;
    checkSettings(settings);
    claim.own = { ...settings, origin: claim.own.origin, state: claim.own.state };
    this.#rebuild();
  }

  /** Without effect on an address that is not ours. */
  release(address: IpAddress): void {
    const claim = this.#claims.get(address);
    if (!claim) return;
    claim.cancel();
    this.#claims.delete(address);
    this.#rebuild();
  }

  /** Stops probing and announcing, and forgets all addresses. */
  clear(): void {
    for (const claim of this.#claims.values()) claim.cancel();
    this.#claims.clear();
    this.#rebuild();
  }

  /** Usable addresses, in the order of claiming. */
  get usable(): readonly OwnAddress[] {
    return this.#usable;
  }

  /** Usable ones and those that are being probed for. */
  get all(): readonly OwnAddress[] {
    return [...this.#claims.values()].map((claim) => claim.own);
  }

  get conflicts(): readonly Conflict[] {
    return this.#conflicts;
  }

  owns(address: IpAddress): boolean {
    return this.#claims.get(address)?.own.state === 'usable';
  }

  /** The smallest MTU that came with a usable address; undefined when none did. */
  get mtu(): number | undefined {
    return this.#mtu;
  }

  /** Whether the address is the broadcast address of a subnet that we are on. */
  isBroadcast(address: IpAddress): boolean {
    return this.#broadcasts.has(address);
  }

  /** `mac`, which is not ours, says that it has `address`. True when that is a conflict. */
  heard(address: IpAddress, mac: Mac): boolean {
    const claim = this.#claims.get(address);
    if (!claim) return false;
    const now = this.#env.clock.now();
    const conflict = { address, mac, at: now };
    this.#conflicts.push(conflict);
    if (this.#conflicts.length > CONFLICT_LIMIT) this.#conflicts.shift();
    const defendedLately = now - claim.defendedAt < DEFEND_INTERVAL;
    if (claim.own.state === 'probing' || (claim.options.yields && defendedLately)) {
      this.release(address);
      claim.options.lost?.(conflict);
    } else if (!defendedLately) {
      claim.defendedAt = now;
      this.#env.announce(address);
    }
    return true;
  }

  /** `mac`, which is not ours, probes for `address`: a conflict only while we do the same (RFC 5227 section 2.1.1). */
  heardProbe(address: IpAddress, mac: Mac): void {
    if (this.#claims.get(address)?.own.state === 'probing') this.heard(address, mac);
  }

  #settle(claim: Claim): void {
    claim.own = { ...claim.own, state: 'usable' };
    this.#rebuild();
  }

  #rebuild(): void {
    this.#usable = this.all.filter((own) => own.state === 'usable');
    this.#broadcasts = new Set(
      this.#usable.flatMap((own) => broadcastAddress(prefixOf(own.address, own.prefixLength)) ?? []),
    );
    this.routes.set(this.#usable.flatMap(routesOf));
    const mtus = this.#usable.flatMap((own) => own.mtu ?? []);
    this.#mtu = mtus.length > 0 ? Math.min(...mtus) : undefined;
  }
}

function routesOf(own: OwnAddress): Route[] {
  const { address: source, gateway } = own;
  const link = prefixOf(source, own.prefixLength);
  const routes: Route[] = [{ prefix: link, source }];
  for (const route of own.routes ?? []) routes.push({ ...route, source });
  if (gateway === undefined) return routes;
  const v4 = isIpv4(source);
  // A gateway outside the prefix is reached directly all the same: as a /32 subnet has it.
  if (!prefixContains(link, gateway)) routes.push({ prefix: prefixOf(gateway, v4 ? 32 : 128), source });
  routes.push({ prefix: prefixOf(ip(v4 ? '0.0.0.0' : '::'), 0), gateway, source });
  return routes;
}

function checkSettings(settings: AddressSettings): void {
  const { address, prefixLength, gateway, mtu } = settings;
  const width = addressWidth(address);
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > width)
    throw new RangeError(`${address}/${prefixLength}: the prefix length is 0..${width}`);
  if (isMulticastIp(address)) throw new RangeError(`${address} is a group, not the address of an interface`);
  if (gateway !== undefined && addressWidth(gateway) !== width)
    throw new RangeError(`${address} and its gateway ${gateway} are of different IP versions`);
  const minimum = MINIMUM_MTU[isIpv4(address) ? 4 : 6];
  if (mtu !== undefined && (!Number.isInteger(mtu) || mtu < minimum || mtu > 0xffff))
    throw new RangeError(`the MTU ${mtu} of ${address} is not within ${minimum}..65535`);
}
