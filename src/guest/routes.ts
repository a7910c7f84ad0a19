/** Where a packet goes next: the prefixes on the link, and the gateways behind it. */
import { addressWidth, type IpAddress, type Prefix, prefixContains, prefixParts } from '../packet/address.ts';

export interface Route {
  readonly prefix: Prefix;
  /** Absent = on-link. */
  readonly gateway?: IpAddress;
  /** Own address that packets by this route are sent from. */
  readonly source: IpAddress;
}

export interface NextHop {
  /** The neighbour that gets the packet: the gateway, or the destination itself. */
  readonly address: IpAddress;
  readonly source: IpAddress;
}

/** Answers kept, so that a provider interface with many peers does not search its routes for every packet. */
const ANSWER_LIMIT = 1024;

export class RouteTable {
  #routes: readonly Route[] = [];
  readonly #answers = new Map<IpAddress, NextHop>();

  /** All routes anew. Of two with the same prefix the first wins. */
  set(routes: readonly Route[]): void {
    this.#routes = routes.toSorted((a, b) => prefixParts(b.prefix).length - prefixParts(a.prefix).length);
    this.#answers.clear();
  }

  /** The longest prefix that holds the destination. */
  nextHop(destination: IpAddress): NextHop | undefined {
    const known = this.#answers.get(destination);
    if (known) return known;
    const width = addressWidth(destination);
    const route = this.#routes.find(
      (r) => addressWidth(r.source) === width && prefixContains(r.prefix, destination),
    );
    if (!route) return undefined;
    const answer = { address: route.gateway ?? destination, source: route.source };
    if (this.#answers.size >= ANSWER_LIMIT) this.#answers.clear();
    this.#answers.set(destination, answer);
    return answer;
  }
}
