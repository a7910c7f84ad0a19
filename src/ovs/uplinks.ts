/**
 * What the uplinks of one logical switch need in flows of the engine's own: LLDP is heard on each NIC, and the bridge of a team
 * passes frames on between the bond and the switch (docs/decisions/0021).
 *
 *     one NIC      [ switch ]--NIC                     the switch has a flow for LLDP
 *     a team       [ switch ]--patch--[ team ]--bond   the team has one as well, and one flow NORMAL
 */
import type { Clock } from '../base/clock.ts';
import { output } from '../flow/actions.ts';
import type { PortSpec } from '../flow/datapath.ts';
import type { Flow } from '../flow/flow.ts';
import { matchOf } from '../flow/match.ts';
import { LldpListener } from './lldp/listener.ts';
import type { Neighbour } from './lldp/neighbours.ts';
import type { SwitchFlows } from './openflow/switch-flows.ts';
import type { Database } from './ovsdb/client.ts';
import type { RowChange } from './ovsdb/replica.ts';
import { teamNames } from './ports/names.ts';
import { isNewsOfNics } from './ports/news.ts';
import { View } from './ports/view.ts';

type UplinkSpec = Extract<PortSpec, { type: 'uplink' }>;

/** "TEAM" in the high half. Not one of the pipeline's cookies. */
const PASS: Flow = {
  table: 0,
  priority: 0,
  match: matchOf({}),
  cookie: 0x5445_414dn << 32n,
  actions: [output('normal')],
};

interface Uplink {
  readonly spec: UplinkSpec;
  readonly bridge: string;
  readonly listener: LldpListener;
  /** Of the bridge of a team. */
  readonly flows: SwitchFlows | undefined;
}

export interface UplinksOptions {
  /** Name of the bridge of the switch, and its flows. */
  readonly bridge: string;
  readonly flows: SwitchFlows;
  readonly database: Database;
  readonly clock: Clock;
  /** The flows of another bridge; closed here. */
  readonly openBridge: (name: string) => SwitchFlows;
}

export class Uplinks {
  readonly #options: UplinksOptions;
  readonly #uplinks = new Map<string, Uplink>();
  /** On the bridge of the switch itself. */
  readonly #listener: LldpListener;
  /** The latest look was not finished, or did not succeed. */
  #isBehind = false;
  /** How many looks have begun. */
  #looks = 0;

  constructor(options: UplinksOptions) {
    this.#options = options;
    this.#listener = new LldpListener(options.flows, options.clock);
  }

  async set(spec: UplinkSpec): Promise<void> {
    const { bridge, clock, openBridge } = this.#options;
    const isTeam = spec.nics.length > 1;
    const before = this.#uplinks.get(spec.name);
    if (before && (before.flows !== undefined) !== isTeam) await this.remove(spec.name);
    const there = this.#uplinks.get(spec.name);
    if (there) this.#uplinks.set(spec.name, { ...there, spec });
    else if (!isTeam)
      this.#uplinks.set(spec.name, { spec, bridge, listener: this.#listener, flows: undefined });
    else {
      const team = teamNames(spec.name).bridge;
      const flows = openBridge(team);
      const listener = new LldpListener(
        {
          setOwnFlows: (own) => flows.setOwnFlows([...own, PASS]),
          onOwnPacketIn: (handler) => flows.onOwnPacketIn(handler),
        },
        clock,
      );
      this.#uplinks.set(spec.name, { spec, bridge: team, listener, flows });
      await flows.setOwnFlows([PASS]);
    }
    await this.look();
  }

  async remove(name: string): Promise<void> {
    const uplink = this.#uplinks.get(name);
    this.#uplinks.delete(name);
    await uplink?.flows?.close();
    if (uplink && !uplink.flows) await this.look();
  }

  /** Whether these changes ask for a look. */
  notice(changes: readonly RowChange[]): boolean {
    const uplinks = [...this.#uplinks.values()];
    const nics = new Set(uplinks.flatMap(({ spec }) => spec.nics));
    const bridges = new Set(uplinks.map(({ bridge }) => bridge));
    return this.#isBehind || changes.some((change) => isNewsOfNics(change, nics, bridges));
  }

  /** Finds the port numbers of the NICs, which Open vSwitch gives to those of a bond, and may give anew. */
  async look(): Promise<void> {
    this.#looks += 1;
    const look = this.#looks;
    this.#isBehind = true;
    const view = new View(this.#options.database);
    const numbers = new Map<LldpListener, Map<number, string>>([[this.#listener, new Map()]]);
    for (const { spec, bridge, listener } of this.#uplinks.values()) {
      const nics = numbers.get(listener) ?? new Map<number, string>();
      numbers.set(listener, nics);
      const row = view.bridges.get(bridge);
      for (const each of row ? view.portsOn(row).flatMap((port) => view.interfacesOf(port)) : [])
        if (spec.nics.includes(each.name) && each.ofport !== null && each.ofport > 0)
          nics.set(each.ofport, each.name);
    }
    for (const [listener, nics] of numbers) await listener.listenTo(nics);
    // A later one may have begun meanwhile, and failed.
    if (look === this.#looks) this.#isBehind = false;
  }

  /** NIC -> who is at the other end of its cable. */
  neighbours(): ReadonlyMap<string, Neighbour> {
    const listeners = new Set([...this.#uplinks.values()].map(({ listener }) => listener));
    return new Map([...listeners].flatMap((listener) => [...listener.neighbours()]));
  }

  async close(): Promise<void> {
    for (const { flows } of this.#uplinks.values()) await flows?.close();
    this.#uplinks.clear();
  }
}
