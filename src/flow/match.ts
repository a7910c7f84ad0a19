/**
 * Matches: how they are written in code, and their one canonical form.
 *
 *     matchOf({ in_port: 3, eth_type: 0x0800, ip_dst: '10.0.0.0/24', reg1: masked('reg1', 2, 0xff) })
 *
 * A value may be a number, a bigint, text in the spelling of ovs-ofctl, or a Masked.
 *
 * Several fields look at the same bits: `vlan_vid` and `vlan_pcp` are parts of `vlan_tci`, `xreg0` is `reg0` and
 * `reg1`. In the canonical form only `vlan_tci` and `regN` are left, no mask is zero, and keys stand in the order of
 * the table FIELDS; so two matches that mean the same are written the same.
 */
import { type Finding, finding, throwIfErrors } from '../base/error.ts';
import { FIELD_NAMES, type FieldName, fieldOf, fullMask, type Prerequisite, registersOf } from './fields.ts';
import type { Masked, Match } from './flow.ts';
import { FIRST_RESERVED_PORT, formatMasked, LOCAL_PORT, parseMasked } from './values.ts';

export type MatchValue = number | bigint | string | Masked;
export type MatchValues = { readonly [F in FieldName]?: MatchValue | undefined };

/** The bit of vlan_tci and vlan_vid that says "there is a tag". */
export const VLAN_PRESENT = 0x1000;

/** The bits of ct_state that say something; the others are always 0. */
const CT_STATES = 0xffn;

/** A frame without an 802.1Q tag: `matchOf({ vlan_tci: UNTAGGED })`. */
export const UNTAGGED: Masked = { value: 0n, mask: 0x1fffn };
/** A frame with a tag, whichever. */
export const TAGGED: Masked = { value: 0x1000n, mask: 0x1000n };

/** A frame tagged with this VLAN id, of any priority: `matchOf({ vlan_tci: vlanId(7) })`. */
export function vlanId(id: number): Masked {
  return { value: BigInt(VLAN_PRESENT | id), mask: 0x1fffn };
}

/** The bits of `mask` only; bits of the value outside it are dropped. */
export function masked(name: FieldName, value: number | bigint, mask: number | bigint): Masked {
  const m = fitting(name, mask);
  return { value: fitting(name, value) & m, mask: m };
}

/** A canonical, checked match. Throws NetloomError (flow-invalid) with everything that is wrong with it. */
export function matchOf(values: MatchValues): Match {
  const match: Partial<Record<FieldName, Masked>> = {};
  for (const name of Object.keys(values) as FieldName[]) {
    const value = values[name];
    if (value !== undefined) match[name] = maskedValue(name, value);
  }
  throwIfErrors(fieldFindings(match));
  const canonical = canonicalMatch(match);
  throwIfErrors(oddFindings(canonical));
  CanonicalMatch.noteSound(canonical);
  return canonical;
}

/** A value in any of the spellings of MatchValue. */
export function maskedValue(name: FieldName, value: MatchValue): Masked {
  if (typeof value === 'object') return masked(name, value.value, value.mask);
  if (typeof value === 'string') {
    const read = parseMasked(name, value);
    if (read) return read;
    throwIfErrors([unfit(name, JSON.stringify(value.slice(0, 60)))]);
  }
  return { value: fitting(name, value as number | bigint), mask: fullMask(name) };
}

function fitting(name: FieldName, value: number | bigint): bigint {
  const wide = typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value) : -1n;
  if (wide < 0n || wide > fullMask(name)) throwIfErrors([unfit(name, String(value))]);
  return wide;
}

function unfit(name: FieldName, value: string): Finding {
  const { bits, form } = fieldOf(name);
  return finding(
    'flow-invalid',
    name,
    `${value} is not a value of ${name}.`,
    `It takes ${form}, ${bits} bits.`,
  );
}

// ------------------------------------------------------------------------------------------------ canonical

/**
 * A match in canonical form. Its fields never change, so what was found out about it stays true; it is noted here,
 * since the text of a match is asked for whenever a flow is identified. (A WeakMap from matches to such notes costs
 * the garbage collector more than the notes save: there is an entry for every flow.)
 */
class CanonicalMatch {
  #isSound = false;
  #text: string | undefined;

  static is(match: Match): boolean {
    return #isSound in match;
  }

  /** It was checked and is good. */
  static isSound(match: Match): boolean {
    return #isSound in match && match.#isSound;
  }

  static noteSound(match: Match): void {
    if (#isSound in match) match.#isSound = true;
  }

  static text(match: Match, write: (canonical: Match) => string): string {
    if (!(#isSound in match)) return write(match);
    match.#text ??= write(match);
    return match.#text;
  }
}

/** The canonical form; a match that is canonical comes back as it is. Contradictions are for matchFindings. */
export function canonicalMatch(match: Match): Match {
  if (CanonicalMatch.is(match)) return match;
  const canonical = new CanonicalMatch() as Partial<Record<FieldName, Masked>>;
  for (const [name, { value, mask: bits }] of mergedEntries(match).sort(byPlace)) {
    const mask = name === 'ct_state' ? bits & CT_STATES : bits;
    if (mask === 0n) continue;
    // Every way to say "no tag" means the same, since vlan_tci is 0 without one.
    const isUntagged = name === 'vlan_tci' && (mask & 0x1000n) !== 0n && (value & mask) === 0n;
    canonical[name] = isUntagged ? UNTAGGED : { value: value & mask, mask };
  }
  return Object.freeze(canonical);
}

/** The text of the canonical form, written by `write` when it is asked for the first time. */
export function textOfCanonical(match: Match, write: (canonical: Match) => string): string {
  return CanonicalMatch.text(canonicalMatch(match), write);
}

/** The entries of a match, those of views as parts of what they are a view of. */
function mergedEntries(match: Match): (readonly [FieldName, Masked])[] {
  const entries = entriesOf(match);
  if (!entries.some(([name]) => isView(name))) return entries;
  const merged = new Map<FieldName, Masked>();
  for (const entry of entries) {
    for (const [name, { value, mask }] of partsOf(...entry)) {
      const before = merged.get(name) ?? { value: 0n, mask: 0n };
      merged.set(name, { value: before.value | (value & mask), mask: before.mask | mask });
    }
  }
  return [...merged];
}

const PLACES = new Map(FIELD_NAMES.map((name, place) => [name, place]));

function byPlace([a]: readonly [FieldName, Masked], [b]: readonly [FieldName, Masked]): number {
  return PLACES.get(a)! - PLACES.get(b)!;
}

/** The fields of a match, without those that are undefined. */
export function entriesOf(match: Match): (readonly [FieldName, Masked])[] {
  const entries: [FieldName, Masked][] = [];
  for (const name of Object.keys(match) as FieldName[]) {
    const masked = match[name];
    if (masked) entries.push([name, masked]);
  }
  return entries;
}

/** Whether the field is another name for bits of other fields. */
function isView(name: FieldName): boolean {
  return name === 'vlan_vid' || name === 'vlan_pcp' || registersOf(name) !== undefined;
}

/** What a field that is a view of others says about those. */
function partsOf(name: FieldName, { value, mask }: Masked): (readonly [FieldName, Masked])[] {
  const registers = registersOf(name);
  if (registers) {
    return registers.map((register, i) => {
      const shift = BigInt(32 * (registers.length - 1 - i));
      return [
        register,
        { value: (value >> shift) & 0xffffffffn, mask: (mask >> shift) & 0xffffffffn },
      ] as const;
    });
  }
  if (name === 'vlan_vid') return [['vlan_tci', { value, mask }]];
  if (name === 'vlan_pcp') {
    // A priority is that of a tag.
    return [['vlan_tci', { value: (value << 13n) | 0x1000n, mask: (mask << 13n) | 0x1000n }]];
  }
  return [[name, { value, mask }]];
}

// --------------------------------------------------------------------------------------------------- checks

/** Everything that makes a match one that Open vSwitch refuses, or would silently read as another. */
export function matchFindings(match: Match): Finding[] {
  if (CanonicalMatch.isSound(match)) return [];
  const findings = fieldFindings(match);
  return findings.length > 0 ? findings : oddFindings(canonicalMatch(match));
}

/** What is wrong with fields by themselves, and between them. */
function fieldFindings(match: Match): Finding[] {
  const findings: Finding[] = [];
  const refuse = (name: FieldName, message: string, remedy: string) =>
    findings.push(finding('flow-invalid', name, message, remedy));
  const seen = new Map<FieldName, { from: FieldName; value: bigint; mask: bigint }>();
  for (const [name, masked] of entriesOf(match)) {
    const full = fullMask(name);
    const { maskable, needs } = fieldOf(name);
    if (masked.mask > full || masked.mask < 0n || (masked.value & ~masked.mask) !== 0n || masked.value < 0n) {
      refuse(
        name,
        `${name} has bits outside its mask or its ${fieldOf(name).bits} bits.`,
        'Clear those bits.',
      );
      continue;
    }
    if (!maskable && masked.mask !== full) {
      refuse(name, `${name} is matched with the mask ${masked.mask}.`, 'This field is matched as a whole.');
    }
    if (name === 'ct_state' && masked.value > CT_STATES) {
      refuse(name, `ct_state has no bits 0x${masked.value.toString(16)}.`, 'It has eight: 0..0xff.');
    }
    const lacking = missingPrerequisite(needs, match);
    if (lacking) refuse(name, `${name} is matched without ${lacking}.`, `Add ${lacking} to the match.`);
    for (const [part, { value, mask }] of partsOf(name, masked)) {
      const before = seen.get(part);
      if (before && ((before.value ^ value) & before.mask & mask) !== 0n) {
        refuse(
          name,
          `${before.from} and ${name} ask for different values of the same bits.`,
          'Leave one out.',
        );
      }
      seen.set(part, {
        from: name,
        value: (before?.value ?? 0n) | value,
        mask: (before?.mask ?? 0n) | mask,
      });
    }
  }
  return findings;
}

/** What is no value of a field although it has the right width. */
function oddFindings(match: Match): Finding[] {
  const findings: Finding[] = [];
  const { vlan_tci: tci, ip_frag: fragment, arp_op: operation, in_port: port } = match;
  if (port && port.value >= FIRST_RESERVED_PORT && port.value !== BigInt(LOCAL_PORT)) {
    findings.push(
      finding('flow-invalid', 'in_port', `There is no port ${port.value}.`, 'Use 0..65279 or LOCAL.'),
    );
  }
  if (tci) {
    const present = (tci.mask & 0x1000n) !== 0n && (tci.value & 0x1000n) !== 0n;
    const priority = tci.mask >> 13n;
    if (priority !== 0n && !(present && priority === 7n) && tci !== UNTAGGED) {
      findings.push(
        finding(
          'flow-invalid',
          'vlan_tci',
          'The VLAN priority is matched in part, or without the tag-present bit 0x1000.',
          'OpenFlow carries it only as a whole and with 0x1000 set in value and mask.',
        ),
      );
    }
    if (!present && (tci.mask & 0x1000n) !== 0n && tci.value !== 0n) {
      findings.push(
        finding('flow-invalid', 'vlan_tci', 'A VLAN id is matched where there is no tag.', 'Use 0/0x1fff.'),
      );
    }
  }
  if (fragment && /\//.test(formatMasked('ip_frag', fragment))) {
    findings.push(
      finding('flow-invalid', 'ip_frag', 'This combination of fragment bits has no name.', 'Use no or yes.'),
    );
  }
  if (operation && operation.value > 0xffn) {
    findings.push(
      finding('flow-invalid', 'arp_op', `arp_op ${operation.value} is above 255.`, 'It takes 0..255.'),
    );
  }
  return findings;
}

/** In words what the match lacks for fields of this layer to exist; undefined when it lacks nothing. */
export function missingPrerequisite(needs: Prerequisite, match: Match): string | undefined {
  const is = (name: FieldName, ...values: number[]) => {
    const masked = match[name];
    return masked?.mask === fullMask(name) && values.some((v) => masked.value === BigInt(v));
  };
  const ip = is('eth_type', 0x0800, 0x86dd);
  const ipv6 = is('eth_type', 0x86dd);
  const icmp6 = ipv6 && is('ip_proto', 58);
  const code = match.icmpv6_code;
  const later = ((match.ip_frag?.value ?? 0n) & 2n) !== 0n;
  const nd = (...types: number[]) =>
    icmp6 && is('icmpv6_type', ...types) && (code === undefined || code.value === 0n);
  const tagged = () => {
    const tci = canonicalMatch(match).vlan_tci;
    return tci !== undefined && (tci.value & 0x1000n) !== 0n;
  };
  switch (needs) {
    case 'nothing':
      return undefined;
    case 'vlan':
      return tagged() ? undefined : 'a VLAN tag (vlan_vid with 0x1000)';
    case 'arp':
      return is('eth_type', 0x0806, 0x8035) ? undefined : 'eth_type 0x0806 (arp)';
    case 'ipv4':
      return is('eth_type', 0x0800) ? undefined : 'eth_type 0x0800 (ip)';
    case 'ipv6':
      return ipv6 ? undefined : 'eth_type 0x86dd (ipv6)';
    case 'ip':
      return ip ? undefined : 'eth_type 0x0800 or 0x86dd (ip or ipv6)';
    case 'tcp':
      return ip && is('ip_proto', 6) && !later
        ? undefined
        : 'ip_proto 6 over IP (tcp or tcp6; later fragments have no ports)';
    case 'udp':
      return ip && is('ip_proto', 17) && !later
        ? undefined
        : 'ip_proto 17 over IP (udp or udp6; later fragments have no ports)';
    case 'icmp':
      return is('eth_type', 0x0800) && is('ip_proto', 1) ? undefined : 'ip_proto 1 over IPv4 (icmp)';
    case 'icmp6':
      return icmp6 ? undefined : 'ip_proto 58 over IPv6 (icmp6)';
    case 'nd':
      return nd(135, 136) ? undefined : 'icmpv6_type 135 or 136 with code 0 (icmp6,icmp_type=135)';
    case 'nd-solicit':
      return nd(135) ? undefined : 'icmpv6_type 135 with code 0 (icmp6,icmp_type=135)';
    case 'nd-advert':
      return nd(136) ? undefined : 'icmpv6_type 136 with code 0 (icmp6,icmp_type=136)';
  }
}
