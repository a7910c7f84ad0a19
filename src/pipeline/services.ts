/** What a vNIC asks of the network and is answered for it alone: DHCP of both versions, who its router is, its own addresses. */
import { controller, meter, stripVlan } from '../flow/actions.ts';
import type { ExplainedFlow } from '../flow/flow.ts';
import { type MatchValues, matchOf } from '../flow/match.ts';
import { type IpAddress, isIpv4, linkLocalOf } from '../packet/address.ts';
import type { PortRecord } from '../policy/records.ts';
import { answeredTags, PRIORITY_TAG } from './lanes.ts';
import { PUNT, questionMeterId } from './punt.ts';
import { type RuleContext, rule } from './rule.ts';

const ICMPV6 = { eth_type: 0x86dd, ip_proto: 58 } as const;

/** The rules of the vNIC in the table `services`. */
export function* services(at: RuleContext, record: PortRecord, number: number): Iterable<ExplainedFlow> {
  const isVirtual = record.attachment.type === 'virtual';
  const ask = (match: MatchValues, what: keyof typeof PUNT, words: string) =>
    answeredTags(record).map((tag) =>
      rule(
        at,
        'services',
        200,
        matchOf({ in_port: number, ...(tag ? { vlan_tci: tag } : {}), ...match }),
        [
          meter(questionMeterId(number)),
          ...(tag === PRIORITY_TAG ? [stripVlan()] : []),
          controller(PUNT[what]),
        ],
        words,
      ),
    );

  if (record.dhcpServer) {
    const words = `DHCP is answered in the switch, from ${record.dhcpServer}`;
    yield* ask({ eth_type: 0x0800, ip_proto: 17, udp_src: 68, udp_dst: 67 }, 'dhcp', words);
  }
  if (record.dhcpv6Server) {
    const words = `DHCPv6 is answered in the switch, from ${record.dhcpv6Server}`;
    yield* ask({ eth_type: 0x86dd, ip_proto: 17, udp_src: 546, udp_dst: 547 }, 'dhcpv6', words);
  }
  if (!isVirtual) return;
  if (record.dhcpv6Server) {
    const words = 'router solicitations are answered in the switch, by the router of the subnet';
    yield* ask({ ...ICMPV6, icmpv6_type: 133 }, 'routerSolicitation', words);
  }
  for (const address of ownAddresses(record)) {
    const match = isIpv4(address)
      ? { in_port: number, eth_type: 0x0806, arp_op: 1, arp_tpa: address }
      : { in_port: number, ...ICMPV6, icmpv6_type: 135, nd_target: address };
    const words = `${record.name} asks for its own address ${address}: nobody else has it`;
    yield rule(at, 'services', 110, matchOf(match), [], words);
  }
}

function ownAddresses({ addresses, mac }: PortRecord): Set<IpAddress> {
  const own = addresses.map(({ address }) => address);
  return new Set(own.every(isIpv4) ? own : [...own, linkLocalOf(mac)]);
}
