/**
 * Flow export (flow/flow-export.ts) <-> rows of the tables IPFIX and sFlow, which are there for as long as their bridge names
 * them.
 *
 * IPFIX tells of packets where they come in and where they leave, and says which (flowDirection, RFC 5102, 5.11.8). Only one
 * of the two cannot be asked for: what would be `other_config:enable-output-sampling` means its opposite in Open vSwitch 3.1.
 * It gathers for a minute, with room for 16,384 connections, and tells the bridges of a host apart by their observation
 * domain.
 */
import { createHash } from 'node:crypto';
import type { FlowExport } from '../../flow/flow-export.ts';
import type { Row } from '../ovsdb/columns.ts';
import { insert, type Operation, update } from '../ovsdb/operations.ts';
import { MARK } from './names.ts';
import { newRow, setRight, type WantedColumns, wrongColumns } from './rows.ts';
import type { View } from './view.ts';

const GATHER_SECONDS = 60;
const MOST_CONNECTIONS = 16_384;

/**
 * What a bridge does now; undefined: it tells nobody. Settings that have no place in a FlowExport and are not ours show as
 * a `sampling` of 0, which nobody wants.
 */
export function flowExportOf(view: View, bridge: Row<'Bridge'>): FlowExport | undefined {
  const { ipfix, sflow } = view.exportsOf(bridge);
  if (ipfix) {
    const { targets: collectors, sampling } = ipfix;
    const seen = { type: 'ipfix', collectors, sampling: sampling ?? 0 } as const;
    const isOurs = !sflow && wrongColumns(ipfix, ipfixColumns(bridge.name, seen)).length === 0;
    return isOurs ? seen : { ...seen, sampling: 0 };
  }
  return sflow && { type: 'sflow', collectors: sflow.targets, sampling: sflow.sampling ?? 0 };
}

/** What makes a bridge tell, or not tell, about its traffic; nothing where it does as wanted. */
export function planExport(
  view: View,
  bridge: Row<'Bridge'>,
  wanted: FlowExport | undefined,
): readonly Operation[] {
  const { ipfix, sflow } = view.exportsOf(bridge);
  const bridgeColumns: WantedColumns<'Bridge'> = {
    ...(wanted?.type === 'ipfix' ? {} : { ipfix: null }),
    ...(wanted?.type === 'sflow' ? {} : { sflow: null }),
  };
  const rest = setRight('Bridge', bridge, bridgeColumns);
  if (wanted?.type === 'ipfix') {
    const columns = ipfixColumns(bridge.name, wanted);
    if (ipfix) return [...rest, ...setRight('IPFIX', ipfix, columns)];
    const joined = update('Bridge', bridge._uuid, { ipfix: { named: 'export' } });
    return [...rest, insert('IPFIX', newRow(columns), 'export'), joined];
  }
  if (wanted?.type === 'sflow') {
    const columns = sflowColumns(bridge.name, wanted);
    if (sflow) return [...rest, ...setRight('sFlow', sflow, columns)];
    const joined = update('Bridge', bridge._uuid, { sflow: { named: 'export' } });
    return [...rest, insert('sFlow', newRow(columns), 'export'), joined];
  }
  return rest;
}

function ipfixColumns(bridge: string, { collectors, sampling }: FlowExport): WantedColumns<'IPFIX'> {
  return {
    targets: collectors,
    sampling,
    obs_domain_id: createHash('sha256').update(bridge).digest().readUInt32BE(),
    cache_active_timeout: GATHER_SECONDS,
    cache_max_flows: MOST_CONNECTIONS,
    external_ids: { [MARK.flowExport]: bridge },
  };
}

/** Header bytes, the interval of the counters and the address of the agent are those of Open vSwitch. */
function sflowColumns(bridge: string, { collectors, sampling }: FlowExport): WantedColumns<'sFlow'> {
  return { targets: collectors, sampling, external_ids: { [MARK.flowExport]: bridge } };
}
