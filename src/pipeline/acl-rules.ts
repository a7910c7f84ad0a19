/**
 * The rules of port ACLs. A rule costs the same number of flows whatever the number of ports: the frame brings the number
 * of the ACL that it is to be judged by (docs/decisions/0019). Each has two forms:
 *
 *     packet   the packet itself fits the rule
 *     answer   the packet is an answer, by connection tracking, and what it answers would fit the rule: the same
 *              addresses and ports of machine and other side, in a packet of the other direction
 *
 * An answer passes where the rule that decides about the question allows it with its answers, by the rules as they are
 * now; whatever passed before does not count. Otherwise it is judged as any packet.
 */
import { clone, ct, setField } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { type MatchValues, masked, matchOf } from '../flow/match.ts';
import { flowKey } from '../flow/same.ts';
import { type PortMask, type PortRange, portMasks } from '../packet/port-range.ts';
import type { AclRecord, AclRule } from '../policy/records.ts';
import {
  ACL,
  ACL_ANSWER,
  ACL_COMMIT,
  ACL_INBOUND,
  ACL_RULE,
  ACL_STATE,
  ACL_STEP_MASK,
  bits,
} from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';

/** States of connection tracking (ovs-fields(7), ct_state). */
const NEW = 0x01n;
const INVALID = 0x10n;
const TRACKED = 0x20n;

/** Connections of no port: a look into it changes nothing. */
const LOG_ZONE = 0xffff;

/** ICMP: question -> answer (RFC 792; RFC 4443). */
const ANSWERS: Readonly<Record<number, number>> = { 8: 0, 13: 14, 15: 16, 128: 129 };

const OPPOSITE = { inbound: 'outbound', outbound: 'inbound' } as const;

/** On with the next ACL of the port, or the end. */
const ON = [next('acl')];
/** The question says nothing about the answer: it is a packet like others, from the first ACL on. */
const AS_PACKET = [setField(ACL_STATE, bits(0n, ACL_ANSWER | ACL_STEP_MASK)), next('acl')];

/** One ACL, on each switch that has a port which names it. */
export const aclRules: FeatureRule = {
  name: 'acl-rules',
  units: (key, fact) => (fact.kind === 'acl' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'acl') return;
    for (const on of read.members('switchesOfAcl', record.id)) {
      // Two rules that say the same of the same packets are one.
      const seen = new Set<string>();
      for (const flow of flowsOf(record, unit, on)) {
        const key = flowKey(flow);
        if (!seen.has(key)) yield flow;
        seen.add(key);
      }
    }
  },
};

function* flowsOf(record: AclRecord, unit: string, on: string): Iterable<ExplainedFlow> {
  const at = { switch: on, feature: 'acl', thing: unit, origin: record.origin } as const;
  for (const [index, each] of record.rules.entries()) yield* ruleFlows(at, record, each, index);
  for (const direction of ['inbound', 'outbound'] as const) {
    const verdict = record[direction];
    const [actions, words] = {
      allow: [[next('acl-allow')], `no rule of ${record.id} is about it: it passes`] as const,
      deny: [[], `no rule of ${record.id} is about it, and so it is denied`] as const,
      none: [ON, `${record.id} says nothing about it`] as const,
    }[verdict ?? 'none'];
    const thing = verdict === undefined ? unit : ruleThing(record.id, `default ${direction}`);
    yield rule({ ...at, thing }, 'acl-rules', 0, matchOf(packetForm(record, direction)), actions, words);
    yield rule(
      at,
      'acl-rules',
      0,
      matchOf(answerForm(record, direction)),
      verdict === undefined ? ON : AS_PACKET,
      `no rule of ${record.id} is about what it answers`,
    );
  }
}

/** What the flows that decide for a rule are about, in their cookie: their counters are those of the rule. */
export function ruleThing(acl: string, rule: string): string {
  return `acl/${acl}/${rule}`;
}

/** A packet of this direction. */
function packetForm({ number }: AclRecord, direction: AclRule['direction']): MatchValues {
  return { [ACL]: number, [ACL_STATE]: bits(directionBit(direction), ACL_INBOUND | ACL_ANSWER) };
}

/** The answer to a packet of this direction: a packet of the other one. */
function answerForm({ number }: AclRecord, direction: AclRule['direction']): MatchValues {
  const state = bits(directionBit(OPPOSITE[direction]) | ACL_ANSWER, ACL_INBOUND | ACL_ANSWER);
  return { [ACL]: number, [ACL_STATE]: state };
}

function directionBit(direction: AclRule['direction']): bigint {
  return direction === 'inbound' ? ACL_INBOUND : 0n;
}

function* ruleFlows(
  at: RuleContext,
  record: AclRecord,
  each: AclRule,
  index: number,
): Iterable<ExplainedFlow> {
  const { action, direction, stateful, log, name } = each;
  const priority = 65_536 - each.priority;
  const decides = { ...at, thing: ruleThing(record.id, name) };
  const words = action === 'allow' ? `rule "${name}" lets it pass` : `rule "${name}" denies it`;
  const toLog: Action[] = [setField(ACL_RULE, index + 1), next('acl-log')];
  // What the meter of the log refuses must not be lost itself: a list with tracking in it is one of its own (engine.ts).
  const alsoLog = clone(ct({ zone: LOG_ZONE }), ...toLog);
  for (const match of matchesOf(each, direction, each.icmpType)) {
    const form = { ...packetForm(record, direction), ...match };
    if (action === 'deny') {
      yield rule(decides, 'acl-rules', priority, matchOf(form), log ? toLog : [], words);
    } else if (!stateful) {
      const actions = [...(log ? [alsoLog] : []), next('acl-allow')];
      yield rule(decides, 'acl-rules', priority, matchOf(form), actions, words);
    } else {
      const pass = [setField(ACL_STATE, bits(ACL_COMMIT, ACL_COMMIT)), next('acl-allow')];
      const states = log
        ? [bits(TRACKED | NEW, TRACKED | INVALID | NEW), bits(TRACKED, TRACKED | INVALID | NEW)]
        : [VALID];
      for (const ct_state of states) {
        const actions = log && ct_state === states[0] ? [alsoLog, ...pass] : pass;
        yield rule(decides, 'acl-rules', priority, matchOf({ ...form, ct_state }), actions, words);
      }
    }
  }
  const answerType = each.icmpType === undefined ? undefined : ANSWERS[each.icmpType];
  if (each.icmpType !== undefined && answerType === undefined) return;
  for (const match of matchesOf(each, OPPOSITE[direction], answerType)) {
    const form = matchOf({ ...answerForm(record, direction), ...match });
    yield stateful
      ? rule(decides, 'acl-rules', priority, form, [next('acl-allow')], `rule "${name}" lets answers pass`)
      : rule(at, 'acl-rules', priority, form, AS_PACKET, `rule "${name}" says nothing about answers`);
  }
}

const VALID = bits(TRACKED, TRACKED | INVALID);

/** The packets of `direction` that have what the rule asks of machine and other side. */
function* matchesOf(
  { family, protocol, local, remote, localPorts, remotePorts }: AclRule,
  direction: AclRule['direction'],
  icmpType: number | undefined,
): Iterable<MatchValues> {
  const [source, destination] = direction === 'outbound' ? [local, remote] : [remote, local];
  const [from, to] = direction === 'outbound' ? [localPorts, remotePorts] : [remotePorts, localPorts];
  for (const version of family === undefined ? [4, 6] : [family]) {
    const v4 = version === 4;
    const network = {
      eth_type: v4 ? 0x0800 : 0x86dd,
      ip_proto: protocol,
      [v4 ? 'ip_src' : 'ipv6_src']: source,
      [v4 ? 'ip_dst' : 'ipv6_dst']: destination,
      [v4 ? 'icmp_type' : 'icmpv6_type']: icmpType,
    };
    for (const tp_src of blocks(from)) {
      for (const tp_dst of blocks(to)) yield { ...network, ...portMatch(protocol, tp_src, tp_dst) };
    }
  }
}

function portMatch(
  protocol: number | undefined,
  source: PortMask | undefined,
  destination: PortMask | undefined,
): MatchValues {
  const [src, dst] = protocol === 6 ? (['tcp_src', 'tcp_dst'] as const) : (['udp_src', 'udp_dst'] as const);
  return {
    ...(source ? { [src]: masked(src, source.value, source.mask) } : {}),
    ...(destination ? { [dst]: masked(dst, destination.value, destination.mask) } : {}),
  };
}

/** `undefined` is any port. */
function blocks(ports: PortRange | undefined): (PortMask | undefined)[] {
  return ports ? portMasks(ports) : [undefined];
}
