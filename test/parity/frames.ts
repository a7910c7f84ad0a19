/** Frames for scenarios: few enough different ones that they meet the same flows, learnt addresses and connections. */
import fc from 'fast-check';
import type { FieldName } from '../../src/flow/fields.ts';
import { layersOf } from '../../src/packet/dissect.ts';
import { type FlowKey, isLaterFragment, readField } from '../../src/softswitch/frame/key.ts';
import { Packet } from '../../src/softswitch/frame/packet.ts';
import { brokenFrame, switchFrame } from '../support/switch-frames.ts';
import type { Random } from './random.ts';

/** A frame and the flow key that it has when it comes in. */
export interface Sample {
  readonly frame: Uint8Array;
  readonly key: FlowKey;
}

const anyFrame = fc.oneof({ weight: 5, arbitrary: switchFrame }, { weight: 1, arbitrary: brokenFrame });

export function samples(random: Random, count: number): Sample[] {
  return fc
    .sample(anyFrame, { numRuns: count, seed: random.bits32() | 0 })
    .map((frame) => {
      // Now and then to the bridges themselves, which do not pass it on.
      if (random.chance(2)) frame.set([0x01, 0x80, 0xc2, 0x00, 0x00, random.below(17)]);
      return { frame, key: Packet.read(frame).key };
    })
    .filter((sample) => !isOdd(sample));
}

/** A tag that the frame ends in. The datapath flow cache of Open vSwitch takes such frames, and does not count them. */
export function hasPartialTag({ key }: Sample): boolean {
  const type = readField(key, 'eth_type');
  return (type === 0x8100n || type === 0x88a8n) && readField(key, 'vlan_tci') === 0n;
}

/** Frames on which Open vSwitch goes wrong itself; see "Known differences" in docs/parity.md. */
function isOdd({ frame, key }: Sample): boolean {
  const is = (name: FieldName, value: number) => readField(key, name) === BigInt(value);
  const extensions = ['hopopts', 'routing', 'dstopts', 'ah', 'fragment'];
  const isExtended = is('ip_proto', 58) && layersOf(frame).some((l) => extensions.includes(l.layer));
  // The operation of ARP has the place of the protocol.
  const hasHeader = is('eth_type', 0x0800) || is('eth_type', 0x86dd) || is('eth_type', 0x0806);
  return isLaterFragment(key) || isExtended || (hasHeader && is('ip_proto', 0));
}
