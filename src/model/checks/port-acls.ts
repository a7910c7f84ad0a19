import { prefixParts } from '../../packet/address.ts';
import { portMasks } from '../../packet/port-range.ts';
import type { PortAcl, PortAclRule } from '../kinds/port-acl.ts';
import { type RuleScope, scopeCovers, scopeOf, scopesOverlap } from '../rule-scope.ts';
import { at, type Check, type CheckResult, repeated } from './check.ts';

/** IANA, protocol numbers. */
const [ICMP, TCP, UDP, ICMPV6] = [1, 6, 17, 58];

/** What connection tracking knows; there are no answers to tell elsewhere. */
const TRACKED: readonly (number | undefined)[] = [undefined, ICMP, TCP, UDP, ICMPV6];

/**
 * How many flows one rule may come to: a range of ports is as many of them as it has blocks of a power of two, 30 at
 * most, and two ranges are as many as their product.
 */
const FLOWS_MAXIMUM = 64;

/** Every rule says something that can be, and no two have the same name. */
export const rulesFit: Check<PortAcl> = function* (acl) {
  yield* repeated('rules', 'name', acl.rules, (rule) => rule.name, 'Rule');
  for (const [i, rule] of acl.rules.entries()) yield* ruleFits(rule, i);
};

function* ruleFits(rule: PortAclRule, index: number): Generator<CheckResult> {
  const conflict = (field: string, message: string, remedy: string): CheckResult => ({
    path: at('rules', index, field),
    code: 'field-conflict',
    message,
    remedy,
  });
  const { protocol, localPorts, remotePorts, icmpType, localAddress, remoteAddress } = rule;
  const number = scopeOf(rule).protocol;
  if (number !== TCP && number !== UDP) {
    for (const [field, ports] of Object.entries({ localPorts, remotePorts })) {
      if (ports === undefined) continue;
      yield conflict(
        field,
        `Rule "${rule.name}" is about ${protocol}, which has no ports.`,
        'Use protocol: tcp or udp.',
      );
    }
  }
  if (icmpType !== undefined && protocol !== 'icmp' && protocol !== 'icmpv6') {
    yield conflict(
      'icmpType',
      `Rule "${rule.name}" is about ${protocol}, which has no ICMP type.`,
      'Use protocol: icmp or icmpv6.',
    );
  }
  const family = protocol === 'icmp' ? 4 : protocol === 'icmpv6' ? 6 : undefined;
  const first = family ?? (localAddress === undefined ? undefined : prefixParts(localAddress).family);
  for (const [field, address] of Object.entries({ localAddress, remoteAddress })) {
    if (address === undefined || first === undefined || prefixParts(address).family === first) continue;
    const other =
      family === undefined ? `its local address is IPv${first}` : `${protocol} goes over IPv${first}`;
    yield conflict(
      field,
      `${address} is not an IPv${first} address, and ${other}.`,
      'Make a rule for each IP version.',
    );
  }
  if (rule.stateful && rule.action === 'deny') {
    yield conflict(
      'stateful',
      `Rule "${rule.name}" denies, so there are no answers to let pass.`,
      'Remove stateful.',
    );
  } else if (rule.stateful && !TRACKED.includes(number)) {
    yield conflict(
      'stateful',
      `Answers of protocol ${protocol} cannot be told from questions.`,
      'Remove stateful, and add a rule for the other direction.',
    );
  }
  const [local, remote] = [scopeOf(rule).localPorts, scopeOf(rule).remotePorts].map((range) =>
    range ? portMasks(range).length : 1,
  ) as [number, number];
  if (local * remote > FLOWS_MAXIMUM) {
    yield {
      path: at('rules', index, 'localPorts'),
      code: 'range-invalid',
      message: `Two ranges of ports, ${localPorts} and ${remotePorts}, make ${local * remote} flows of one rule; ${FLOWS_MAXIMUM} are allowed.`,
      remedy: 'Leave one of them out, or begin and end them at multiples of a power of two: 1024-2047.',
    };
  }
}

/** What a packet comes to never depends on chance; and a rule that can decide nothing is probably a mistake. */
export const rulesDecided: Check<PortAcl> = function* (acl) {
  const scopes = acl.rules.map(scopeOf);
  for (const [i, rule] of acl.rules.entries()) {
    const scope = scopes[i]!;
    const rival = acl.rules.findIndex((other, j) => j < i && isRival(rule, other, scope, scopes[j]!));
    const rivals = acl.rules[rival];
    if (rivals) {
      yield {
        path: at('rules', i, 'priority'),
        code: 'rule-ambiguous',
        message: `Rules "${rivals.name}" and "${rule.name}" have priority ${rule.priority}, and there are packets that both are about and decide in different ways.`,
        remedy: 'Give the one that is to decide a lower number.',
      };
    }
    const cover = acl.rules.find(
      (other, j) =>
        other.direction === rule.direction &&
        other.priority < rule.priority &&
        scopeCovers(scopes[j]!, scope),
    );
    if (cover) {
      yield {
        path: at('rules', i),
        code: 'rule-unreachable',
        severity: 'warning',
        message: `Rule "${rule.name}" decides nothing: everything that it is about is decided by "${cover.name}" before.`,
        remedy: 'Remove it, or give it a lower number than the other.',
      };
    }
  }
};

function isRival(a: PortAclRule, b: PortAclRule, scopeA: RuleScope, scopeB: RuleScope): boolean {
  const differ = a.action !== b.action || a.stateful !== b.stateful || a.log !== b.log;
  return a.direction === b.direction && a.priority === b.priority && differ && scopesOverlap(scopeA, scopeB);
}
