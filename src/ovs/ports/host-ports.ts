/**
 * The ports half of Open vSwitch on one host: bridges, ports and mirrors in its database, and the taps that come to them.
 *
 *     what is wanted -> rows (spec-rows, bridge-rows, mirror-rows) minus rows that are there (plan) -> one transaction
 *     taps that come -> binding -> one transaction
 *
 * Work is done one after another, so a plan is never made of rows that another of ours is about to change. What happens
 * without anybody asking: attendant.ts. What is ours bears a mark (names.ts); nothing else is ever touched.
 */
import { type Finding, NetloomError } from '../../base/error.ts';
import { Attendant } from './attendant.ts';
import { planBindings } from './binding.ts';
import { bridgeSettings } from './bridge-rows.ts';
import { readFlowExport, setFlowExport } from './export-work.ts';
import { HostState, type HostStateOptions } from './host-state.ts';
import { readMirrors, setMirrors } from './mirror-work.ts';
import { bridgeName, MARK, QUARANTINE } from './names.ts';
import { Plan } from './plan.ts';
import { forgetAddresses, readPorts, releaseNics, removePort, removeTeam, setPort } from './port-work.ts';
import { planQueues, queueOfNumber } from './qos.ts';
import { SwitchPorts } from './switch-ports.ts';
import { readTraffic } from './traffic.ts';
import type { View } from './view.ts';

/** Milliseconds until what nobody waits for, and did not succeed, is tried again. */
const AGAIN_MS = 5_000;

export interface HostPortsOptions extends HostStateOptions {
  /** Told of what goes wrong where nobody waits for it. */
  readonly onTrouble?: (trouble: Finding) => void;
}

/** Where a vNIC of a machine is. */
export interface VifFact {
  /** Name of the logical switch. */
  readonly switch: string;
  /** Name of the port in the Datapath contract, and the vNIC id. */
  readonly port: string;
  readonly id: string;
  readonly number: number;
  /** The interface that is plugged in for it; absent: none yet. */
  readonly tap?: string;
  /** Whether there is a signal on it. */
  readonly link: boolean;
}

export class HostPorts {
  readonly #options: HostPortsOptions;
  readonly #state: HostState;
  readonly #attendant: Attendant;
  readonly #stopListening: () => void;
  #work: Promise<unknown> = Promise.resolve();
  #isDue = false;
  /** What did not succeed at last. */
  #failure = '';
  #cancelRetry = () => {};
  #isClosed = false;

  /** Settles when the database was read; what an earlier life left there is what is wanted, until somebody says otherwise. */
  static async open(options: HostPortsOptions): Promise<HostPorts> {
    await options.database.whenCurrent();
    return new HostPorts(options);
  }

  private constructor(options: HostPortsOptions) {
    this.#options = options;
    this.#state = new HostState(options);
    this.#attendant = new Attendant(this.#state, () => this.#attend());
    this.#stopListening = options.database.onChange((changes) => {
      if (this.#attendant.notice(changes)) this.#attend();
    });
    this.#attend();
  }

  /** The ports of a logical switch; its bridge is made when there is none, and set right when it is not as it should be. */
  openSwitch(name: string): Promise<SwitchPorts> {
    return this.#enqueue(async () => {
      const state = this.#state;
      const bridge = bridgeName(name);
      await this.#makeBridges(name);
      const view = state.view();
      if (!state.switches.has(bridge)) state.adopt(view, state.row(view, bridge));
      return new SwitchPorts(bridge, {
        setPort: (spec) => {
          const number = this.#enqueue(() => setPort(state, bridge, spec));
          // Its tap may just be coming.
          if (spec.type === 'vif' && !state.switches.get(bridge)?.ports.has(spec.name)) this.#attend();
          return number;
        },
        removePort: (port) => this.#enqueue(() => removePort(state, bridge, port)),
        ports: () => this.#enqueue(() => readPorts(state, bridge)),
        traffic: () => this.#enqueue(() => readTraffic(state, bridge)),
        setMirrors: (mirrors) => this.#enqueue(() => setMirrors(state, bridge, mirrors)),
        mirrors: () => this.#enqueue(() => readMirrors(state, bridge)),
        setFlowExport: (flowExport) => this.#enqueue(() => setFlowExport(state, bridge, flowExport)),
        flowExport: () => this.#enqueue(async () => readFlowExport(state, bridge)),
        wanted: () => [...(state.switches.get(bridge)?.ports.values() ?? [])],
      });
    });
  }

  /** The bridge goes with all its ports; taps that are plugged in go to the quarantine. Nothing where there is none. */
  removeSwitch(name: string): Promise<void> {
    return this.#enqueue(async () => {
      const state = this.#state;
      const bridge = bridgeName(name);
      const ours = (now: View) => {
        const row = now.bridges.get(bridge);
        return row?.external_ids.get(MARK.switch) === name ? row : undefined;
      };
      const before = state.view();
      const left = ours(before);
      // Forgotten, and still there: an earlier attempt was not finished.
      if (left && !state.switches.has(bridge)) state.adopt(before, left);
      const ports = [...(state.switches.get(bridge)?.ports.values() ?? [])];
      state.forget(bridge);
      for (const port of ports) {
        await forgetAddresses(state, port);
        await releaseNics(state, port.spec);
      }
      const view = state.view();
      const row = ours(view);
      if (!row) return;
      const plan = new Plan(view);
      const bindings = state.bindings(view);
      // Taps that are on it and that another switch wants would go with it.
      const vifs = bindings.vifs.filter(({ tap }) => tap && view.bridgeOf(tap.port)?.name === bridge);
      planBindings(plan, view, { ...bindings, vifs });
      plan.removeBridge(row);
      for (const { spec } of ports) {
        removeTeam(plan, view, spec.name);
        plan.operations.push(...planQueues(view, spec.name, undefined, undefined));
      }
      await state.configure(plan.operations);
    });
  }

  /** The logical switches that have a bridge here. */
  switchNames(): readonly string[] {
    const bridges = this.#state.bridges(this.#state.view());
    return bridges.map((bridge) => bridge.external_ids.get(MARK.switch) ?? '').sort();
  }

  /** Every vNIC of a machine that is wanted here, and what is plugged in for it. */
  vifs(): readonly VifFact[] {
    const { vifs } = this.#state.bindings(this.#state.view());
    return vifs.map(({ bridge, number, spec, tap }) => ({
      switch: this.#state.switches.get(bridge)?.name ?? '',
      port: spec.name,
      id: spec.id,
      number,
      ...(tap ? { tap: tap.interface.name } : {}),
      link: tap?.interface.link_state === 'up' && tap.interface.error === null,
    }));
  }

  /** The queue at the uplink for what comes in by the port with this number; undefined where there are no queues. */
  queueOf(port: number): number | undefined {
    return this.#state.datapathType === 'system' ? queueOfNumber(port) : undefined;
  }

  /** What is not as it should be and cannot be made so: taps that contradict each other, devices that cannot be used. */
  findings(): readonly Finding[] {
    return this.#attendant.findings();
  }

  /** All that was asked for, and all that came by itself until now, is done. */
  async idle(): Promise<void> {
    for (let work: unknown; work !== this.#work; ) {
      work = this.#work;
      await this.#work;
    }
  }

  /** Stops looking; everything stays as it is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    this.#cancelRetry();
    await this.idle();
  }

  async #makeBridges(name: string): Promise<void> {
    const { datapathType } = this.#state;
    const plan = new Plan(this.#state.view());
    plan.bridge(bridgeSettings(QUARANTINE, { datapathType, plug: true }));
    plan.bridge(bridgeSettings(bridgeName(name), { datapathType, switch: name }));
    await this.#state.configure(plan.operations);
  }

  #attend(): void {
    if (this.#isDue || this.#isClosed) return;
    this.#isDue = true;
    this.#enqueue(() => {
      this.#isDue = false;
      return this.#attendant.work();
    }).then(
      () => {
        this.#failure = '';
      },
      (thrown) => this.#failed(NetloomError.from(thrown)),
    );
  }

  /** It is tried again, and told once. */
  #failed({ message, findings }: NetloomError): void {
    if (message !== this.#failure) for (const trouble of findings) this.#options.onTrouble?.(trouble);
    this.#failure = message;
    this.#cancelRetry();
    if (!this.#isClosed) this.#cancelRetry = this.#options.clock.after(AGAIN_MS, () => this.#attend());
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
  }
}
