/** Sets and reads the flow export of one switch. */
import type { FlowExport } from '../../flow/flow-export.ts';
import { flowExportOf, planExport } from './export-rows.ts';
import type { HostState } from './host-state.ts';

/** See Datapath.setFlowExport. */
export async function setFlowExport(
  state: HostState,
  bridge: string,
  wanted: FlowExport | undefined,
): Promise<void> {
  const view = state.view();
  await state.configure(planExport(view, state.row(view, bridge), wanted));
  state.switch(bridge).flowExport = wanted;
}

/** See Datapath.flowExport. */
export function readFlowExport(state: HostState, bridge: string): FlowExport | undefined {
  const view = state.view();
  const row = view.bridges.get(bridge);
  return row && flowExportOf(view, row);
}
