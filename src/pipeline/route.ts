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

/** What the router takes for itself goes before everything that it forwards. */
export const ROUTERS_OWN = 310;
const MARTIAN_PRIORITY = 300;

/** Never forwarded, neither from nor to: RFC 1812 5.3.7, RFC 3927 2.7; RFC 4291 2.5.2, 2.5.3, 2.5.6, 2.7. */
const MARTIANS = [
  [4, ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3']],
  [6, ['::/127', 'fe80::/10', 'ff00::/8']],
] as const;

export const martian: FeatureRule = {
  name: 'martian',
  units: (_key, fact) => (fact.kind === 'switch' ? [fact.name] : []),
  *derive(unit) {
    const at = { switch: unit, feature: 'base', thing: 'base', origin: '' } as const;
    for (const [family, prefixes] of MARTIANS) {
      const eth_type = family === 4 ? 0x0800 : 0x86dd;
      const [source, destination] =
        family === 4 ? (['ip_src', 'ip_dst'] as const) : (['ipv6_src', 'ipv6_dst'] as const);
      for (const prefix of prefixes) {
        const from = matchOf({ eth_type, [source]: prefix });
        const to = matchOf({ eth_type, [destination]: prefix });
        yield rule(at, 'route', MARTIAN_PRIORITY + 1, from, [], `no router forwards from ${prefix}`);
        yield rule(at, 'route', MARTIAN_PRIORITY, to, [], `no router forwards to ${prefix}`);
      }
    }
  },
};

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
