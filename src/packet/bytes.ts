/**
 * Numbers in bytes, in network byte order (RFC 1700), and bytes as hexadecimal text. These do not check bounds: a view
 * has checked the length of its header before anything here is called for it.
 */

export function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function read24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/** Unsigned. */
export function read32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** A MAC address as a safe integer. */
export function read48(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 2 ** 32 + read32(bytes, at + 2);
}

/** An IPv6 address. */
export function read128(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = at; i < at + 16; i += 4) value = (value << 32n) | BigInt(read32(bytes, i));
  return value;
}

/** Each of the writers keeps the low bits of a value that is too wide. */
export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function write24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16;
  write16(bytes, at + 1, value);
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16);
  write16(bytes, at + 2, value);
}

export function write48(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, Math.floor(value / 2 ** 32));
  write32(bytes, at + 2, value % 2 ** 32);
}

export function write128(bytes: Uint8Array, at: number, value: bigint): void {
  for (let i = 3; i >= 0; i--, value >>= 32n) write32(bytes, at + 4 * i, Number(value & 0xffffffffn));
}

/** The two hexadecimal digits of each octet value. */
export const OCTET: readonly string[] = Array.from({ length: 256 }, (_, i) =>
  i.toString(16).padStart(2, '0'),
);

/** Lower case, nothing between the octets. */
export function toHex(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  for (let i = from; i < to; i++) text += OCTET[bytes[i]!];
  return text;
}

/** Reads pairs of hexadecimal digits; undefined for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
