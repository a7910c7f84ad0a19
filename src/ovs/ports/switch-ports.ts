/** The ports half of one Datapath on Open vSwitch. */
import type { PortSpec } from '../../flow/datapath.ts';
import type { FlowExport } from '../../flow/flow-export.ts';
import type { Mirror, MirrorStats } from '../../flow/mirror.ts';
import type { PortTraffic } from '../../flow/port-traffic.ts';
import type { Ports } from './reading.ts';

/** What a switch asks of its host. */
export interface SwitchWork {
  setPort(spec: PortSpec): Promise<number>;
  removePort(name: string): Promise<void>;
  ports(): Promise<Ports>;
  traffic(): Promise<readonly PortTraffic[]>;
  setMirrors(mirrors: readonly Mirror[]): Promise<void>;
  mirrors(): Promise<readonly MirrorStats[]>;
  setFlowExport(flowExport: FlowExport | undefined): Promise<void>;
  flowExport(): Promise<FlowExport | undefined>;
  /** The ports that are wanted. */
  wanted(): readonly { readonly number: number; readonly spec: PortSpec }[];
}

export class SwitchPorts {
  /** Name of the bridge; its OpenFlow socket is `BRIDGE.mgmt` in the run directory of Open vSwitch. */
  readonly bridge: string;
  readonly #work: SwitchWork;

  constructor(bridge: string, work: SwitchWork) {
    this.bridge = bridge;
    this.#work = work;
  }

  /**
   * As Datapath.setPort. The answer for a vNIC of a machine comes at once; for all else when Open vSwitch has made it, and
   * host interfaces have their addresses. Rejects with `port-invalid`, with `nic-in-use` for a NIC of somebody else's bridge,
   * and with what the database (ovsdb/client.ts) and iproute2 (`host-tool-failed`) say.
   */
  setPort(spec: PortSpec): Promise<number> {
    return this.#work.setPort(spec);
  }

  /** A tap that is plugged in goes to the quarantine; it is its hypervisor's. */
  removePort(name: string): Promise<void> {
    return this.#work.removePort(name);
  }

  /** Of a port that is wanted; undefined for any other. */
  numberOf(name: string): number | undefined {
    return this.#work.wanted().find(({ spec }) => spec.name === name)?.number;
  }

  ports(): Promise<Ports> {
    return this.#work.ports();
  }

  /** Counted by ovs-vswitchd, which writes it down every five seconds. */
  traffic(): Promise<readonly PortTraffic[]> {
    return this.#work.traffic();
  }

  setMirrors(mirrors: readonly Mirror[]): Promise<void> {
    return this.#work.setMirrors(mirrors);
  }

  /** Counted are those of ovs-vswitchd, which writes them down every five seconds. */
  mirrors(): Promise<readonly MirrorStats[]> {
    return this.#work.mirrors();
  }

  /** Settles when the switch tells, or does not tell, about its traffic. */
  setFlowExport(flowExport: FlowExport | undefined): Promise<void> {
    return this.#work.setFlowExport(flowExport);
  }

  flowExport(): Promise<FlowExport | undefined> {
    return this.#work.flowExport();
  }
}
