/** Notes, while the slow path runs a frame, everything that a recipe needs. */

import type { IpAddress } from '../../packet/address.ts';
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { VLAN } from '../../packet/vlan.ts';
import type { MacEntry } from '../bridge/mac-learning.ts';
import type { ConnectionGate } from '../conntrack/connection-gate.ts';
import { reaches, type Scope } from '../engine/scope.ts';
import type { Counters } from '../flows/counters.ts';
import { type FrameKey, frameMask } from './frame-key.ts';
import type { Gate, Toll } from './gate.ts';
import { Delivery, type Recipe } from './recipe.ts';
import { Trail } from './trail.ts';

export class Recording {
  readonly trail: Trail;
  readonly #rules: Counters[] = [];
  readonly #tables = new Set<number>();
  readonly #groups = new Set<number>();
  readonly #deliveries: Delivery[] = [];
  readonly #macs = new Set<string>();
  readonly #known = new Set<MacEntry>();
  readonly #sources = new Set<MacEntry>();
  readonly #gates: Gate[] = [];
  #connections: ConnectionGate | undefined;
  readonly #tolls: { readonly toll: Toll; readonly scope: Scope }[] = [];
  #longest = Number.MAX_SAFE_INTEGER;
  #waiting = 0;
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

  /** A group was gone through, or looked at. */
  group(group: number): void {
    this.#groups.add(group);
  }

  /** A rule, or something else that counts, has counted the frame. */
  rule(rule: Counters): void {
    this.#rules.push(rule);
  }

  /** A frame leaves by a port; `limit` bytes of it, 0 = all. */
  delivery(port: number, nic: string | undefined, trail: Trail, limit: number): void {
    this.#deliveries.push(new Delivery(port, nic, trail.edits, undefined, limit));
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

  /** What the result rests on are connections, all in one gate. No toll may stand before it. */
  connections(make: () => ConnectionGate): ConnectionGate {
    if (this.#tolls.length > 0) this.refuse();
    this.#connections ??= make();
    return this.#connections;
  }

  /** What the result rests on besides the frame. */
  gate(gate: Gate): void {
    this.#gates.push(gate);
  }

  /** What may refuse a frame, and so everything from here on in its scope. Nothing else must have been done yet. */
  toll(toll: Toll, scope: Scope): void {
    if (this.#deliveries.length > 0 || this.#waiting > 0) this.refuse();
    this.acts(scope);
    this.#tolls.push({ toll, scope });
  }

  /** Something is done in a scope that a toll must be able to prevent, or else no recipe can be made. */
  acts(scope: Scope): void {
    if (this.#waiting > 0) this.refuse();
    if (!this.#tolls.every((paid) => reaches(paid.scope, scope))) this.refuse();
  }

  /** A frame that was frozen begins anew later, and what it leads to comes before what others lead to meanwhile. */
  waits(): void {
    this.#waiting++;
    this.recirculates();
  }

  /** One that waited begins. */
  begins(): void {
    this.#waiting--;
  }

  /** The frame goes on anew, which it would not when a toll has refused it. */
  recirculates(): void {
    if (this.#tolls.length > 0) this.refuse();
  }

  /** Longer frames take another way. */
  noLonger(length: number): void {
    this.#longest = Math.min(this.#longest, length);
  }

  /** Flows of these tables are about to change. */
  tablesChanged(tables: ReadonlySet<number>): void {
    if (!this.#tables.isDisjointFrom(tables)) this.refuse();
  }

  recipe(key: FrameKey): Recipe | undefined {
    if (this.#isRefused || this.#connections?.isStale) return undefined;
    return {
      key: key.slice(),
      mask: frameMask(this.trail.looked, key),
      deliveries: this.#deliveries,
      rules: this.#rules,
      tables: this.#tables,
      groups: this.#groups,
      macs: [...this.#macs],
      known: [...this.#known],
      sources: [...this.#sources],
      longest: Math.min(...this.#deliveries.map((d) => d.longest), this.#longest),
      gates: this.#connections ? [...this.#gates, this.#connections] : this.#gates,
      tolls: this.#tolls.map(({ toll }) => toll),
    };
  }
}
