/** Checks of the actions that have a language of their own: ct and learn. */
import { type FieldChecks, inRange, LAST_TABLE } from './check-tools.ts';
import { type FieldName, fieldOf, fullMask } from './fields.ts';
import type { ConnectionAction, FieldBits, Learn, LearnSpec, Masked, Match, Nat } from './flow.ts';

/** Bit of ct_state. */
const INVALID = 0x10n;

/** What is wrong with `ct`, but for the list in its exec(…). */
export function connectionProblems(
  { commit, force, zone, table, nat, actions }: ConnectionAction,
  match: Match | undefined,
  checks: FieldChecks,
): void {
  const { refuse } = checks;
  if (force && !commit) refuse('ct has force without commit.', 'Add commit.');
  if (typeof zone === 'number') {
    if (!inRange(zone, 0, 0xffff)) refuse(`There is no zone ${zone}.`, 'Use 0..65535.');
  } else if (checks.bits(zone, match, 'read') && widthOf(zone) !== 16) {
    refuse(`The zone is taken from ${widthOf(zone)} bits.`, 'A zone has 16: reg0[0..15].');
  }
  if (table !== undefined && !inRange(table, 0, LAST_TABLE))
    refuse(`There is no table ${table}.`, 'Use 0..254.');
  if (!commit && (actions.length > 0 || (nat && nat.type !== 'existing'))) {
    refuse('ct without commit has exec, or a nat with a range.', 'Add commit.');
  }
  const state = match?.ct_state;
  if (commit && state && (state.value & INVALID) !== 0n) {
    refuse('ct commits connections that the flow knows to be invalid.', 'Match ct_state=-inv.');
  }
  if (nat && nat.type !== 'existing') natProblems(nat, match, checks);
}

function natProblems(
  { first, last, family, ports }: Exclude<Nat, { type: 'existing' }>,
  match: Match | undefined,
  { refuse }: FieldChecks,
): void {
  const limit = 1n << (family === 'ipv4' ? 32n : 128n);
  if (first <= 0n || last < first || last >= limit) {
    refuse('nat has no such range of addresses.', 'Write first-last, the lower one first, neither 0.');
  }
  if (ports && !(inRange(ports.first, 1, 0xffff) && inRange(ports.last, ports.first, 0xffff))) {
    refuse(
      `nat has no ports ${ports.first}-${ports.last}.`,
      'Write first-last within 1..65535, the lower one first.',
    );
  }
  const type = match?.eth_type?.value;
  if (type !== undefined && type !== (family === 'ipv4' ? 0x0800n : 0x86ddn)) {
    refuse(`nat has ${family} addresses, and the flow matches the other.`, 'Use one flow for each.');
  }
}

/** What is wrong with `learn`. */
export function learnProblems(learn: Learn, match: Match | undefined, checks: FieldChecks): void {
  const { refuse } = checks;
  const numbers: readonly (readonly [string, number, number])[] = [
    ['table', learn.table, LAST_TABLE],
    ['priority', learn.priority, 0xffff],
    ['idle_timeout', learn.idleTimeout, 0xffff],
    ['hard_timeout', learn.hardTimeout, 0xffff],
    ['fin_idle_timeout', learn.finIdleTimeout, 0xffff],
    ['fin_hard_timeout', learn.finHardTimeout, 0xffff],
    ['limit', learn.limit, 0xffffffff],
  ];
  for (const [what, value, limit] of numbers) {
    if (!inRange(value, 0, limit)) refuse(`learn has ${what} ${value}.`, `Use 0..${limit}.`);
  }
  if (learn.cookie < 0n || learn.cookie >= 0xffff_ffff_ffff_ffffn) {
    refuse(`learn has cookie ${learn.cookie}.`, 'Use 64 bits, not all of them ones.');
  }
  // What the learnt flow matches so far: it needs the prerequisites of its fields as any other flow.
  const learnt: Partial<Record<FieldName, Masked>> = {};
  for (const spec of learn.specs) specProblems(spec, match, learnt, checks);
}

function specProblems(
  spec: LearnSpec,
  match: Match | undefined,
  learnt: Partial<Record<FieldName, Masked>>,
  checks: FieldChecks,
): void {
  if (typeof spec.from !== 'bigint') {
    checks.oldName(spec.from);
    if (!checks.bits(spec.from, match, 'read')) return;
  }
  if (spec.type === 'output') return;
  const { to, from } = spec;
  checks.oldName(to);
  if (!checks.bits(to, learnt, spec.type === 'load' ? 'written' : 'read')) return;
  const isPart = widthOf(to) !== fieldOf(to.field).bits;
  if (spec.type === 'match' && isPart && !fieldOf(to.field).maskable) {
    checks.refuse(`learn matches ${to.field} in part.`, 'This field is matched as a whole.');
  }
  if (typeof from !== 'bigint') {
    if (widthOf(from) !== widthOf(to)) {
      checks.refuse(
        `learn takes ${widthOf(from)} bits of ${from.field} to ${widthOf(to)} bits of ${to.field}.`,
        'Use the same number of bits.',
      );
    }
    return;
  }
  if (to.field === 'ip_frag' && !isPart && from === 2n) {
    checks.refuse('learn matches a fragment that is later and no fragment.', 'Use 0, 1 or 3.');
  }
  if (from < 0n || from >> BigInt(widthOf(to)) !== 0n) {
    checks.refuse(`${from} does not fit ${widthOf(to)} bits of ${to.field}.`, 'Use more bits.');
  } else if (spec.type === 'match') {
    const before = learnt[to.field] ?? { value: 0n, mask: 0n };
    const mask = ((1n << BigInt(widthOf(to))) - 1n) << BigInt(to.from);
    const kept = before.value & ~mask & fullMask(to.field);
    learnt[to.field] = { value: kept | (from << BigInt(to.from)), mask: before.mask | mask };
  }
}

function widthOf({ from, to }: FieldBits): number {
  return to - from + 1;
}
