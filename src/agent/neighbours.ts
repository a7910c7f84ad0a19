/**
 * The hosts that this one sends encapsulated frames to, and the question for their MAC addresses.
 *
 * Open vSwitch learns where a provider address is from the answers that it sees (lib/tnl-neigh-cache.c), and forgets it after 15
 * minutes without use. A frame for an address that it does not know is lost while it asks. So the agent asks before, in
 * the name of the provider interface, by ARP (RFC 826) or by a neighbour solicitation (RFC 4861, 4.3).
 */
import { entryOf } from '../base/map.ts';
import {
  BROADCAST_MAC,
  type IpAddress,
  type Ipv4,
  type Ipv6,
  isIpv4,
  isIpv6,
  multicastMacOf,
  prefixContains,
  prefixOf,
  solicitedNodeOf,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { ICMPV6_TYPE } from '../packet/icmpv6.ts';
import type { LookupRecord, PolicyRecord, ProviderRecord } from '../policy/records.ts';
import type { Records } from './records.ts';

/** Whom to ask on a fabric: another host, or the gateway to it. */
export interface Neighbour {
  readonly logicalNetwork: string;
  readonly address: IpAddress;
}

/** What a neighbour has come through no router with (RFC 4861, 7.1.1). */
const ND_HOP_LIMIT = 255;

/** The provider addresses that lookup records name, by routing domain; each change costs what it touches. */
export class Peers {
  /** RDID -> provider address -> how many lookup records name it */
  readonly #named = new Map<string, Map<IpAddress, number>>();

  /** One record in place of another. Whether `neighbours` may answer something else from now on. */
  take(before: PolicyRecord | undefined, after: PolicyRecord | undefined): boolean {
    const came = after?.kind === 'lookup' && this.#count(after, 1);
    const went = before?.kind === 'lookup' && this.#count(before, -1);
    const kind = after?.kind ?? before?.kind;
    return came || went || kind === 'provider' || kind === 'domain';
  }

  /** Each once. Not those that nothing leads to: on another subnet where there is no gateway, or of another IP version. */
  neighbours(records: Records): readonly Neighbour[] {
    const found = new Map<string, Neighbour>();
    for (const [rdid, addresses] of this.#named) {
      const domain = records.get(`domain/${rdid}`);
      if (domain?.kind !== 'domain') continue;
      const { logicalNetwork } = domain;
      const provider = records.get(`provider/${logicalNetwork}`);
      if (provider?.kind !== 'provider') continue;
      for (const pa of addresses.keys()) {
        const address = nextHop(provider, pa);
        if (address !== undefined) found.set(`${logicalNetwork} ${address}`, { logicalNetwork, address });
      }
    }
    return [...found.values()];
  }

  /** Whether an address is named now that was not, or the other way round. */
  #count({ rdid, pa, standby }: LookupRecord, by: 1 | -1): boolean {
    const addresses = entryOf(this.#named, rdid, () => new Map<IpAddress, number>());
    let isNews = false;
    for (const address of standby === undefined ? [pa] : [pa, standby]) {
      const before = addresses.get(address) ?? 0;
      if (before + by > 0) addresses.set(address, before + by);
      else addresses.delete(address);
      isNews ||= before === 0 || before + by === 0;
    }
    if (addresses.size === 0) this.#named.delete(rdid);
    return isNews;
  }
}

/** Who has the address? The frame comes from the provider interface, and is for everybody who may have it. */
export function neighbourQuestion({ mac, pa }: ProviderRecord, address: IpAddress): Uint8Array {
  if (isIpv4(address)) {
    return frame(
      { layer: 'eth', src: mac, dst: BROADCAST_MAC },
      { layer: 'arp', op: 1, sha: mac, spa: pa as Ipv4, tpa: address },
    );
  }
  const group = solicitedNodeOf(address);
  return frame(
    { layer: 'eth', src: mac, dst: multicastMacOf(group) },
    { layer: 'ipv6', src: pa as Ipv6, dst: group, ttl: ND_HOP_LIMIT },
    { layer: 'icmpv6', type: ICMPV6_TYPE.NEIGHBOR_SOLICITATION, target: address, sll: mac },
  );
}

/** What is sent to the provider address goes to this one of the same link; undefined where nothing is to be asked. */
function nextHop({ pa, prefixLength, gateway }: ProviderRecord, peer: IpAddress): IpAddress | undefined {
  // What is for a machine of this host does not leave it.
  if (peer === pa || isIpv6(peer) !== isIpv6(pa)) return undefined;
  return prefixContains(prefixOf(pa, prefixLength), peer) ? peer : gateway;
}
