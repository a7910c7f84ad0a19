/** The `ct` action as the engine meets it: what it asks of the tracker, and what a match sees afterwards. */
import type { ConnectionAction, FieldBits } from '../../flow/flow.ts';
import { type FlowKey, maskWords, readField, WORD, writeField } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import type { TrackRequest } from './tracker.ts';
import type { Tracking } from './tracking.ts';

/** What the action asks for, with values that it takes from the packet. */
export function requestOf(packet: Packet, action: ConnectionAction): TrackRequest {
  const { zone, commit, force, nat } = action;
  const { mark, label } = marksOf(packet, action);
  return {
    zone: typeof zone === 'number' ? zone : Number(readBits(packet, packet.key, zone)),
    commit: commit || force,
    force,
    nat,
    mark: mark.mask === 0n ? undefined : { value: Number(mark.value), mask: Number(mark.mask) },
    label: label.mask === 0n ? undefined : label,
  };
}

type Bits = { value: bigint; mask: bigint };

/** The actions of exec(…) write to what a match sees; the bits that they touch go to the connection. */
function marksOf(packet: Packet, { actions }: ConnectionAction): { mark: Bits; label: Bits } {
  const key = packet.key.slice();
  const masks = { ct_mark: 0n, ct_label: 0n };
  const touch = (field: string, mask: bigint) => {
    if (field === 'ct_mark' || field === 'ct_label') masks[field] |= mask;
  };
  for (const action of actions) {
    if (action.type === 'set') {
      touch(action.field, action.mask);
      writeField(key, action.field, action.value, action.mask);
    } else if (action.type === 'move') {
      const { from, to } = action;
      const ones = onesOf(from);
      // Open vSwitch takes the bits that are read as touched, too.
      touch(from.field, ones << BigInt(from.from));
      touch(to.field, ones << BigInt(to.from));
      const value = readBits(packet, key, from);
      writeField(key, to.field, value << BigInt(to.from), ones << BigInt(to.from));
    }
  }
  const bits = (field: 'ct_mark' | 'ct_label') => ({
    value: readField(key, field) & masks[field],
    mask: masks[field],
  });
  return { mark: bits('ct_mark'), label: bits('ct_label') };
}

function onesOf({ from, to }: FieldBits): bigint {
  return (1n << BigInt(to - from + 1)) - 1n;
}

function readBits(packet: Packet, key: FlowKey, bits: FieldBits): bigint {
  const ones = onesOf(bits);
  for (const [word, mask] of maskWords(bits.field, ones << BigInt(bits.from))) packet.trail?.look(word, mask);
  return (readField(key, bits.field) >> BigInt(bits.from)) & ones;
}

/** The way of the packet depends on what tells connections apart. */
export function lookAtEndpoints({ trail }: Packet): void {
  trail?.lookAtWords(WORD.IPV6_SRC, WORD.IP);
  trail?.lookAtWords(WORD.IP_SRC, WORD.PORTS + 1);
}

/** Makes what was found out visible to matches; undefined: nothing was, or it counts no more. */
export function showTracking(key: FlowKey, tracking: Tracking | undefined): void {
  key[WORD.CT_STATE] = tracking?.state ?? 0;
  key[WORD.CT_ZONE] = tracking?.zone ?? 0;
  key[WORD.CT_MARK] = tracking?.mark ?? 0;
  writeField(key, 'ct_label', tracking?.label ?? 0n);
}

/** Only where the packet goes on after tracking is there something to forget. */
export function forgetTracking(packet: Packet): void {
  if (packet.key[WORD.CT_STATE] === 0) return;
  packet.tracking = undefined;
  showTracking(packet.key, undefined);
}
