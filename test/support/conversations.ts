/**
 * Conversations between a few hosts, as a switch that tracks connections meets them: openings, answers,
 * retransmissions, segments out of the window, resets, echoes, ICMP errors about what arrived, broken frames. The hosts
 * see what the switch delivers and answer that, so translated addresses come back.
 */
import { type IpAddress, ipFromBigint, isIpv4, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { read16, read32, read128, write16 } from '../../src/packet/bytes.ts';
import type { Layer } from '../../src/packet/layer.ts';
import type { Random } from '../parity/random.ts';
import { fragmentsOf } from './fragments.ts';

/** A frame and the port of the switch that it enters. */
export interface Sending {
  readonly port: number;
  readonly frame: Uint8Array;
}

/** What of a frame the hosts look at. */
interface Seen {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  /** ICMP */
  readonly type: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly length: number;
  /** The IP packet. */
  readonly packet: Uint8Array;
}

const MAC = mac('02:00:00:00:00:01');
const L3 = 14;
const [FIN, SYN, RST, PSH, ACK, URG] = [1, 2, 4, 8, 16, 32] as const;
/** Window scale options; the last two are not as they should be. */
const SCALES = ['', '01030302', '01030307', '0103030e', '030300ff', '03030f00'];
const WINDOWS = [0, 1, 400, 29_200, 65_535];
const REMEMBERED = 12;

export interface Hosts {
  /** Addresses of who is behind each port, of both families or of one. */
  readonly behind: ReadonlyMap<number, readonly IpAddress[]>;
  /** Addresses that they open connections to. */
  readonly targets: ReadonlyMap<number, readonly IpAddress[]>;
  /** ICMP errors may quote less than a TCP header. */
  readonly shortQuotes: boolean;
  /** In so many of 100 cases a datagram comes in fragments; absent: never. */
  readonly fragments?: number;
  /** Fragments may come twice, and those of two datagrams be mixed up. */
  readonly duplicates?: boolean;
  /** There are errors of ICMPv6, too. */
  readonly errors6: boolean;
}

export class Conversations {
  readonly #random: Random;
  readonly #hosts: Hosts;
  /** What came out of each port, and what went in, the newest last. */
  readonly #arrived = new Map<number, Seen[]>();
  readonly #sent = new Map<number, Seen[]>();
  readonly #ports: readonly number[];
  #datagrams = 0;
  /** On their way. */
  readonly #fragments: Sending[] = [];

  constructor(random: Random, hosts: Hosts) {
    this.#random = random;
    this.#hosts = hosts;
    this.#ports = [...hosts.behind.keys()];
  }

  /** The switch has delivered this. */
  arrives(port: number, bytes: Uint8Array): void {
    remember(this.#arrived, port, bytes);
  }

  next(): Sending {
    const random = this.#random;
    // Fragments come mixed with other frames.
    if (this.#fragments.length > 0 && random.chance(60)) {
      return this.#fragments.splice(random.below(Math.min(3, this.#fragments.length)), 1)[0]!;
    }
    const port = random.pick(this.#ports);
    if (random.chance(this.#hosts.fragments ?? 0)) {
      this.#fragment(port);
      return this.next();
    }
    const made = this.#make(port);
    const bytes = random.chance(6) ? this.#broken(made) : made;
    remember(this.#sent, port, bytes);
    return { port, frame: bytes };
  }

  /** A datagram too long for one frame; some of its fragments come twice or not at all. */
  #fragment(port: number): void {
    const random = this.#random;
    const src = random.pick(this.#hosts.behind.get(port) ?? []);
    const targets = this.#hosts.targets.get(port) ?? [];
    const dst = random.pick(targets.filter((target) => isIpv4(target) === isIpv4(src)));
    const length = random.pick([2000, 3000, 5000]);
    const whole = ip(src, dst, { layer: 'udp', sport: 1000, dport: 80 }, ...data(length, random.below(256)));
    if (random.chance(10)) whole[whole.length - 1] = 77;
    const id = this.#hosts.duplicates ? random.pick([1, 2]) : ++this.#datagrams;
    const size = random.pick([1400, 1400, 1232, 1184, 800]) & ~7;
    for (const cut of fragmentsOf(whole, size, id)) {
      const copies = random.weighted([
        [1, 0],
        [20, 1],
        [this.#hosts.duplicates ? 1 : 0, 2],
      ]);
      for (let left = copies; left > 0; left--) {
        this.#fragments.push({ port, frame: cut });
      }
    }
  }

  #make(port: number): Uint8Array {
    const random = this.#random;
    const arrived = this.#arrived.get(port) ?? [];
    const sent = this.#sent.get(port) ?? [];
    const what = random.below(100);
    if (arrived.length > 0 && what < 55) return this.#answer(random.pick(arrived.slice(-4)));
    if (sent.length > 0 && what < 75) return this.#continue(random.pick(sent.slice(-4)));
    if (arrived.length > 0 && what < 83) return this.#complain(random.pick(arrived));
    return this.#open(port);
  }

  #open(port: number): Uint8Array {
    const random = this.#random;
    const src = random.pick(this.#hosts.behind.get(port) ?? []);
    const targets = this.#hosts.targets.get(port) ?? [];
    const dst = random.pick(targets.filter((target) => isIpv4(target) === isIpv4(src)));
    const sport = random.pick([0, 21, 400, 700, 1000, 1000, 1001, 65_535]);
    const dport = random.pick([80, 80, 80, 69, 21]);
    const icmp = isIpv4(src) ? 'icmp' : 'icmpv6';
    return random.weighted<() => Uint8Array>([
      [
        6,
        () =>
          this.#tcp(
            src,
            dst,
            sport,
            dport,
            random.pick([SYN, SYN, SYN, ACK, SYN | ACK]),
            random.below(2 ** 32),
            0,
          ),
      ],
      [
        1,
        () =>
          this.#tcp(src, dst, sport, dport, random.below(64), random.below(2 ** 32), random.below(2 ** 32)),
      ],
      [4, () => this.#udp(src, dst, sport, dport)],
      [3, () => ip(src, dst, { layer: icmp, type: this.#question(src), id: random.pick([1, 2]), seq: 1 })],
      [
        1,
        () =>
          ip(src, dst, { layer: icmp, type: random.below(256), code: random.pick([0, 0, 1]), id: 1, seq: 1 }),
      ],
      [1, () => other(src, dst, random.pick([1, 47, 58, 132, 253]))],
    ])();
  }

  #question(host: IpAddress): number {
    return isIpv4(host) ? this.#random.pick([8, 8, 8, 13, 15]) : 128;
  }

  #answer(seen: Seen): Uint8Array {
    const random = this.#random;
    const { src, dst, sport, dport, flags, type } = seen;
    switch (seen.protocol) {
      case 6: {
        const begins = (flags & (SYN | ACK)) === SYN;
        const next = begins ? random.pick([SYN | ACK, SYN | ACK, SYN | ACK, RST | ACK, SYN]) : this.#flags();
        const seq = (flags & ACK) !== 0 ? seen.ack : random.below(2 ** 32);
        const ack = seen.seq + seen.length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
        return this.#tcp(dst, src, dport, sport, next, this.#around(seq), this.#around(ack));
      }
      case 17:
        return this.#udp(dst, src, dport, sport);
      case 1: {
        if (!isIpv4(src)) return other(dst, src, 1);
        const answer =
          new Map([
            [8, 0],
            [13, 14],
            [15, 16],
          ]).get(type) ?? 0;
        return ip(dst, src, { layer: 'icmp', type: answer, id: sport, seq: 1 });
      }
      case 58:
        if (isIpv4(src)) return other(dst, src, 58);
        return ip(dst, src, { layer: 'icmpv6', type: 129, id: sport, seq: 1 });
      default:
        return other(dst, src, seen.protocol);
    }
  }

  /** The same once more, or the next. */
  #continue(seen: Seen): Uint8Array {
    const random = this.#random;
    const { src, dst, sport, dport, seq, ack, flags, length } = seen;
    if (seen.protocol !== 6 || random.chance(30)) return ethernet(src, seen.packet);
    const step = length + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    return this.#tcp(src, dst, sport, dport, this.#flags(), this.#around(seq + step), this.#around(ack));
  }

  #flags(): number {
    return this.#random.weighted([
      [8, ACK],
      [8, ACK | PSH],
      [3, FIN | ACK],
      [1, RST],
      [1, RST | ACK],
      [1, SYN],
      [1, SYN | ACK],
      [1, ACK | URG],
      [1, this.#random.below(64)],
    ]);
  }

  /** Mostly the number itself. */
  #around(number: number): number {
    const random = this.#random;
    const off = random.chance(85)
      ? 0
      : random.pick([1, -1, 5, 1400, 65_535, 70_000, -70_000, 2 ** 20, 2 ** 31]);
    return (number + off) >>> 0;
  }

  #tcp(
    src: IpAddress,
    dst: IpAddress,
    sport: number,
    dport: number,
    flags: number,
    seq: number,
    ack: number,
  ) {
    const random = this.#random;
    const options = (flags & SYN) !== 0 ? Buffer.from(random.pick(SCALES), 'hex') : new Uint8Array(0);
    const length = (flags & SYN) !== 0 ? random.pick([0, 0, 0, 3]) : random.pick([0, 0, 1, 100, 1000]);
    const window = random.pick(WINDOWS);
    const tcp: Layer = {
      layer: 'tcp',
      sport,
      dport,
      flags,
      seq,
      ack,
      window,
      options: new Uint8Array(options),
    };
    return ip(src, dst, tcp, ...data(length, random.below(256)));
  }

  #udp(src: IpAddress, dst: IpAddress, sport: number, dport: number): Uint8Array {
    const random = this.#random;
    const checksum = random.chance(20) ? { checksum: 0 } : {};
    return ip(src, dst, { layer: 'udp', sport, dport, ...checksum }, ...data(random.pick([0, 1, 7, 100]), 5));
  }

  /** An ICMP error about a packet, which it quotes, from its receiver or from a router. */
  #complain({ src, dst, packet, protocol }: Seen): Uint8Array {
    const random = this.#random;
    const cut = random.pick([
      ...(this.#hosts.shortQuotes ? [28, 28, 36] : []),
      40,
      48,
      60,
      100,
      packet.length,
    ]);
    const quoted: Layer = { layer: 'data', bytes: packet.slice(0, cut) };
    if (isIpv4(src)) {
      const from = random.chance(50) ? dst : (ipFromBigint(0x0a_00_00_fen, 4) as IpAddress);
      return ip(
        from,
        src,
        { layer: 'icmp', type: random.pick([3, 3, 4, 5, 11, 12]), code: random.pick([0, 1, 4]) },
        quoted,
      );
    }
    if (!this.#hosts.errors6) return other(dst, src, protocol);
    const from = random.chance(50) ? dst : ipFromBigint((0xfd00n << 112n) | 0xfen, 6);
    return ip(
      from,
      src,
      { layer: 'icmpv6', type: random.pick([1, 2, 3, 4]), code: 0, rest: random.pick([0, 1280]) },
      quoted,
    );
  }

  /** One thing is wrong: a byte behind the Ethernet header, or a few bytes too many or too few at the end. */
  #broken(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    if (random.chance(40)) {
      const padded = new Uint8Array(bytes.length + random.between(1, 20));
      padded.set(bytes);
      return padded.fill(random.below(256), bytes.length);
    }
    if (random.chance(20)) return bytes.slice(0, random.between(L3, bytes.length));
    const copy = bytes.slice();
    const at = random.between(L3, bytes.length - 1);
    copy[at] = copy[at]! ^ (1 << random.below(8));
    return copy;
  }
}

function remember(seen: Map<number, Seen[]>, port: number, bytes: Uint8Array): void {
  const read = readFrame(bytes);
  if (!read) return;
  const list = seen.get(port) ?? [];
  list.push(read);
  if (list.length > REMEMBERED) list.shift();
  seen.set(port, list);
}

function readFrame(bytes: Uint8Array): Seen | undefined {
  const type = read16(bytes, 12);
  if (type !== 0x0800 && type !== 0x86dd) return undefined;
  if (type === 0x0800 && (read16(bytes, L3 + 6) & 0x3fff) !== 0) return undefined;
  const is4 = type === 0x0800;
  const l4 = L3 + (is4 ? 20 : 40);
  if (bytes.length < l4 + 8) return undefined;
  const protocol = bytes[L3 + (is4 ? 9 : 6)]!;
  const end = is4 ? L3 + read16(bytes, L3 + 2) : l4 + read16(bytes, L3 + 4);
  if (end > bytes.length || end < l4 + 8 || (protocol === 6 && end < l4 + 20)) return undefined;
  const address = (at: number) =>
    is4 ? ipFromBigint(BigInt(read32(bytes, at)), 4) : ipFromBigint(read128(bytes, at), 6);
  const isTcp = protocol === 6;
  const isIcmp = protocol === 1 || protocol === 58;
  return {
    src: address(L3 + (is4 ? 12 : 8)),
    dst: address(L3 + (is4 ? 16 : 24)),
    protocol,
    sport: read16(bytes, isIcmp ? l4 + 4 : l4),
    dport: read16(bytes, l4 + 2),
    type: bytes[l4]!,
    seq: isTcp ? read32(bytes, l4 + 4) : 0,
    ack: isTcp ? read32(bytes, l4 + 8) : 0,
    flags: isTcp ? bytes[l4 + 13]! & 63 : 0,
    length: isTcp ? end - l4 - (bytes[l4 + 12]! >>> 4) * 4 : 0,
    packet: bytes.slice(L3, end),
  };
}

function ip(src: IpAddress, dst: IpAddress, ...layers: readonly Layer[]): Uint8Array {
  const eth: Layer = { layer: 'eth', src: MAC, dst: MAC };
  return isIpv4(src)
    ? frame(eth, { layer: 'ipv4', src, dst: dst as typeof src }, ...layers)
    : frame(eth, { layer: 'ipv6', src, dst: dst as typeof src }, ...layers);
}

/** Eight bytes of a protocol without ports. */
function other(src: IpAddress, dst: IpAddress, protocol: number): Uint8Array {
  const bytes = ip(src, dst, { layer: 'udp', sport: 8, dport: 8 });
  if (isIpv4(src)) {
    bytes[L3 + 9] = protocol;
    write16(bytes, L3 + 10, 0);
    let sum = 0;
    for (let i = L3; i < L3 + 20; i += 2) sum += read16(bytes, i);
    write16(bytes, L3 + 10, ~((sum & 0xffff) + (sum >>> 16)));
  } else bytes[L3 + 6] = protocol;
  return bytes;
}

function ethernet(src: IpAddress, packet: Uint8Array): Uint8Array {
  const head = ip(src, src, { layer: 'udp' });
  const bytes = new Uint8Array(L3 + packet.length);
  bytes.set(head.subarray(0, L3));
  bytes.set(packet, L3);
  return bytes;
}

function data(length: number, octet: number): Layer[] {
  return length > 0 ? [{ layer: 'data', bytes: new Uint8Array(length).fill(octet) }] : [];
}
