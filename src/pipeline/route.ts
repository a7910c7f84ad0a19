/** Customer routes: inside a routing domain, a packet moves to the VSID of its destination (domain.md section 8). */
import { decTtl, move, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { ipToBigint, prefixParts } from '../packet/address.ts';
import type { RouteRecord } from '../policy/records.ts';
import { overlayOf, subnetOf } from './overlay.ts';
import { bits, DOMAIN, PURPOSE, PURPOSE_MASK, TARGET4, TARGET6, VSID } from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

/** Longer prefixes win: the priority is this much plus the length of the prefix. */
const BASE_PRIORITY = 100;

export const route: FeatureRule = {
  name: 'route',
  units: (key, fact) => (fact.kind === 'route' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'route') return;
    const subnet = subnetOf(read, record.vsid);
    const overlay = overlayOf(read, record.rdid);
    if (!subnet || !overlay) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'route',
      thing: unit,
      origin: record.origin,
    } as const;
    const { family, length } = prefixParts(record.prefix);
    const destination = family === 4 ? 'ip_dst' : 'ipv6_dst';
    const target = family === 4 ? TARGET4 : TARGET6;
    yield rule(
      at,
      'route',
      BASE_PRIORITY + length,
      matchOf({
        [DOMAIN]: overlay.domain.number,
        eth_type: family === 4 ? 0x0800 : 0x86dd,
        [destination]: record.prefix,
      }),
      [
        decTtl(),
        setField(VSID, record.vsid),
        setField('eth_src', subnet.gatewayMac),
        onLink(record) ? move(destination, target) : setField(target, ipToBigint(record.nextHop)),
        setField('reg0', bits(PURPOSE.route, PURPOSE_MASK)),
        next('neighbour'),
        next('answer'),
      ],
      `${record.prefix} is reached through ${subnet.name}, VSID ${record.vsid}${onLink(record) ? '' : `, by ${record.nextHop}`}`,
    );
  },
};

function onLink(record: RouteRecord): boolean {
  return ipToBigint(record.nextHop) === 0n;
}
