/** What the tags of a frame mean at a port (IEEE 802.1Q-2018, 6.9): which VLAN it is in, and with which priority. */
import { ETHERTYPE } from '../../src/packet/ethernet.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import { isVlanType, popVlan, pushVlan } from '../../src/packet/vlan.ts';
import type { PortRecord } from '../../src/policy/records.ts';

/** What goes with a frame beside its VLAN. */
export interface Mark {
  /** 0..7 */
  readonly priority: number;
  /** Type of its tag. */
  readonly type: number;
}

export const UNMARKED: Mark = { priority: 0, type: ETHERTYPE.VLAN };

/** A frame as a machine sends it, its tag apart. */
export interface Sending {
  /** The VLAN of its tag, on a trunk; undefined: it is where untagged frames are. */
  readonly tag: number | undefined;
  readonly mark: Mark;
  /** Without a tag. */
  readonly frame: Uint8Array;
}

/** Undefined where the port takes no frame with these tags. */
export function sending({ attachment, security }: PortRecord, bytes: Uint8Array): Sending | undefined {
  const { vlans } = parseFrame(bytes);
  const [outer] = vlans;
  if (!outer) return { tag: undefined, mark: UNMARKED, frame: bytes };
  const frame = popVlan(bytes);
  if (vlans.length > 1 || isVlanType(parseFrame(frame).etherType)) return undefined;
  const isOnVlan = attachment.type === 'vlan' || attachment.type === 'trunk';
  const keeps = security.priorityTagging === true && isOnVlan;
  const type = bytes[12]! * 256 + bytes[13]!;
  const mark = { priority: keeps ? outer.pcp : 0, type };
  if (outer.vid === 0) {
    return { tag: undefined, mark: keeps ? mark : UNMARKED, frame };
  }
  if (attachment.type !== 'trunk' || !attachment.tagged.includes(outer.vid)) return undefined;
  return { tag: outer.vid, mark, frame };
}

/** The VLAN that a port's untagged frames are in. */
export function nativeVlan({ attachment }: PortRecord): number | undefined {
  if (attachment.type === 'vlan') return attachment.vlan;
  return attachment.type === 'trunk' ? attachment.native : undefined;
}

/** An untagged frame of a VLAN as a port on VLANs shows it to its machine. */
export function shown(port: PortRecord, vlan: number, frame: Uint8Array, mark: Mark): Uint8Array {
  const { attachment, security } = port;
  if (attachment.type === 'trunk' && attachment.tagged.includes(vlan)) return tagged(frame, vlan, mark);
  // A trunk takes VLAN 0 as what it is, untagged frames and those that say no more than a priority.
  const isPlain = attachment.type === 'trunk' && attachment.native === 0;
  if (mark.priority === 0 || !(security.priorityTagging || isPlain)) return frame;
  return tagged(frame, 0, isPlain ? mark : { ...mark, type: ETHERTYPE.VLAN });
}

/** As it is on a cable between switches: a frame that says nothing by its tag has none. */
export function onWire(frame: Uint8Array, vlan: number, mark: Mark): Uint8Array {
  return vlan === 0 && mark.priority === 0 ? frame : tagged(frame, vlan, mark);
}

function tagged(frame: Uint8Array, vlan: number, { priority, type }: Mark): Uint8Array {
  return pushVlan(frame, (priority << 13) | vlan, type);
}
