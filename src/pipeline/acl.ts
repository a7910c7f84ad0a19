/**
 * Port ACLs: the rules that every switch has, whatever its ports and ACLs (docs/decisions/0019). A frame comes here twice:
 * when a vNIC has sent it, and when it is about to be delivered to one. Who has no ACLs is not concerned.
 *
 *     acl ----> services, or to the machine            ARP, neighbour discovery, the port's own DHCP
 *      |------> ct --> acl-state --> acl               a port with stateful rules: is it an answer?
 *      +------> acl-rules --+--> dropped
 *      ^                    +--> acl-allow --> services, or to the machine
 *      +--------------------+    the next ACL of the port
 *
 * The zone of connection tracking is the number of the port, so each vNIC has connections of its own, and what one tenant
 * opens says nothing about another.
 */
import { ct, outputField, setField } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { type MatchValues, matchOf } from '../flow/match.ts';
import {
  ACL,
  ACL_ANSWER,
  ACL_COMMIT,
  ACL_INBOUND,
  ACL_JUDGED,
  ACL_PORT,
  ACL_RULE,
  ACL_STATE,
  ACL_STEP_MASK,
  ACL_TRACK,
  ACL_TRACKED,
  ATTACHED_VIRTUAL,
  bits,
} from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';
import { type TableName, tableNumber } from './tables.ts';

const IP = [0x0800, 0x86dd] as const;
const TRANSPORTS = [
  [6, 'tcp'],
  [17, 'udp'],
] as const;

/** States of connection tracking (ovs-fields(7), ct_state). */
const NEW = 0x01n;
const RELATED = 0x04n;
const REPLY = 0x08n;
const INVALID = 0x10n;
const TRACKED = 0x20n;

/**
 * What a link lives on (RFC 4890, 4.4): neighbour discovery and multicast listeners, with the hop limit that shows that no
 * router has passed it on.
 */
const LINK = {
  /** Router and neighbour solicitation, neighbour advertisement; reports and their end. */
  outbound: [
    [133, 255],
    [135, 255],
    [136, 255],
    [131, 1],
    [132, 1],
    [143, 1],
  ],
  /** Router advertisement, neighbour solicitation and advertisement; query. */
  inbound: [
    [134, 255],
    [135, 255],
    [136, 255],
    [130, 1],
  ],
} as const;

/** Solicitations on a virtual subnet are answered in the switch, so they alone are needed there, and reach nobody. */
const SOLICITATIONS: readonly number[] = [133, 135];

export const acl: FeatureRule = {
  name: 'acl',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'acl', thing: 'base', origin: '' } as const;
    yield* entry(at);
    yield* tracked(at);
    yield* end(at);
  },
};

function write(
  at: RuleContext,
  table: TableName,
  priority: number,
  match: MatchValues,
  actions: readonly Action[],
  words: string,
): ExplainedFlow {
  return rule(at, table, priority, matchOf(match), actions, words);
}

/** Of the register ACL_STATE: `set` is there, the rest of `of` is not. */
function state(set: bigint, of = set): MatchValues {
  return { [ACL_STATE]: bits(set, of) };
}

function clear(what: bigint): Action {
  return setField(ACL_STATE, bits(0n, what));
}

function* entry(at: RuleContext): Iterable<ExplainedFlow> {
  yield write(at, 'acl', 500, state(0n, ACL_JUDGED), [next('services')], 'the port has no port ACL');
  const pass = [next('acl-allow')];
  yield write(
    at,
    'acl',
    450,
    { eth_type: 0x0806 },
    pass,
    'ARP is not for port ACLs: without it there is no IPv4',
  );
  for (const [direction, types] of Object.entries(LINK)) {
    const inbound = direction === 'inbound';
    for (const [icmpv6_type, ip_ttl] of types) {
      const discovery = {
        ...state(inbound ? ACL_INBOUND : 0n, ACL_INBOUND),
        eth_type: 0x86dd,
        ip_proto: 58,
        icmpv6_type,
        ip_ttl,
      };
      const anywhere = !inbound && SOLICITATIONS.includes(icmpv6_type);
      const reg0 = anywhere ? undefined : bits(0n, ATTACHED_VIRTUAL);
      const words = 'neighbour discovery is not for port ACLs: without it there is no IPv6';
      yield write(at, 'acl', 400, { ...discovery, reg0 }, pass, words);
    }
  }
  // RFC 1858, 3: what comes before the ports, or ends before them, shows none, and a rule about ports would not see it.
  for (const eth_type of IP) {
    for (const [ip_proto, name] of TRANSPORTS) {
      const short = { eth_type, ip_proto, ip_frag: 'first', [`${name}_src`]: 0, [`${name}_dst`]: 0 };
      const words = 'the first fragment ends before its ports, which rules look for';
      yield write(at, 'acl', 350, short, [], words);
    }
  }
  yield write(
    at,
    'acl',
    20,
    state(ACL_ANSWER),
    [clear(ACL_ANSWER | ACL_STEP_MASK), next('acl')],
    'no rule is about what it answers: it is judged as any packet',
  );
  yield write(at, 'acl', 0, {}, pass, 'no port ACL says anything about it: it passes');
}

/** Is it an answer? Asked for ports with stateful rules alone; others never touch connection tracking. */
function* tracked(at: RuleContext): Iterable<ExplainedFlow> {
  for (const eth_type of IP) {
    yield write(
      at,
      'acl',
      250,
      { ...state(ACL_TRACK), eth_type },
      [
        setField(ACL_STATE, bits(ACL_TRACKED, ACL_TRACK | ACL_TRACKED)),
        ct({ zone: ACL_PORT, table: tableNumber('acl-state') }),
      ],
      'the connections of the port know whether it is an answer',
    );
    // Later fragments come with the first one, put together by connection tracking, or not at all; the first one is judged.
    yield write(
      at,
      'acl-state',
      90,
      { ct_state: bits(TRACKED, TRACKED | INVALID), eth_type, ip_frag: 'later' },
      [next('acl-allow')],
      'what becomes of it, is decided with the first fragment',
    );
  }
  yield write(
    at,
    'acl-state',
    80,
    { ct_state: bits(TRACKED | RELATED, TRACKED | INVALID | RELATED) },
    [next('acl-allow')],
    'an ICMP error about a connection that was let pass',
  );
  yield write(
    at,
    'acl-state',
    70,
    { ct_state: bits(TRACKED | REPLY, TRACKED | INVALID | REPLY) },
    [setField(ACL_STATE, bits(ACL_ANSWER, ACL_ANSWER)), next('acl')],
    'it is an answer: what do the rules say of the question?',
  );
  yield write(at, 'acl-state', 0, {}, [next('acl')], 'it is no answer');
}

function* end(at: RuleContext): Iterable<ExplainedFlow> {
  // Only the first fragment has met the rules. What they wrote goes, or the others would be on another way than it, and
  // connection tracking would wait for the rest of each.
  const done = [
    clear(ACL_TRACKED | ACL_COMMIT | ACL_ANSWER | ACL_STEP_MASK),
    setField(ACL, 0),
    setField(ACL_RULE, 0),
  ];
  const remember = (force: boolean) => [
    ...done,
    ct({ zone: ACL_PORT, commit: true, force, table: tableNumber('acl-allow') }),
  ];
  for (const eth_type of IP) {
    yield write(
      at,
      'acl-allow',
      100,
      { ...state(ACL_TRACKED), eth_type, ip_frag: 'yes' },
      remember(false),
      'fragments pass together or not at all',
    );
    yield write(
      at,
      'acl-allow',
      90,
      { ...state(ACL_COMMIT), ct_state: bits(NEW, NEW), eth_type },
      remember(false),
      'the connection is remembered, so that answers can be told',
    );
    yield write(
      at,
      'acl-allow',
      90,
      { ...state(ACL_COMMIT), ct_state: bits(REPLY, NEW | REPLY), eth_type },
      remember(true),
      'the other side may not begin it any more, and this one may: it is remembered as begun from here',
    );
  }
  yield write(at, 'acl-allow', 50, state(ACL_INBOUND), [outputField(ACL_PORT)], 'to the machine');
  yield write(at, 'acl-allow', 0, {}, [next('services')], 'the vNIC may send it');
}
