/**
 * A port and its port ACLs: how frames of it come before them and go on. Whoever sends a frame out by the port of a vNIC
 * asks here for the actions, so that nothing reaches a machine around its ACLs.
 */
import type { Read } from '../base/derive.ts';
import { controller, meter, output, setField } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { matchOf } from '../flow/match.ts';
import type { AclRecord, PortRecord } from '../policy/records.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { answeredTags } from './lanes.ts';
import { portNumber } from './overlay.ts';
import { logMeterId, PUNT } from './punt.ts';
import {
  ACL,
  ACL_INBOUND,
  ACL_JUDGED,
  ACL_PORT_MASK,
  ACL_STATE,
  ACL_STEP_MASK,
  ACL_TRACK,
  aclStep,
  bits,
} from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';

/** The ACLs of the port in their order, none for most ports; undefined while one of them is not there. */
function aclsOf(read: Read<PipelineFact>, record: PortRecord): readonly AclRecord[] | undefined {
  const acls: AclRecord[] = [];
  for (const id of record.acls ?? []) {
    const acl = read.get(`acl/${id}`);
    if (acl?.kind !== 'acl') return undefined;
    acls.push(acl);
  }
  return acls;
}

/** What the registers say of a frame that the ACLs of the port are to judge. */
function begin(acls: readonly AclRecord[], number: number, direction: bigint): Action {
  const isTracked = acls.some(({ rules }) => rules.some(({ stateful }) => stateful));
  const state = BigInt(number) | ACL_JUDGED | direction | (isTracked ? ACL_TRACK : 0n);
  return setField(ACL_STATE, state);
}

/** What a frame from the port carries on its way to the table `acl`; undefined: the port stays closed. */
export function sent(read: Read<PipelineFact>, record: PortRecord, number: number): Action[] | undefined {
  const acls = aclsOf(read, record);
  return acls && (acls.length === 0 ? [] : [begin(acls, number, 0n)]);
}

/** To the machine, if its ACLs let the frame pass. */
export function deliver(read: Read<PipelineFact>, record: PortRecord, number: number): Action[] {
  const acls = aclsOf(read, record);
  if (!acls) return [];
  return acls.length === 0 ? [output(number)] : [begin(acls, number, ACL_INBOUND), next('acl')];
}

/** The same, by the id of the vNIC. */
export function deliverTo(read: Read<PipelineFact>, id: string, number: number): Action[] {
  const record = read.get(`port/${id}`);
  return record?.kind === 'port' ? deliver(read, record, number) : [];
}

/** Which ACL a frame of the port meets when; and its own DHCP, which no ACL forbids. */
export const aclPort: FeatureRule = {
  name: 'acl-port',
  units: (key, fact) => (fact.kind === 'port' && fact.acls !== undefined ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'port') return;
    const number = portNumber(read, portOf.vnic(record.id));
    const acls = aclsOf(read, record);
    if (number === undefined || !acls) return;
    const at = { switch: record.switch, feature: 'acl', thing: unit, origin: record.origin } as const;
    for (const [step, { id, number: acl }] of acls.entries()) {
      yield rule(
        at,
        'acl',
        100,
        matchOf({
          [ACL_STATE]: bits(
            BigInt(number) | ACL_JUDGED | aclStep(step),
            ACL_PORT_MASK | ACL_JUDGED | ACL_STEP_MASK,
          ),
        }),
        [setField(ACL, acl), setField(ACL_STATE, bits(aclStep(step + 1), ACL_STEP_MASK)), next('acl-rules')],
        `the port ACL ${id} is asked about ${record.name}`,
      );
    }
    yield* ownDhcp(record, at, number);
    if (!acls.some(({ rules }) => rules.some(({ log }) => log))) return;
    yield rule(
      at,
      'acl-log',
      100,
      matchOf({ [ACL_STATE]: bits(BigInt(number) | ACL_JUDGED, ACL_PORT_MASK | ACL_JUDGED) }),
      [meter(logMeterId(number)), controller(PUNT.aclLog)],
      `what a rule decided about ${record.name} is reported`,
    );
  },
};

function* ownDhcp(port: PortRecord, at: RuleContext, of: number): Iterable<ExplainedFlow> {
  const from = { [ACL_STATE]: bits(BigInt(of) | ACL_JUDGED, ACL_PORT_MASK | ACL_JUDGED | ACL_INBOUND) };
  const words = `${port.name} asks for its address, which the switch answers`;
  // The very frames that `services` takes for itself: they reach nobody else.
  for (const tag of answeredTags(port)) {
    const where = { ...from, ...(tag ? { vlan_tci: tag } : {}) };
    if (port.dhcpServer !== undefined) {
      const request = matchOf({ ...where, eth_type: 0x0800, ip_proto: 17, udp_src: 68, udp_dst: 67 });
      yield rule(at, 'acl', 300, request, [next('acl-allow')], words);
    }
    if (port.dhcpv6Server !== undefined) {
      const request = matchOf({ ...where, eth_type: 0x86dd, ip_proto: 17, udp_src: 546, udp_dst: 547 });
      yield rule(at, 'acl', 300, request, [next('acl-allow')], words);
    }
  }
}
