/** What has gone through a port, in the words of the Datapath contract. */
import { NO_TRAFFIC, type PortTraffic, type Traffic } from '../../flow/port-traffic.ts';
import type { Port } from './port.ts';
import type { Tally } from './tally.ts';

/** A tunnel counts packets of the underlay; what limits took is told of a port that is no uplink. */
export function trafficOf(port: Port): readonly PortTraffic[] {
  const { spec, tallies, cables, limit } = port;
  if (spec.type === 'uplink') {
    return spec.nics.map((nic) => ({
      name: spec.name,
      nic,
      link: cables.get(nic)?.up ?? false,
      ...waysOf(tallies.get(nic), 0n),
    }));
  }
  const refused = port.tunnelDrops.values().reduce((sum, count) => sum + count, 0n);
  const link = spec.type === 'tunnel' ? port.underlay !== undefined : (cables.get('')?.up ?? false);
  const drops = limit.drops.policed + limit.drops.overShare + refused;
  return [{ name: spec.name, link, ...waysOf(tallies.get(''), drops) }];
}

function waysOf(tally: Tally | undefined, drops: bigint): Pick<PortTraffic, 'received' | 'sent'> {
  return { received: { ...wayOf(tally?.received), drops }, sent: wayOf(tally?.sent) };
}

function wayOf(way: Tally['sent'] | undefined): Traffic {
  return way ? { ...NO_TRAFFIC, packets: BigInt(way.packets), bytes: BigInt(way.bytes) } : NO_TRAFFIC;
}
