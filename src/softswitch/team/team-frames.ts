/**
 * What the teams of a switch say by themselves: LACPDUs, and after a NIC failed, for each address behind the switch a
 * frame from it, so that the switches outside learn the new way at once (bond_compose_learning_packet of Open vSwitch).
 * They go out by the NICs without passing the tables.
 */
import type { PortVlan } from '../../flow/datapath.ts';
import { BROADCAST_MAC, type Mac, mac } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { read16 } from '../../packet/bytes.ts';
import { ETHERTYPE } from '../../packet/ethernet.ts';
import { LACP_GROUP, LacpView } from '../../packet/lacp.ts';
import type { Layer } from '../../packet/layer.ts';
import type { LearnedMac } from '../bridge/mac-learning.ts';
import { Packet } from '../frame/packet.ts';
import type { Team } from './bond.ts';

/** A frame that goes out by a NIC. */
export interface TeamFrame {
  readonly nic: string;
  readonly frame: Uint8Array;
}

/** Where the EtherType stands, and what is behind it. */
const [TYPE, BEHIND] = [12, 14];

/** Whether a frame is for the team itself, and never passes the tables: slow protocols, without a tag. */
export function isSlowProtocol(bytes: Uint8Array): boolean {
  return bytes.length >= BEHIND && read16(bytes, TYPE) === ETHERTYPE.SLOW;
}

/** A team hears a frame of the slow protocols; only LACPDUs mean something to it. */
export function hearLacp(team: Team, nic: string, bytes: Uint8Array, now: number): void {
  const pdu = LacpView.at(bytes, BEHIND);
  if (pdu) team.lacp?.receive(nic, pdu, now);
  team.elect();
}

/**
 * What the team has to say now. `addresses`: what the switch has learnt, and `port` where the team is.
 */
export function teamFrames(
  team: Team,
  port: { readonly number: number; readonly vlan: PortVlan },
  addresses: () => readonly LearnedMac[],
  now: number,
): readonly TeamFrame[] {
  const frames: TeamFrame[] = [];
  for (const { member, layer } of team.lacp?.poll(now) ?? []) {
    const system = layer.actor ?? BROADCAST_MAC;
    frames.push({ nic: member, frame: frame({ layer: 'eth', src: system, dst: LACP_GROUP }, layer) });
  }
  team.elect();
  if (!team.takeMoved()) return frames;
  for (const learned of addresses()) {
    if (learned.port === port.number) continue;
    const bytes = learningFrame(mac(learned.mac), tagOutside(port.vlan, learned.vlan));
    const nic = team.choose(Packet.read(bytes).key);
    if (nic !== undefined) frames.push({ nic, frame: bytes });
  }
  return frames;
}

/** A reverse ARP request, which nobody answers. */
function learningFrame(source: Mac, vlan: number): Uint8Array {
  const layers: Layer[] = [
    { layer: 'eth', src: source, dst: BROADCAST_MAC },
    ...(vlan === 0 ? [] : [{ layer: 'vlan', vid: vlan } as const]),
    { layer: 'rarp', sha: source, tha: source },
  ];
  return frame(...layers);
}

/** The VLAN that the tag on the wire says; 0: there is none. */
function tagOutside(vlan: PortVlan, inside: number): number {
  const isUntagged = vlan.mode === 'access' || (vlan.mode === 'native-untagged' && vlan.tag === inside);
  return isUntagged ? 0 : inside;
}
