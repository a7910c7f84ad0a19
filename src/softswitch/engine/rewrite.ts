/** Actions that write to the frame, or to what is known of it, and do nothing else. */
import { FIELDS } from '../../flow/fields.ts';
import type { Action } from '../../flow/flow.ts';
import { hashSymmetric } from '../frame/hash.ts';
import { prerequisiteHolds } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import { readBits, writeBits } from '../frame/packet-bits.ts';

type Rewrite = Extract<Action, { type: 'set' | 'move' | 'push_vlan' | 'strip_vlan' | 'multipath' }>;

export function rewrite(packet: Packet, action: Rewrite): void {
  switch (action.type) {
    case 'set':
      packet.set(action.field, action.value, action.mask);
      break;
    case 'move':
      if (!prerequisiteHolds(FIELDS[action.from.field].needs, packet.key)) break;
      writeBits(packet, action.to, readBits(packet, action.from));
      break;
    case 'push_vlan':
      packet.pushTag({ type: action.ethertype, tci: 0x1000 });
      break;
    case 'strip_vlan':
      packet.popTag();
      break;
    case 'multipath': {
      const { to, links, basis } = action;
      const ones = (1n << BigInt(to.to - to.from + 1)) - 1n;
      packet.trail?.hash(to.field, ones << BigInt(to.from), basis, links);
      writeBits(packet, to, BigInt(hashSymmetric(packet.key, basis) % links));
      break;
    }
  }
}
