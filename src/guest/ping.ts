/** Ping: echo requests, their answers, and what became of those that were not answered (RFC 792, RFC 4443 section 4). */
import { type IpAddress, isIpv4, isMulticastIp } from '../packet/address.ts';
import { read16, sameBytes } from '../packet/bytes.ts';
import { ICMP, ICMP_TYPE } from '../packet/icmp.ts';
import { ICMPV6_TYPE } from '../packet/icmpv6.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import type { Quoted } from './icmp-error.ts';
import { type IpPacket, PAYLOAD_LIMIT } from './ip-packet.ts';
import type { SendOptions, SendProblem, Stack } from './stack.ts';

export interface PingOptions extends SendOptions {
  /** Requests; default 1. */
  readonly count?: number;
  /** Milliseconds between two requests; default 1000. */
  readonly interval?: number;
  /** Milliseconds that each request waits for its answer; default 1000. */
  readonly timeout?: number;
  /** Bytes of data behind the ICMP header; default 56, which makes an IPv4 packet of 84 bytes. */
  readonly size?: number;
  /** Identifier, 0..65535; default: one that is free, at random. */
  readonly id?: number;
}

export interface PingReport {
  readonly destination: IpAddress;
  /** Requests that the stack took, those included that waited for ARP in vain. */
  readonly sent: number;
  readonly received: number;
  readonly replies: readonly PingReply[];
  /** Why requests were not answered; one for each that was not. */
  readonly errors: readonly PingError[];
}

interface PingReply {
  readonly seq: number;
  /** Milliseconds, by the clock. */
  readonly rtt: number;
  /** Time to live that the answer had left. */
  readonly ttl: number;
}

interface PingError {
  readonly seq: number;
  /** "no answer to ARP for 10.0.0.9", "10.0.0.1: no route to the network", "no answer within 1000 ms". */
  readonly message: string;
}

interface Session {
  stop(): void;
  readonly destination: IpAddress;
  readonly data: Uint8Array;
  /** Requests under way: when each was sent, and its timer. */
  readonly waiting: Map<number, { readonly at: number; readonly cancel: () => void }>;
  reply(seq: number, packet: IpPacket, data: Uint8Array): void;
  fail(seq: number, message: string): void;
}

export class Pinger {
  readonly #stack: Stack;
  readonly #sessions = new Map<number, Session>();

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** See GuestNic.ping. */
  ping(destination: IpAddress, options: PingOptions, done: (report: PingReport) => void): () => void {
    const { count = 1, interval = 1000, timeout = 1000, size = 56 } = options;
    if (!Number.isInteger(count) || count < 1 || count > 0xffff)
      throw new RangeError(`${count} pings: the count is 1..65535`);
    if (!Number.isInteger(size) || size < 0 || size > PAYLOAD_LIMIT - ICMP.SIZE)
      throw new RangeError(`a ping with ${size} bytes of data: 0..${PAYLOAD_LIMIT - ICMP.SIZE} are possible`);
    const id = options.id ?? this.#freeId();
    if (this.#sessions.has(id)) throw new RangeError(`another ping with the identifier ${id} is under way`);

    const { clock } = this.#stack;
    const replies: PingReply[] = [];
    const errors: PingError[] = [];
    let next = 1;
    let sent = 0;
    let stopNext = () => {};
    const finishWhenAll = () => {
      if (replies.length + errors.length < count) return;
      this.#sessions.delete(id);
      done({ destination, sent, received: replies.length, replies, errors });
    };
    const session: Session = {
      destination,
      data: Uint8Array.from({ length: size }, (_, i) => i & 0xff),
      waiting: new Map(),
      reply(seq, packet, data) {
        const request = session.waiting.get(seq);
        if (!request) return;
        if (!sameBytes(data, session.data)) {
          session.fail(seq, `${packet.source} answered with other data than were sent`);
          return;
        }
        request.cancel();
        session.waiting.delete(seq);
        replies.push({ seq, rtt: clock.now() - request.at, ttl: packet.ttl });
        finishWhenAll();
      },
      stop: () => {
        stopNext();
        for (const { cancel } of session.waiting.values()) cancel();
        if (this.#sessions.get(id) === session) this.#sessions.delete(id);
      },
      fail(seq, message) {
        session.waiting.get(seq)?.cancel();
        session.waiting.delete(seq);
        errors.push({ seq, message });
        finishWhenAll();
      },
    };
    this.#sessions.set(id, session);

    const sendNext = () => {
      const seq = next++;
      // Everything is in place before the request leaves: its answer may come within the call.
      if (seq < count) stopNext = clock.after(interval, sendNext);
      const expire = () => session.fail(seq, this.#silence(destination, timeout));
      session.waiting.set(seq, { at: clock.now(), cancel: clock.after(timeout, expire) });
      sent += 1;
      const problem = this.#request(destination, id, seq, session.data, options);
      if (!problem) return;
      sent -= 1;
      session.fail(seq, describe(problem, destination));
    };
    sendNext();
    return session.stop;
  }

  /** Ends all pings without a report. */
  clear(): void {
    for (const session of [...this.#sessions.values()]) session.stop();
  }

  /** An echo reply has come. */
  reply(packet: IpPacket): void {
    const { bytes, payloadOffset: at } = packet;
    const session = this.#sessions.get(read16(bytes, at + ICMP.ID));
    if (!session) return;
    if (packet.source !== session.destination && !isMulticastIp(session.destination)) return;
    session.reply(read16(bytes, at + ICMP.SEQ), packet, bytes.subarray(at + ICMP.SIZE));
  }

  /** A packet of ours did not arrive. */
  failed(packet: Quoted, message: string): void {
    const { payload, protocol } = packet;
    const isEcho =
      (protocol === IP_PROTOCOL.ICMP && payload[0] === ICMP_TYPE.ECHO_REQUEST) ||
      (protocol === IP_PROTOCOL.ICMPV6 && payload[0] === ICMPV6_TYPE.ECHO_REQUEST);
    if (!isEcho || payload.length < ICMP.SIZE) return;
    const session = this.#sessions.get(read16(payload, ICMP.ID));
    const seq = read16(payload, ICMP.SEQ);
    if (session?.destination === packet.destination && session.waiting.has(seq)) session.fail(seq, message);
  }

  #request(
    destination: IpAddress,
    id: number,
    seq: number,
    data: Uint8Array,
    options: SendOptions,
  ): SendProblem | undefined {
    const v4 = isIpv4(destination);
    return this.#stack.sendLayers(
      destination,
      v4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6,
      [
        v4
          ? { layer: 'icmp', type: ICMP_TYPE.ECHO_REQUEST, id, seq }
          : { layer: 'icmpv6', type: ICMPV6_TYPE.ECHO_REQUEST, id, seq },
        { layer: 'data', bytes: data },
      ],
      options,
    );
  }

  /** Why nothing came: the neighbour that the request had to go through may not have answered either. */
  #silence(destination: IpAddress, timeout: number): string {
    const { addresses, neighbours } = this.#stack;
    const nextHop = addresses.routes.nextHop(destination)?.address;
    return nextHop !== undefined && neighbours.waiting(nextHop)
      ? silentNeighbour(nextHop)
      : `no answer within ${timeout} ms`;
  }

  #freeId(): number {
    const start = Math.floor(this.#stack.random() * 0x10000);
    for (let i = 0; i < 0x10000; i++) {
      const id = (start + i) % 0x10000;
      if (!this.#sessions.has(id)) return id;
    }
    throw new RangeError('65536 pings are under way, more cannot be told apart');
  }
}

/** In the words of a ping error. */
export function silentNeighbour(address: IpAddress): string {
  return `no answer to ${isIpv4(address) ? 'ARP' : 'neighbour solicitation'} for ${address}`;
}

function describe(problem: SendProblem, destination: IpAddress): string {
  switch (problem) {
    case 'no-route':
      return `no route to ${destination}`;
    case 'no-source-address':
      return `no address to send to ${destination} from`;
    case 'too-big':
      return 'too big for the MTU of the own interface';
    case 'ip-malformed':
      return 'not an IP packet';
  }
}
