/**
 * Lookup records, (VSID, CA, MAC) -> PA. Each costs a host two flows: who has the address (neighbour.ts), and where the
 * MAC address is; a machine with IPv6 one more, for its link-local address. Nothing else in the pipeline grows with the
 * machines of other hosts.
 */
import { matchOf } from '../flow/match.ts';
import { deliverTo } from './acl-port.ts';
import { portOf } from './facts.ts';
import { toMoving } from './migration.ts';
import { overlayOf, portNumber, sendTo, subnetOf } from './overlay.ts';
import { VSID } from './registers.ts';
import { type FeatureRule, nameOf, rule } from './rule.ts';

/** MAC address -> port of this switch, or the host that it is on. A vNIC with several addresses has one such rule. */
export const forward: FeatureRule = {
  name: 'forward',
  units: (_key, fact) => (fact.kind === 'lookup' ? [`${fact.vsid}/${fact.mac}`] : []),
  *derive(unit, read) {
    const [first] = read.members('lookupsOfMac', unit);
    const record = first === undefined ? undefined : read.get(first);
    if (record?.kind !== 'lookup') return;
    const overlay = overlayOf(read, record.rdid);
    const subnet = subnetOf(read, record.vsid);
    if (!overlay || !subnet) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'lookup',
      thing: `lookup/${unit}`,
      origin: record.origin,
    } as const;
    const match = matchOf({ [VSID]: record.vsid, eth_dst: record.mac });
    const number = portNumber(read, portOf.vnic(record.port));
    if (number !== undefined && record.standby !== undefined && overlay.tunnel !== undefined) {
      const actions = toMoving(number, overlay.tunnel);
      yield rule(
        at,
        'forward',
        100,
        match,
        actions,
        `${nameOf(record.origin)} moves: here if the link of its port is up`,
      );
    } else if (number !== undefined) {
      const actions = deliverTo(read, record.port, number);
      yield rule(at, 'forward', 100, match, actions, `${nameOf(record.origin)} is on this host`);
    } else if (record.pa !== overlay.provider.pa && overlay.tunnel !== undefined) {
      const actions = sendTo(overlay.provider, subnet, record.pa);
      yield rule(at, 'forward', 100, match, actions, `${nameOf(record.origin)} is on the host ${record.pa}`);
    }
  },
};
