/**
 * A machine that moves has a port on two hosts, and the link of the port says which of them has it. Each of the two
 * hosts delivers while its own port is up and passes on to the other host otherwise; so the moment of the move needs
 * nobody but the hypervisor that takes the link down here and up there (docs/decisions/0016).
 *
 *     frame for the machine --+-- port up ------------------------------> to the machine
 *                             +-- port down, from anywhere else --------> to the other host, by the tunnel
 *                             +-- port down, from the other host -------> dropped: it passes on once, never back
 *
 * Both hosts have the same rules, whichever is the active one: the switch-over changes where the others send, and
 * nothing here.
 */
import type { Read } from '../base/derive.ts';
import { bundle, output } from '../flow/actions.ts';
import type { Action } from '../flow/flow.ts';
import { matchOf } from '../flow/match.ts';
import { isIpv4 } from '../packet/address.ts';
import type { LookupRecord } from '../policy/records.ts';
import { deliver } from './acl-port.ts';
import { hostsOf, type PipelineFact, portOf } from './facts.ts';
import { encapsulate, overlayOf, portNumber, sendTo, subnetOf } from './overlay.ts';
import { PLACE, VSID } from './registers.ts';
import { type FeatureRule, nameOf, next, rule } from './rule.ts';

/** On to the machine: by its port `number` while the link is up, else by the port that leads to the other host. */
export function toMoving(number: number, away: number): Action[] {
  return [bundle([number, away], { algorithm: 'active_backup', to: `${PLACE}[0..15]` }), next('migration')];
}

/** A machine is here: its port is the one that leads to it. */
export const arrived: FeatureRule = {
  name: 'arrived',
  units: (key, fact) => (fact.kind === 'port' && fact.migration !== undefined ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'port') return;
    const number = portNumber(read, portOf.vnic(record.id));
    if (number === undefined) return;
    const at = { switch: record.switch, feature: 'migration', thing: unit, origin: record.origin } as const;
    const match = matchOf({ [PLACE]: number });
    const actions = deliver(read, record, number);
    yield rule(at, 'migration', 100, match, actions, `${record.name} is on this host at the moment`);
  },
};

/** A machine of a virtual subnet that is not here, or not yet. */
export const late: FeatureRule = {
  name: 'late',
  units: (_key, fact) =>
    fact.kind === 'lookup' && fact.standby !== undefined ? [`${fact.vsid}/${fact.mac}`] : [],
  *derive(unit, read) {
    const record = movingRecord(read, unit);
    const overlay = record && overlayOf(read, record.rdid);
    const subnet = record && subnetOf(read, record.vsid);
    if (!overlay || !subnet || portNumber(read, portOf.vnic(record.port)) === undefined) return;
    const { provider, tunnel } = overlay;
    const other = hostsOf(record).find((pa) => pa !== provider.pa);
    if (tunnel === undefined || other === undefined) return;
    const at = {
      switch: provider.switch,
      feature: 'migration',
      thing: `lookup/${unit}`,
      origin: record.origin,
    } as const;
    const name = nameOf(record.origin);
    const away = { [PLACE]: tunnel, [VSID]: record.vsid, eth_dst: record.mac };
    const fromOther = matchOf({ ...away, [isIpv4(other) ? 'tun_src' : 'tun_ipv6_src']: other });
    yield rule(
      at,
      'migration',
      110,
      fromOther,
      [],
      `${name} is not here, and ${other} has sent it on already`,
    );
    const words = `${name} is not here at the moment: on to the other host of its migration, ${other}`;
    // It came through the tunnel, so it fits; and no output goes to where a frame came in, unless that is said.
    const turned = [...encapsulate(provider, record.vsid, other), output('in_port')];
    yield rule(at, 'migration', 105, matchOf({ in_port: tunnel, ...away }), turned, words);
    yield rule(at, 'migration', 100, matchOf(away), sendTo(provider, subnet, other), words);
  },
};

/** The record of a machine that moves, by its VSID and MAC address. */
function movingRecord(read: Read<PipelineFact>, unit: string): LookupRecord | undefined {
  const [first] = read.members('lookupsOfMac', unit);
  const record = first === undefined ? undefined : read.get(first);
  return record?.kind === 'lookup' ? record : undefined;
}
