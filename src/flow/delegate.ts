import type { Datapath } from './datapath.ts';

/** The same switch, but that some of what it is asked is answered otherwise. */
export function delegateTo(datapath: Datapath, otherwise: Partial<Datapath>): Datapath {
  return {
    setPort: (spec) => datapath.setPort(spec),
    removePort: (name) => datapath.removePort(name),
    ports: () => datapath.ports(),
    traffic: () => datapath.traffic(),
    setMirrors: (mirrors) => datapath.setMirrors(mirrors),
    mirrors: () => datapath.mirrors(),
    setFlowExport: (flowExport) => datapath.setFlowExport(flowExport),
    flowExport: () => datapath.flowExport(),
    applyFlows: (change) => datapath.applyFlows(change),
    dumpFlows: () => datapath.dumpFlows(),
    setGroup: (group) => datapath.setGroup(group),
    removeGroup: (id) => datapath.removeGroup(id),
    setMeter: (meter) => datapath.setMeter(meter),
    removeMeter: (id) => datapath.removeMeter(id),
    meters: () => datapath.meters(),
    packetOut: (inPort, frame, actions) => datapath.packetOut(inPort, frame, actions),
    onPacketIn: (handler) => datapath.onPacketIn(handler),
    onReset: (handler) => datapath.onReset(handler),
    onForeignChange: (handler) => datapath.onForeignChange(handler),
    close: () => datapath.close(),
    ...otherwise,
  };
}
