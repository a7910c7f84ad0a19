/** What has gone through the ports of one switch, as ovs-vswitchd writes it down every five seconds. */
import { NO_TRAFFIC, type PortTraffic, type Traffic } from '../../flow/port-traffic.ts';
import type { Row } from '../ovsdb/columns.ts';
import type { HostState } from './host-state.ts';
import { fixedPorts } from './reading.ts';

/** See Datapath.traffic. */
export async function readTraffic(state: HostState, bridge: string): Promise<readonly PortTraffic[]> {
  const counted = await state.database.read('Interface', ['statistics']);
  const statistics = new Map(counted.map((row) => [row._uuid, row.statistics]));
  const view = state.view();
  const row = view.bridges.get(bridge);
  if (!row) return [];
  const told = (name: string, each: Row<'Interface'> | undefined, nic?: string): PortTraffic => {
    const counts = each && statistics.get(each._uuid);
    return {
      name,
      ...(nic === undefined ? {} : { nic }),
      link: each?.link_state === 'up' && each.error === null,
      received: trafficOf(counts, 'rx'),
      sent: trafficOf(counts, 'tx'),
    };
  };
  const vifs = state
    .bindings(view)
    .vifs.filter((vif) => vif.bridge === bridge)
    .map(({ spec, tap }) => told(spec.name, tap?.interface));
  const fixed = [...fixedPorts(view, row)].flatMap(([name, port]) => {
    const { interfaces, bond } = view.present(port);
    const isUplink = state.switches.get(bridge)?.ports.get(name)?.spec.type === 'uplink';
    if (isUplink) return (bond?.interfaces ?? interfaces).map((each) => told(name, each, each.name));
    return interfaces.slice(0, 1).map((each) => told(name, each));
  });
  return [...vifs, ...fixed];
}

/** Columns of Interface:statistics (ovs-vswitchd.conf.db(5)); a device that does not count something leaves it out. */
function trafficOf(counts: ReadonlyMap<string, number> | undefined, way: 'rx' | 'tx'): Traffic {
  if (!counts) return NO_TRAFFIC;
  const of = (what: string) => BigInt(Math.max(0, counts.get(`${way}_${what}`) ?? 0));
  return { packets: of('packets'), bytes: of('bytes'), errors: of('errors'), drops: of('dropped') };
}
