/** The distributed router's ICMP errors: what the agent makes of a packet that the switch could not pass on. */
import type { PacketIn } from '../flow/datapath.ts';
import { type RouterProblem, routerError } from '../packet/router-error.ts';
import { EXPIRED, TOO_BIG, VSID } from '../pipeline/registers.ts';
import type { PortRecord } from '../policy/records.ts';
import { type Records, subnetOf, subnetWithVsid } from './records.ts';

/**
 * The frame that goes back to the port that the packet came from, from the gateway of its subnet; undefined where there
 * is nothing to say, or nothing may be said.
 */
export function answerError(
  port: PortRecord,
  packet: Pick<PacketIn, 'frame' | 'metadata'>,
  records: Records,
): Uint8Array | undefined {
  const subnet = subnetOf(records, port);
  const problem = problemOf(packet.metadata, records);
  if (!subnet || !problem) return undefined;
  for (const { gateway } of subnet.prefixes) {
    const router = { mac: subnet.gatewayMac, address: gateway };
    const answer = routerError(packet.frame, problem, router, port.mac);
    if (answer) return answer;
  }
  return undefined;
}

/** What the pipeline noted about the packet. The MTU is that of the subnet that it was on its way to. */
function problemOf(metadata: PacketIn['metadata'], records: Records): RouterProblem | undefined {
  const flags = metadata.reg0 ?? 0n;
  if ((flags & EXPIRED) !== 0n) return { type: 'time-exceeded' };
  const target = subnetWithVsid(records, Number(metadata[VSID] ?? 0n));
  return target && (flags & TOO_BIG) !== 0n ? { type: 'too-big', mtu: target.mtu } : undefined;
}
