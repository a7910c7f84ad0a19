/**
 * vNICs of machines that are wanted on a switch, written down in its Bridge row: they have a number and a VLAN before their
 * tap is there, and after an agent or the database was started anew.
 */
import * as z from 'zod';
import type { PortSpec, PortVlan } from '../../flow/datapath.ts';
import type { Row } from '../ovsdb/columns.ts';
import { MARK } from './names.ts';
import { isPortNumber } from './numbers.ts';
import { limitsSchema } from './spec-rows.ts';

export type VifSpec = Extract<PortSpec, { readonly type: 'vif' }>;

export interface RegisteredVif {
  readonly number: number;
  readonly spec: VifSpec;
}

/** The key of `external_ids` and its value. */
export function vifEntry({ number, spec }: RegisteredVif): readonly [key: string, value: string] {
  const { name, id, vlan, policing, bandwidth } = spec;
  return [`${MARK.vif}${name}`, JSON.stringify({ number, id, vlan, policing, bandwidth })];
}

export function vifKey(name: string): string {
  return `${MARK.vif}${name}`;
}

/** By name. What cannot be read is not there: it will be written again. */
export function registeredVifs(
  bridge: Pick<Row<'Bridge'>, 'external_ids'>,
): ReadonlyMap<string, RegisteredVif> {
  const vifs = new Map<string, RegisteredVif>();
  for (const [key, text] of bridge.external_ids) {
    if (!key.startsWith(MARK.vif)) continue;
    const vif = readEntry(key.slice(MARK.vif.length), text);
    if (vif) vifs.set(vif.spec.name, vif);
  }
  return vifs;
}

/** One of them. */
export function registeredVif(
  bridge: Pick<Row<'Bridge'>, 'external_ids'>,
  name: string,
): RegisteredVif | undefined {
  const text = bridge.external_ids.get(vifKey(name));
  return text === undefined ? undefined : readEntry(name, text);
}

const vlanId = z.int().min(0).max(4095);
const priorityTags = z.enum(['if-nonzero', 'always']).exactOptional();
const vlan: z.ZodType<PortVlan> = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('access'), tag: vlanId, priorityTags }),
  z.object({ mode: z.literal('trunk'), trunks: z.array(vlanId), priorityTags }),
  z.object({
    mode: z.enum(['native-tagged', 'native-untagged']),
    tag: vlanId,
    trunks: z.array(vlanId),
    priorityTags,
  }),
  z.object({
    mode: z.literal('dot1q-tunnel'),
    tag: vlanId,
    cvlans: z.array(vlanId),
    ethertype: z.union([z.literal(0x88a8), z.literal(0x8100)]).exactOptional(),
    priorityTags,
  }),
]);

const entrySchema = z.object({
  number: z.custom<number>(isPortNumber),
  id: z.string(),
  vlan,
  ...limitsSchema,
});

function readEntry(name: string, text: string): RegisteredVif | undefined {
  try {
    const { number, ...rest } = entrySchema.parse(JSON.parse(text));
    return { number, spec: { type: 'vif', name, ...rest } };
  } catch {
    return undefined;
  }
}
