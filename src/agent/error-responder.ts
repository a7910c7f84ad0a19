/** The distributed router's ICMP errors: what the agent makes of a packet that the switch could not pass on. */
import type { PacketIn } from '../flow/datapath.ts';
import { type RouterProblem, routerError } from '../packet/router-error.ts';
import { EXPIRED, TOO_BIG, VSID } from '../pipeline/registers.ts';
import type { PolicyRecord, PortRecord, SubnetRecord } from '../policy/records.ts';

/**
 * The frame that goes back to the port that the packet came from, from the gateway of its subnet; undefined where there
 * is nothing to say, or nothing may be said. `records`: the policy, by record key.
 */
export function answerError(
  port: PortRecord,
  packet: Pick<PacketIn, 'frame' | 'metadata'>,
  records: ReadonlyMap<string, PolicyRecord>,
): Uint8Array | undefined {
  const { attachment } = port;
  const subnet = attachment.type === 'virtual' ? subnetAt(records, attachment.vsid) : undefined;
  const problem = problemOf(packet.metadata, records);
  if (!subnet || !problem) return undefined;
  const router = { mac: subnet.gatewayMac, address: subnet.gateway };
  return routerError(packet.frame, problem, router, port.mac);
}

/** What the pipeline noted about the packet. The MTU is that of the subnet that it was on its way to. */
function problemOf(
  metadata: PacketIn['metadata'],
  records: ReadonlyMap<string, PolicyRecord>,
): RouterProblem | undefined {
  const flags = metadata.reg0 ?? 0n;
  if ((flags & EXPIRED) !== 0n) return { type: 'time-exceeded' };
  const target = subnetAt(records, Number(metadata[VSID] ?? 0n));
  return target && (flags & TOO_BIG) !== 0n ? { type: 'too-big', mtu: target.mtu } : undefined;
}

function subnetAt(records: ReadonlyMap<string, PolicyRecord>, vsid: number): SubnetRecord | undefined {
  const record = records.get(`subnet/${vsid}`);
  return record?.kind === 'subnet' ? record : undefined;
}
