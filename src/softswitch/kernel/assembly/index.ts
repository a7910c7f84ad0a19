/**
 * The kernel in WebAssembly, from AssemblyScript: the same three passes as ../typescript.ts over the same memory; that
 * file says what they do and why. Here addresses are bytes, and keys are compared four words at a time.
 *
 * `./layout` is written by test/support/compile-kernel.ts from ../layout.ts, a constant for each number there.
 */
import {
  ALIGNMENT,
  BUCKET_SHIFT,
  BUCKET_WAYS,
  COUNTS_IN_IP,
  COUNTS_IN_TRANSPORT,
  KEY_AT,
  KEY_SIZE,
  KIND_DROP,
  KIND_SLOW,
  KNOWN,
  LIST_ASK,
  LIST_AT,
  LIST_FOUND,
  LIST_HASH,
  LIST_IS_ALIKE,
  LIST_LENGTH,
  LIST_MOST,
  LIST_OUT_AT,
  LIST_OUT_LENGTH,
  LIST_OUTLET,
  MISSES,
  NONE,
  PROGRAM_ADDRESSES,
  PROGRAM_BASIS,
  PROGRAM_BYTES,
  PROGRAM_CHECKSUM,
  PROGRAM_GROWS,
  PROGRAM_HAS_ADDRESSES,
  PROGRAM_HEADER,
  PROGRAM_HEADROOM,
  PROGRAM_IP_CHECKSUM,
  PROGRAM_IS_UDP,
  PROGRAM_KIND,
  PROGRAM_LATE_BYTE,
  PROGRAM_LATE_MASK,
  PROGRAM_LATE_SHIFT,
  PROGRAM_LINKS,
  PROGRAM_MOVE,
  PROGRAM_OUTLET,
  PROGRAM_SUM,
  PROGRAM_TTL,
  PROGRAM_TTL_CHANGE,
  PROGRAM_TTL_WORD,
  PROGRAM_UDP_LENGTH,
  PROGRAM_WRITE,
  PROGRAM_WRITES,
  RECORD_ASKED,
  RECORD_BYTES,
  RECORD_LONGEST,
  RECORD_MASK,
  RECORD_PACKETS,
  RECORD_PROGRAM,
  RECORD_SHIFT,
  SHAPE_ARP,
  SHAPE_IPV4,
  SHAPE_IPV6,
  SHAPE_OTHER,
  SHAPE_TAGGED,
  SHAPE_WIDE,
  TRIES,
  UNGATED,
  UNKEYED,
} from './layout';

/** Words of a header of IPv4 and GRE with a key. */
const NVGRE_WORDS = 7;

// ------------------------------------------------------------------------------------------------------- read

@inline
function keyAt(i: i32): usize {
  return ((KEY_AT + i * KEY_SIZE) as usize) << 2;
}

export function read(base: i32, size: i32, count: i32, ingress: i32, isTunnel: i32): void {
  for (let i = 0; i < count; i++) {
    const list = (i as usize) << 2;
    const k = keyAt(i);
    const at = load<i32>(list, LIST_AT * 4);
    const length = load<i32>(list, LIST_LENGTH * 4);
    if (((at + base) & 3) != ALIGNMENT || at < 0 || length < 18 || length > size - at) {
      store<i32>(list, 0, LIST_HASH * 4);
      continue;
    }
    store<i32>(k, ingress);
    if (isTunnel == 0) {
      store<i64>(k, 0, 40);
      store<i32>(k, 0, 48);
    }
    // The word with the first two bytes of the frame in its upper half.
    const isKeyed = readKey((at + base - ALIGNMENT) as usize, length, k);
    store<i32>(list, isKeyed as i32, LIST_HASH * 4);
  }
}

@inline
function readKey(w: usize, length: i32, k: usize): bool {
  let last = load<u32>(w, 12);
  let type = last >>> 16;
  let l3 = w + 16;
  let left = length - 14;
  let shape: u32 = 0;
  let tag: u32 = 0;
  if (type == 0x0081 || type == 0xa888) {
    const word = load<u32>(w, 16);
    tag = type | (word << 16);
    last = (last & 0xffff) | (word & 0xffff0000);
    type = word >>> 16;
    shape = SHAPE_TAGGED;
    l3 += 4;
    left -= 4;
  }
  store<i64>(k, load<i64>(w, 4), 4);
  store<u32>(k, last, 12);
  store<u32>(k, load<u32>(w) >>> 16, 16);
  store<u32>(k, tag, 36);
  if (type == 0x0008) {
    const first = load<u32>(l3);
    const total = (((first >>> 8) & 0xff00) | (first >>> 24)) as i32;
    const third = load<u32>(l3, 8);
    const protocol = (third >>> 8) & 0xff;
    if ((first & 0xff) != 0x45 || total < 20 || total > left) return false;
    if ((load<u32>(l3, 4) & 0xff3f0000) != 0 || protocol == 58) return false;
    store<u32>(
      k,
      ((first >>> 8) & 0xff) | ((third & 0xff) << 8) | (protocol << 16) | ((shape | SHAPE_IPV4) << 24),
      20,
    );
    store<i64>(k, load<i64>(l3, 12), 24);
    return readTransport(l3 + 20, total - 20, protocol, k);
  }
  return readOther(type, l3, left, shape, k);
}

@inline
function readTransport(l4: usize, size: i32, protocol: u32, k: usize): bool {
  if (protocol == 17) {
    if (size < 8) return false;
    store<u32>(k, load<u32>(l4), 32);
    return true;
  }
  return readOtherTransport(l4, size, protocol, k);
}

function readOtherTransport(l4: usize, size: i32, protocol: u32, k: usize): bool {
  if (protocol == 6) {
    if (size < 20) return false;
    const word = load<u32>(l4, 12);
    const header = (((word >>> 4) & 0xf) * 4) as i32;
    if (header < 20 || header > size) return false;
    store<u32>(k, load<u32>(l4), 32);
    store<u32>(k, load<u32>(k, 16) | ((word & 0x0f) << 16) | ((word & 0xff00) << 16), 16);
    return true;
  }
  if (protocol == 1 || protocol == 58) {
    if (size < 8) return false;
    const word = load<u32>(l4);
    const type = word & 0xff;
    if (protocol == 58 && (type == 135 || type == 136)) return false;
    store<u32>(k, (type << 8) | ((word & 0xff00) << 16), 32);
    return true;
  }
  store<u32>(k, 0, 32);
  return protocol != 132;
}

function readOther(type: u32, l3: usize, left: i32, shape: u32, k: usize): bool {
  if (type == 0xdd86) return left >= 40 && readIpv6(l3, left, shape, k);
  if (type == 0x0608 || type == 0x3580) return left >= 28 && readArp(l3, shape, k);
  const value = ((type & 0xff) << 8) | (type >>> 8);
  if (value < 0x0600 || type == 0x0081 || type == 0xa888) return false;
  store<u32>(k, (shape | SHAPE_OTHER) << 24, 20);
  store<i64>(k, 0, 24);
  store<i32>(k, 0, 32);
  return true;
}

function readIpv6(l3: usize, left: i32, shape: u32, k: usize): bool {
  const first = load<u32>(l3);
  const second = load<u32>(l3, 4);
  const payload = (((second & 0xff) << 8) | ((second >>> 8) & 0xff)) as i32;
  const protocol = (second >>> 16) & 0xff;
  if (payload + 40 > left || protocol == 1) return false;
  if (protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60) return false;
  const tos = ((first & 0x0f) << 4) | ((first >>> 12) & 0x0f);
  store<u32>(
    k,
    tos | ((second >>> 24) << 8) | (protocol << 16) | ((shape | SHAPE_IPV6 | SHAPE_WIDE) << 24),
    20,
  );
  store<u32>(k, load<u32>(l3, 8), 24);
  store<u32>(k, load<u32>(l3, 24), 28);
  for (let i: usize = 0; i < 12; i += 4) {
    store<u32>(k + i, load<u32>(l3 + i, 12), 52);
    store<u32>(k + i, load<u32>(l3 + i, 28), 64);
  }
  return readTransport(l3 + 40, payload, protocol, k);
}

function readArp(l3: usize, shape: u32, k: usize): bool {
  const second = load<u32>(l3, 4);
  if (load<u32>(l3) != 0x00080100 || (second & 0xffff) != 0x0406) return false;
  const fourth = load<u32>(l3, 12);
  const fifth = load<u32>(l3, 16);
  const operation = ((second >>> 16) & 0xff) == 0 ? second >>> 24 : 0;
  store<u32>(k, (operation << 16) | ((shape | SHAPE_ARP | SHAPE_WIDE) << 24), 20);
  store<u32>(k, (fourth >>> 16) | (fifth << 16), 24);
  store<u32>(k, load<u32>(l3, 24), 28);
  store<u32>(k, 0, 32);
  store<u32>(k, load<u32>(l3, 8), 52);
  store<u32>(k, (fourth & 0xffff) | (fifth & 0xffff0000), 56);
  store<u32>(k, load<u32>(l3, 20), 60);
  store<i64>(k, 0, 64);
  store<u32>(k, 0, 72);
  return true;
}

@inline
function hashKey(k: usize): u32 {
  const shape = load<u32>(k, 20);
  let a: u32 = ((load<u32>(k, 24) ^ (load<u32>(k, 24) >>> 16)) * 0x85ebca6b) ^ load<u32>(k, 4);
  let b: u32 = ((load<u32>(k, 28) ^ load<u32>(k)) * 0xc2b2ae35) ^ load<u32>(k, 8);
  a = ((a ^ (a >>> 15) ^ load<u32>(k, 32)) * 0x27d4eb2f) ^ load<u32>(k, 12) ^ load<u32>(k, 40);
  b = ((b ^ (b >>> 13) ^ shape) * 0x165667b1) ^ load<u32>(k, 16) ^ load<u32>(k, 36);
  if (((shape >>> 24) & SHAPE_WIDE) != 0) {
    for (let i: usize = 0; i < 24; i += 8) {
      a = (a ^ (a >>> 15) ^ load<u32>(k + i, 52)) * 0x85ebca6b;
      b = (b ^ (b >>> 13) ^ load<u32>(k + i, 56)) * 0xc2b2ae35;
    }
  }
  a = ((a ^ (a >>> 16) ^ load<u32>(k, 44) ^ (b >>> 7)) * 0x9e3779b1) ^ b ^ load<u32>(k, 48);
  a = (a ^ (a >>> 15)) * 0x85ebca6b;
  a ^= a >>> 13;
  return a >>> 1 == 0 ? 2 : a;
}

// ------------------------------------------------------------------------------------------------------- find

/** `hints` and `records`: where they begin, in words. */
export function find(count: i32, mask: i32, step: i32, hints: i32, records: i32, guess: i32): i32 {
  let tries = guess < 0 ? 0 : TRIES;
  const likely = ((records + (guess << RECORD_SHIFT)) as usize) << 2;
  const likelyMask = guess < 0 ? 0 : (load<i32>(likely, RECORD_MASK * 4) as usize) << 2;
  let hashed = 0;
  for (let i = 0; i < count; i++) {
    const list = (i as usize) << 2;
    // 1 or 0 so far: KNOWN, unless it is found not to be.
    if (load<i32>(list, LIST_HASH * 4) == 0) {
      store<i32>(list, UNKEYED, LIST_FOUND * 4);
      continue;
    }
    const k = keyAt(i);
    if (tries > 0) {
      if (!differs(k, likelyMask, likely)) {
        store<i32>(list, guess, LIST_FOUND * 4);
        continue;
      }
      tries--;
    }
    store<i32>(list, hashKey(k), LIST_HASH * 4);
    hashed++;
  }
  if (hashed > 0) fetchBuckets(count, mask, hints);
  for (let i = 0; i < count && hashed > 0; i++) {
    const list = (i as usize) << 2;
    const hash = load<i32>(list, LIST_HASH * 4);
    if (hash == 0 || hash == KNOWN) continue;
    const bucket = ((hints + ((hash & mask) << BUCKET_SHIFT)) as usize) << 2;
    const wanted = i32x4.splat(hash);
    const ways =
      i32x4.bitmask(i32x4.eq(v128.load(bucket), wanted)) |
      (i32x4.bitmask(i32x4.eq(v128.load(bucket, 16), wanted)) << 4);
    let found = NONE;
    if (ways != 0) found = load<i32>(bucket + ((ctz(ways) as usize) << 2), BUCKET_WAYS * 4) & 0xffffff;
    store<i32>(list, found, LIST_FOUND * 4);
  }
  let asked = 0;
  let misses = 0;
  for (let i = 0; i < count; i++) {
    const list = (i as usize) << 2;
    const id = load<i32>(list, LIST_FOUND * 4);
    if (id < 0) {
      misses += (id == NONE) as i32;
      continue;
    }
    const r = ((records + (id << RECORD_SHIFT)) as usize) << 2;
    if (
      load<i32>(list, LIST_HASH * 4) != KNOWN &&
      differs(keyAt(i), (load<i32>(r, RECORD_MASK * 4) as usize) << 2, r)
    ) {
      store<i32>(list, NONE, LIST_FOUND * 4);
      misses++;
      continue;
    }
    const last = load<i32>(r, RECORD_ASKED * 4);
    if (last != UNGATED && last != step) {
      store<i32>(r, step, RECORD_ASKED * 4);
      store<i32>((asked as usize) << 2, id, LIST_ASK * 4);
      asked++;
    }
  }
  return asked + misses * MISSES;
}

/** Waits for many buckets at once: there is so little in this loop that the processor asks for them all. */
function fetchBuckets(count: i32, mask: i32, hints: i32): void {
  let touched = 0;
  for (let i = 0; i < count; i++) {
    const hash = load<i32>((i as usize) << 2, LIST_HASH * 4);
    touched |= load<i32>(((hints + ((hash & mask) << BUCKET_SHIFT)) as usize) << 2);
  }
  // What it comes to is of no interest.
  store<i32>(0, touched, LIST_MOST * 4);
}

@inline
function differs(k: usize, m: usize, r: usize): bool {
  const first = v128.xor(v128.and(v128.load(k), v128.load(m)), v128.load(r));
  const second = v128.xor(v128.and(v128.load(k, 16), v128.load(m, 16)), v128.load(r, 16));
  const third = v128.xor(v128.and(v128.load(k, 32), v128.load(m, 32)), v128.load(r, 32));
  const fourth = v128.xor(v128.and(v128.load(k, 48), v128.load(m, 48)), v128.load(r, 48));
  const fifth = v128.xor(v128.and(v128.load(k, 64), v128.load(m, 64)), v128.load(r, 64));
  return v128.any_true(v128.or(v128.or(v128.or(first, second), v128.or(third, fourth)), fifth));
}

// ------------------------------------------------------------------------------------------------------ apply

export function apply(base: i32, end: i32, headroom: i32, records: i32): i32 {
  let different = 0;
  let most = 0;
  let alike = NONE;
  // Counted for the megaflow of the frame before, and not yet in its record.
  let record: usize = 0;
  let packets = 0;
  let bytes = 0;
  // Of the program of the frame before: that of the next one is the same more often than not.
  let p: usize = 0;
  let kind = KIND_SLOW;
  let outlet = NONE;
  let grows = 0;
  let i = 0;
  for (; i < end; i++) {
    const list = (i as usize) << 2;
    const id = load<i32>(list, LIST_FOUND * 4);
    if (id < 0) break;
    const r = ((records + (id << RECORD_SHIFT)) as usize) << 2;
    const program = (load<i32>(r, RECORD_PROGRAM * 4) as usize) << 2;
    if (program != p) {
      p = program;
      kind = load<i32>(p, PROGRAM_HEADROOM * 4) > headroom ? KIND_SLOW : load<i32>(p, PROGRAM_KIND * 4);
      outlet = load<i32>(p, PROGRAM_OUTLET * 4);
      grows = load<i32>(p, PROGRAM_GROWS * 4);
      if (i == 0) alike = outlet;
      different |= outlet ^ alike;
      most = max(most, grows);
    }
    const length = load<i32>(list, LIST_LENGTH * 4);
    if (kind == KIND_SLOW || length > load<i32>(r, RECORD_LONGEST * 4)) break;
    if (r != record) {
      if (packets > 0) settle(record, packets, bytes);
      record = r;
      packets = 0;
      bytes = 0;
    }
    packets++;
    bytes += length;
    store<i32>(list, outlet, LIST_OUTLET * 4);
    if (kind == KIND_DROP) continue;
    const at = load<i32>(list, LIST_AT * 4);
    store<i32>(list, at - grows, LIST_OUT_AT * 4);
    store<i32>(list, length + grows, LIST_OUT_LENGTH * 4);
    change(p, at + base, length + grows, i);
  }
  if (packets > 0) settle(record, packets, bytes);
  store<i32>(0, most, LIST_MOST * 4);
  store<i32>(0, (different == 0 && alike != NONE) as i32, LIST_IS_ALIKE * 4);
  return i;
}

@inline
function settle(r: usize, packets: i32, bytes: i32): void {
  store<f64>(r, load<f64>(r, RECORD_PACKETS * 4) + (packets as f64), RECORD_PACKETS * 4);
  store<f64>(r, load<f64>(r, RECORD_BYTES * 4) + (bytes as f64), RECORD_BYTES * 4);
}

@inline
function change(p: usize, at: i32, total: i32, i: i32): void {
  let w = (at - ALIGNMENT) as usize;
  const move = load<i32>(p, PROGRAM_MOVE * 4);
  if (move != 0) w = moveAddresses(w, move);
  let word0 = load<u32>(w);
  if (load<i32>(p, PROGRAM_HAS_ADDRESSES * 4) != 0) {
    const stay = v128.load(p, PROGRAM_ADDRESSES * 4);
    const fresh = v128.load(p, PROGRAM_ADDRESSES * 4 + 16);
    const after = v128.or(v128.and(v128.load(w), stay), fresh);
    v128.store(w, after);
    word0 = i32x4.extract_lane(after, 0);
  }
  const ttl = load<i32>(p, PROGRAM_TTL_WORD * 4) as usize;
  if (ttl != 0) {
    const to = w + (ttl << 2);
    const sum = (~load<u32>(to) >>> 16) + load<u32>(p, PROGRAM_TTL_CHANGE * 4);
    const folded = (sum & 0xffff) + (sum >>> 16);
    store<u32>(to, (~folded << 16) | load<u32>(p, PROGRAM_TTL * 4));
  }
  const writes = load<i32>(p, PROGRAM_WRITES * 4);
  if (writes != 0) write(p, writes, w);
  const header = load<i32>(p, PROGRAM_HEADER * 4);
  if (header != 0) encapsulate(p, w, header, word0, total, i);
}

/** Gives where the frame begins then. */
function moveAddresses(from: usize, move: i32): usize {
  const w = from - ((move << 2) as usize);
  const first = load<u32>(from);
  const middle = load<u64>(from, 4);
  const last = load<u32>(from, 12);
  store<u32>(w, (load<u32>(w) & 0xffff) | (first & 0xffff0000));
  store<u64>(w, middle, 4);
  store<u32>(w, (load<u32>(w, 12) & 0xffff0000) | (last & 0xffff), 12);
  return w;
}

function write(p: usize, writes: i32, w: usize): void {
  let ip: u32 = 0;
  let transport: u32 = 0;
  const last = p + ((writes as usize) << 4);
  for (let j = p; j < last; j += 16) {
    const to = w + ((load<i32>(j, PROGRAM_WRITE * 4) as usize) << 2);
    const before = load<u32>(to);
    const after = (before & load<u32>(j, PROGRAM_WRITE * 4 + 4)) | load<u32>(j, PROGRAM_WRITE * 4 + 8);
    store<u32>(to, after);
    const counts = load<i32>(j, PROGRAM_WRITE * 4 + 12);
    const lower = ((after & 0xffff) - (before & 0xffff)) as i32;
    const upper = ((after >>> 16) - (before >>> 16)) as i32;
    const sum = (lower + ((lower as u32) >>> 16) + upper + ((upper as u32) >>> 16)) as u32;
    if ((counts & COUNTS_IN_IP) != 0) ip += sum;
    if ((counts & COUNTS_IN_TRANSPORT) != 0) transport += sum;
  }
  if (ip != 0) {
    const to = w + ((load<i32>(p, PROGRAM_IP_CHECKSUM * 4) as usize) << 1);
    store<u16>(to, ~fold((~(load<u16>(to) as u32) & 0xffff) + ip) as u16);
  }
  if (transport != 0) writeChecksum(w + ((load<i32>(p, PROGRAM_CHECKSUM * 4) as usize) << 1), transport, p);
}

function writeChecksum(to: usize, change: u32, p: usize): void {
  const isUdp = load<i32>(p, PROGRAM_IS_UDP * 4) != 0;
  const old = load<u16>(to) as u32;
  if (isUdp && old == 0) return;
  const updated = ~fold((~old & 0xffff) + change) & 0xffff;
  store<u16>(to, (isUdp && updated == 0 ? 0xffff : updated) as u16);
}

@inline
function fold(sum: u32): u32 {
  const folded = (sum & 0xffff) + (sum >>> 16);
  return folded + (folded >>> 16);
}

@inline
function encapsulate(p: usize, w: usize, header: i32, word0: u32, total: i32, i: i32): void {
  let late: u32 = 0;
  const links = load<u32>(p, PROGRAM_LINKS * 4);
  if (links != 0) {
    const hash = hashSymmetric(keyAt(i), load<u32>(p, PROGRAM_BASIS * 4));
    const link = (links & (links - 1)) == 0 ? hash & (links - 1) : hash % links;
    const byte = (link << load<u32>(p, PROGRAM_LATE_SHIFT * 4)) & load<u32>(p, PROGRAM_LATE_MASK * 4);
    late = byte << load<u32>(p, PROGRAM_LATE_BYTE * 4);
  }
  const size = (header as usize) << 2;
  const first = w - size;
  if (header == NVGRE_WORDS) {
    v128.store(first, v128.load(p, PROGRAM_BYTES * 4));
    v128.store(first, v128.load(p, PROGRAM_BYTES * 4 + 16), 16);
  } else {
    store<u32>(first, load<u32>(p, PROGRAM_BYTES * 4));
    // Word by word would do; the last of these may reach into the word of the frame, which is written behind it.
    for (let j: usize = 4; j < size; j += 8) store<u64>(first + j, load<u64>(p + j, PROGRAM_BYTES * 4));
  }
  store<u32>(w - 4, load<u32>(p + size, PROGRAM_BYTES * 4 - 4) | (late << 16));
  store<u32>(w, (word0 & 0xffff0000) | load<u32>(p + size, PROGRAM_BYTES * 4) | (late >>> 16));
  // The outer header begins with the upper half of `first`.
  const outer = first + 2;
  const sum = load<i32>(p, PROGRAM_SUM * 4);
  if (sum >= 0) {
    const swapped = bswap<u16>(total as u16) as u32;
    store<u16>(outer, swapped as u16, 2);
    const folded = (sum as u32) + swapped;
    store<u16>(outer, ~((folded & 0xffff) + (folded >>> 16)) as u16, 10);
  } else {
    store<u16>(outer, bswap<u16>((total - 40) as u16), 4);
  }
  const udp = load<i32>(p, PROGRAM_UDP_LENGTH * 4);
  if (udp != 0) store<u16>(outer + (udp as usize), bswap<u16>((total - udp + 4) as u16));
}

/** hashSymmetric of softswitch/frame/hash.ts. */
@inline
function hashSymmetric(k: usize, basis: u32): u32 {
  const shape = load<u32>(k, 20);
  const protocol = (shape >>> 16) & 0xff;
  let hash = hashAdd(basis, load<u32>(k, 24) ^ load<u32>(k, 28));
  if (((shape >>> 24) & SHAPE_IPV6) != 0) {
    for (let i: usize = 0; i < 12; i += 4) hash = hashAdd(hash, load<u32>(k + i, 52) ^ load<u32>(k + i, 64));
  }
  hash = hashAdd(hash, protocol);
  if (protocol == 6 || protocol == 17) {
    const ports = load<u32>(k, 32);
    hash = hashAdd(hash, (ports ^ (ports >>> 16)) & 0xffff);
  }
  hash ^= basis;
  hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
  return hash ^ (hash >>> 16);
}

@inline
function hashAdd(hash: u32, data: u32): u32 {
  const mixed = hash ^ (rotl<u32>(data * 0xcc9e2d51, 15) * 0x1b873593);
  return rotl<u32>(mixed, 13) * 5 + 0xe6546b64;
}
