/**
 * What a port does to the VLAN tags of frames that pass it (ovs-vswitchd.conf.db(5), Port:vlan_mode). Inside, every
 * frame of a VLAN has the tag of it; on the wire of a port it has the tags that the mode of the port gives it.
 *
 *                       comes in                               inside        goes out
 *     access 7          untagged                               7             untagged
 *     trunk 5 6         tagged 5 or 6                          5, 6          tagged
 *     native-tagged 7   tagged 7 or one of its trunks          as tagged     tagged
 *                       untagged                               7
 *     native-untagged 7 as native-tagged                                     untagged in 7, else tagged
 *     dot1q-tunnel 7    tagged or not                          7 around it   as it came in
 *
 * A tag with VLAN id 0 says a priority and counts as none (IEEE 802.1Q, 6.9.1).
 *
 * A hybrid port that sends several VLANs untagged (H3C: `port hybrid vlan 10 20 untagged`) is no mode of a port, neither
 * here nor in Open vSwitch: native-untagged has one VLAN that is untagged. The others are for rules: one that takes the
 * tag off (`strip_vlan`) before it outputs to the port, in place of NORMAL, for each of them.
 */
import { DEAD_VLAN, type PortVlan } from '../../flow/datapath.ts';
import type { Tag } from '../frame/packet.ts';

const CUSTOMER_TAG = 0x8100;
const SERVICE_TAG = 0x88a8;
/** Of the tag control information: the priority, and the bit that says that there is a tag. */
const PRIORITY = 0xe000;
const PRESENT = 0x1000;
const NO_TAG: Tag = { type: 0, tci: 0 };

/** Every VLAN, tagged: how frames of the controller come in. */
export const ALL_VLANS: PortVlan = { mode: 'trunk', trunks: [] };

/** How tunnels are kept out of the learning switch (docs/decisions/0007). */
export const NO_VLAN: PortVlan = { mode: 'access', tag: DEAD_VLAN };

export function isDead(vlan: PortVlan): boolean {
  return vlan.mode !== 'trunk' && vlan.tag === DEAD_VLAN;
}

/** The VLAN id of the outer tag; 0 = none. */
export function vlanId(tags: readonly Tag[]): number {
  return (tags[0]?.tci ?? 0) & 0xfff;
}

/** Whether a frame with this VLAN id on the wire is taken. */
export function mayEnter(vlan: PortVlan, vid: number): boolean {
  switch (vlan.mode) {
    case 'access':
      return vid === 0;
    case 'dot1q-tunnel':
      return isCustomer(vlan.cvlans, vid);
    case 'native-tagged':
    case 'native-untagged':
      return vid === 0 || inTrunks(vlan, vid);
    case 'trunk':
      return inTrunks(vlan, vid);
  }
}

/** The tags inside of a frame that came in with `tags`. */
export function tagsInside(vlan: PortVlan, tags: readonly Tag[]): readonly Tag[] {
  const [outer] = tags;
  switch (vlan.mode) {
    case 'trunk':
      return tags;
    case 'native-tagged':
    case 'native-untagged':
      return vlanId(tags) === 0 ? [tagged(outer, vlan.tag), ...tags.slice(1)] : tags;
    case 'access':
      return [tagged(outer, vlan.tag)];
    case 'dot1q-tunnel':
      return [{ type: vlan.ethertype ?? SERVICE_TAG, tci: vlan.tag }, ...tags];
  }
}

/** The tag with this VLAN id: with type and priority of the one that is there. */
export function tagged(tag: Tag | undefined, vid: number): Tag {
  return { type: tag?.type ?? CUSTOMER_TAG, tci: ((tag?.tci ?? 0) & PRIORITY) | vid };
}

/**
 * The tags on the wire of a frame that had `tags` when it came in. One that says nothing (VLAN 0, priority 0) is left
 * out, and all that stand behind it.
 */
export function tagsOutside(vlan: PortVlan, inside: readonly Tag[], tags: readonly Tag[]): readonly Tag[] {
  const [outer = NO_TAG, ...inner] = withoutOwn(vlan, inside);
  const first =
    vlan.priorityTags === undefined
      ? outer
      : { type: outer.type, tci: (outer.tci & ~PRIORITY) | ((tags[0]?.tci ?? 0) & PRIORITY) };
  const says = ({ type, tci }: Tag) =>
    (tci & ~PRESENT) !== 0 || (vlan.priorityTags === 'always' && type !== NO_TAG.type);
  const all = [first, ...inner];
  const end = all.findIndex((tag) => !says(tag));
  return all
    .slice(0, end < 0 ? all.length : end)
    .map(({ type, tci }) => ({ type: type || CUSTOMER_TAG, tci }));
}

/** Without the tag that the port does not show. */
function withoutOwn(vlan: PortVlan, inside: readonly Tag[]): readonly Tag[] {
  switch (vlan.mode) {
    case 'access':
      return [];
    case 'trunk':
    case 'native-tagged':
      return inside;
    case 'native-untagged':
      return vlanId(inside) === vlan.tag ? inside.slice(1) : inside;
    case 'dot1q-tunnel':
      return inside.slice(1);
  }
}

/** Whether the port is in the VLAN that a frame has inside. */
export function carries(vlan: PortVlan, inside: readonly Tag[]): boolean {
  const vid = vlanId(inside);
  const customer = vlanId(inside.slice(1));
  switch (vlan.mode) {
    case 'access':
      return vid === vlan.tag && customer === 0;
    case 'dot1q-tunnel':
      return vid === vlan.tag && isCustomer(vlan.cvlans, customer);
    case 'trunk':
    case 'native-tagged':
    case 'native-untagged':
      return inTrunks(vlan, vid);
  }
}

function isCustomer(cvlans: readonly number[], vid: number): boolean {
  return cvlans.length === 0 || cvlans.includes(vid);
}

/** A native VLAN is always one of the trunk's, and then VLAN 0 never is (ofproto/ofproto-dpif.c, bundle_set). */
function inTrunks(vlan: Extract<PortVlan, { readonly trunks: readonly number[] }>, vid: number): boolean {
  if (vlan.mode !== 'trunk' && vlan.tag !== 0 && (vid === 0 || vid === vlan.tag)) return vid !== 0;
  return vlan.trunks.length === 0 || vlan.trunks.includes(vid);
}
