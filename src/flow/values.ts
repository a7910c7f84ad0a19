/** Values of fields as text, in the spelling of `ovs-ofctl`, both ways. */
import {
  ipv4FromNumber,
  ipv4ToNumber,
  ipv6FromBigint,
  ipv6ToBigint,
  macFromNumber,
  macToNumber,
  parseIpv4,
  parseIpv6,
  parseMac,
} from '../packet/address.ts';
import { type Field, type FieldName, fieldOf, fullMask } from './fields.ts';
import type { Masked } from './flow.ts';

/** OpenFlow's name for the port of the switch itself, and its number (openflow-spec 1.3, OFPP_LOCAL in 16 bits). */
export const LOCAL_PORT = 0xfffe;
/** Port numbers from here on are OpenFlow's reserved ones. */
export const FIRST_RESERVED_PORT = 0xff00;

/** nw_frag (ovs-fields(7)): bit 0 = a fragment, bit 1 = not the first one. */
const FRAGMENTS: readonly (readonly [string, Masked])[] = [
  ['no', { value: 0n, mask: 3n }],
  ['yes', { value: 1n, mask: 1n }],
  ['first', { value: 1n, mask: 3n }],
  ['later', { value: 3n, mask: 3n }],
  ['not_later', { value: 0n, mask: 2n }],
];

/** ct_state (ovs-fields(7)), the lowest bit first. */
const CT_STATES = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];

/** A value without a mask, as it stands in set_field. */
export function formatValue(name: FieldName, value: bigint): string {
  const { form } = fieldOf(name);
  switch (form) {
    case 'decimal':
    case 'ip-frag':
    case 'tcp-flags':
    case 'ct-state':
      return value.toString();
    case 'port':
      return value === BigInt(LOCAL_PORT) ? 'LOCAL' : value.toString();
    case 'hex':
      return hex(value);
    case 'mac':
      return macFromNumber(Number(value));
    case 'ipv4':
      return ipv4FromNumber(Number(value));
    case 'ipv6':
      return ipv6FromBigint(value);
  }
}

/** `value` or `value/mask` as it stands in a match. */
export function formatMasked(name: FieldName, masked: Masked): string {
  const { form } = fieldOf(name);
  const { value, mask } = masked;
  if (form === 'ip-frag') {
    const known = FRAGMENTS.find(([, m]) => m.value === value && m.mask === mask);
    return known ? known[0] : `${value}/${mask}`;
  }
  if (form === 'tcp-flags') return formatFlags(TCP_FLAGS, masked, fullMask(name));
  // All eight states is what Open vSwitch prints as a list.
  if (form === 'ct-state') return formatFlags(CT_STATES, masked, 0xffn);
  if (mask === fullMask(name)) return formatValue(name, value);
  return `${formatPart(form, name, value)}/${formatMask(name, mask)}`;
}

/** The mask alone, as it stands behind the slash. */
export function formatMask(name: FieldName, mask: bigint): string {
  const { form, bits } = fieldOf(name);
  const length = form === 'ipv4' || form === 'ipv6' ? prefixLength(mask, bits) : undefined;
  return length === undefined ? formatPart(form, name, mask) : String(length);
}

/** Decimal numbers with a mask are printed in hexadecimal. */
function formatPart(form: Field['form'], name: FieldName, value: bigint): string {
  return form === 'decimal' || form === 'port' ? hex(value) : formatValue(name, value);
}

function hex(value: bigint): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}

/** The length of a mask that is ones followed by zeros. */
function prefixLength(mask: bigint, bits: number): number | undefined {
  const inverted = fullBits(bits) ^ mask;
  if ((inverted & (inverted + 1n)) !== 0n) return undefined;
  return bits - (inverted === 0n ? 0 : inverted.toString(2).length);
}

function fullBits(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** `+syn-ack`, or `syn|ack` where every bit of `whole` counts. */
function formatFlags(names: readonly string[], { value, mask }: Masked, whole: bigint): string {
  const isSet = (i: number) => ((value >> BigInt(i)) & 1n) === 1n;
  const bits = names.map((_, i) => i).filter((i) => (mask >> BigInt(i)) & 1n);
  if (mask !== whole) return bits.map((i) => `${isSet(i) ? '+' : '-'}${names[i]}`).join('');
  const set = bits.filter(isSet);
  return set.length === 0 ? '0' : set.map((i) => names[i]).join('|');
}

// ------------------------------------------------------------------------------------------------- reading

/** Undefined when the text is not a value of the field, or has more bits than it. */
export function parseValue(name: FieldName, text: string): bigint | undefined {
  const value = readForm(name, text.trim());
  return value === undefined || value > fullMask(name) ? undefined : value;
}

/** `value`, `value/mask`, `address/length`; bits of the value outside the mask are dropped, as ovs-ofctl does. */
export function parseMasked(name: FieldName, text: string): Masked | undefined {
  const { form, bits } = fieldOf(name);
  if (form === 'ip-frag') {
    return FRAGMENTS.find(([word]) => word === text)?.[1] ?? readNumbers(name, text);
  }
  if (form === 'tcp-flags' && /^[+-]/.test(text)) return readFlags(TCP_FLAGS, text);
  if (form === 'ct-state') return readState(text);
  const slash = text.indexOf('/');
  if (slash < 0) {
    const value = parseValue(name, text);
    return value === undefined ? undefined : { value, mask: fullMask(name) };
  }
  const maskText = text.slice(slash + 1);
  const value = parseValue(name, text.slice(0, slash));
  const mask =
    (form === 'ipv4' || form === 'ipv6') && /^\d+$/.test(maskText)
      ? maskOfLength(Number(maskText), bits)
      : parseValue(name, maskText);
  return value === undefined || mask === undefined ? undefined : { value: value & mask, mask };
}

function maskOfLength(length: number, bits: number): bigint | undefined {
  return length > bits ? undefined : fullBits(bits) ^ fullBits(bits - length);
}

function readNumbers(name: FieldName, text: string): Masked | undefined {
  const [value, mask] = text.split('/').map(readNumber);
  if (value === undefined) return undefined;
  const m = text.includes('/') ? mask : fullMask(name);
  return m === undefined || m > fullMask(name) ? undefined : { value: value & m, mask: m };
}

function readForm(name: FieldName, text: string): bigint | undefined {
  switch (fieldOf(name).form) {
    case 'mac': {
      const mac = parseMac(text);
      return mac && BigInt(macToNumber(mac));
    }
    case 'ipv4': {
      const address = parseIpv4(text);
      return address && BigInt(ipv4ToNumber(address));
    }
    case 'ipv6': {
      const address = parseIpv6(text);
      return address && ipv6ToBigint(address);
    }
    case 'port':
      return text.toUpperCase() === 'LOCAL' ? BigInt(LOCAL_PORT) : readNumber(text);
    case 'tcp-flags':
      return readFlagList(TCP_FLAGS, text) ?? readNumber(text);
    case 'ct-state':
      return readFlagList(CT_STATES, text) ?? readNumber(text);
    default:
      return readNumber(text);
  }
}

function readNumber(text: string): bigint | undefined {
  return /^(0x[0-9a-f]{1,32}|\d{1,39})$/i.test(text) ? BigInt(text) : undefined;
}

/** `+trk+est-rel`, `value/mask`, or `trk|est`, which says the same of every state. */
function readState(text: string): Masked | undefined {
  if (/^[+-]/.test(text)) return readFlags(CT_STATES, text);
  if (text.includes('/')) return readNumbers('ct_state', text);
  const value = readFlagList(CT_STATES, text) ?? readNumber(text);
  return value === undefined || value > 0xffn ? undefined : { value, mask: 0xffn };
}

function readFlagList(names: readonly string[], text: string): bigint | undefined {
  let value = 0n;
  for (const word of text.split('|')) {
    const bit = names.indexOf(word);
    if (bit < 0) return undefined;
    value |= 1n << BigInt(bit);
  }
  return value;
}

/** Each flag once at most. */
function readFlags(names: readonly string[], text: string): Masked | undefined {
  let value = 0n;
  let mask = 0n;
  for (const word of text.match(/[+-][^+-]*/g) ?? []) {
    const index = names.indexOf(word.slice(1));
    const bit = 1n << BigInt(index);
    if (index < 0 || (mask & bit) !== 0n) return undefined;
    mask |= bit;
    if (word.startsWith('+')) value |= bit;
  }
  return { value, mask };
}
