/**
 * The state of a TCP connection as somebody in the middle sees it, with windows of sequence numbers: what
 * lib/conntrack-tcp.c of Open vSwitch does, which follows OpenBSD's pf and Guido van Rooij, "Real Stateful TCP Packet
 * Filtering in IP Filter" (2001).
 *
 * Each of the two ends has five numbers; `seqlo` and `seqhi` are compared modulo 2^32 and kept signed, so that they
 * cost no memory of their own:
 *
 *     0 seqlo    the highest sequence number that this end has sent
 *     1 seqhi    the highest that the other end has made room for
 *     2 window   the largest that this end has announced, not scaled
 *     3 scale    of its window (RFC 7323), with two flags
 *     4 state    as below
 */
import { read16, read32 } from '../../packet/bytes.ts';
import type { Segment, Verdict } from './state.ts';
import { TIMEOUT } from './timeouts.ts';

/** Numbers of a connection; the end that opened it comes first. */
export const TCP_WORDS = 10;
const PEER_WORDS = 5;
const SEQLO = 0;
const SEQHI = 1;
const WINDOW = 2;
const SCALE = 3;
const STATE = 4;

/** What an end has done; the order counts. */
export const TCP_STATE = {
  CLOSED: 0,
  LISTEN: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  ESTABLISHED: 4,
  CLOSE_WAIT: 5,
  FIN_WAIT_1: 6,
  CLOSING: 7,
  LAST_ACK: 8,
  FIN_WAIT_2: 9,
  TIME_WAIT: 10,
} as const;

export const TCP_STATE_NAMES = Object.keys(TCP_STATE);

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const ACK = 0x10;
const URG = 0x20;

/** Flags in `scale`: the end announced a scale; or we came too late to see whether it did. */
const SCALE_KNOWN = 0x80;
const SCALE_UNKNOWN = 0x40;
const SCALE_BITS = 0x0f;
const MOST_SCALE = 14;

/** How far outside of a window a segment may be; 1500 is an arbitrary allowance. */
const SLACK = 0xffff + 1500;

export interface TcpUpdate {
  readonly verdict: Verdict;
  /** Undefined: the connection lives as long as before. */
  readonly timeout: number | undefined;
}

const INVALID: TcpUpdate = { verdict: 'invalid', timeout: undefined };
const AGAIN: TcpUpdate = { verdict: 'again', timeout: undefined };
const LOOSE: TcpUpdate = { verdict: 'established', timeout: undefined };
const FIRST: TcpUpdate = { verdict: 'new', timeout: TIMEOUT.TCP_FIRST };
const CLOSED: TcpUpdate = { verdict: 'established', timeout: TIMEOUT.TCP_CLOSED };
const FIN_WAIT: TcpUpdate = { verdict: 'established', timeout: TIMEOUT.TCP_FIN_WAIT };
const OPENING: TcpUpdate = { verdict: 'established', timeout: TIMEOUT.TCP_OPENING };
const CLOSING: TcpUpdate = { verdict: 'established', timeout: TIMEOUT.TCP_CLOSING };
const ESTABLISHED: TcpUpdate = { verdict: 'established', timeout: TIMEOUT.TCP_ESTABLISHED };

/** Whether a segment may begin a connection: a SYN, or one in the middle of something, but no SYN with ACK. */
export function beginsTcp({ bytes, l4 }: Segment): boolean {
  const flags = bytes[l4 + 13]!;
  return !isNonsense(flags) && (flags & (SYN | ACK)) !== (SYN | ACK);
}

/** Fills the numbers of a connection at `at` from the segment that begins it. */
export function beginTcp(peers: Int32Array, at: number, segment: Segment): void {
  const { bytes, l4 } = segment;
  const flags = bytes[l4 + 13]!;
  const seq = read32(bytes, l4 + 4);
  const isSyn = (flags & SYN) !== 0;
  const scale = isSyn ? windowScale(segment) : SCALE_UNKNOWN;
  const window = Math.max(read16(bytes, l4 + 14), 1);
  peers[at + SEQLO] = seq;
  peers[at + SEQHI] = seq + payloadLength(segment) + 1 + (isSyn ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  peers[at + WINDOW] = unscaled(window, scale & SCALE_BITS);
  peers[at + SCALE] = scale;
  peers[at + STATE] = TCP_STATE.SYN_SENT;
  const other = at + PEER_WORDS;
  peers[other + SEQLO] = 0;
  peers[other + SEQHI] = 1;
  peers[other + WINDOW] = 1;
  peers[other + SCALE] = isSyn ? 0 : SCALE_UNKNOWN;
  peers[other + STATE] = TCP_STATE.CLOSED;
}

/** The state that is shown for a connection: that of the end which got further. */
export function tcpStateName(peers: Int32Array, at: number): string {
  const state = Math.max(peers[at + STATE]!, peers[at + PEER_WORDS + STATE]!);
  if (state === TCP_STATE.FIN_WAIT_2) return 'TIME_WAIT';
  return state === TCP_STATE.SYN_RECV ? 'ESTABLISHED' : TCP_STATE_NAMES[state]!;
}

/** Whether both ends are in the middle of the connection. */
export function isTcpEstablished(peers: Int32Array, at: number): boolean {
  return (
    peers[at + STATE] === TCP_STATE.ESTABLISHED && peers[at + PEER_WORDS + STATE] === TCP_STATE.ESTABLISHED
  );
}

/** Whether a segment can change no more than the windows of a connection that is established. */
export function isPlainTcp({ bytes, l4 }: Segment): boolean {
  return (bytes[l4 + 13]! & (SYN | FIN | RST)) === 0;
}

/** The same for one that has ACK, as all have in the middle of a connection; by its flags. */
export function isPlainAck(flags: number): boolean {
  return (flags & (SYN | FIN | RST | ACK)) === ACK;
}

/**
 * What a segment is to a connection whose numbers stand at `at`; they are brought up to date. A plain segment
 * that is invalid to an established connection leaves them as they are.
 */
export function updateTcp(peers: Int32Array, at: number, segment: Segment, isReply: boolean): TcpUpdate {
  const { bytes, l4 } = segment;
  const src = isReply ? at + PEER_WORDS : at;
  const dst = isReply ? at : at + PEER_WORDS;
  const flags = bytes[l4 + 13]!;
  if (isNonsense(flags)) return INVALID;

  if ((flags & (SYN | ACK)) === SYN) {
    if (peers[dst + STATE]! >= TCP_STATE.FIN_WAIT_2 && peers[src + STATE]! >= TCP_STATE.FIN_WAIT_2) {
      peers[src + STATE] = TCP_STATE.CLOSED;
      peers[dst + STATE] = TCP_STATE.CLOSED;
      return AGAIN;
    }
    if (peers[src + STATE]! <= TCP_STATE.SYN_SENT) {
      peers[src + STATE] = TCP_STATE.SYN_SENT;
      return FIRST;
    }
  }

  let srcScale = 0;
  let dstScale = 0;
  if ((flags & SYN) === 0) {
    srcScale = scaleOf(peers[src + SCALE]!, peers[dst + SCALE]!);
    dstScale = scaleOf(peers[dst + SCALE]!, peers[src + SCALE]!);
  }

  let window = read16(bytes, l4 + 14);
  const firstSeq = read32(bytes, l4 + 4) | 0;
  let seq = firstSeq;
  let ack = read32(bytes, l4 + 8) | 0;
  let end = seq + payloadLength(segment) + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  end |= 0;
  let checksAck = true;

  if (peers[src + STATE]! < TCP_STATE.SYN_SENT) {
    // The first packet of this end.
    if ((flags & SYN) !== 0 && (peers[dst + SCALE]! & SCALE_KNOWN) !== 0) {
      const scale = windowScale(segment);
      peers[src + SCALE] = scale;
      if ((scale & SCALE_KNOWN) !== 0) {
        // The window of a SYN is not scaled.
        srcScale = scale & SCALE_BITS;
        window = unscaled(window, srcScale);
        dstScale = peers[dst + SCALE]! & SCALE_BITS;
      } else {
        peers[dst + WINDOW] = (peers[dst + WINDOW]! << (peers[dst + SCALE]! & SCALE_BITS)) & 0xffff;
        peers[dst + SCALE] = 0;
      }
    }
    peers[src + SEQLO] = seq;
    peers[src + STATE] = TCP_STATE.SYN_SENT;
    const room = (end + Math.max(1, peers[dst + WINDOW]! << dstScale)) | 0;
    // A connection that is new, or was there before us: acknowledgements say little then.
    if (peers[src + SEQHI] === 1 || isAtLeast(room, peers[src + SEQHI]!)) {
      peers[src + SEQHI] = room;
      checksAck = false;
    }
    peers[src + WINDOW] = Math.max(peers[src + WINDOW]!, window);
  }

  // Without ACK there is nothing to check; broken stacks send 0 with ACK and RST.
  if ((flags & ACK) === 0 || (ack === 0 && (flags & RST) !== 0)) ack = peers[dst + SEQLO]!;
  if (seq === end) {
    seq = peers[src + SEQLO]!;
    end = seq;
  }

  const skew = checksAck ? (peers[dst + SEQLO]! - ack) | 0 : 0;
  const srcLow = peers[src + SEQLO]!;
  const isInWindow =
    fits(peers, src, dst, seq, end, skew, srcScale, dstScale) &&
    // A reset has to be exact, so that it is hard to forge (RFC 5961).
    ((flags & RST) === 0 || Math.abs((firstSeq - srcLow) | 0) <= 1);
  if (isInWindow) {
    slide(peers, src, dst, window, srcScale, ack, end);
    if ((flags & SYN) !== 0 && peers[src + STATE]! < TCP_STATE.SYN_SENT)
      peers[src + STATE] = TCP_STATE.SYN_SENT;
    finAndReset(peers, src, dst, flags, (flags & ACK) !== 0);
    return lifetime(peers[src + STATE]!, peers[dst + STATE]!);
  }

  const isLoose =
    peers[dst + STATE]! < TCP_STATE.SYN_SENT ||
    peers[dst + STATE]! >= TCP_STATE.FIN_WAIT_2 ||
    peers[src + STATE]! >= TCP_STATE.FIN_WAIT_2;
  if (isLoose && isAtLeast((peers[src + SEQHI]! + SLACK) | 0, end) && isAtLeast(seq, (srcLow - SLACK) | 0)) {
    // A second SYN before the first was answered, a connection that was there before us, or odd packets right after
    // the end. A flood comes here too, so the connection lives no longer for it.
    slide(peers, src, dst, window, srcScale, ack, end);
    finAndReset(peers, src, dst, flags, false);
    return LOOSE;
  }
  return INVALID;
}

/**
 * What updateTcp does with a segment that isPlainAck in the middle of a connection, by its numbers: false,
 * and nothing has changed, when it is invalid. `length`: of its data.
 */
export function updatePlainTcp(
  peers: Int32Array,
  at: number,
  isReply: boolean,
  seq: number,
  ack: number,
  window: number,
  length: number,
): boolean {
  const src = isReply ? at + PEER_WORDS : at;
  const dst = isReply ? at : at + PEER_WORDS;
  const srcScale = scaleOf(peers[src + SCALE]!, peers[dst + SCALE]!);
  const dstScale = scaleOf(peers[dst + SCALE]!, peers[src + SCALE]!);
  const first = length === 0 ? peers[src + SEQLO]! : seq;
  const end = (first + length) | 0;
  const skew = (peers[dst + SEQLO]! - ack) | 0;
  if (!fits(peers, src, dst, first, end, skew, srcScale, dstScale)) return false;
  slide(peers, src, dst, window, srcScale, ack, end);
  return true;
}

/** By how much the windows of an end count more than they say; `own` and `other`: scales as they are remembered. */
function scaleOf(own: number, other: number): number {
  const both = own & other;
  if ((both & SCALE_KNOWN) !== 0) return own & SCALE_BITS;
  return (both & SCALE_UNKNOWN) !== 0 ? MOST_SCALE : 0;
}

/** Whether a segment and what it acknowledges are in the windows; `skew`: how far it is behind the other end. */
function fits(
  peers: Int32Array,
  src: number,
  dst: number,
  seq: number,
  end: number,
  skew: number,
  srcScale: number,
  dstScale: number,
): boolean {
  return (
    isAtLeast(peers[src + SEQHI]!, end) &&
    // A retransmission goes back one window at most.
    isAtLeast(seq, (peers[src + SEQLO]! - (peers[dst + WINDOW]! << dstScale)) | 0) &&
    skew >= -SLACK &&
    skew <= SLACK << srcScale
  );
}

function slide(
  peers: Int32Array,
  src: number,
  dst: number,
  window: number,
  srcScale: number,
  ack: number,
  end: number,
): void {
  if (peers[src + WINDOW]! < window) peers[src + WINDOW] = window;
  if (((end - peers[src + SEQLO]!) | 0) > 0) peers[src + SEQLO] = end;
  if (isAtLeast((ack + (window << srcScale)) | 0, peers[dst + SEQHI]!))
    peers[dst + SEQHI] = ack + Math.max(window << srcScale, 1);
}

function finAndReset(peers: Int32Array, src: number, dst: number, flags: number, isAcked: boolean): void {
  if ((flags & FIN) !== 0 && peers[src + STATE]! < TCP_STATE.CLOSING) peers[src + STATE] = TCP_STATE.CLOSING;
  if (isAcked) {
    if (peers[dst + STATE] === TCP_STATE.SYN_SENT) peers[dst + STATE] = TCP_STATE.ESTABLISHED;
    else if (peers[dst + STATE] === TCP_STATE.CLOSING) peers[dst + STATE] = TCP_STATE.FIN_WAIT_2;
  }
  if ((flags & RST) !== 0) {
    peers[src + STATE] = TCP_STATE.TIME_WAIT;
    peers[dst + STATE] = TCP_STATE.TIME_WAIT;
  }
}

function lifetime(src: number, dst: number): TcpUpdate {
  const less = Math.min(src, dst);
  const more = Math.max(src, dst);
  if (less >= TCP_STATE.FIN_WAIT_2) return CLOSED;
  if (less >= TCP_STATE.CLOSING) return FIN_WAIT;
  if (less < TCP_STATE.ESTABLISHED) return OPENING;
  return more >= TCP_STATE.CLOSING ? CLOSING : ESTABLISHED;
}

/** Modulo 2^32: `a` is not before `b`. */
function isAtLeast(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/** Combinations of flags that no stack sends. */
function isNonsense(flags: number): boolean {
  if ((flags & SYN) !== 0) {
    if ((flags & (RST | FIN)) !== 0) return true;
  } else if ((flags & (ACK | RST)) === 0) return true;
  return (flags & ACK) === 0 && (flags & (FIN | PSH | URG)) !== 0;
}

function payloadLength({ bytes, l4, end }: Segment): number {
  return end - l4 - (bytes[l4 + 12]! >>> 4) * 4;
}

/** The window in units of its scale, rounded up. */
function unscaled(window: number, scale: number): number {
  return Math.ceil(window / 2 ** scale);
}

/** The window scale option (RFC 7323, 2.2) of a SYN, with the flag that it is there; 0 without it. */
function windowScale({ bytes, l4 }: Segment): number {
  let left = (bytes[l4 + 12]! >>> 4) * 4 - 20;
  let at = l4 + 20;
  let scale = 0;
  while (left >= 3) {
    const kind = bytes[at]!;
    if (kind === 0) return scale;
    if (kind === 1) {
      at += 1;
      left -= 1;
      continue;
    }
    if (kind === 3) scale = Math.min(bytes[at + 2]!, MOST_SCALE) | SCALE_KNOWN;
    const length = Math.max(bytes[at + 1]!, 2);
    at += length;
    left -= length;
  }
  return scale;
}
