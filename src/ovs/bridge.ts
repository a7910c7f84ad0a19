/** One logical switch on Open vSwitch: its ports in the database, its flows over OpenFlow, as one Datapath. */
import type { Finding } from '../base/error.ts';
import type { Datapath, FlowChange, FlowStats, Group, Meter, PacketIn, PortSpec } from '../flow/datapath.ts';
import type { Action } from '../flow/flow.ts';
import type { FlowExport } from '../flow/flow-export.ts';
import type { Mirror, MirrorStats } from '../flow/mirror.ts';
import type { PortTraffic } from '../flow/port-traffic.ts';
import type { SwitchFlows } from './openflow/switch-flows.ts';
import type { SwitchPorts } from './ports/switch-ports.ts';
import type { Uplinks } from './uplinks.ts';

type Ports = Awaited<ReturnType<Datapath['ports']>>;

export class Bridge implements Datapath {
  readonly #ports: SwitchPorts;
  readonly #flows: SwitchFlows;
  readonly #uplinks: Uplinks;

  constructor(ports: SwitchPorts, flows: SwitchFlows, uplinks: Uplinks) {
    this.#ports = ports;
    this.#flows = flows;
    this.#uplinks = uplinks;
  }

  async setPort(spec: PortSpec): Promise<number> {
    const number = await this.#ports.setPort(spec);
    await this.#flows.setPolicing(number, spec.type === 'tunnel' ? undefined : spec.policing);
    if (spec.type === 'uplink') await this.#uplinks.set(spec);
    return number;
  }

  /** The rows go last: a port without rows is not asked for again, whatever else is left of it. */
  async removePort(name: string): Promise<void> {
    const number = this.#ports.numberOf(name);
    await this.#uplinks.remove(name);
    if (number !== undefined) await this.#flows.setPolicing(number, undefined);
    await this.#ports.removePort(name);
  }

  /** A limit that was taken away by hand, in the meter or in the flows, is not shown. */
  async ports(): Promise<Ports> {
    const ports = await this.#ports.ports();
    const loose = await this.#flows.unpoliced();
    const shown = new Map<string, { number: number; spec: PortSpec }>();
    for (const [name, { number, spec }] of ports)
      shown.set(name, { number, spec: loose.has(number) ? withoutPolicing(spec) : spec });
    return shown;
  }

  traffic(): Promise<readonly PortTraffic[]> {
    return this.#ports.traffic();
  }

  setMirrors(mirrors: readonly Mirror[]): Promise<void> {
    return this.#ports.setMirrors(mirrors);
  }

  mirrors(): Promise<readonly MirrorStats[]> {
    return this.#ports.mirrors();
  }

  async setFlowExport(flowExport: FlowExport | undefined): Promise<readonly Finding[]> {
    await this.#ports.setFlowExport(flowExport);
    return [];
  }

  flowExport(): Promise<FlowExport | undefined> {
    return this.#ports.flowExport();
  }

  applyFlows(change: FlowChange): Promise<void> {
    return this.#flows.applyFlows(change);
  }

  dumpFlows(): Promise<readonly FlowStats[]> {
    return this.#flows.dumpFlows();
  }

  setGroup(group: Group): Promise<void> {
    return this.#flows.setGroup(group);
  }

  removeGroup(id: number): Promise<void> {
    return this.#flows.removeGroup(id);
  }

  setMeter(meter: Meter): Promise<void> {
    return this.#flows.setMeter(meter);
  }

  removeMeter(id: number): Promise<void> {
    return this.#flows.removeMeter(id);
  }

  meters(): Promise<ReadonlyMap<number, Meter>> {
    return this.#flows.meters();
  }

  packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void> {
    return this.#flows.packetOut(inPort, frame, actions);
  }

  onPacketIn(handler: (packet: PacketIn) => void): void {
    this.#flows.onPacketIn(handler);
  }

  onReset(handler: () => void): void {
    this.#flows.onReset(handler);
  }

  onForeignChange(handler: () => void): void {
    this.#flows.onForeignChange(handler);
  }

  /** Ends the connections; the switch goes on as it is. */
  async close(): Promise<void> {
    await this.#uplinks.close();
    await this.#flows.close();
  }
}

function withoutPolicing(spec: PortSpec): PortSpec {
  if (!('policing' in spec)) return spec;
  const { policing: _, ...rest } = spec;
  return rest;
}
