/** What the parts of one stack share; `GuestNic` (nic.ts) is where they are put together. */
import type { Clock } from '../base/clock.ts';
import type { IpAddress, Mac } from '../packet/address.ts';
import type { Layer } from '../packet/layer.ts';
import type { AddressBook } from './addresses.ts';
import type { Counters } from './counters.ts';
import type { NeighbourCache } from './neighbour.ts';

/** Why a packet was not sent. */
export type SendProblem = 'no-route' | 'no-source-address' | 'too-big' | 'ip-malformed';

/** How a packet is sent. */
export interface SendOptions {
  /** One of our usable addresses; otherwise that of the route. */
  readonly source?: IpAddress;
  /** Default 64. */
  readonly ttl?: number;
  /** DSCP and ECN. */
  readonly tos?: number;
  /** IPv4: forbid fragmentation. IPv6: do not fragment here. */
  readonly dontFragment?: boolean;
}

export interface Stack {
  readonly mac: Mac;
  readonly clock: Clock;
  /** 0 <= random() < 1 */
  readonly random: () => number;
  readonly counters: Counters;
  readonly addresses: AddressBook;
  readonly neighbours: NeighbourCache;
  sendFrame(frame: Uint8Array): void;
  /** Puts an IP header before the layers and sends the packet. Undefined when it is on its way, or waits for its neighbour. */
  sendLayers(
    destination: IpAddress,
    protocol: number,
    layers: readonly Layer[],
    options?: SendOptions,
  ): SendProblem | undefined;
}
