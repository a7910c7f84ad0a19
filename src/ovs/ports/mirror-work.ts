/** Sets and reads the mirrors of one switch. */
import { throwIfErrors } from '../../base/error.ts';
import { type Mirror, type MirrorStats, mirrorFindings } from '../../flow/mirror.ts';
import type { HostState } from './host-state.ts';
import { isIncomplete, mirrorOf, planMirrors } from './mirror-rows.ts';
import { portUuids } from './reading.ts';

/** See Datapath.setMirrors. */
export async function setMirrors(
  state: HostState,
  bridge: string,
  mirrors: readonly Mirror[],
): Promise<void> {
  throwIfErrors(mirrorFindings(mirrors));
  const view = state.view();
  const row = state.row(view, bridge);
  await state.configure(planMirrors(row, view.mirrorsOf(row), mirrors, portUuids(view, row)));
  state.switch(bridge).mirrors = mirrors;
}

/** See Datapath.mirrors. */
export async function readMirrors(state: HostState, bridge: string): Promise<readonly MirrorStats[]> {
  const isAny = (state.view().bridges.get(bridge)?.mirrors.length ?? 0) > 0;
  const counted = isAny ? await state.database.read('Mirror', ['statistics']) : [];
  const view = state.view();
  const row = view.bridges.get(bridge);
  if (!row) return [];
  const ports = portUuids(view, row);
  const order = (state.switches.get(bridge)?.mirrors ?? []).map(({ name }) => name);
  return view
    .mirrorsOf(row)
    .flatMap((each): MirrorStats[] => {
      const mirror = mirrorOf(each, ports);
      const statistics = counted.find(({ _uuid }) => _uuid === each._uuid)?.statistics;
      const count = (key: string) => BigInt(statistics?.get(key) ?? 0);
      return mirror ? [{ mirror, packets: count('tx_packets'), bytes: count('tx_bytes') }] : [];
    })
    .sort((a, b) => order.indexOf(a.mirror.name) - order.indexOf(b.mirror.name));
}

/** Gives mirrors the ports that have come since they were set. */
export async function completeMirrors(state: HostState): Promise<void> {
  for (const [bridge, { mirrors }] of state.switches) {
    if (mirrors.length === 0) continue;
    const view = state.view();
    const row = view.bridges.get(bridge);
    if (!row) continue;
    const [present, ports] = [view.mirrorsOf(row), portUuids(view, row)];
    const isDue = present.some((each) =>
      mirrors.some((mirror) => mirror.name === each.name && isIncomplete(each, mirror, ports)),
    );
    if (isDue) await state.transact(planMirrors(row, present, mirrors, ports));
  }
}
