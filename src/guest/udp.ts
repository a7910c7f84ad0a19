/** UDP sockets (RFC 768): who listens on which port. */
import type { IpAddress } from '../packet/address.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import { UDP, UdpView } from '../packet/udp.ts';
import { type IpPacket, PAYLOAD_LIMIT } from './ip-packet.ts';
import type { SendOptions, SendProblem, Stack } from './stack.ts';

export interface Datagram {
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly destination: IpAddress;
  readonly destinationPort: number;
  /** A window on the frame: good until the handler returns. */
  readonly payload: Uint8Array;
}

export interface UdpSendOptions extends SendOptions {
  readonly destination: IpAddress;
  readonly destinationPort: number;
  readonly sourcePort: number;
  readonly payload: Uint8Array;
}

/** The ports that are given out where none is asked for (RFC 6335 section 6). */
const DYNAMIC = { first: 49152, count: 16384 } as const;

export class UdpPorts {
  readonly #stack: Stack;
  readonly #handlers = new Map<number, (datagram: Datagram) => void>();

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** See GuestNic.udpBind. */
  bind(port: number, handler: (datagram: Datagram) => void): { readonly port: number; close(): void } {
    if (!Number.isInteger(port) || port < 0 || port > 0xffff)
      throw new RangeError(`UDP port ${port} is not within 0..65535`);
    const bound = port === 0 ? this.#freePort() : port;
    if (this.#handlers.has(bound)) throw new RangeError(`UDP port ${bound} is in use`);
    this.#handlers.set(bound, handler);
    return {
      port: bound,
      close: () => {
        if (this.#handlers.get(bound) === handler) this.#handlers.delete(bound);
      },
    };
  }

  send(options: UdpSendOptions): SendProblem | undefined {
    const { destination, destinationPort: dport, sourcePort: sport, payload } = options;
    if (payload.length > PAYLOAD_LIMIT - UDP.SIZE) {
      this.#stack.counters.drop('too-big');
      return 'too-big';
    }
    return this.#stack.sendLayers(
      destination,
      IP_PROTOCOL.UDP,
      [
        { layer: 'udp', sport, dport },
        { layer: 'data', bytes: payload },
      ],
      options,
    );
  }

  /** Takes a datagram whose checksum is right; false when nobody listens. */
  receive(packet: IpPacket): boolean {
    const udp = UdpView.at(packet.bytes, packet.payloadOffset);
    const handler = udp && this.#handlers.get(udp.dstPort);
    if (!handler) return false;
    handler({
      source: packet.source,
      sourcePort: udp.srcPort,
      destination: packet.destination,
      destinationPort: udp.dstPort,
      payload: udp.payload(),
    });
    return true;
  }

  #freePort(): number {
    const start = Math.floor(this.#stack.random() * DYNAMIC.count);
    for (let i = 0; i < DYNAMIC.count; i++) {
      const port = DYNAMIC.first + ((start + i) % DYNAMIC.count);
      if (!this.#handlers.has(port)) return port;
    }
    throw new RangeError('all UDP ports for clients are in use');
  }
}
