/** Whether a frame and actions of the controller can be taken. */
import { type Finding, finding } from '../../base/error.ts';
import { actionFindings } from '../../flow/check-actions.ts';
import { FIELD_NAMES, type FieldName, fullMask } from '../../flow/fields.ts';
import type { Action, Masked, Match } from '../../flow/flow.ts';
import { type Referable, referenceFindings } from '../flows/flow-references.ts';
import { isVisible, readField } from '../frame/key.ts';
import { Packet } from '../frame/packet.ts';

/** What an action may rely on, as a match has it. */
const PREREQUISITES: readonly FieldName[] = FIELD_NAMES.filter((name) =>
  ['eth_type', 'ip_proto', 'ip_frag', 'icmpv6_type', 'icmpv6_code', 'vlan_tci'].includes(name),
);

export function packetOutFindings(
  inPort: number,
  frame: Uint8Array,
  actions: readonly Action[],
  parts: Referable,
): Finding[] {
  if (!Number.isInteger(inPort) || inPort < 0 || inPort > 0xffff) {
    return [finding('flow-invalid', 'inPort', `There is no port ${inPort}.`, 'Use 0..65535.')];
  }
  return [...actionFindings(actions, matchOf(Packet.read(frame))), ...referenceFindings(actions, parts)];
}

/** What a frame is, as a match: the prerequisites that actions on it may rely on. */
function matchOf({ key }: Packet): Match {
  const match: Partial<Record<FieldName, Masked>> = {};
  for (const name of PREREQUISITES) {
    if (isVisible(name, key)) match[name] = { value: readField(key, name), mask: fullMask(name) };
  }
  return match;
}
