/** A virtual subnet's router: it answers ARP, ND and ping at the gateway address, and takes packets to be routed. */
import { move, output, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { ipToBigint, isIpv4, macToNumber } from '../packet/address.ts';
import { overlayOf, subnetOf } from './overlay.ts';
import { ATTACHED_VIRTUAL, bits, DOMAIN, FOUND, FOUND_ROUTER, TARGET4, TARGET6, VSID } from './registers.ts';
import { ROUTERS_OWN } from './route.ts';
import { type FeatureRule, next, rule } from './rule.ts';

const VIRTUAL = bits(ATTACHED_VIRTUAL, ATTACHED_VIRTUAL);

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
    const gatewayMac = record.gatewayMac;
    const gateway = record.gateway;
    const v4 = isIpv4(record.gateway);

    yield rule(
      at,
      'services',
      50,
      matchOf({ reg0: VIRTUAL, [VSID]: record.vsid, eth_dst: gatewayMac }),
      [next('route')],
      `to the gateway of ${record.name}: the packet is routed`,
    );
    yield rule(
      at,
      'route',
      ROUTERS_OWN,
      matchOf({
        [DOMAIN]: overlay.domain.number,
        ip_frag: 'no',
        ...(v4
          ? { eth_type: 0x0800, ip_proto: 1, icmp_type: 8, icmp_code: 0, ip_dst: gateway }
          : { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 128, icmpv6_code: 0, ipv6_dst: gateway }),
      }),
      [
        move('eth_dst', `${FOUND}[0..47]`),
        move('eth_src', 'eth_dst'),
        move(`${FOUND}[0..47]`, 'eth_src'),
        ...(v4
          ? [move('ip_src', 'ip_dst'), setField('ip_src', gateway), setField('icmp_type', 0)]
          : [move('ipv6_src', 'ipv6_dst'), setField('ipv6_src', gateway), setField('icmpv6_type', 129)]),
        setField('ip_ttl', 64),
        output('in_port'),
      ],
      `the gateway ${record.gateway} answers ping`,
    );
    yield rule(
      at,
      'neighbour',
      100,
      matchOf({ [VSID]: record.vsid, [v4 ? TARGET4 : TARGET6]: ipToBigint(gateway) }),
      [setField(FOUND, BigInt(macToNumber(gatewayMac)) | (1n << BigInt(FOUND_ROUTER)))],
      `${record.gateway} is the gateway of ${record.name}`,
    );
  },
};
