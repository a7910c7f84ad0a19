/** What a guest's stack counts: frames and packets, and every drop under the name of its reason. */

export type DropReason =
  // the frame
  | 'frame-truncated'
  | 'frame-tagged'
  | 'frame-for-another'
  | 'ethertype-unknown'
  // ARP and neighbour discovery
  | 'arp-malformed'
  | 'nd-malformed'
  | 'neighbour-queue-full'
  | 'neighbour-silent'
  // the packet
  | 'ip-malformed'
  | 'ip-checksum'
  | 'ip-source-invalid'
  | 'ip-for-another'
  | 'fragment-malformed'
  | 'fragment-overlap'
  | 'fragment-timeout'
  | 'fragment-limit'
  // what it carries
  | 'icmp-malformed'
  | 'icmp-checksum'
  | 'udp-malformed'
  | 'udp-checksum'
  | 'tcp-malformed'
  | 'tcp-checksum'
  | 'port-unreachable'
  | 'protocol-unreachable'
  | 'dhcp-malformed'
  // on the way out
  | 'no-route'
  | 'no-source-address'
  | 'too-big';

/** A moment of the counters; `drops` has only the reasons that occurred. */
export interface GuestStats {
  readonly framesReceived: number;
  readonly framesSent: number;
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
}

export class Counters {
  framesReceived = 0;
  framesSent = 0;
  readonly #drops = new Map<DropReason, number>();

  drop(reason: DropReason): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }

  read(): GuestStats {
    return {
      framesReceived: this.framesReceived,
      framesSent: this.framesSent,
      drops: Object.fromEntries(this.#drops),
    };
  }
}
