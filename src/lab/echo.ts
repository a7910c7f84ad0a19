/** Recognises the echo requests of one ping wherever they are seen. */
import { ICMP_TYPE } from '../packet/icmp.ts';
import { ICMPV6_TYPE } from '../packet/icmpv6.ts';
import { parseFrame } from '../packet/parse.ts';
import type { PortRecord } from '../policy/records.ts';
import type { FramePlace } from './fabric.ts';

/** Whether the frame is an echo request with this identifier. */
export function isEchoRequest(frame: Uint8Array, id: number): boolean {
  const { icmp, icmpv6 } = parseFrame(frame);
  if (icmp) return icmp.type === ICMP_TYPE.ECHO_REQUEST && icmp.id === id;
  return icmpv6?.type === ICMPV6_TYPE.ECHO_REQUEST && icmpv6.id === id;
}

/** Counts the echo requests of a ping that reach the vNIC that was meant. */
export class Arrivals {
  readonly #target: string;
  readonly #id: number;
  count = 0;
  /** The vNIC that got them instead. */
  other: string | undefined;

  /** `target`: a vNIC id. */
  constructor(target: string, id: number) {
    this.#target = target;
    this.#id = id;
  }

  onFrame(place: FramePlace, frame: Uint8Array): void {
    if (place.type === 'wire' || place.direction !== 'to' || !isEchoRequest(frame, this.#id)) return;
    const id = place.type === 'vnic' ? place.port.id : place.id;
    if (id === this.#target) this.count += 1;
    else if (place.type === 'vnic' && isFor(place.port, frame)) this.other = place.port.name;
  }
}

/** Whether the frame is addressed to this vNIC; a copy that was flooded to it is not. */
export function isFor(port: PortRecord, frame: Uint8Array): boolean {
  return parseFrame(frame).eth?.dstMac === port.mac;
}

/** Whether the frame is a broadcast or a multicast. */
export function isToMany(frame: Uint8Array): boolean {
  return (frame[0]! & 1) === 1;
}
