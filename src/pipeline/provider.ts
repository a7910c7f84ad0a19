/** The provider address: the host's interface on the fabric, and the hosts that may send to it. */

import { setField } from '../flow/actions.ts';
import { matchOf, UNTAGGED } from '../flow/match.ts';
import { ip, isIpv4 } from '../packet/address.ts';
import { hostsOf, portOf } from './facts.ts';
import { overlayOf, portNumber, tunnelKey } from './overlay.ts';
import { ATTACHED_VIRTUAL, DOMAIN, ORIGIN, VSID } from './registers.ts';
import { type FeatureRule, next, rule } from './rule.ts';

export const provider: FeatureRule = {
  name: 'provider',
  units: (key, fact) => (fact.kind === 'provider' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'provider') return;
    const number = portNumber(read, portOf.provider(record.logicalNetwork));
    if (number === undefined) return;
    const at = { switch: record.switch, feature: 'provider', thing: unit, origin: record.origin } as const;
    yield rule(
      at,
      'classify',
      100,
      matchOf({ in_port: number, vlan_tci: 0, eth_src: record.mac }),
      [next('bridge')],
      `from the provider address ${record.pa}`,
    );
  },
};

/** What no rule of a peer is about. `classify` would drop it without this rule; with it, it is counted. */
export const stranger: FeatureRule = {
  name: 'stranger',
  units: (key, fact) => (fact.kind === 'provider' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'provider') return;
    const number = portNumber(read, portOf.tunnel(record.logicalNetwork));
    if (number === undefined) return;
    const at = { switch: record.switch, feature: 'provider', thing: unit, origin: record.origin } as const;
    const words = `through the tunnel of ${record.logicalNetwork}, from a provider address that is not expected for its VSID, or tagged inside`;
    yield rule(at, 'classify', 50, matchOf({ in_port: number }), [], words);
  },
};

/**
 * Who may send into the tunnel: the provider address of a host of the routing domain, for any of its VSIDs, since the
 * router of that host sends to all of them. Anything else is dropped by the miss of `classify`, so a frame injected
 * from elsewhere on the underlay does not get in (security.md U1), nor does a tagged one (RFC 7637, 3.3).
 */
export const peer: FeatureRule = {
  name: 'peer',
  units: (_key, fact) => (fact.kind === 'lookup' ? hostsOf(fact).map((pa) => `${fact.rdid}/${pa}`) : []),
  *derive(unit, read) {
    const [rdid = '', pa = ''] = unit.split('/');
    const overlay = overlayOf(read, rdid);
    if (!overlay || overlay.tunnel === undefined || pa === overlay.provider.pa) return;
    const { provider, domain, tunnel } = overlay;
    for (const key of read.members('subnetsOfDomain', rdid)) {
      const subnet = read.get(key);
      if (subnet?.kind !== 'subnet') continue;
      const at = {
        switch: provider.switch,
        feature: 'provider',
        thing: `peer/${unit}`,
        origin: subnet.origin,
      } as const;
      yield rule(
        at,
        'classify',
        100,
        matchOf({
          in_port: tunnel,
          vlan_tci: UNTAGGED,
          tun_id: tunnelKey(provider, subnet.vsid),
          [isIpv4(ip(pa)) ? 'tun_src' : 'tun_ipv6_src']: pa,
        }),
        [
          setField('reg0', ORIGIN.tunnel | ATTACHED_VIRTUAL),
          setField(VSID, subnet.vsid),
          setField(DOMAIN, domain.number),
          next('forward'),
        ],
        `from the host ${pa}, which has a machine on ${domain.name}, to ${subnet.name}`,
      );
    }
  },
};
