/**
 * The tags that a vNIC may send with, and what goes with each. A lane is a set of frames that are in one place: those
 * without a tag, or, on a trunk, those of some of its VLANs.
 *
 *                    untagged     priority tag (VLAN 0)         tag of a VLAN of the trunk     any other tag, or two
 *     keeps          as it is     as it is, on VLANs            as it is                       dropped
 *     does not       as it is     the tag is taken off first    priority becomes 0             dropped
 */
import { setField } from '../flow/actions.ts';
import type { Action, Masked } from '../flow/flow.ts';
import { UNTAGGED, VLAN_PRESENT, vlanId } from '../flow/match.ts';
import type { Attachment, PortAddress, PortRecord } from '../policy/records.ts';

/** A tag that says a priority and no VLAN. */
export const PRIORITY_TAG = vlanId(0);

export interface Lane {
  readonly tag: Masked;
  /** A VLAN of a trunk; elsewhere frames are without a tag, or have one that says no VLAN. */
  readonly isTagged: boolean;
  /** Addresses that the port uses there. */
  readonly addresses: readonly PortAddress[];
  /** What becomes of the tag. */
  readonly actions: readonly Action[];
  /** Stands behind the words of a rule: ` in VLAN 20`. */
  readonly words: string;
}

/** The port, and as whom else it may send: wholly as one of them, with the MAC address and the addresses of that one. */
export function identitiesOf(port: PortRecord): readonly PortRecord[] {
  const mates = port.security.macSpoofing ? [] : (port.team ?? []);
  return [port, ...mates.map((mate) => ({ ...port, ...mate }))];
}

/** Whether a priority that the guest sets goes on with the frame: on VLANs alone, tunnels carry no tag. */
export function keepsPriority({ attachment, security }: PortRecord): boolean {
  return security.priorityTagging === true && isOnVlan(attachment);
}

/** Whether the learning switch carries the frames of the port. */
export function isOnVlan({ type }: Attachment): boolean {
  return type === 'vlan' || type === 'trunk';
}

/** Tags of the frames whose questions the switch answers itself; undefined: whichever they have. */
export function answeredTags(port: PortRecord): readonly (Masked | undefined)[] {
  if (keepsPriority(port)) return [UNTAGGED, PRIORITY_TAG];
  // In its other VLANs, a trunk may have servers of its own.
  return [port.attachment.type === 'trunk' ? UNTAGGED : undefined];
}

export function lanesOf(port: PortRecord): readonly Lane[] {
  const keeps = keepsPriority(port);
  const native = {
    isTagged: false,
    addresses: port.addresses.filter(({ vlan }) => vlan === undefined),
    actions: [],
  };
  const lanes: Lane[] = [{ ...native, tag: UNTAGGED, words: '' }];
  if (keeps) lanes.push({ ...native, tag: PRIORITY_TAG, words: ' with a priority' });
  if (port.attachment.type !== 'trunk') return lanes;
  const actions = keeps ? [] : [setField('vlan_pcp', 0)];
  for (const { tag, vlans } of tagsOf(port)) {
    const addresses = port.addresses.filter(({ vlan }) => vlan !== undefined && vlans.includes(vlan));
    lanes.push({ tag, isTagged: true, addresses, actions, words: ` in VLAN ${rangeText(vlans)}` });
  }
  return lanes;
}

/** One for each tagged VLAN, because each has addresses of its own; for blocks of VLANs where any address may be used. */
function tagsOf({ attachment, security }: PortRecord): { tag: Masked; vlans: readonly number[] }[] {
  if (attachment.type !== 'trunk') return [];
  return security.guestSpecifiedAddresses
    ? blocksOf(attachment.tagged)
    : attachment.tagged.map((vlan) => ({ tag: vlanId(vlan), vlans: [vlan] }));
}

/** The VLANs, in as few matches as prefixes of their twelve bits can say them. */
function blocksOf(vlans: readonly number[]): { tag: Masked; vlans: readonly number[] }[] {
  const wanted = new Set(vlans);
  const blocks: { tag: Masked; vlans: readonly number[] }[] = [];
  const cut = (first: number, size: number): void => {
    const here = vlans.filter((vlan) => vlan >= first && vlan < first + size && wanted.has(vlan));
    if (here.length === 0) return;
    if (here.length === size) {
      const mask = BigInt(VLAN_PRESENT | (0xfff & ~(size - 1)));
      blocks.push({ tag: { value: BigInt(VLAN_PRESENT | first), mask }, vlans: here });
      return;
    }
    cut(first, size / 2);
    cut(first + size / 2, size / 2);
  };
  cut(0, 4096);
  return blocks;
}

/** `20`, `20-27` */
function rangeText(vlans: readonly number[]): string {
  const [first, last] = [vlans[0], vlans.at(-1)];
  return first === last ? `${first}` : `${first}-${last}`;
}
