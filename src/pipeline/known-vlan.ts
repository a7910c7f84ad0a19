/**
 * A VLAN with port ACLs. The learning switch of the engine delivers by itself, so no rule could look at what it delivers;
 * therefore, on a switch where a port of a VLAN has ACLs, rules take its place for that VLAN (docs/decisions/0019). They
 * learn nothing, as on private VLANs: the switch knows its own ports, and whatever it does not know is outside, or behind a
 * port that may use other MAC addresses.
 *
 *     bridge --(a frame of the VLAN, whoever sent it)--> known-vlan --+--> one port, by its MAC address
 *                                                                     +--> all ports of the VLAN, and outside: groups
 *                                                                     +--> outside: everything else
 *
 * To a port with ACLs a frame goes by way of them.
 */
import type { Read } from '../base/derive.ts';
import { clone, output, pushVlan, setField, stripVlan } from '../flow/actions.ts';
import type { Action, ExplainedFlow } from '../flow/flow.ts';
import { matchOf, UNTAGGED, VLAN_PRESENT, vlanId } from '../flow/match.ts';
import type { Mac } from '../packet/address.ts';
import type { Attachment, PortRecord } from '../policy/records.ts';
import { deliver } from './acl-port.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { toMoving } from './migration.ts';
import { portNumber } from './overlay.ts';
import { bits, PLACE, VLAN } from './registers.ts';
import { type FeatureRule, next, type RuleContext, rule } from './rule.ts';

/** 01:80:c2:00:00:00 to 0f (IEEE 802.1Q-2018, table 8-1): for the two ends of one cable. */
const BRIDGE_GROUPS = bits(0x0180c2000000n, 0xfffffffffff0n);
const GROUP = bits(1n << 40n, 1n << 40n);

/** A port on the VLAN. */
interface Member {
  readonly name: string;
  readonly mac: Mac;
  readonly number: number;
  /** How its frames of the VLAN come: without a tag, with one, or not at all (a hybrid port, which only hears it). */
  readonly sends: 'untagged' | 'tagged' | 'nothing';
  /** It may have other MAC addresses. */
  readonly isOpen: boolean;
  readonly isMoving: boolean;
  readonly deliver: readonly Action[];
}

/** The VLANs that a port is on, 0 for untagged; none for ports that no learning switch serves. */
function vlansOf(attachment: Attachment): readonly number[] {
  if (attachment.type === 'vlan') return [attachment.vlan];
  if (attachment.type !== 'trunk') return [];
  return [attachment.native, ...attachment.tagged, ...attachment.untagged];
}

/** One VLAN on one switch: `<VLAN>/<switch>`. */
export const knownVlan: FeatureRule = {
  name: 'known-vlan',
  units: (_key, fact) =>
    fact.kind === 'port' && fact.acls !== undefined
      ? vlansOf(fact.attachment).map((vlan) => `${vlan}/${fact.switch}`)
      : [],
  *derive(unit, read) {
    const [, digits = '', on = ''] = /^(\d+)\/(.*)$/su.exec(unit) ?? [];
    const vlan = Number(digits);
    const at = { switch: on, feature: 'known-vlan', thing: unit, origin: '' } as const;
    const uplink = portNumber(read, portOf.uplink(on));
    const members = membersOf(read, unit, vlan).sort((a, b) => a.number - b.number);
    yield* into(at, vlan, members, uplink);
    yield* toKnown(at, vlan, members, uplink);
    yield* toOthers(at, vlan, members, uplink);
  },
};

function membersOf(read: Read<PipelineFact>, unit: string, vlan: number): Member[] {
  const keys = [...read.members('portsOfVlan', unit), ...read.members('hybridsOfVlan', unit)];
  return keys.flatMap((key): Member[] => {
    const record = read.get(key);
    if (record?.kind === 'provider') {
      const number = portNumber(read, portOf.provider(record.logicalNetwork));
      if (number === undefined) return [];
      const { pa, mac } = record;
      const common = {
        sends: 'untagged',
        isOpen: false,
        isMoving: false,
        deliver: [output(number)],
      } as const;
      return [{ name: `the provider address ${pa}`, mac, number, ...common }];
    }
    const number = record?.kind === 'port' ? portNumber(read, portOf.vnic(record.id)) : undefined;
    return record?.kind === 'port' && number !== undefined ? [memberOf(read, record, number, vlan)] : [];
  });
}

function memberOf(read: Read<PipelineFact>, record: PortRecord, number: number, vlan: number): Member {
  const { attachment, name, mac, security, migration } = record;
  const isTagged = attachment.type === 'trunk' && attachment.tagged.includes(vlan);
  const isHeard = attachment.type === 'trunk' && attachment.untagged.includes(vlan);
  const actions = deliver(read, record, number);
  return {
    name,
    mac,
    number,
    sends: isTagged ? 'tagged' : isHeard ? 'nothing' : 'untagged',
    isOpen: security.macSpoofing,
    isMoving: migration !== undefined,
    deliver: isTagged ? [clone(...tag(vlan), ...actions)] : actions,
  };
}

function tag(vlan: number): Action[] {
  return vlan === 0 ? [] : [pushVlan(), setField('vlan_tci', VLAN_PRESENT | vlan)];
}

/** Frames of the VLAN never come to the learning switch. A tag that says a priority and no VLAN is taken off. */
function* into(
  at: RuleContext,
  vlan: number,
  members: readonly Member[],
  uplink: number | undefined,
): Iterable<ExplainedFlow> {
  const to = [setField(VLAN, vlan), next('known-vlan')];
  const enter = (number: number, isTagged: boolean, words: string): ExplainedFlow[] => {
    const untagged = { in_port: number, vlan_tci: UNTAGGED };
    const priority = { in_port: number, vlan_tci: vlanId(0) };
    const tagged = { in_port: number, vlan_tci: vlanId(vlan) };
    return isTagged && vlan !== 0
      ? [rule(at, 'bridge', 300, matchOf(tagged), [stripVlan(), ...to], words)]
      : [
          rule(at, 'bridge', 300, matchOf(untagged), to, words),
          rule(at, 'bridge', 300, matchOf(priority), [stripVlan(), ...to], words),
        ];
  };
  const where = `${nameOfVlan(vlan)}, where ports have port ACLs`;
  for (const { number, name, sends } of members) {
    if (sends !== 'nothing') yield* enter(number, sends === 'tagged', `from ${name}, on ${where}`);
  }
  if (uplink !== undefined) yield* enter(uplink, true, `from the physical network, on ${where}`);
}

/** A MAC address of this switch: to its port. */
function* toKnown(
  at: RuleContext,
  vlan: number,
  members: readonly Member[],
  uplink: number | undefined,
): Iterable<ExplainedFlow> {
  for (const [mac, owners] of Map.groupBy(members, (member) => member.mac)) {
    const actions = owners.flatMap((owner) =>
      owner.isMoving && uplink !== undefined ? toMover(owner, vlan, uplink) : owner.deliver,
    );
    const names = owners.map(({ name }) => name).join(', ');
    yield rule(at, 'known-vlan', 100, matchOf({ [VLAN]: vlan, eth_dst: mac }), actions, `to ${names}`);
  }
  if (uplink === undefined || !members.some(({ isMoving }) => isMoving)) return;
  const away = { [PLACE]: uplink, [VLAN]: vlan };
  const words = `the machine is not here at the moment: out to the other host of its migration, on ${nameOfVlan(vlan)}`;
  yield rule(
    at,
    'migration',
    100,
    matchOf({ ...away, vlan_tci: UNTAGGED }),
    [...tag(vlan), output(uplink)],
    words,
  );
  if (!members.some(({ isMoving, sends }) => isMoving && sends === 'tagged')) return;
  yield rule(at, 'migration', 100, matchOf({ ...away, vlan_tci: vlanId(vlan) }), [output(uplink)], words);
}

/** A frame that a trunk is to get with a tag has it before it is known which host the machine is on. */
function toMover({ number, sends }: Member, vlan: number, uplink: number): Action[] {
  return [clone(...(sends === 'tagged' ? tag(vlan) : []), ...toMoving(number, uplink))];
}

/** Groups go to all, an address that nobody here has to those who may have others. And outside. */
function* toOthers(
  at: RuleContext,
  vlan: number,
  members: readonly Member[],
  uplink: number | undefined,
): Iterable<ExplainedFlow> {
  // What came in by the uplink does not go out there again: no output goes to where a frame came in.
  const outside = uplink === undefined ? [] : [...tag(vlan), output(uplink)];
  const open = members.filter(({ isOpen, sends }) => isOpen && sends !== 'nothing');
  const write = (
    priority: number,
    eth_dst: typeof GROUP | undefined,
    actions: readonly Action[],
    words: string,
  ) => rule(at, 'known-vlan', priority, matchOf({ [VLAN]: vlan, eth_dst }), actions, words);
  yield write(200, BRIDGE_GROUPS, [], 'no bridge passes that on');
  yield write(
    50,
    GROUP,
    [...members.flatMap((member) => member.deliver), ...outside],
    `broadcast and multicast go to all of ${nameOfVlan(vlan)}`,
  );
  yield write(
    10,
    undefined,
    [...open.flatMap((member) => member.deliver), ...outside],
    'no machine here has that MAC address as its own',
  );
}

function nameOfVlan(vlan: number): string {
  return vlan === 0 ? 'the untagged network' : `VLAN ${vlan}`;
}
