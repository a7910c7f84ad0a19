/**
 * Hybrid ports: VLANs that come to a port without their tag, besides its native one. No mode of a port in the learning
 * switch has more than one such VLAN, so rules before NORMAL serve them:
 *
 *     in the VLAN, to the port's own MAC address    without the tag, to the port
 *     in the VLAN, to a group                       the same, and on to the learning switch
 *     to the MAC address of a port that moves       the same: the machine may be on its other host
 *     any other                                     on to the learning switch, which does not know the port in this VLAN
 *
 * The way back is another VLAN, the native one of the port (asymmetric VLANs): so nothing is learnt here, and in a switch
 * that does not have the port, frames to its MAC address in this VLAN go out by all ports of the VLAN.
 */
import type { Read } from '../base/derive.ts';
import { clone, output, stripVlan } from '../flow/actions.ts';
import type { Action, ExplainedFlow, Match } from '../flow/flow.ts';
import { type MatchValues, matchOf, UNTAGGED, vlanId } from '../flow/match.ts';
import type { PortRecord } from '../policy/records.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { keepsPriority } from './lanes.ts';
import { portNumber } from './overlay.ts';
import { bits } from './registers.ts';
import { type FeatureRule, type RuleContext, rule } from './rule.ts';

/** 01:80:c2:00:00:00 to 0f (IEEE 802.1Q-2018, table 8-1): for the two ends of one cable. */
const BRIDGE_GROUPS = bits(0x0180c2000000n, 0xfffffffffff0n);
const GROUP = bits(1n << 40n, 1n << 40n);

/** One VLAN on one switch: `<VLAN>/<switch>`. */
export const hybrid: FeatureRule = {
  name: 'hybrid',
  units: (_key, fact) =>
    fact.kind === 'port' && fact.attachment.type === 'trunk'
      ? fact.attachment.untagged.map((vlan) => `${vlan}/${fact.switch}`)
      : [],
  *derive(unit, read) {
    const [, digits = '', on = ''] = /^(\d+)\/(.*)$/su.exec(unit) ?? [];
    const vlan = Number(digits);
    const ports = read.members('hybridsOfVlan', unit).flatMap((key) => {
      const record = read.get(key);
      const number = record?.kind === 'port' ? portNumber(read, portOf.vnic(record.id)) : undefined;
      return record?.kind === 'port' && number !== undefined ? [{ record, number }] : [];
    });
    if (ports.length === 0) return;
    const at = { switch: on, feature: 'hybrid', thing: unit, origin: '' } as const;
    for (const way of waysInto(read, unit, vlan, on)) yield* rulesOf(at, way, vlan, ports);
  },
};

function* rulesOf(
  at: RuleContext,
  { match: way, hasTag }: Way,
  vlan: number,
  ports: readonly { readonly record: PortRecord; readonly number: number }[],
): Iterable<ExplainedFlow> {
  const to = (match: MatchValues): Match => matchOf({ ...way, ...match });
  const normal = output('normal');
  const untag: Action[] = hasTag ? [stripVlan()] : [];
  yield rule(at, 'bridge', 60, to({ eth_dst: BRIDGE_GROUPS }), [normal], 'no bridge passes that on');
  const numbers = ports.map(({ number }) => number).sort((a, b) => a - b);
  yield rule(
    at,
    'bridge',
    50,
    to({ eth_dst: GROUP }),
    [clone(...untag, ...numbers.map((number) => output(number))), normal],
    `broadcast and multicast of VLAN ${vlan}, also to ports where it has no tag`,
  );
  for (const [mac, owners] of Map.groupBy(ports, ({ record }) => record.mac)) {
    const outputs = owners
      .map(({ number }) => number)
      .sort((a, b) => a - b)
      .map((number) => output(number));
    const names = owners.map(({ record }) => record.name).join(', ');
    yield rule(
      at,
      'bridge',
      100,
      to({ eth_dst: mac }),
      owners.some(({ record }) => record.migration !== undefined)
        ? [clone(...untag, ...outputs), normal]
        : [...untag, ...outputs],
      `to ${names}, where VLAN ${vlan} has no tag`,
    );
  }
}

/** How frames of the VLAN come into the switch. */
interface Way {
  readonly match: MatchValues;
  readonly hasTag: boolean;
}

function* waysInto(read: Read<PipelineFact>, unit: string, vlan: number, on: string): Iterable<Way> {
  const tagged = (in_port: number, id: number): Way => ({
    match: { in_port, vlan_tci: vlanId(id) },
    hasTag: true,
  });
  const untagged = (in_port: number): Way => ({ match: { in_port, vlan_tci: UNTAGGED }, hasTag: false });
  const uplink = portNumber(read, portOf.uplink(on));
  if (uplink !== undefined) yield tagged(uplink, vlan);
  for (const key of read.members('portsOfVlan', unit)) {
    const record = read.get(key);
    if (record?.kind === 'provider') {
      const in_port = portNumber(read, portOf.provider(record.logicalNetwork));
      if (in_port !== undefined) yield untagged(in_port);
    }
    if (record?.kind !== 'port') continue;
    const in_port = portNumber(read, portOf.vnic(record.id));
    if (in_port === undefined) continue;
    const isTagged = record.attachment.type === 'trunk' && record.attachment.native !== vlan;
    yield isTagged ? tagged(in_port, vlan) : untagged(in_port);
    // A priority that may stay is in a tag that says no VLAN.
    if (!isTagged && keepsPriority(record)) yield tagged(in_port, 0);
  }
}
