/** What the switch asks of the agent for a guest: DHCP of both versions, router solicitations, errors of the router. */
import type { PacketIn } from '../flow/datapath.ts';
import { PUNT } from '../pipeline/punt.ts';
import type { PortRecord } from '../policy/records.ts';
import { answerDhcp } from './dhcp-responder.ts';
import { answerDhcpv6 } from './dhcpv6-responder.ts';
import { answerError } from './error-responder.ts';
import { type Records, subnetOf } from './records.ts';
import { answerSolicitation } from './router-advertiser.ts';

/**
 * The frame that answers the guest of the port that the packet came from. A question that has no good answer stays
 * unanswered.
 */
export function answerTo(port: PortRecord, packet: PacketIn, records: Records): Uint8Array | undefined {
  switch (packet.userdata) {
    case PUNT.dhcp:
      return answerDhcp(port, packet.frame);
    case PUNT.dhcpv6:
      return answerDhcpv6(port, subnetOf(records, port), packet.frame);
    case PUNT.routerSolicitation: {
      const subnet = subnetOf(records, port);
      return subnet && answerSolicitation(port, subnet, packet.frame);
    }
    case PUNT.routerError:
      return answerError(port, packet, records);
    default:
      return undefined;
  }
}
