/** What makes a flow one that a switch refuses. Both engines and the text notation use these rules. */
import { type Finding, finding, throwIfErrors } from '../base/error.ts';
import { FIELDS, type FieldName, fieldOf, fullMask } from './fields.ts';
import type { Action, FieldBits, Flow, Match } from './flow.ts';
import { canonicalMatch, matchFindings, missingPrerequisite, TAGGED, UNTAGGED } from './match.ts';
import { FIRST_RESERVED_PORT, LOCAL_PORT } from './values.ts';

/** Table 255 stands for "all tables" in OpenFlow. */
const LAST_TABLE = 254;

/** Throws NetloomError (flow-invalid) with every finding. */
export function checkFlow(flow: Flow): void {
  throwIfErrors(flowFindings(flow));
}

export function flowFindings(flow: Flow): Finding[] {
  const findings = unknownFields(flow);
  if (findings.length > 0) return findings;
  const refuse = (path: string, message: string, remedy: string) =>
    findings.push(finding('flow-invalid', path, message, remedy));
  if (!inRange(flow.table, 0, LAST_TABLE)) refuse('table', `There is no table ${flow.table}.`, 'Use 0..254.');
  if (!inRange(flow.priority, 0, 0xffff)) refuse('priority', `Priority ${flow.priority}.`, 'Use 0..65535.');
  // All ones means "leave the cookie as it is" in OpenFlow.
  if (flow.cookie < 0n || flow.cookie >= 0xffff_ffff_ffff_ffffn) {
    refuse('cookie', `Cookie ${flow.cookie}.`, 'Use 64 bits, not all of them ones.');
  }
  findings.push(...matchFindings(flow.match));
  if (findings.length === 0) findings.push(...actionFindings(flow.actions, flow.match));
  return findings;
}

function unknownFields(flow: Flow): Finding[] {
  return Object.keys(flow.match)
    .filter((name) => !(name in FIELDS))
    .map((name) => finding('flow-invalid', name, `There is no field ${name}.`, 'See flow/fields.ts.'));
}

/** Findings of an action list that runs on frames of this match; a packet-out passes the empty match. */
export function actionFindings(actions: readonly Action[], match: Match): Finding[] {
  const findings: Finding[] = [];
  const refuse = (message: string, remedy: string) =>
    findings.push(finding('flow-invalid', 'actions', message, remedy));

  const checkField = (name: FieldName, state: Match, written: boolean): boolean => {
    if (!(name in FIELDS)) {
      refuse(`There is no field ${name}.`, 'See flow/fields.ts.');
      return false;
    }
    if (written && !fieldOf(name).writable) refuse(`${name} cannot be written.`, 'Write another field.');
    const lacking = missingPrerequisite(fieldOf(name).needs, state);
    if (lacking)
      refuse(`An action uses ${name}, but the flow does not match ${lacking}.`, 'Add it to the match.');
    return true;
  };
  const checkBits = ({ field, from, to }: FieldBits, state: Match, written: boolean): boolean => {
    if (!checkField(field, state, written)) return false;
    if (field === 'vlan_vid') {
      // Open vSwitch counts 12 bits here and 13 in set_field.
      refuse('Bits of vlan_vid are moved.', 'Use vlan_tci[0..11].');
      return false;
    }
    if (
      Number.isInteger(from) &&
      Number.isInteger(to) &&
      from >= 0 &&
      from <= to &&
      to < fieldOf(field).bits
    ) {
      return true;
    }
    refuse(`${field} has no bits ${from}..${to}.`, `It has ${fieldOf(field).bits} bits.`);
    return false;
  };

  const checkList = (list: readonly Action[], start: Match, startTags: readonly [boolean, boolean]): void => {
    // Only VLAN tags come and go within a list; the other prerequisites cannot be written. Open vSwitch keeps two.
    let state = start;
    let tags = startTags;
    const setTags = (outer: boolean, inner: boolean) => {
      tags = [outer, inner];
      const { vlan_tci: _, ...rest } = canonicalMatch(state);
      state = { ...rest, vlan_tci: outer ? TAGGED : UNTAGGED };
    };
    if (list.length > 1 && list.some((a) => a.type === 'drop')) {
      refuse('drop stands beside other actions.', 'It stands alone.');
    }
    for (const action of list) {
      switch (action.type) {
        case 'output':
          if (typeof action.port === 'number' && !inRange(action.port, 1, FIRST_RESERVED_PORT - 1)) {
            refuse(`There is no port ${action.port}.`, 'Use 1..65279, or the name of a reserved port.');
          }
          break;
        case 'controller':
          if (!/^([0-9a-f]{2})*$/.test(action.userdata)) {
            refuse(
              `${JSON.stringify(action.userdata.slice(0, 40))} is not hexadecimal.`,
              'Two digits an octet.',
            );
          }
          if (!inRange(action.maxLength, 0, 0xffff)) refuse(`max_len ${action.maxLength}.`, 'Use 0..65535.');
          break;
        case 'set':
          if (!checkField(action.field, state, true)) break;
          checkSet(action, state, refuse);
          if (action.field === 'vlan_tci') setTags((action.value & 0x1000n) !== 0n, tags[1]);
          break;
        case 'move': {
          const from = checkBits(action.from, state, false);
          const to = checkBits(action.to, state, true);
          if (from && to && action.from.to - action.from.from !== action.to.to - action.to.from) {
            refuse('move has more bits on one side than on the other.', 'Use the same number of bits.');
          }
          break;
        }
        case 'resubmit':
          if (!inRange(action.table, 0, LAST_TABLE))
            refuse(`There is no table ${action.table}.`, 'Use 0..254.');
          break;
        case 'clone':
          checkList(action.actions, state, tags);
          break;
        case 'dec_ttl': {
          const lacking = missingPrerequisite('ip', state);
          if (lacking) refuse(`dec_ttl needs ${lacking}.`, 'Add it to the match.');
          break;
        }
        case 'push_vlan':
          if (action.ethertype !== 0x8100 && action.ethertype !== 0x88a8) {
            refuse(`push_vlan with ethertype ${action.ethertype}.`, 'Use 0x8100 or 0x88a8.');
          }
          if (tags[1]) refuse('push_vlan puts a third tag on the frame.', 'Two are the limit.');
          setTags(true, tags[0]);
          break;
        case 'strip_vlan': {
          const lacking = missingPrerequisite('vlan', state);
          if (lacking) refuse(`strip_vlan needs ${lacking}.`, 'Add it to the match.');
          setTags(tags[1], false);
          break;
        }
        case 'multipath':
          if (!inRange(action.basis, 0, 0xffff)) refuse(`multipath basis ${action.basis}.`, 'Use 0..65535.');
          if (!inRange(action.links, 1, 0x10000)) refuse(`multipath over ${action.links}.`, 'Use 1..65536.');
          if (checkBits(action.to, state, true) && action.links > 2 ** (action.to.to - action.to.from + 1)) {
            refuse(`${action.links} links do not fit ${action.to.field}.`, 'Use more bits.');
          }
          break;
        case 'drop':
          break;
      }
    }
  };
  checkList(actions, match, [missingPrerequisite('vlan', match) === undefined, false]);
  return findings;
}

function checkSet(
  { field, value, mask }: Action & { type: 'set' },
  state: Match,
  refuse: (message: string, remedy: string) => void,
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
    const lacking = missingPrerequisite('vlan', state);
    if (lacking) refuse(`vlan_vid is written without ${lacking}.`, 'Use push_vlan first.');
  }
}

function inRange(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
