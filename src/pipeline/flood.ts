/** Broadcast and multicast of a virtual subnet: to its members here, and once to every other host that has one. */
import { clone, output } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { ip } from '../packet/address.ts';
import { deliverTo } from './acl-port.ts';
import { portOf } from './facts.ts';
import { encapsulate, overlayOf, portNumber, subnetOf } from './overlay.ts';
import { bits, ORIGIN, ORIGIN_MASK, VSID } from './registers.ts';
import { type FeatureRule, rule } from './rule.ts';

export const flood: FeatureRule = {
  name: 'flood',
  units: (_key, fact) => (fact.kind === 'subnet' ? [`${fact.vsid}`] : []),
  *derive(unit, read) {
    const subnet = subnetOf(read, Number(unit));
    const overlay = subnet && overlayOf(read, subnet.rdid);
    if (!overlay) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'flood',
      thing: `subnet/${unit}`,
      origin: subnet.origin,
    } as const;
    const members = read
      .members('portsOfSubnet', unit)
      .flatMap((key) => {
        const id = key.slice('port/'.length);
        const number = portNumber(read, portOf.vnic(id));
        return number === undefined ? [] : [{ id, number }];
      })
      .sort((a, b) => a.number - b.number);
    const here = members.flatMap(({ id, number }) => deliverTo(read, id, number));
    const hosts = read.members('hostsOfSubnet', unit).filter((pa) => pa !== overlay.provider.pa);
    const { tunnel } = overlay;
    const away =
      tunnel === undefined
        ? []
        : hosts.map((pa) => clone(...encapsulate(overlay.provider, subnet.vsid, ip(pa)), output(tunnel)));

    // Split horizon: what came through a tunnel never goes into one again, its sender has served the other hosts.
    yield rule(
      at,
      'flood',
      200,
      matchOf({ reg0: bits(ORIGIN.tunnel, ORIGIN_MASK), [VSID]: subnet.vsid }),
      here,
      `to ${count(members.length, 'member')} of ${subnet.name} on this host`,
    );
    yield rule(
      at,
      'flood',
      100,
      matchOf({ [VSID]: subnet.vsid }),
      [...here, ...away],
      `to ${count(members.length, 'member')} of ${subnet.name} on this host, and once to ${count(hosts.length, 'other host')}`,
    );
  },
};

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
