/** Values and matches that frames meet, since they are taken from the frames. */
import { FIELD_NAMES, FIELDS, type FieldName, fieldOf, fullMask } from '../../src/flow/fields.ts';
import type { FieldBits, Masked, Match } from '../../src/flow/flow.ts';
import { canonicalMatch, matchFindings, TAGGED, UNTAGGED } from '../../src/flow/match.ts';
import { isVisible, readField } from '../../src/softswitch/frame/key.ts';
import { POOL } from '../support/switch-frames.ts';
import type { Sample } from './frames.ts';
import type { Random } from './random.ts';
import { PORT_NUMBERS } from './scenario.ts';

/** What the program itself writes: few values, so that a later table finds them. */
const NOTED = /^(x*reg\d|metadata|tun_)/;

/** A value to write into the field, or to find there. */
export function someValue(random: Random, name: FieldName): bigint {
  if (name === 'in_port') return BigInt(random.pick(PORT_NUMBERS));
  const known = POOL[name] ?? [];
  if (NOTED.test(name) && random.chance(70)) return BigInt(random.below(4));
  return known.length > 0 && random.chance(85) ? random.pick(known) : random.bits(fieldOf(name).bits);
}

/** All bits, those before a prefix length, or any. */
export function maskOf(random: Random, name: FieldName): bigint {
  const full = fullMask(name);
  const { bits, maskable, form } = fieldOf(name);
  if (!maskable) return full;
  return random.weighted<() => bigint>([
    [5, () => full],
    [2, () => full ^ ((1n << BigInt(random.below(bits))) - 1n)],
    // ovs-ofctl takes an IPv6 mask that begins with a decimal digit for a prefix length; such masks have no text.
    [2, () => random.bits(bits) | (form === 'ipv6' ? 0xan << 124n : 1n)],
  ])();
}

/** Fields that others need, in the order in which they can be added. */
const BASES: readonly FieldName[] = ['eth_type', 'ip_proto', 'icmpv6_type', 'icmpv6_code'];

/** A canonical match of some of the sample's fields. It matches the sample but for what the program notes. */
export function matchOfSample(random: Random, { key }: Sample, inPort: number): Match {
  const visible = FIELD_NAMES.filter((name) => isVisible(name, key) && !BASES.includes(name));
  // Neighbour discovery has more to match behind all four.
  const least = isVisible('nd_target', key) ? 4 : 1;
  const bases = random.chance(80) ? BASES.slice(0, random.between(least, 4)) : [];
  const noted = visible.filter((name) => NOTED.test(name));
  const others = visible.filter((name) => !NOTED.test(name));
  const names = [
    ...bases.filter((name) => isVisible(name, key)),
    ...random.some(
      others,
      random.weighted([
        [3, 0],
        [4, 1],
        [3, 2],
        [1, 4],
      ]),
    ),
    ...random.some(
      others.filter((name) => name.startsWith('nd_')),
      random.chance(60) ? 1 : 0,
    ),
    ...random.some(noted, random.chance(30) ? 1 : 0),
  ];
  let match: Match = {};
  for (const name of names) {
    const masked = maskedOf(random, name, name === 'in_port' ? BigInt(inPort) : readField(key, name));
    const more = { ...match, [name]: masked };
    if (matchFindings(more).length === 0) match = more;
  }
  return canonicalMatch(match);
}

function maskedOf(random: Random, name: FieldName, seen: bigint): Masked {
  if (name === 'vlan_tci') {
    if ((seen & 0x1000n) === 0n) return UNTAGGED;
    return random.pick([TAGGED, { value: seen & 0x1fffn, mask: 0x1fffn }, { value: seen, mask: 0xffffn }]);
  }
  if (name === 'ip_frag') {
    const exact = { value: seen, mask: 3n };
    return seen === 0n ? exact : random.pick([exact, { value: 1n, mask: 1n }]);
  }
  const value = NOTED.test(name) ? someValue(random, name) : seen;
  const mask = maskOf(random, name);
  return { value: value & mask, mask };
}

/**
 * What a program writes. Not the type of a neighbour discovery option and its address both: which of them Open vSwitch
 * writes first is not the order in which they stand.
 */
export function writableFields(random: Random, keeps: readonly FieldName[]): readonly FieldName[] {
  const some: readonly FieldName[] = random.chance(50) ? ['nd_options_type'] : ['nd_sll', 'nd_tll'];
  const none = [...some, ...keeps];
  return FIELD_NAMES.filter((name) => FIELDS[name].writable && !CONNECTION.has(name) && !none.includes(name));
}

/** Written in ct only. */
const CONNECTION: ReadonlySet<FieldName> = new Set(['ct_mark', 'ct_label']);

/** A field that frames like the sample have; one that the program notes in, more often than not. */
export function fieldFor(random: Random, { key }: Sample, names: readonly FieldName[]): FieldName {
  const there = names.filter((name) => isVisible(name, key) || /^x|^vlan/.test(name));
  const headers = there.filter((name) => !NOTED.test(name));
  return random.pick(headers.length > 0 && random.chance(70) ? headers : there);
}

/** Bits of a field: `width` of them, or any number. */
export function bitsOf(
  random: Pick<Random, 'chance' | 'between' | 'below'>,
  field: FieldName,
  width?: number,
): FieldBits {
  const { bits } = fieldOf(field);
  const count = Math.min(width ?? (random.chance(40) ? bits : random.between(1, bits)), bits);
  const from = random.below(bits - count + 1);
  return { field, from, to: from + count - 1 };
}
