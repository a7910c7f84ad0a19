/**
 * Private VLANs (RFC 5517): one primary VLAN that is cut into secondary ones, so that machines of one IP subnet do not
 * all hear one another.
 *
 *     port            its frames are in    it hears
 *     isolated        its secondary        the primary
 *     community       its secondary        the primary, and its secondary
 *     promiscuous     the primary          the primary, and all its secondaries
 *
 * The uplink carries frames with the tag of the VLAN that they are in, as switches with private VLANs expect it; so a
 * pair of hosts, or a router behind such a switch, is as good as one switch.
 *
 * Nothing is learnt: answers come in another VLAN than questions, so a learning switch would find no address where it
 * looks. The switch knows its own ports instead, and whatever it does not know is outside, or behind a port that may
 * use other MAC addresses.
 */
import type { Read } from '../base/derive.ts';
import { clone, output, pushVlan, setField, stripVlan } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { matchOf, VLAN_PRESENT, vlanId } from '../flow/match.ts';
import type { Mac } from '../packet/address.ts';
import type { PortRecord, PrivateAttachment } from '../policy/records.ts';
import { deliver } from './acl-port.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { toMoving } from './migration.ts';
import { portNumber } from './overlay.ts';
import { ATTACHED_PRIVATE, bits, PLACE, VLAN } from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';

/** 01:80:c2:00:00:00 to 0f (IEEE 802.1Q-2018, table 8-1): for the two ends of one cable. */
const BRIDGE_GROUPS = bits(0x0180c2000000n, 0xfffffffffff0n);
const GROUP = bits(1n << 40n, 1n << 40n);

/** A port on a private VLAN, and its number in the switch. */
interface Member {
  readonly record: PortRecord;
  readonly attachment: PrivateAttachment;
  readonly number: number;
}

/** The VLAN that frames of the port are in. */
export function vlanOfSender({ mode, primary, secondaries }: PrivateAttachment): number {
  return mode === 'promiscuous' ? primary : (secondaries[0] ?? primary);
}

/** Whether frames of the VLAN come to the port. */
function hears({ mode, primary, secondaries }: PrivateAttachment, vlan: number): boolean {
  return vlan === primary || (mode !== 'isolated' && secondaries.includes(vlan));
}

/** One VLAN on one switch: `<VLAN>/<switch>`. */
export const privateVlan: FeatureRule = {
  name: 'private-vlan',
  units: (_key, fact) =>
    fact.kind === 'port' && fact.attachment.type === 'private'
      ? [fact.attachment.primary, ...fact.attachment.secondaries].map((vlan) => `${vlan}/${fact.switch}`)
      : [],
  *derive(unit, read) {
    const [, digits = '', on = ''] = /^(\d+)\/(.*)$/su.exec(unit) ?? [];
    const vlan = Number(digits);
    const at = { switch: on, feature: 'private-vlan', thing: unit, origin: '' } as const;
    const uplink = portNumber(read, portOf.uplink(on));
    if (uplink !== undefined) yield fromUplink(at, uplink, vlan);
    yield rule(
      at,
      'private-vlan',
      200,
      matchOf({ [VLAN]: vlan, eth_dst: BRIDGE_GROUPS }),
      [],
      'no bridge passes that on',
    );
    const members = membersOf(read, unit, on);
    yield* toKnown(read, at, vlan, members, uplink);
    yield* toOthers(read, at, vlan, members, uplink);
  },
};

/** Ports of the switch on the VLAN, and on the others of the same primary. */
function membersOf(read: Read<PipelineFact>, unit: string, on: string): Member[] {
  const at = (key: string): PortRecord | undefined => {
    const record = read.get(key);
    return record?.kind === 'port' ? record : undefined;
  };
  const primaries = read.members('portsOfPrivateVlan', unit).flatMap((key) => {
    const attachment = at(key)?.attachment;
    return attachment?.type === 'private' ? [attachment.primary] : [];
  });
  const keys = [...new Set(primaries)].flatMap((p) => read.members('portsOfPrivateVlan', `${p}/${on}`));
  return [...new Set(keys)].flatMap((key) => {
    const record = at(key);
    const number = record && portNumber(read, portOf.vnic(record.id));
    if (number === undefined || record?.attachment.type !== 'private') return [];
    return [{ record, attachment: record.attachment, number }];
  });
}

function fromUplink(at: RuleContext, uplink: number, vlan: number): ExplainedFlow {
  return rule(
    at,
    'classify',
    150,
    matchOf({ in_port: uplink, vlan_tci: vlanId(vlan) }),
    [stripVlan(), setField('reg0', ATTACHED_PRIVATE), setField(VLAN, vlan), next('private-vlan')],
    `from the physical network, on VLAN ${vlan} of a private VLAN`,
  );
}

/** A MAC address of this switch: to its port, or to nobody. */
function* toKnown(
  read: Read<PipelineFact>,
  at: RuleContext,
  vlan: number,
  members: readonly Member[],
  uplink: number | undefined,
): Iterable<ExplainedFlow> {
  const byMac: ReadonlyMap<Mac, Member[]> = Map.groupBy(members, ({ record }) => record.mac);
  for (const [mac, owners] of byMac) {
    const hearing = owners.filter(({ attachment }) => hears(attachment, vlan));
    const names = owners.map(({ record }) => record.name).join(', ');
    yield rule(
      at,
      'private-vlan',
      100,
      matchOf({ [VLAN]: vlan, eth_dst: mac }),
      hearing.flatMap(({ record, number }) =>
        record.migration !== undefined && uplink !== undefined
          ? [clone(...toMoving(number, uplink))]
          : deliver(read, record, number),
      ),
      hearing.length > 0 ? `to ${names}` : `${names} does not hear VLAN ${vlan}`,
    );
  }
  if (uplink === undefined || !members.some(({ record }) => record.migration !== undefined)) return;
  yield rule(
    at,
    'migration',
    100,
    matchOf({ [PLACE]: uplink, [VLAN]: vlan }),
    tagged(vlan, uplink),
    `the machine is not here at the moment: out to the other host of its migration, on VLAN ${vlan}`,
  );
}

/** Groups go to all who hear the VLAN, an address that nobody here has to those who may have others. And outside. */
function* toOthers(
  read: Read<PipelineFact>,
  at: RuleContext,
  vlan: number,
  members: readonly Member[],
  uplink: number | undefined,
): Iterable<ExplainedFlow> {
  const hearing = members.filter(({ attachment }) => hears(attachment, vlan));
  const open = hearing.filter(({ record }) => record.security.macSpoofing);
  // What came in by the uplink does not go out there again: no output goes to where a frame came in.
  const outside = uplink === undefined ? [] : tagged(vlan, uplink);
  yield rule(
    at,
    'private-vlan',
    50,
    matchOf({ [VLAN]: vlan, eth_dst: GROUP }),
    [...outputs(read, hearing), ...outside],
    `broadcast and multicast go to all who hear VLAN ${vlan}`,
  );
  yield rule(
    at,
    'private-vlan',
    10,
    matchOf({ [VLAN]: vlan }),
    [...outputs(read, open), ...outside],
    'no machine here has that MAC address as its own',
  );
}

function tagged(vlan: number, uplink: number): Action[] {
  return [pushVlan(), setField('vlan_tci', VLAN_PRESENT | vlan), output(uplink)];
}

function outputs(read: Read<PipelineFact>, members: readonly Member[]): Action[] {
  return members
    .toSorted((a, b) => a.number - b.number)
    .flatMap(({ record, number }) => deliver(read, record, number));
}
