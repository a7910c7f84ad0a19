/**
 * Mirrors (flow/mirror.ts) <-> rows of the table Mirror. A row names ports by their UUIDs, so a port that is not there has no
 * place in it; what is wanted stands beside in `external_ids`, and the row follows when the port comes.
 */
import * as z from 'zod';
import type { Mirror } from '../../flow/mirror.ts';
import type { NamedRow, Row, Uuid } from '../ovsdb/columns.ts';
import { insert, mutate, type Operation } from '../ovsdb/operations.ts';
import { MARK } from './names.ts';
import { newRow, setRight, type WantedColumns } from './rows.ts';

/** Of the ports on a bridge, by the names that the contract has for them. */
export type PortUuids = ReadonlyMap<string, Uuid>;

export function mirrorColumns(mirror: Mirror, ports: PortUuids): WantedColumns<'Mirror'> {
  const { selectAll = false, selectSrcPorts = [], selectDstPorts = [], selectVlans = [], output } = mirror;
  const uuids = (names: readonly string[]) =>
    selectAll ? [] : [...new Set(names.flatMap((name) => ports.get(name) ?? []))].sort();
  return {
    name: mirror.name,
    select_all: selectAll,
    select_src_port: uuids(selectSrcPorts),
    select_dst_port: uuids(selectDstPorts),
    select_vlan: [...new Set(selectVlans)].sort((a, b) => a - b),
    output_port: 'port' in output ? (ports.get(output.port) ?? null) : null,
    output_vlan: 'vlan' in output ? output.vlan : null,
    snaplen: mirror.snaplen ?? null,
    external_ids: { [MARK.mirror]: JSON.stringify(mirror) },
  };
}

/**
 * The mirror that a row is; undefined where it is none of ours. It is the one that was written down, as long as the columns
 * say the same; otherwise what they say.
 */
export function mirrorOf(row: Row<'Mirror'>, ports: PortUuids): Mirror | undefined {
  const text = row.external_ids.get(MARK.mirror);
  if (text === undefined) return undefined;
  const written = readMirror(text);
  if (written && setRight('Mirror', row, mirrorColumns(written, ports)).length === 0) return written;
  const names = new Map([...ports].map(([name, uuid]) => [uuid, name]));
  const named = (uuid: Uuid | null) => (uuid === null ? '' : (names.get(uuid) ?? uuid));
  return {
    name: row.name,
    ...(row.select_all ? { selectAll: true } : {}),
    selectSrcPorts: row.select_src_port.map(named),
    selectDstPorts: row.select_dst_port.map(named),
    ...(row.select_vlan.length > 0 ? { selectVlans: row.select_vlan } : {}),
    output: row.output_vlan === null ? { port: named(row.output_port) } : { vlan: row.output_vlan },
    ...(row.snaplen === null ? {} : { snaplen: row.snaplen }),
  };
}

/** What makes the mirrors of a bridge these, in place of ours that it has. */
export function planMirrors(
  bridge: Row<'Bridge'>,
  present: readonly Row<'Mirror'>[],
  wanted: readonly Mirror[],
  ports: PortUuids,
): readonly Operation[] {
  const operations: Operation[] = [];
  const ours = present.filter((row) => row.external_ids.has(MARK.mirror));
  const kept = new Set<Uuid>();
  const fresh: NamedRow[] = [];
  for (const mirror of wanted) {
    const columns = mirrorColumns(mirror, ports);
    const row = ours.find(({ name, _uuid }) => name === mirror.name && !kept.has(_uuid));
    if (row) {
      kept.add(row._uuid);
      operations.push(...setRight('Mirror', row, columns));
      continue;
    }
    const named = `mirror${fresh.length}`;
    operations.push(insert('Mirror', newRow(columns), named));
    fresh.push({ named });
  }
  const gone = ours.filter(({ _uuid }) => !kept.has(_uuid)).map(({ _uuid }) => _uuid);
  if (gone.length > 0) operations.push(mutate('Bridge', bridge._uuid, [['mirrors', 'delete', gone]]));
  if (fresh.length > 0) operations.push(mutate('Bridge', bridge._uuid, [['mirrors', 'insert', fresh]]));
  return operations;
}

/** Those that were written down on a bridge, as they were wanted. */
export function writtenMirrors(rows: readonly Row<'Mirror'>[]): readonly Mirror[] {
  return rows.flatMap((row) => readMirror(row.external_ids.get(MARK.mirror) ?? '') ?? []);
}

const names = z.array(z.string()).exactOptional();
const schema: z.ZodType<Mirror> = z.object({
  name: z.string(),
  selectAll: z.boolean().exactOptional(),
  selectSrcPorts: names,
  selectDstPorts: names,
  selectVlans: z.array(z.int().min(0).max(4095)).exactOptional(),
  output: z.union([z.object({ port: z.string() }), z.object({ vlan: z.int().min(1).max(4095) })]),
  snaplen: z.int().min(14).max(0xffff).exactOptional(),
});

function readMirror(text: string): Mirror | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether a port that the mirror names is there, and not in its row. */
export function isIncomplete(row: Row<'Mirror'>, mirror: Mirror, ports: PortUuids): boolean {
  const {
    select_src_port: src = [],
    select_dst_port: dst = [],
    output_port: out,
  } = mirrorColumns(mirror, ports);
  return (
    src.some((uuid) => !row.select_src_port.includes(uuid)) ||
    dst.some((uuid) => !row.select_dst_port.includes(uuid)) ||
    (typeof out === 'string' && row.output_port === null)
  );
}
