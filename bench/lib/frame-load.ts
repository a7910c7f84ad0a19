/** Frames of many flows for a softswitch, as a device would write them: into memory, over those that went out. */
import { ipv4, mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { write16, write32 } from '../../src/packet/bytes.ts';
import { checksumFor } from '../../src/packet/checksum.ts';
import { type FrameBatch, newBatch } from '../../src/softswitch/batch.ts';
import { Packet } from '../../src/softswitch/frame/packet.ts';
import { encapsulate } from '../../src/softswitch/tunnel/tunnel.ts';

/** Frames in a batch, and in the ring that they are taken from. */
export const BURST = 256;
export const RING = 4096;
/** Where frames lie: 2 bytes behind a multiple of 4, so that their IP header is at one. */
export const SLOT = 2048;
const START = 66;
const FRAME_CHECK = 4;
const HEADERS = 14 + 20 + 8;
const OUTER = 28;

export const HOST_A = '02:aa:bb:00:00:01';
export const HOST_B = '02:aa:bb:00:00:02';
export const NEAR = '192.168.4.11';
export const FAR = '192.168.4.12';
export const VSID = 0x5002;

/**
 * What differs between flows, from the TTL on: four words as they stand in memory, with the checksum, the addresses and
 * the ports. Neighbours in the list are no neighbours as flows.
 */
function flowWords(flows: number, size: number): Uint32Array {
  const words = new Uint32Array(4 * flows);
  const bytes = template(64).subarray(14, 34);
  const view = new DataView(words.buffer);
  const order = Uint32Array.from({ length: flows }, (_, i) => i);
  let seed = 12_345;
  for (let i = flows - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const other = seed % (i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  for (const [i, flow] of order.entries()) {
    write32(bytes, 12, (10 << 24) | (flow & 0xffff));
    write32(bytes, 16, (10 << 24) | (1 << 16) | ((flow * 7) & 0xffff));
    write16(bytes, 2, size - FRAME_CHECK - 14);
    write16(bytes, 10, checksumFor(bytes, 0, 20, 10));
    for (let j = 0; j < 12; j++) view.setUint8(16 * i + j, bytes[8 + j]!);
    view.setUint32(16 * i + 12, ((1024 + (flow % 50_000)) << 16) | (80 + (flow & 7)));
  }
  return words;
}

/** Of `size` bytes with the frame check sequence, which is not in memory. */
function template(size: number): Uint8Array {
  const bytes = frame(
    { layer: 'eth', src: mac(HOST_A), dst: mac(HOST_B) },
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.1.0.7') },
    { layer: 'udp', sport: 40_000, dport: 4_000 },
    { layer: 'data', bytes: new Uint8Array(size - FRAME_CHECK - HEADERS) },
  );
  // No checksum of UDP (RFC 768): it would be another one in each flow.
  write16(bytes, 40, 0);
  return bytes;
}

/** The same in a tunnel from FAR. */
function outerTemplate(size: number): Uint8Array {
  const packet = Packet.read(template(size));
  packet.set('tun_id', BigInt(VSID << 8));
  packet.set('tun_dst', BigInt(0xc0a8040b));
  const made = encapsulate({ encapsulation: 'nvgre', local: ipv4(FAR) }, packet);
  if ('drop' in made) throw new Error(made.drop);
  return made.outer;
}

export interface LoadOptions {
  readonly flows: number;
  readonly size: number;
  readonly inTunnel: boolean;
}

/** Hands over so many frames, of as many flows, `flows` in turn. */
export type Load = (count: number) => void;

/** Batches in a ring in this memory, which has to be RING * SLOT bytes long. */
export function batchLoad(
  memory: Uint8Array,
  { flows, size, inTunnel }: LoadOptions,
  give: (batch: FrameBatch) => void,
): Load {
  const bytes = inTunnel ? outerTemplate(size) : template(size);
  const differing = flowWords(flows, size);
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength >> 2);
  // What a switch changes of a frame: all of the headers before the TTL.
  const changed = inTunnel ? OUTER + 22 : 22;
  const header = new Uint8Array(96);
  header.set(bytes.subarray(0, changed), 2);
  const headerWords = new Uint32Array(header.buffer).subarray(0, (changed + 2) >> 2);
  const batches = Array.from({ length: RING / BURST }, () => newBatch(memory, BURST));
  for (let i = 0; i < RING; i++) {
    const batch = batches[Math.floor(i / BURST)]!;
    batch.at[i % BURST] = i * SLOT + START;
    batch.length[i % BURST] = bytes.length;
    memory.set(bytes, i * SLOT + START);
  }
  let next = 0;
  let turn = 0;
  return (count) => {
    for (let sent = 0; sent < count; sent += BURST) {
      const batch = batches[turn]!;
      turn = (turn + 1) % batches.length;
      batch.count = Math.min(BURST, count - sent);
      for (let i = 0; i < batch.count; i++) {
        const word = (batch.at[i]! - 2) >> 2;
        for (let j = 0; j < headerWords.length; j++) words[word + j] = headerWords[j]!;
        const at = word + headerWords.length;
        words[at] = differing[next]!;
        words[at + 1] = differing[next + 1]!;
        words[at + 2] = differing[next + 2]!;
        words[at + 3] = differing[next + 3]!;
        next = next + 4 === differing.length ? 0 : next + 4;
      }
      give(batch);
    }
  };
}

/** Frames of their own, one call each. */
export function singleLoad({ flows, size }: LoadOptions, give: (frame: Uint8Array) => void): Load {
  const frames = flowFrames(flows, size);
  let next = 0;
  return (count) => {
    for (let i = 0; i < count; i++) {
      give(frames[next]!);
      next = next + 1 === frames.length ? 0 : next + 1;
    }
  };
}

/** One frame of each flow; `isAnswer`: the other way. */
export function flowFrames(flows: number, size: number, isAnswer = false): Uint8Array[] {
  const bytes = template(size);
  const differing = new Uint8Array(flowWords(flows, size).buffer);
  return Array.from({ length: flows }, (_, i) => {
    const own = bytes.slice();
    const words = differing.subarray(16 * i, 16 * i + 16);
    own.set(words, 22);
    if (isAnswer) {
      own.set([...bytes.subarray(6, 12), ...bytes.subarray(0, 6)], 0);
      own.set([...words.subarray(8, 12), ...words.subarray(4, 8)], 26);
      own.set([...words.subarray(14, 16), ...words.subarray(12, 14)], 34);
    }
    return own;
  });
}
