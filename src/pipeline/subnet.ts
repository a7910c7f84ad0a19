/** A virtual subnet's router: it answers ARP, ND and ping at the gateway address, and takes packets to be routed. */
import { move, output, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import {
  type IpAddress,
  isIpv4,
  linkLocalOf,
  macToNumber,
  prefix,
  prefixContains,
} from '../packet/address.ts';
import type { SubnetRecord } from '../policy/records.ts';
import { foundAt } from './neighbour.ts';
import { overlayOf, subnetOf } from './overlay.ts';
import { ATTACHED_VIRTUAL, bits, DOMAIN, FOUND, FOUND_ROUTER, VSID } from './registers.ts';
import { ROUTERS_OWN } from './route.ts';
import { type FeatureRule, next, rule } from './rule.ts';

const VIRTUAL = bits(ATTACHED_VIRTUAL, ATTACHED_VIRTUAL);
const LINK_LOCAL = prefix('fe80::/10');

export const subnet: FeatureRule = {
  name: 'subnet',
  units: (_key, fact) => (fact.kind === 'subnet' ? [`${fact.vsid}`] : []),
  *derive(unit, read) {
    const record = subnetOf(read, Number(unit));
    const overlay = record && overlayOf(read, record.rdid);
    if (!overlay) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'subnet',
      thing: `subnet/${unit}`,
      origin: record.origin,
    } as const;
    const { gatewayMac, vsid, name } = record;
    const isRouter = BigInt(macToNumber(gatewayMac)) | (1n << BigInt(FOUND_ROUTER));

    yield rule(
      at,
      'services',
      50,
      matchOf({ reg0: VIRTUAL, [VSID]: vsid, eth_dst: gatewayMac }),
      [next('route')],
      `to the gateway of ${name}: the packet is routed`,
    );
    for (const address of routerAddresses(record)) {
      const v4 = isIpv4(address);
      // A link-local address is nobody's beyond its subnet; the others are the router's from every subnet.
      const asked = isLinkLocal(address) ? { [VSID]: vsid } : {};
      yield rule(
        at,
        'route',
        ROUTERS_OWN,
        matchOf({
          ...asked,
          [DOMAIN]: overlay.domain.number,
          ip_frag: 'no',
          ...(v4
            ? { eth_type: 0x0800, ip_proto: 1, icmp_type: 8, icmp_code: 0, ip_dst: address }
            : { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 128, icmpv6_code: 0, ipv6_dst: address }),
        }),
        [
          move('eth_dst', `${FOUND}[0..47]`),
          move('eth_src', 'eth_dst'),
          move(`${FOUND}[0..47]`, 'eth_src'),
          ...(v4
            ? [move('ip_src', 'ip_dst'), setField('ip_src', address), setField('icmp_type', 0)]
            : [move('ipv6_src', 'ipv6_dst'), setField('ipv6_src', address), setField('icmpv6_type', 129)]),
          setField('ip_ttl', 64),
          output('in_port'),
        ],
        `the gateway ${address} answers ping`,
      );
      yield foundAt(at, vsid, address, isRouter, `${address} is the gateway of ${name}`);
    }
  },
};

/** One of each prefix, and with IPv6 the link-local one, by which guests know their router (RFC 4861, 4.2). */
function routerAddresses({ prefixes, gatewayMac }: SubnetRecord): IpAddress[] {
  const gateways = prefixes.map(({ gateway }) => gateway);
  return gateways.every(isIpv4) ? gateways : [...gateways, linkLocalOf(gatewayMac)];
}

function isLinkLocal(address: IpAddress): boolean {
  return prefixContains(LINK_LOCAL, address);
}
