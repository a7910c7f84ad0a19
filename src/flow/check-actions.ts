/** What makes a list of actions one that a switch refuses (ofpacts_verify and ofpacts_check of Open vSwitch). */
import { type Finding, finding } from '../base/error.ts';
import { connectionProblems, learnProblems } from './check-nested.ts';
import {
  type FieldChecks,
  type FieldUse,
  inRange,
  LAST_GROUP,
  LAST_METER,
  LAST_TABLE,
  type Refuse,
} from './check-tools.ts';
import { FIELDS, type FieldName, fieldOf, fullMask } from './fields.ts';
import type { Action, BundleAction, FieldBits, Match } from './flow.ts';
import { canonicalMatch, missingPrerequisite, TAGGED, UNTAGGED } from './match.ts';
import { FIRST_RESERVED_PORT, LOCAL_PORT } from './values.ts';

/** BUNDLE_MAX_MEMBERS of Open vSwitch. */
const MOST_MEMBERS = 2048;

/**
 * Findings of an action list that runs on frames of this match: for a packet-out what the frame is; for a bucket of a
 * group undefined, since any frame may come there. `table`: where the flow stands; undefined for lists that are no
 * flow's.
 */
export function actionFindings(
  actions: readonly Action[],
  match: Match | undefined,
  table?: number,
): Finding[] {
  const checker = new ActionChecker();
  checker.check(actions, match, table === undefined ? { in: 'list' } : { in: 'flow', table });
  return checker.findings;
}

/** Where a list stands: what is allowed in it depends on that. */
type Place = { readonly in: 'flow'; readonly table: number } | { readonly in: 'list' | 'clone' | 'ct' };

/** What is known about the frame at some action: what it matched, and its two tags. */
interface FrameState {
  match: Match | undefined;
  outer: boolean;
  inner: boolean;
}

class ActionChecker implements FieldChecks {
  readonly findings: Finding[] = [];

  readonly refuse: Refuse = (message, remedy) => {
    this.findings.push(finding('flow-invalid', 'actions', message, remedy));
  };

  check(actions: readonly Action[], match: Match | undefined, place: Place): void {
    const outer = match !== undefined && missingPrerequisite('vlan', match) === undefined;
    this.#list(actions, { match, outer, inner: false }, place);
  }

  #list(list: readonly Action[], start: Readonly<FrameState>, place: Place): void {
    // Only VLAN tags come and go within a list; the other prerequisites cannot be written. Open vSwitch keeps two.
    const state = { ...start };
    if (list.length > 1 && list.some((a) => a.type === 'drop')) {
      this.refuse('drop stands beside other actions.', 'It stands alone.');
    }
    for (const [i, action] of list.entries()) {
      if (place.in === 'ct') this.#inConnection(action);
      // An instruction before all actions in OpenFlow 1.3, and an action only in 1.5.
      if (action.type === 'meter' && (place.in !== 'flow' || i > 0)) {
        this.refuse('meter is not the first action of a flow.', 'Put it first, and have one only.');
      }
      if (action.type === 'goto_table') this.#goto(action.table, i === list.length - 1, place);
      else this.#action(action, state, place);
    }
  }

  #action(action: Action, state: FrameState, place: Place): void {
    const { match } = state;
    switch (action.type) {
      case 'output':
        if (typeof action.port === 'number' && !inRange(action.port, 1, FIRST_RESERVED_PORT - 1)) {
          this.refuse(`There is no port ${action.port}.`, 'Use 1..65279, or the name of a reserved port.');
        }
        break;
      case 'output_field':
        this.bits(action.from, match, 'read');
        this.#width(action.from);
        this.#number('max_len', action.maxLength, 0, 0xffff);
        break;
      case 'controller':
        if (!/^([0-9a-f]{2})*$/.test(action.userdata)) {
          this.refuse(
            `${JSON.stringify(action.userdata.slice(0, 40))} is not hexadecimal.`,
            'Two digits an octet.',
          );
        }
        this.#number('max_len', action.maxLength, 0, 0xffff);
        break;
      case 'set':
        if (!this.#field(action.field, match, place.in === 'ct' ? 'written-in-ct' : 'written')) break;
        checkSet(action, match, this.refuse);
        if (action.field === 'vlan_tci') setTags(state, (action.value & 0x1000n) !== 0n, state.inner);
        break;
      case 'move': {
        const from = this.bits(action.from, match, 'read');
        const to = this.bits(action.to, match, place.in === 'ct' ? 'written-in-ct' : 'written');
        if (from && to && action.from.to - action.from.from !== action.to.to - action.to.from) {
          this.refuse('move has more bits on one side than on the other.', 'Use the same number of bits.');
        }
        break;
      }
      case 'resubmit':
        this.#number('table', action.table, 0, LAST_TABLE);
        break;
      case 'goto_table':
        break;
      case 'clone':
        this.#list(action.actions, state, { in: 'clone' });
        break;
      case 'dec_ttl':
        this.#needs('ip', 'dec_ttl', match);
        break;
      case 'fin_timeout':
        // Open vSwitch wants it in flows for TCP, but has it in learnt flows of any kind; there it does nothing.
        for (const seconds of [action.idleTimeout, action.hardTimeout]) {
          if (!inRange(seconds, 0, 0xffff)) this.refuse(`A timeout of ${seconds}.`, 'Use 0..65535 seconds.');
        }
        break;
      case 'push_vlan':
        if (action.ethertype !== 0x8100 && action.ethertype !== 0x88a8) {
          this.refuse(`push_vlan with ethertype ${action.ethertype}.`, 'Use 0x8100 or 0x88a8.');
        }
        if (state.inner) this.refuse('push_vlan puts a third tag on the frame.', 'Two are the limit.');
        setTags(state, true, state.outer);
        break;
      case 'strip_vlan':
        this.#needs('vlan', 'strip_vlan', match);
        setTags(state, state.inner, false);
        break;
      case 'multipath':
        this.#number('multipath basis', action.basis, 0, 0xffff);
        if (!inRange(action.links, 1, 0x10000))
          this.refuse(`multipath over ${action.links}.`, 'Use 1..65536.');
        if (
          this.bits(action.to, match, 'written') &&
          action.links > 2 ** (action.to.to - action.to.from + 1)
        ) {
          this.refuse(`${action.links} links do not fit ${action.to.field}.`, 'Use more bits.');
        }
        this.#shortName(action.to);
        break;
      case 'bundle':
        this.#bundle(action, match);
        break;
      case 'group':
        this.#number('group', action.group, 0, LAST_GROUP);
        break;
      case 'meter':
        this.#number('meter', action.meter, 1, LAST_METER);
        break;
      case 'check_pkt_larger':
        this.#number('length', action.length, 0, 0xffff);
        if (this.bits(action.to, match, 'written') && action.to.from !== action.to.to) {
          this.refuse('check_pkt_larger writes more than one bit.', 'Name one: reg0[0].');
        }
        break;
      case 'ct':
        this.#needs('ip', 'ct', match);
        connectionProblems(action, match, this);
        this.check(action.actions, match, { in: 'ct' });
        break;
      case 'learn':
        learnProblems(action.learn, match, this);
        break;
      case 'ct_clear':
      case 'drop':
        break;
    }
  }

  /** goto_table ends the list of a flow, and goes forward, so that no frame goes round in a circle. */
  #goto(table: number, isLast: boolean, place: Place): void {
    this.#number('table', table, 0, LAST_TABLE);
    if (place.in !== 'flow') {
      this.refuse('goto_table stands where only a flow goes on.', 'Use resubmit.');
      return;
    }
    if (!isLast) this.refuse('goto_table is not the last action.', 'Nothing can follow it; use resubmit.');
    if (table <= place.table) {
      this.refuse(
        `goto_table:${table} does not go forward from table ${place.table}.`,
        'Name a later table, or use resubmit.',
      );
    }
  }

  #inConnection(action: Action): void {
    const to = action.type === 'set' ? action.field : action.type === 'move' ? action.to.field : undefined;
    if (to !== 'ct_mark' && to !== 'ct_label') {
      this.refuse(
        `${to ?? action.type} stands in exec.`,
        'Only set_field, load and move to ct_mark and ct_label do.',
      );
    }
  }

  #bundle({ basis, members, to }: BundleAction, match: Match | undefined): void {
    this.#number('bundle basis', basis, 0, 0xffff);
    if (!inRange(members.length, 1, MOST_MEMBERS)) {
      this.refuse(`bundle has ${members.length} members.`, `It takes 1..${MOST_MEMBERS}.`);
    }
    for (const member of members) {
      if (!inRange(member, 1, FIRST_RESERVED_PORT - 1)) {
        this.refuse(`There is no port ${member}.`, 'Use 1..65279.');
      }
    }
    if (!to) return;
    this.#shortName(to);
    if (this.bits(to, match, 'written') && to.to - to.from < 15) {
      this.refuse('bundle_load writes less than 16 bits.', 'A port number has 16.');
    }
  }

  #number(what: string, value: number, low: number, high: number): void {
    if (!inRange(value, low, high)) {
      this.refuse(`There is no ${what} ${value}.`, `Use ${low}..${high}.`);
    }
  }

  /** Of actions that write the number of bits in six bits, and name fields by old names. */
  #shortName(bits: FieldBits): void {
    this.oldName(bits);
    this.#width(bits);
  }

  #width({ field, from, to }: FieldBits): void {
    if (to - from >= 64) this.refuse(`${to - from + 1} bits of ${field} are too many.`, 'Use up to 64.');
  }

  #needs(needs: 'ip' | 'vlan', what: string, match: Match | undefined): void {
    const lacking = match && missingPrerequisite(needs, match);
    if (lacking) this.refuse(`${what} needs ${lacking}.`, 'Add it to the match.');
  }

  #field(name: FieldName, match: Match | undefined, use: FieldUse): boolean {
    if (!(name in FIELDS)) {
      this.refuse(`There is no field ${name}.`, 'See flow/fields.ts.');
      return false;
    }
    if (use !== 'read' && !fieldOf(name).writable)
      this.refuse(`${name} cannot be written.`, 'Write another field.');
    if (use === 'written' && (name === 'ct_mark' || name === 'ct_label')) {
      this.refuse(`${name} is written outside ct.`, 'Write it in ct(commit,exec(…)).');
    }
    const lacking = match && missingPrerequisite(fieldOf(name).needs, match);
    if (lacking)
      this.refuse(`An action uses ${name}, but the flow does not match ${lacking}.`, 'Add it to the match.');
    return true;
  }

  bits({ field, from, to }: FieldBits, match: Match | undefined, use: FieldUse): boolean {
    if (!this.#field(field, match, use)) return false;
    if (field === 'vlan_vid') {
      // Open vSwitch counts 12 bits here and 13 in set_field.
      this.refuse('Bits of vlan_vid are moved.', 'Use vlan_tci[0..11].');
      return false;
    }
    if (inRange(to, 0, fieldOf(field).bits - 1) && inRange(from, 0, to)) return true;
    this.refuse(`${field} has no bits ${from}..${to}.`, `It has ${fieldOf(field).bits} bits.`);
    return false;
  }

  oldName({ field }: FieldBits): void {
    if (field in FIELDS && fieldOf(field).nxm.startsWith('ERICOXM')) {
      this.refuse(`This action cannot name ${field}.`, 'Use another field.');
    }
  }
}

function setTags(state: FrameState, outer: boolean, inner: boolean): void {
  state.outer = outer;
  state.inner = inner;
  if (!state.match) return;
  const { vlan_tci: _, ...rest } = canonicalMatch(state.match);
  state.match = { ...rest, vlan_tci: outer ? TAGGED : UNTAGGED };
}

function checkSet(
  { field, value, mask }: Action & { type: 'set' },
  match: Match | undefined,
  refuse: Refuse,
): void {
  const full = fullMask(field);
  if (mask <= 0n || mask > full || value < 0n || (value & ~mask) !== 0n) {
    refuse(`set_field writes bits that ${field} or the mask does not have.`, 'Clear them.');
  }
  if (!fieldOf(field).maskable && mask !== full)
    refuse(`${field} is written in part.`, 'Write it as a whole.');
  if (field === 'in_port' && value >= FIRST_RESERVED_PORT && value !== BigInt(LOCAL_PORT)) {
    refuse(`There is no port ${value}.`, 'Use 0..65279 or LOCAL.');
  }
  if (field === 'arp_op' && value > 0xffn) refuse(`arp_op ${value} is above 255.`, 'It takes 0..255.');
  if (field === 'vlan_vid') {
    if (mask !== full || (value & 0x1000n) === 0n) {
      refuse(
        'vlan_vid is written without the bit 0x1000.',
        'Write 0x1000 | id; strip_vlan takes a tag away.',
      );
    }
    const lacking = match && missingPrerequisite('vlan', match);
    if (lacking) refuse(`vlan_vid is written without ${lacking}.`, 'Use push_vlan first.');
  }
}
