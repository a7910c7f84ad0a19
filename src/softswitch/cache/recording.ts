/** Notes, while the slow path runs a frame, everything that a recipe needs. */

import type { IpAddress } from '../../packet/address.ts';
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { VLAN } from '../../packet/vlan.ts';
import type { MacEntry } from '../mac-learning.ts';
import type { Rule } from '../table.ts';
import { type FrameKey, frameMask } from './frame-key.ts';
import { Delivery, type Recipe } from './recipe.ts';
import { Trail } from './trail.ts';

export class Recording {
  readonly trail: Trail;
  readonly #rules: Rule[] = [];
  readonly #tables = new Set<number>();
  readonly #deliveries: Delivery[] = [];
  readonly #macs = new Set<string>();
  readonly #known = new Set<MacEntry>();
  readonly #sources = new Set<MacEntry>();
  #isRefused = false;

  /** `isIp`: the frame is IPv4 or IPv6. */
  constructor(isIp: boolean) {
    this.trail = Trail.start(isIp);
  }

  /** The result depends on what no key has, or on the moment: each such frame goes the slow path. */
  refuse(): void {
    this.#isRefused = true;
  }

  table(table: number): void {
    this.#tables.add(table);
  }

  rule(rule: Rule): void {
    this.#rules.push(rule);
  }

  /** A frame leaves by a port. */
  delivery(port: number, nic: string | undefined, trail: Trail): void {
    this.#deliveries.push(new Delivery(port, nic, trail.edits, undefined));
  }

  /** A frame, `length` bytes long with its tags, leaves in a tunnel. */
  tunnel(
    port: number,
    trail: Trail,
    length: number,
    made: { readonly outer: Uint8Array; readonly destination: IpAddress; readonly headerLength: number },
  ): void {
    const { outer, destination, headerLength } = made;
    // A checksum over all of the frame is for the slow path.
    if (outer[0]! >>> 4 === 6 && outer[IPV6.NEXT] === IP_PROTOCOL.UDP) this.refuse();
    const untagged = trail.fork();
    for (let tags = length - (outer.length - headerLength); tags > 0; tags -= VLAN.SIZE) untagged.pop();
    const bytes = outer.slice(0, headerLength);
    this.#deliveries.push(
      new Delivery(port, undefined, untagged.edits, { bytes, destination, late: trail.late }),
    );
  }

  /** An address was looked up; `entry` is undefined where it is not known. */
  lookedUp(key: string, entry: MacEntry | undefined): void {
    this.#macs.add(key);
    if (entry) this.#known.add(entry);
  }

  /** The frame came from this address. */
  cameFrom(entry: MacEntry): void {
    this.#macs.add(entry.key);
    this.#known.add(entry);
    this.#sources.add(entry);
  }

  /** What is known of an address has changed just now. */
  changed(key: string): void {
    if (this.#macs.has(key)) this.refuse();
  }

  recipe(key: FrameKey): Recipe | undefined {
    if (this.#isRefused) return undefined;
    return {
      key: key.slice(),
      mask: frameMask(this.trail.looked, key),
      deliveries: this.#deliveries,
      rules: this.#rules,
      tables: this.#tables,
      macs: [...this.#macs],
      known: [...this.#known],
      sources: [...this.#sources],
      longest: Math.min(...this.#deliveries.map((d) => d.longest), Number.MAX_SAFE_INTEGER),
    };
  }
}
