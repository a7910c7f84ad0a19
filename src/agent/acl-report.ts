/** What port ACLs have decided, as the switches of a host tell it: one by one where a rule asks for it, and counted. */
import type { FlowStats, PacketIn } from '../flow/datapath.ts';
import { ruleThing } from '../pipeline/acl-rules.ts';
import { cookieOf } from '../pipeline/cookies.ts';
import { ACL, ACL_INBOUND, ACL_PORT_MASK, ACL_RULE, ACL_STATE } from '../pipeline/registers.ts';
import type { AclRecord, AclRule, AclVerdict, PortRecord } from '../policy/records.ts';
import type { AclCount } from '../stream/counted.ts';

/** A rule with `log` has decided about a frame. */
export interface AclDecision {
  /** Of the vNIC whose ACL it is. */
  readonly id: string;
  /** The same for people: `blue1/eth0`. */
  readonly port: string;
  readonly acl: string;
  readonly rule: string;
  readonly direction: AclRule['direction'];
  readonly verdict: AclVerdict;
  readonly frame: Uint8Array;
}

/** What a packet-in with PUNT.aclLog tells; undefined when the ACL or the port is gone by now. */
export function readDecision(
  packet: PacketIn,
  aclAt: (number: number) => AclRecord | undefined,
  portAt: (number: number) => PortRecord | undefined,
): AclDecision | undefined {
  const { [ACL_STATE]: state = 0n, [ACL]: number = 0n, [ACL_RULE]: index = 0n } = packet.metadata;
  const port = portAt(Number(state & ACL_PORT_MASK));
  const acl = aclAt(Number(number));
  const rule = acl?.rules[Number(index) - 1];
  if (!port || !acl || !rule) return undefined;
  return {
    id: port.id,
    port: port.name,
    acl: acl.id,
    rule: rule.name,
    direction: (state & ACL_INBOUND) === 0n ? 'outbound' : 'inbound',
    verdict: rule.action,
    frame: packet.frame,
  };
}

/**
 * The counters of all rules, those that decided nothing included. A rule is several flows, told by their cookie; a frame
 * that it decides about meets one of them once.
 */
export function countersOf(acls: Iterable<AclRecord>, flows: Iterable<FlowStats>): readonly AclCount[] {
  const sums = new Map<bigint, { packets: bigint; bytes: bigint }>();
  for (const { flow, packets, bytes } of flows) {
    const sum = sums.get(flow.cookie) ?? { packets: 0n, bytes: 0n };
    sums.set(flow.cookie, { packets: sum.packets + packets, bytes: sum.bytes + bytes });
  }
  return [...acls].flatMap((acl) =>
    decidersOf(acl).map(({ thing, ...about }) => {
      const { packets, bytes } = sums.get(cookieOf('acl', thing)) ?? { packets: 0n, bytes: 0n };
      return { acl: acl.id, ...about, packets, bytes };
    }),
  );
}

function decidersOf(acl: AclRecord) {
  const rules = acl.rules.map(({ name, direction, action }) => {
    return { rule: name, direction, verdict: action, thing: ruleThing(acl.id, name) };
  });
  const defaults = (['inbound', 'outbound'] as const).flatMap((direction) => {
    const verdict = acl[direction];
    if (verdict === undefined) return [];
    return [{ rule: 'default', direction, verdict, thing: ruleThing(acl.id, `default ${direction}`) }];
  });
  return [...rules, ...defaults];
}
