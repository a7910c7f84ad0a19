/**
 * Picks one of the ports of a bundle action (lib/bundle.c of Open vSwitch): the first whose link is up, or the one
 * with the highest hash of the flow and its place in the list, so that few flows move when a link goes down.
 */
import type { BundleAction } from '../../flow/flow.ts';
import { hashFields, hashWords } from '../frame/hash-fields.ts';
import type { Packet } from '../frame/packet.ts';
import { reservedPort } from '../ports/reserved-ports.ts';

/** OFPP_NONE */
export const NO_PORT = 0xffff;

/** Whether a frame could be sent there. What is no port is always there, but for the controller. */
export function isMemberUp(member: number, ports: { isLive(port: number): boolean }): boolean {
  const meaning = reservedPort(member);
  if (typeof meaning === 'number' || meaning === 'local') return ports.isLive(member);
  return meaning !== 'controller';
}

/** The number of the port; NO_PORT where no link is up. */
export function chooseMember(
  { algorithm, members, fields, basis }: BundleAction,
  { key, trail }: Packet,
  isUp: (port: number) => boolean,
): number {
  if (algorithm === 'active_backup') return members.find(isUp) ?? NO_PORT;
  const hash = hashFields(key, trail, fields, basis);
  let best = NO_PORT;
  let bestHash = -1;
  for (const [place, port] of members.entries()) {
    const score = isUp(port) ? hashWords(place, hash) : -1;
    if (score > bestHash) [best, bestHash] = [port, score];
  }
  return best;
}
