/** The uplink: what comes from the physical network goes to the learning switch. */
import { matchOf } from '../flow/match.ts';
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
