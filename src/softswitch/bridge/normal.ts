/**
 * The action NORMAL: an IEEE 802.1Q bridge that learns (ofproto/ofproto-dpif-xlate.c, xlate_normal). What it decides
 * is a value; the switch carries it out.
 */
import type { PortVlan } from '../../flow/datapath.ts';
import type { Recording } from '../cache/recording.ts';
import type { DropReason } from '../events.ts';
import { type FlowKey, WORD } from '../frame/key.ts';
import type { Packet, Tag } from '../frame/packet.ts';
import { type MacTable, macKey } from './mac-learning.ts';
import { ALL_VLANS, carries, isDead, mayEnter, tagsInside, tagsOutside, vlanId } from './vlan-modes.ts';

/** A port as the bridge sees it. */
export interface BridgePort {
  readonly number: number;
  readonly name: string;
  readonly vlan: PortVlan;
  /** What the team says about the frame, when it came in by one. */
  readonly admission?: 'accept' | 'drop' | 'unless-moved';
  readonly isTeam: boolean;
  /** It is reserved for mirrored frames. */
  readonly isMirrorOutput: boolean;
}

export type NormalDecision =
  | { readonly type: 'drop'; readonly reason: DropReason }
  | {
      readonly type: 'forward';
      /** In this VLAN; 0 = untagged on ports without a VLAN of their own. */
      readonly vlan: number;
      readonly isFlood: boolean;
      /** Ports, with the tags that the frame has there. */
      readonly outputs: readonly { readonly port: number; readonly tags: readonly Tag[] }[];
      /** The source address was new, or moved to this port. */
      readonly learned: boolean;
    };

export function decideNormal(
  packet: Packet,
  from: BridgePort | undefined,
  ports: Iterable<BridgePort>,
  macs: MacTable,
  now: number,
  recording: Recording | undefined,
): NormalDecision {
  const { key } = packet;
  const tags = packet.tags;
  const source = (key[WORD.ETH + 1]! & 0xffff) * 2 ** 32 + key[WORD.ETH + 2]!;
  const destination = key[WORD.ETH]! * 2 ** 16 + (key[WORD.ETH + 1]! >>> 16);
  const type = key[WORD.TYPE]! >>> 16;
  const drop = (reason: DropReason): NormalDecision => ({ type: 'drop', reason });

  packet.trail?.lookAtWords(WORD.ETH, WORD.ETH + 3);
  // Whether an ARP announces its sender, and when the last one did, is for the learning table to say each time.
  if (type === 0x0806) recording?.refuse();

  if ((type === 0x8100 || type === 0x88a8) && tags.length === 0) return drop('partial-tag');
  if (from?.isMirrorOutput) return drop('mirror-output');
  const inVlan = from?.vlan ?? ALL_VLANS;
  if (isDead(inVlan)) return drop('dead-vlan');
  if (!mayEnter(inVlan, vlanId(tags))) return drop('vlan-not-allowed');
  const inside = tagsInside(inVlan, tags);
  const vlan = vlanId(inside);

  // Addresses that a bridge keeps to itself (IEEE 802.1Q, table 8-1): spanning tree, LACP, LLDP …
  if (from && isReserved(destination)) return drop('reserved-address');
  const isGratuitous = isGratuitousArp(key, destination);
  if (from?.admission === 'drop') return drop('team-loop');
  if (from?.admission === 'unless-moved') {
    const known = macs.lookup(source, vlan, now);
    const sourceKey = macKey(source, vlan);
    recording?.lookedUp(sourceKey, macs.entry(sourceKey));
    const moved = known !== undefined && known !== from.number;
    if (moved && (!isGratuitous || macs.isLocked(source, vlan, now))) return drop('team-loop');
  }
  const learned =
    from !== undefined &&
    macs.learn(source, vlan, from.number, now, { isGratuitous, byTeam: from.isTeam }).changed;

  const learnt = recording && macs.entry(macKey(source, vlan));
  if (from && learnt) recording?.cameFrom(learnt);

  const known = macs.lookup(destination, vlan, now);
  if (recording) {
    const destinationKey = macKey(destination, vlan);
    recording.lookedUp(destinationKey, macs.entry(destinationKey));
  }
  if (known !== undefined && known === from?.number) return drop('learned-on-in-port');
  const outputs: { port: number; tags: readonly Tag[] }[] = [];
  for (const port of ports) {
    if (port.number === from?.number || isDead(port.vlan)) continue;
    // A learnt port is sent to even when it has left the VLAN since: what is learnt there ages out.
    const isFor =
      known === undefined ? carries(port.vlan, inside) && !port.isMirrorOutput : port.number === known;
    if (isFor) {
      if (port.isMirrorOutput) return drop('mirror-output');
      outputs.push({ port: port.number, tags: tagsOutside(port.vlan, inside, tags) });
    }
  }
  return { type: 'forward', vlan, isFlood: known === undefined, outputs, learned };
}

/** 01:80:c2:00:00:00 to :0f, and the addresses of other makers' protocols that Open vSwitch keeps too. */
export function isReserved(destination: number): boolean {
  return (destination >= 0x0180c2000000 && destination <= 0x0180c200000f) || MAKERS.has(destination);
}

const MAKERS: ReadonlySet<number> = new Set([
  ...[0x00e02b000000, 0x00e02b000004, 0x00e02b000006],
  ...[0x01000c000000, 0x01000ccccccc, 0x01000ccccccd, 0x01000ccdcdcd],
  ...Array.from({ length: 8 }, (_, i) => 0x01000cccccc0 + i),
]);

/** An ARP that announces its sender: a reply to everybody, or a request for the own address. */
function isGratuitousArp(key: FlowKey, destination: number): boolean {
  if (key[WORD.TYPE]! >>> 16 !== 0x0806 || destination !== 0xffffffffffff) return false;
  const operation = key[WORD.IP]! & 0xff;
  return operation === 2 || (operation === 1 && key[WORD.IP_SRC] === key[WORD.IP_DST]);
}
