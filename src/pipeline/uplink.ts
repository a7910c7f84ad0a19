/** The uplink: what comes from the physical network goes to the learning switch. */
import { DEAD_VLAN } from '../flow/datapath.ts';
import { matchOf, vlanId } from '../flow/match.ts';
import { portOf } from './facts.ts';
import { portNumber } from './overlay.ts';
import { type FeatureRule, next, rule } from './rule.ts';

export const uplink: FeatureRule = {
  name: 'uplink',
  units: (key, fact) => (fact.kind === 'switch' && fact.uplink ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'switch') return;
    const number = portNumber(read, portOf.uplink(record.name));
    if (number === undefined) return;
    const at = { switch: record.name, feature: 'uplink', thing: unit, origin: record.origin } as const;
    // Ports of virtual subnets lie in it to be out of reach (docs/decisions/0007).
    yield rule(
      at,
      'classify',
      200,
      matchOf({ in_port: number, vlan_tci: vlanId(DEAD_VLAN) }),
      [],
      'there is no VLAN 4095 (IEEE 802.1Q-2018, table 9-2)',
    );
    yield rule(
      at,
      'classify',
      100,
      matchOf({ in_port: number }),
      [next('bridge')],
      'from the physical network',
    );
  },
};
