/**
 * VXLAN and Geneve over UDP sockets: no rights are needed, and the other end may be a vxlan device of the Linux kernel.
 * One TunnelSocket is one address that tunnels begin at, and carries two kinds of port:
 *
 *     link       a port of the learning switch whose cable is the tunnel: one remote, one VNI
 *     underlay   of a tunnel port (softswitch/tunnel/tunnel.ts): flows say where each frame goes, and with which VNI
 *
 * A tunnel port makes and reads whole IP packets, and a socket takes what is in the datagram; the headers between are
 * taken off here, and put back in front of what comes in.
 *
 * The outer headers are the kernel's. So TTL, DF and the congestion bits (ECN) follow its rules, and a datagram that is
 * longer than the path takes is sent in fragments. The source port follows the flow as far as there are sockets, so
 * that a fabric which spreads flows has something to go by; Linux and Open vSwitch have one port for each flow.
 */
import type { Socket } from 'node:dgram';
import { finding, NetloomError } from '../base/error.ts';
import { type IpAddress, ipToBigint, isIpv4, parseIp } from '../packet/address.ts';
import { read16, write16, write32, write128 } from '../packet/bytes.ts';
import { checksumFor } from '../packet/checksum.ts';
import { ETHERNET } from '../packet/ethernet.ts';
import { IP_PROTOCOL, IPV4 } from '../packet/ipv4.ts';
import { IPV6 } from '../packet/ipv6.ts';
import { UDP } from '../packet/udp.ts';
import { hashFrame } from '../softswitch/frame/hash.ts';
import type { SoftSwitch } from '../softswitch/switch.ts';
import { type Counters, newCounters, type Plug, type SocketPort } from './port.ts';
import {
  readTunnelHeader,
  TUNNEL_HEADER,
  tunnelHeader,
  tunnelPortOf,
  type UdpEncapsulation,
} from './tunnel-header.ts';
import { closeUdp, openUdp, takesMore, type UdpAddress } from './udp.ts';

/** Sockets to send from. */
const SOURCES = 8;
const OUTER_TTL = 64;

type Receiver = (datagram: Uint8Array, from: UdpAddress) => void;

export class TunnelSocket {
  readonly #encapsulation: UdpEncapsulation;
  readonly #local: UdpAddress;
  readonly #listener: Socket;
  readonly #sources: readonly Socket[];
  readonly #links = new Map<string, Receiver>();
  #underlay: Receiver | undefined;
  #isClosed = false;

  /** All ends of the tunnels use the same UDP port: 4789 or 6081 by default. Throws NetloomError (listen-failed). */
  static async open(encapsulation: UdpEncapsulation, local: UdpAddress): Promise<TunnelSocket> {
    const opened: Socket[] = [];
    try {
      opened.push(await openUdp(local));
      while (opened.length <= SOURCES) opened.push(await openUdp({ host: local.host, port: 0 }));
    } catch (thrown) {
      for (const socket of opened) await closeUdp(socket);
      throw thrown;
    }
    const [listener, ...sources] = opened;
    return new TunnelSocket(encapsulation, local, listener!, sources);
  }

  private constructor(
    encapsulation: UdpEncapsulation,
    local: UdpAddress,
    listener: Socket,
    sources: readonly Socket[],
  ) {
    this.#encapsulation = encapsulation;
    this.#local = local;
    this.#listener = listener;
    this.#sources = sources;
    listener.on('message', (datagram, { address, port }) => {
      const host = parseIp(address.replace(/%.*$/, ''));
      if (host)
        this.#receive(new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.length), { host, port });
    });
  }

  /**
   * A port whose cable is the tunnel to `remote` with this VNI. What comes from elsewhere, or with another VNI, is not
   * for it. Tags of frames go through the tunnel. Throws NetloomError (in-use).
   */
  link({ remote, vni }: { readonly remote: IpAddress; readonly vni: number }, plug: Plug): SocketPort {
    const place = placeOf(remote, vni);
    if (this.#links.has(place)) {
      const what = `There is a tunnel to ${remote} with VNI ${vni} already.`;
      throw new NetloomError([finding('in-use', '', what, 'Use another VNI for another network.')]);
    }
    const counters = newCounters();
    const header = tunnelHeader(this.#encapsulation, vni);
    const send = (bytes: Uint8Array, at: number, length: number) => {
      const datagram = new Uint8Array(TUNNEL_HEADER + length);
      datagram.set(header);
      datagram.set(bytes.subarray(at, at + length), TUNNEL_HEADER);
      this.#send(datagram, remote, hashFrame(bytes, at, 0, SOURCES), length, counters);
    };
    const attachment = plug(
      (frame) => send(frame, 0, frame.length),
      ({ bytes, at, length, count }) => {
        for (let i = 0; i < count; i++) send(bytes, at[i]!, length[i]!);
      },
    );
    this.#links.set(place, (datagram) => {
      const frame = datagram.subarray(TUNNEL_HEADER);
      if (frame.length < ETHERNET.SIZE) {
        counters.refused++;
        return;
      }
      counters.received++;
      counters.receivedBytes += frame.length;
      attachment.receive(frame);
    });
    return {
      counters,
      isConnected: true,
      close: async () => {
        this.#links.delete(place);
        attachment.detach();
      },
    };
  }

  /** Carries what the tunnel port `name` of the switch sends, and gives it what no link takes. Throws (not-found). */
  underlay(sw: SoftSwitch, name: string): SocketPort {
    const counters = newCounters();
    const { host } = this.#local;
    const headers = (isIpv4(host) ? IPV4.SIZE : IPV6.SIZE) + UDP.SIZE;
    const { receive } = sw.attachUnderlay(name, {
      send: (packet, destination) => {
        const source = read16(packet, headers - UDP.SIZE + UDP.SPORT) % SOURCES;
        const frame = packet.length - headers - TUNNEL_HEADER;
        this.#send(packet.subarray(headers), destination, source, frame, counters);
      },
    });
    const port = tunnelPortOf(this.#encapsulation);
    this.#underlay = (datagram, from) => {
      counters.received++;
      counters.receivedBytes += Math.max(0, datagram.length - TUNNEL_HEADER);
      receive(packetOf(from, { host, port }, datagram));
    };
    return {
      counters,
      isConnected: true,
      close: async () => {
        this.#underlay = undefined;
      },
    };
  }

  /** The ports of this socket carry nothing from now on. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of [this.#listener, ...this.#sources]) await closeUdp(socket);
  }

  #receive(datagram: Uint8Array, from: UdpAddress): void {
    const vni = readTunnelHeader(this.#encapsulation, datagram);
    const link = vni === undefined ? undefined : this.#links.get(placeOf(from.host, vni));
    // The tunnel port says itself what is wrong with a datagram.
    (link ?? this.#underlay)?.(datagram, from);
  }

  #send(datagram: Uint8Array, to: IpAddress, source: number, frame: number, counters: Counters): void {
    const socket = this.#sources[source]!;
    if (this.#isClosed || !takesMore(socket)) {
      counters.dropped++;
      return;
    }
    socket.send(datagram, this.#local.port, to, (error) => {
      if (error) {
        counters.dropped++;
        return;
      }
      counters.sent++;
      counters.sentBytes += frame;
    });
  }
}

function placeOf(remote: IpAddress, vni: number): string {
  return `${vni} ${remote}`;
}

/** The IP packet that a datagram was in, as far as the socket tells. */
function packetOf(from: UdpAddress, to: UdpAddress, datagram: Uint8Array): Uint8Array {
  const ipSize = isIpv4(to.host) ? IPV4.SIZE : IPV6.SIZE;
  const packet = new Uint8Array(ipSize + UDP.SIZE + datagram.length);
  if (isIpv4(to.host)) {
    packet[IPV4.VERSION_IHL] = 0x45;
    write16(packet, IPV4.LENGTH, packet.length);
    packet[IPV4.TTL] = OUTER_TTL;
    packet[IPV4.PROTOCOL] = IP_PROTOCOL.UDP;
    write32(packet, IPV4.SRC, Number(ipToBigint(from.host)));
    write32(packet, IPV4.DST, Number(ipToBigint(to.host)));
    write16(packet, IPV4.CHECKSUM, checksumFor(packet, 0, IPV4.SIZE, IPV4.CHECKSUM));
  } else {
    packet[IPV6.WORD] = 0x60;
    write16(packet, IPV6.LENGTH, packet.length - IPV6.SIZE);
    packet[IPV6.NEXT] = IP_PROTOCOL.UDP;
    packet[IPV6.HOP_LIMIT] = OUTER_TTL;
    write128(packet, IPV6.SRC, ipToBigint(from.host));
    write128(packet, IPV6.DST, ipToBigint(to.host));
  }
  // The kernel has checked the checksum; 0 is "none".
  write16(packet, ipSize + UDP.SPORT, from.port);
  write16(packet, ipSize + UDP.DPORT, to.port);
  write16(packet, ipSize + UDP.LENGTH, UDP.SIZE + datagram.length);
  packet.set(datagram, ipSize + UDP.SIZE);
  return packet;
}
