/**
 * How fast the ports of a switch may be (flow/bandwidth.ts): what comes in is policed, what goes out by an uplink with
 * a capacity is counted for the port that it came in by. Both ends lie outside the flow cache: the one before a frame
 * is looked up, the other where it is delivered, so a frame that is remembered is limited like any other.
 */
import type { Bandwidth } from '../../flow/bandwidth.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import type { IpAddress } from '../../packet/address.ts';
import { type FrameBatch, newBatch } from '../batch.ts';
import { LinkShare } from './link-share.ts';
import { TokenBucket } from './token-bucket.ts';

type Deliver = (frame: Uint8Array, destination: IpAddress | undefined) => void;
type DeliverBatch = (batch: FrameBatch) => void;

/** Is told of a frame that was too much for the port where it came in. */
export type LimitListener = (port: number, reason: 'policed' | 'over-share', frame: Uint8Array) => void;

/** Frames that came in by a port and were too many: for its policing, and for its share of an uplink. */
export interface LimitDrops {
  policed: bigint;
  overShare: bigint;
}

/** What a port has for its limits. */
export interface PortLimit {
  /** Of what comes in; undefined: there is no limit. */
  policer: TokenBucket | undefined;
  /** Of what goes out; only uplinks with a capacity have it. */
  share: LinkShare | undefined;
  readonly drops: LimitDrops;
}

/** A port, as far as limits go. */
export interface LimitedPort {
  readonly number: number;
  readonly spec: PortSpec;
  readonly limit: PortLimit;
}

export function newPortLimit(): PortLimit {
  return { policer: undefined, share: undefined, drops: { policed: 0n, overShare: 0n } };
}

export class PortLimits<Port extends LimitedPort> {
  readonly #ports: () => Iterable<Port>;
  readonly #now: () => number;
  readonly #onLimit: LimitListener;
  /** The port whose frame is on its way; undefined: it is the switch's own. */
  sender: Port | undefined;

  constructor(ports: () => Iterable<Port>, now: () => number, onLimit: LimitListener) {
    this.#ports = ports;
    this.#now = now;
    this.#onLimit = onLimit;
  }

  /** A port has come, changed or gone. Whose words have not changed keeps what is in its buckets. */
  changed(port: Port, before: PortSpec | undefined): void {
    const policing = policingOf(port.spec);
    if (JSON.stringify(policing) !== JSON.stringify(before && policingOf(before))) {
      port.limit.policer = policing && new TokenBucket(policing, this.#now());
    }
    const ports = [...this.#ports()];
    const senders = new Map<number, Bandwidth>();
    for (const { number, spec } of ports) {
      if ((spec.type === 'vif' || spec.type === 'internal') && spec.bandwidth)
        senders.set(number, spec.bandwidth);
    }
    for (const { spec, limit } of ports) {
      const capacity = spec.type === 'uplink' ? spec.capacityKbps : undefined;
      limit.share = capacity === undefined ? undefined : (limit.share ?? new LinkShare(this.#now()));
      limit.share?.configure(capacity!, senders, this.#now());
    }
  }

  /** Takes what a frame costs that comes in by the port; false: it is too much. */
  mayEnter({ limit, number }: Port, frame: Uint8Array): boolean {
    if (!limit.policer || limit.policer.take(frame.length, this.#now())) return true;
    limit.drops.policed += 1n;
    this.#onLimit(number, 'policed', frame);
    return false;
  }

  /** What goes out by an uplink, or into a tunnel, as far as it may. */
  limited(port: Port, deliver: Deliver): Deliver {
    return (frame, destination) => {
      if (this.#mayLeave(port, frame)) deliver(frame, destination);
    };
  }

  limitedBatch(port: Port, deliver: DeliverBatch): DeliverBatch {
    const deliverPart = filtered(deliver, (frame) => this.#mayLeave(port, frame));
    // Where nothing is shared, nobody looks at each frame.
    return (batch) => (this.#shareOf(port) && this.sender ? deliverPart : deliver)(batch);
  }

  #shareOf({ spec, limit }: Port): LinkShare | undefined {
    return spec.type === 'tunnel' ? this.#carrier(spec.carrier)?.limit.share : limit.share;
  }

  #mayLeave(port: Port, frame: Uint8Array): boolean {
    const share = this.#shareOf(port);
    const { sender } = this;
    if (!share || !sender || share.take(sender.number, frame.length, this.#now())) return true;
    sender.limit.drops.overShare += 1n;
    this.#onLimit(sender.number, 'over-share', frame);
    return false;
  }

  #carrier(name: string | undefined): Port | undefined {
    if (name === undefined) return undefined;
    for (const port of this.#ports()) if (port.spec.name === name) return port;
    return undefined;
  }
}

/** Hands on the frames of a batch that may pass, where they are. */
export function filtered(deliver: DeliverBatch, mayPass: (frame: Uint8Array) => boolean): DeliverBatch {
  const passing = newBatch(new Uint8Array(0));
  return (batch) => {
    passing.bytes = batch.bytes;
    passing.headroom = batch.headroom;
    for (let first = 0; first < batch.count; first += passing.at.length) {
      const end = Math.min(batch.count, first + passing.at.length);
      passing.count = 0;
      for (let i = first; i < end; i++) {
        const at = batch.at[i]!;
        const length = batch.length[i]!;
        if (!mayPass(batch.bytes.subarray(at, at + length))) continue;
        passing.at[passing.count] = at;
        passing.length[passing.count++] = length;
      }
      if (passing.count > 0) deliver(passing);
    }
  };
}

function policingOf(spec: PortSpec) {
  return spec.type === 'tunnel' ? undefined : spec.policing;
}
