/** The provider address: the host's interface on the fabric, and the hosts that may send to it. */

import { setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { ip, isIpv4 } from '../packet/address.ts';
import { portOf } from './facts.ts';
import { overlayOf, portNumber, subnetOf, tunnelKey } from './overlay.ts';
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

/**
 * Who may send into the tunnel: a provider address, for a VSID that it has a vNIC on. Anything else is dropped by the
 * miss of `classify`, so a frame injected from elsewhere on the underlay does not get in (security.md U1).
 */
export const peer: FeatureRule = {
  name: 'peer',
  units: (_key, fact) => (fact.kind === 'lookup' ? [`${fact.vsid}/${fact.pa}`] : []),
  *derive(unit, read) {
    const slash = unit.indexOf('/');
    const vsid = Number(unit.slice(0, slash));
    const subnet = subnetOf(read, vsid);
    const overlay = subnet && overlayOf(read, subnet.rdid);
    const pa = read.members('hostsOfSubnet', `${vsid}`).find((address) => address === unit.slice(slash + 1));
    if (!overlay || overlay.tunnel === undefined || pa === undefined || pa === overlay.provider.pa) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'provider',
      thing: `peer/${unit}`,
      origin: subnet.origin,
    } as const;
    yield rule(
      at,
      'classify',
      100,
      matchOf({
        in_port: overlay.tunnel,
        tun_id: tunnelKey(overlay.provider, vsid),
        [isIpv4(ip(pa)) ? 'tun_src' : 'tun_ipv6_src']: pa,
      }),
      [
        setField('reg0', ORIGIN.tunnel | ATTACHED_VIRTUAL),
        setField(VSID, vsid),
        setField(DOMAIN, overlay.domain.number),
        next('forward'),
      ],
      `from the host ${pa}, which has a machine on ${subnet.name}`,
    );
  },
};
