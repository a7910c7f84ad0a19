/** What leaves: frames by ports, with the mirrors that want a copy of them, and packet-ins. */
import { FIELD_NAMES, type FieldName } from '../../flow/fields.ts';
import { Mirroring } from '../bridge/mirroring.ts';
import type { BridgePort } from '../bridge/normal.ts';
import type { DropReason } from '../events.ts';
import { WORD } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import type { Course } from './course.ts';
import type { Effect, Sent } from './engine-parts.ts';

export class Sender {
  readonly #course: Course;
  /** Undefined while the switch has no mirror. */
  readonly mirroring: Mirroring | undefined;

  /** `before`: of the frame that begins anew here. */
  constructor(course: Course, before: Sender | undefined) {
    this.#course = course;
    const { parts, recording, length } = course;
    const { mirrors, ports } = parts;
    if (mirrors.isEmpty) return;
    this.mirroring = new Mirroring({
      mirrors,
      recording,
      length,
      bridgePorts: () => ports.bridgePorts(),
      send: (packet, port, limit) => this.send(packet, port, limit),
    });
    if (before?.mirroring) this.mirroring.continue(before.mirroring);
  }

  /** What happens before the actions of the first table. False: the frame goes no further. */
  arrive(packet: Packet): boolean {
    const { bridge } = this.#course.arrival;
    if (!this.mirroring || !bridge) return true;
    if (bridge.isMirrorOutput) this.#course.drop(packet, 'mirror-output');
    else this.mirroring.arrives(packet, bridge);
    return !bridge.isMirrorOutput;
  }

  /** `limit`: bytes of the frame that are sent, 0 = all; a tunnel takes all of it. */
  send(packet: Packet, port: number, limit = 0): void {
    const { parts, progress } = this.#course;
    const { scope } = progress;
    if (scope.isDead) return;
    const sent = parts.ports.send(packet, port);
    if (!('drop' in sent) || sent.drop !== 'no-such-port') scope.length = packet.length;
    this.#record(packet, sent, limit);
    if ('drop' in sent) this.#course.drop(packet, sent.drop);
    else this.#effect(sent.type === 'send' ? cut(sent, limit) : sent);
    const bridge = this.mirroring && parts.ports.bridgePort(port);
    if (bridge && hasLeft(sent, bridge)) this.mirroring?.leaves(packet, bridge);
  }

  /** The whole frame: `max_len` is for switches that keep frames for the controller, which Open vSwitch does not. */
  packetIn(packet: Packet, userdata: string, table: number, cookie: bigint): void {
    const { recording, progress, observer } = this.#course;
    recording?.refuse();
    if (progress.scope.isDead) return;
    progress.scope.length = packet.length;
    const frame = packet.share();
    const inPort = packet.key[WORD.IN_PORT]!;
    const metadata = metadataOf(packet);
    progress.effects.push({
      type: 'packet-in',
      packet: { inPort, table, cookie, userdata, frame, metadata },
    });
    observer?.({ type: 'packet-in', table, userdata, frame });
  }

  #effect(effect: Exclude<Sent, { readonly drop: DropReason }>): void {
    const { parts, progress, observer } = this.#course;
    progress.effects.push(effect);
    if (!observer) return;
    const { port } = effect;
    const name = parts.ports.name(port);
    if (effect.type === 'send')
      observer({ type: 'output', port, name, nic: effect.nic, frame: effect.frame });
    if (effect.type === 'tunnel') {
      const { inner, outer, destination } = effect;
      observer({ type: 'output', port, name, nic: undefined, frame: inner });
      observer({ type: 'encapsulate', port, inner, outer, destination });
    }
  }

  #record(packet: Packet, sent: Sent, limit: number): void {
    const { trail } = packet;
    const { recording, progress } = this.#course;
    if (!recording || !trail) return;
    recording.acts(progress.scope);
    if ('drop' in sent) {
      // Whether a frame is too long, only its length says.
      if (sent.drop === 'too-long-for-tunnel') recording.refuse();
    } else if (sent.type === 'send') {
      recording.delivery(sent.port, sent.nic, trail, limit);
    } else if (sent.type === 'tunnel') {
      recording.tunnel(sent.port, trail, packet.length, sent);
    }
  }
}

/** The first bytes of a frame; 0 = all. */
function cut(effect: Extract<Effect, { type: 'send' }>, limit: number): Effect & { type: 'send' } {
  if (limit === 0 || effect.frame.length <= limit) return effect;
  return { ...effect, frame: effect.frame.subarray(0, limit) };
}

/** Whether a frame left by a port as far as a mirror is concerned: a link that is down comes after that. */
function hasLeft(sent: Sent, port: BridgePort): boolean {
  return !('drop' in sent) || (sent.drop === 'link-down' && !port.isTeam);
}

const METADATA: readonly FieldName[] = FIELD_NAMES.filter((name) => /^(tun_|metadata|reg|ct_)/.test(name));

function metadataOf(packet: Packet): Record<string, bigint> {
  const values: Record<string, bigint> = {};
  for (const name of METADATA) {
    const value = packet.get(name);
    if (value !== 0n) values[name] = value;
  }
  return values;
}
