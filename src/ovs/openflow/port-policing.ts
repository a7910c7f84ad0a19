/** The ports of one bridge that are policed, and what the switch has for it (policing.ts). */
import type { Policing } from '../../flow/bandwidth.ts';
import type { Meter } from '../../flow/datapath.ts';
import type { Flow } from '../../flow/flow.ts';
import { matchOf } from '../../flow/match.ts';
import { formatMeter } from '../../flow/text-group.ts';
import type { FlowMod } from './codec/message.ts';
import type { Exchange } from './connection.ts';
import { dumpedFlows, dumpedMeters } from './dump.ts';
import { entryPort, meterIdOf, policedBy, policingMeter, withoutPolicing, withPolicing } from './policing.ts';

/** What policing does to the switch. */
export interface PolicedSwitch {
  readonly exchange: Exchange;
  /** All of the changes or none. */
  commit(changes: readonly FlowMod[]): Promise<void>;
  putMeter(meter: Meter): Promise<void>;
  deleteMeter(id: number): Promise<void>;
  /** Whether a flow is one that the engine has for itself; these are not policed. */
  isOwn(flow: Flow): boolean;
}

export class PortPolicing {
  readonly #switch: PolicedSwitch;
  readonly #wanted = new Map<number, Policing>();
  /** Ports that may have a meter in the switch. */
  readonly #metered = new Set<number>();

  constructor(policed: PolicedSwitch) {
    this.#switch = policed;
  }

  /** Meters that an earlier life of the agent left in the switch. */
  async find(exchange: Exchange): Promise<void> {
    for (const id of (await dumpedMeters(exchange)).keys()) {
      const port = policedBy(id);
      if (port !== undefined) this.#metered.add(port);
    }
  }

  /** From now on, or not any more. The counters of the port's flows stay. */
  async set(port: number, policing: Policing | undefined): Promise<void> {
    if (!policing && !this.#metered.has(port)) return;
    if (policing) {
      await this.#switch.putMeter(policingMeter(port, policing));
      this.#wanted.set(port, policing);
      this.#metered.add(port);
    } else this.#wanted.delete(port);
    const flows = await this.#entries(port);
    await this.#switch.commit(
      flows.flatMap((flow) => {
        const plain = withoutPolicing(flow, port);
        if (policing) return plain ? [] : [modified(withPolicing(flow, port))];
        return plain ? [modified(plain)] : [];
      }),
    );
    if (policing) return;
    // Not before: a meter takes the flows that name it along.
    await this.#switch.deleteMeter(meterIdOf(port));
    this.#metered.delete(port);
  }

  meters(): readonly Meter[] {
    return [...this.#wanted].map(([port, policing]) => policingMeter(port, policing));
  }

  /** The ports that the switch does not police as it was told to: the meter is another, or is not in front of all their flows. */
  async unpoliced(): Promise<ReadonlySet<number>> {
    const loose = new Set<number>();
    if (this.#wanted.size === 0) return loose;
    const meters = await dumpedMeters(this.#switch.exchange);
    for (const [port, policing] of this.#wanted) {
      const wanted = policingMeter(port, policing);
      const there = meters.get(wanted.id);
      if (!there || formatMeter(there) !== formatMeter(wanted)) loose.add(port);
    }
    for (const { flow } of await dumpedFlows(this.#switch.exchange, { table: 0 })) {
      const port = entryPort(flow);
      if (port === undefined || !this.#wanted.has(port) || this.#switch.isOwn(flow)) continue;
      if (!withoutPolicing(flow, port)) loose.add(port);
    }
    return loose;
  }

  /** A flow as the switch gets it. */
  loaded(flow: Flow): Flow {
    const port = entryPort(flow);
    return port !== undefined && this.#wanted.has(port) ? withPolicing(flow, port) : flow;
  }

  /** A flow of the switch as it was loaded. One that lacks its policing is told by `unpoliced`. */
  read(flow: Flow): Flow {
    const port = entryPort(flow);
    return (port !== undefined && this.#wanted.has(port) && withoutPolicing(flow, port)) || flow;
  }

  /** The flows for what comes in by this port alone. */
  async #entries(port: number): Promise<readonly Flow[]> {
    const some = { table: 0, match: matchOf({ in_port: port }) };
    const flows = await dumpedFlows(this.#switch.exchange, some);
    return flows
      .map(({ flow }) => flow)
      .filter((flow) => entryPort(flow) === port && !this.#switch.isOwn(flow));
  }
}

/** Strictly, so that the flow keeps its counters and its cookie. */
function modified(flow: Flow): FlowMod {
  return { type: 'flow-mod', command: 'modify-strict', flow };
}
