/** Output to NORMAL: a packet goes where a learning switch would send it (normal.ts). */
import { macFromNumber } from '../../packet/address.ts';
import { decideNormal } from '../bridge/normal.ts';
import type { Packet } from '../frame/packet.ts';
import type { Course } from './course.ts';

/** OFPP_CONTROLLER, OFPP_LOCAL, OFPP_NONE and the like. */
const FIRST_UNREAL_PORT = 0xfffd;

/** `inPort`: where the packet came in, as far as actions know. */
export function forwardNormally(
  course: Course,
  packet: Packet,
  inPort: number,
  send: (packet: Packet, port: number) => void,
): void {
  const { arrival, parts, recording, observer } = course;
  const { port, bridge } = arrival;
  const ports = [...parts.ports.bridgePorts()];
  const from = inPort === port ? bridge : ports.find((p) => p.number === inPort);
  // Frames of the controller come from no port of ours, and are taken; those of a port that is gone are not.
  if (!from && inPort < FIRST_UNREAL_PORT) {
    course.drop(packet, 'no-such-port');
    return;
  }
  const decision = decideNormal(packet, from, ports, parts.macs, parts.now(), recording);
  if (decision.type === 'drop') {
    course.drop(packet, decision.reason);
    return;
  }
  if (decision.learned && from) {
    const mac = macFromNumber(Number(packet.get('eth_src')));
    observer?.({ type: 'learn', mac, vlan: decision.vlan, port: from.number });
  }
  for (const output of decision.outputs) {
    const copy = packet.clone();
    copy.retag(output.tags);
    send(copy, output.port);
  }
}
