/**
 * The way of a frame that the cache does not know: into a packet, through the tables (engine.ts), and what that comes
 * to is carried out. On the way everything is noted that lets the cache do the same for the next frame like it.
 */
import type { PacketIn } from '../../flow/datapath.ts';
import type { Action } from '../../flow/flow.ts';
import { ipToBigint, isIpv4 } from '../../packet/address.ts';
import { read32 } from '../../packet/bytes.ts';
import { IPV4 } from '../../packet/ipv4.ts';
import { isGroup } from '../bridge/mac-learning.ts';
import { type FastPath, MISS, UNCACHEABLE } from '../cache/fast-path.ts';
import { Recording } from '../cache/recording.ts';
import type { DecapsulationDrop, DropReason } from '../events.ts';
import { type FlowKey, prerequisiteHolds, WORD } from '../frame/key.ts';
import { Packet } from '../frame/packet.ts';
import type { Cable, Port } from '../ports/port.ts';
import type { PortTable } from '../ports/port-table.ts';
import type { Admission } from '../team/bond.ts';
import { isSlowProtocol } from '../team/team-frames.ts';
import { decapsulate, markCongestion } from '../tunnel/tunnel.ts';
import { Run } from './engine.ts';
import type { Arrival, Effect, EngineParts } from './engine-parts.ts';

/** Of the first word of an Ethernet address. */
const GROUP_BIT = 0x0100_0000;
/** A packet-out belongs to no flow (OpenFlow 1.3, 7.4.1). */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;

/** A frame that comes in, and from where. */
export type Job =
  | { readonly type: 'frame'; readonly cable: Cable; readonly frame: Uint8Array }
  /** `outer`: an IP packet from the network below a tunnel. */
  | { readonly type: 'tunnel'; readonly port: Port; readonly outer: Uint8Array }
  | {
      readonly type: 'packet-out';
      readonly inPort: number;
      readonly frame: Uint8Array;
      readonly actions: readonly Action[];
    }
  /** Teams may have something to say. */
  | { readonly type: 'teams' };

export class SlowPath {
  readonly #parts: EngineParts;
  readonly #ports: PortTable;
  readonly #fastPath: FastPath;
  readonly #packetIn: (packet: PacketIn) => void;
  /** Of the frame that is on its way, when the cache will know it. */
  #recording: Recording | undefined;
  /** Of the packet that went through the pipeline last, for the observer. */
  #lastKey: FlowKey | undefined;

  constructor(
    parts: EngineParts,
    ports: PortTable,
    fastPath: FastPath,
    packetIn: (packet: PacketIn) => void,
  ) {
    this.#parts = parts;
    this.#ports = ports;
    this.#fastPath = fastPath;
    this.#packetIn = packetIn;
  }

  process(job: Job): void {
    this.#lastKey = undefined;
    this.#ports.limits.sender = this.#senderOf(job);
    const effects = this.#effectsOf(job);
    for (const effect of effects) this.#carryOut(effect);
    this.#parts.observer?.({ type: 'done', key: this.#lastKey });
  }

  #senderOf(job: Job): Port | undefined {
    switch (job.type) {
      case 'frame':
        return job.cable.port;
      case 'tunnel':
        return job.port;
      case 'packet-out':
        return this.#ports.get(job.inPort);
      case 'teams':
        return undefined;
    }
  }

  /** There was too much to do. */
  drop(job: Job): void {
    if (job.type === 'teams') return;
    const frame = job.type === 'tunnel' ? job.outer : job.frame;
    const port =
      job.type === 'packet-out' ? job.inPort : job.type === 'frame' ? job.cable.port.number : job.port.number;
    this.#parts.observer?.({ type: 'drop', reason: 'too-many-frames', port, frame });
  }

  /** What is known of an address has changed, maybe by the frame that is on its way. */
  macChanged(key: string): void {
    this.#recording?.changed(key);
  }

  /** Flows of these tables are about to change, maybe by the frame that is on its way. */
  tablesChanged(tables: ReadonlySet<number>): void {
    this.#recording?.tablesChanged(tables);
  }

  #effectsOf(job: Job): readonly Effect[] {
    switch (job.type) {
      case 'frame':
        return this.#frameIn(job.cable, job.frame);
      case 'tunnel':
        return this.#tunnelIn(job.port, job.outer);
      case 'teams':
        return this.#teamFrames();
      case 'packet-out': {
        const packet = Packet.read(job.frame);
        packet.key[WORD.IN_PORT] = job.inPort;
        const arrival = { port: job.inPort, bridge: this.#ports.bridgePort(job.inPort) };
        return this.#run(packet, arrival, undefined).actions(packet, job.actions, NO_COOKIE);
      }
    }
  }

  #frameIn(cable: Cable, frame: Uint8Array): readonly Effect[] {
    const { port } = cable;
    if (!this.#ports.has(port)) return [];
    if (port.team?.lacp && isSlowProtocol(frame)) {
      const { nic } = cable;
      this.#parts.observer?.({ type: 'team-frame', port: port.number, nic, direction: 'in', frame });
      this.#ports.hear(cable, frame);
      return this.#teamFrames();
    }
    const cached = this.#fastPath.find(cable.ingress, frame, 0, frame.length, 0, 0, 0);
    if (cached >= 0) {
      this.#fastPath.repeat(cached, frame);
      return [];
    }
    const { observer } = this.#parts;
    const nic = cable.nic === '' ? undefined : cable.nic;
    observer?.({ type: 'frame-in', port: port.number, name: port.spec.name, nic, frame });
    const packet = Packet.read(frame);
    const destination = Number(packet.get('eth_dst'));
    const admission = port.team?.admit(cable.nic, destination) ?? 'accept';
    if (admission === 'drop') {
      const reason: DropReason = isGroup(destination) ? 'team-loop' : 'team-inactive-member';
      observer?.({ type: 'drop', reason, port: port.number, frame });
      return [];
    }
    packet.key[WORD.IN_PORT] = port.number;
    return this.#pipeline(packet, port, admission, cached === MISS);
  }

  #teamFrames(): readonly Effect[] {
    const effects = this.#ports.teamFrames();
    for (const { port, nic = '', frame } of effects) {
      this.#parts.observer?.({ type: 'team-frame', port, nic, direction: 'out', frame });
    }
    return effects;
  }

  #tunnelIn(port: Port, outer: Uint8Array): readonly Effect[] {
    if (!port.tunnel || !this.#ports.has(port)) return [];
    const { observer } = this.#parts;
    const read = decapsulate(port.tunnel, outer);
    if ('drop' in read) {
      this.#dropOuter(port, outer, read.drop);
      return [];
    }
    const { tunnelId, source, destination } = read;
    const inner = read.isCongested ? markCongestion(read.inner) : read.inner;
    if (!inner) {
      this.#dropOuter(port, outer, 'inner-not-ecn');
      return [];
    }
    const cached = isIpv4(source)
      ? this.#fastPath.find(
          port.ingress,
          inner,
          0,
          inner.length,
          Number(tunnelId),
          read32(outer, IPV4.SRC),
          read32(outer, IPV4.DST),
        )
      : UNCACHEABLE;
    if (cached >= 0) {
      this.#fastPath.repeat(cached, inner);
      return [];
    }
    observer?.({ type: 'decapsulate', port: port.number, outer, inner, tunnelId });
    const { name } = port.spec;
    observer?.({ type: 'frame-in', port: port.number, name, nic: undefined, frame: inner });
    const packet = Packet.read(inner);
    packet.key[WORD.IN_PORT] = port.number;
    packet.set('tun_id', tunnelId);
    const family = isIpv4(source)
      ? (['tun_src', 'tun_dst'] as const)
      : (['tun_ipv6_src', 'tun_ipv6_dst'] as const);
    packet.set(family[0], ipToBigint(source));
    packet.set(family[1], ipToBigint(destination));
    return this.#pipeline(packet, port, 'accept', cached === MISS);
  }

  #dropOuter(port: Port, outer: Uint8Array, reason: DecapsulationDrop): void {
    port.tunnelDrops.set(reason, (port.tunnelDrops.get(reason) ?? 0n) + 1n);
    this.#parts.observer?.({ type: 'drop', reason, port: port.number, frame: outer });
  }

  /** `recorded`: so that the cache knows it the next time; the fast path still has its key. */
  #pipeline(packet: Packet, port: Port, admission: Admission, recorded: boolean): readonly Effect[] {
    const arrival = { port: port.number, bridge: this.#ports.asBridgePort(port, admission) };
    if (!recorded) return this.#run(packet, arrival, undefined).pipeline(packet);
    const recording = new Recording(prerequisiteHolds('ip', packet.key));
    packet.follow(recording.trail);
    // What a team admits depends on whether the frame is for a group.
    if (port.team) recording.trail.look(WORD.ETH, GROUP_BIT);
    this.#recording = recording;
    const effects = this.#run(packet, arrival, recording).pipeline(packet);
    this.#recording = undefined;
    const recipe = recording.recipe(this.#fastPath.key);
    if (recipe) this.#fastPath.insert(recipe);
    return effects;
  }

  #run(packet: Packet, arrival: Arrival, recording: Recording | undefined): Run {
    this.#lastKey = packet.key;
    return Run.start(this.#parts, arrival, packet.share(), recording);
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#ports
          .get(effect.port)
          ?.cables.get(effect.nic ?? '')
          ?.deliver(effect.frame, undefined);
        break;
      case 'tunnel': {
        const outlet = this.#ports.get(effect.port)?.underlayOutlet;
        if (outlet?.isOpen) outlet.deliver(effect.outer, effect.destination);
        break;
      }
      case 'packet-in':
        this.#packetIn(effect.packet);
        break;
    }
  }
}
