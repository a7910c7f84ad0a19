/**
 * Mirroring of one frame on its way (ofproto/ofproto-dpif-xlate.c of Open vSwitch, mirror_packet). It remembers which
 * destinations have the frame, so that none gets it twice.
 */

import type { Recording } from '../cache/recording.ts';
import { WORD } from '../frame/key.ts';
import type { Packet, Tag } from '../frame/packet.ts';
import type { MirrorEntry, Mirrors } from './mirrors.ts';
import { type BridgePort, isReserved } from './normal.ts';
import { carries, mayEnter, tagged, tagsInside, tagsOutside, vlanId } from './vlan-modes.ts';

/** What mirroring needs of the run that it is part of. */
export interface MirrorRun {
  readonly mirrors: Mirrors;
  readonly recording: Recording | undefined;
  /** Of the frame as it came in. */
  readonly length: number;
  bridgePorts(): Iterable<BridgePort>;
  /** Sends it by a port; `limit` bytes of it, 0 = all. A frame that leaves may be mirrored again. */
  send(packet: Packet, port: number, limit: number): void;
}

export class Mirroring {
  readonly #run: MirrorRun;
  /** Bits of mirrors that have taken the frame, or whose destination has it. */
  #done = 0;
  /** Bytes that the mirror at work takes, 0 = all. */
  #limit = 0;

  constructor(run: MirrorRun) {
    this.#run = run;
  }

  /** Goes on with a copy of the frame that another one began with. */
  continue(before: Mirroring): void {
    this.#done = before.#done;
  }

  /** The frame has come in by this port. */
  arrives(packet: Packet, port: BridgePort): void {
    this.#mirror(packet, port, this.#run.mirrors.of(port.name).arriving);
  }

  /** The frame leaves by this port, as it is. */
  leaves(packet: Packet, port: BridgePort): void {
    this.#mirror(packet, port, this.#run.mirrors.of(port.name).leaving);
  }

  #mirror(packet: Packet, port: BridgePort, selected: number): void {
    if (selected === 0) return;
    const { tags } = packet;
    if (!mayEnter(port.vlan, vlanId(tags))) return;
    const inside = tagsInside(port.vlan, tags);
    for (let left = selected & ~this.#done; left !== 0; left &= ~this.#done) {
      const entry = this.#run.mirrors.first(left);
      left &= left - 1;
      if (!entry || entry.vlans?.has(vlanId(inside)) === false) continue;
      this.#done |= entry.alike;
      this.#count(entry);
      this.#limit = entry.mirror.snaplen ?? 0;
      this.#output(packet, inside, entry);
      this.#limit = 0;
    }
  }

  #count({ counters }: MirrorEntry): void {
    counters.packets += 1n;
    counters.bytes += BigInt(this.#run.length);
    this.#run.recording?.rule(counters);
  }

  #output(packet: Packet, inside: readonly Tag[], { mirror: { output } }: MirrorEntry): void {
    if ('port' in output) {
      for (const port of this.#run.bridgePorts()) {
        if (port.name === output.port) this.#send(packet, port, inside);
      }
      return;
    }
    const { key } = packet;
    const destination = key[WORD.ETH]! * 2 ** 16 + (key[WORD.ETH + 1]! >>> 16);
    packet.trail?.look(WORD.ETH, 0xffffffff);
    packet.trail?.look(WORD.ETH + 1, 0xffff0000);
    if (vlanId(inside) === output.vlan || isReserved(destination)) return;
    const [outer, ...inner] = inside;
    const tags = [tagged(outer, output.vlan), ...inner];
    for (const port of this.#run.bridgePorts()) {
      if (!port.isMirrorOutput && carries(port.vlan, tags)) this.#send(packet, port, tags);
    }
  }

  #send(packet: Packet, port: BridgePort, inside: readonly Tag[]): void {
    const copy = packet.clone();
    copy.retag(tagsOutside(port.vlan, inside, packet.tags));
    this.#run.send(copy, port.number, this.#limit);
  }
}
