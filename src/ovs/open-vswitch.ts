/**
 * Open vSwitch as the engine of an agent: virtual switches by name, over the database and the OpenFlow sockets of one run
 * directory. Nothing is flushed when it opens, and everything goes on as it is when it closes.
 *
 *                       +-- ports/      what bridges and ports are    --> ovsdb/     db.sock
 *     Datapath: bridge -+
 *                       +-- openflow/   what they do with frames      --> BRIDGE.mgmt
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type Finding, NetloomError } from '../base/error.ts';
import type { RunTool } from '../base/run-tool.ts';
import type { Datapath } from '../flow/datapath.ts';
import { Bridge } from './bridge.ts';
import type { Neighbour } from './lldp/neighbours.ts';
import { SwitchFlows } from './openflow/switch-flows.ts';
import { type Database, openDatabase } from './ovsdb/client.ts';
import type { RowChange } from './ovsdb/replica.ts';
import { HostPorts, type VifFact } from './ports/host-ports.ts';
import { Uplinks } from './uplinks.ts';

export interface OpenVswitchOptions {
  /** Where `db.sock` and the sockets of the bridges are: /var/run/openvswitch. */
  readonly runDirectory: string;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  /** Default: the kernel's (`system`) where both the kernel and Open vSwitch have it, otherwise `netdev`. */
  readonly datapathType?: DatapathType;
  /** Whether NICs may be used by AF_XDP (ports/host-ports.ts). Default true. */
  readonly afXdp?: boolean;
  /** Runs `ip`; default: in the network namespace of this process, which is to be that of the switch. */
  readonly run?: RunTool;
  /** Told of what goes wrong where nobody waits for it, and of connections that are lost. */
  readonly onTrouble?: (trouble: Finding) => void;
}

type DatapathType = 'system' | 'netdev';

/** Settles when the database was read; rejects with `ovsdb-unreachable` when it cannot be. */
export async function openOpenVswitch(options: OpenVswitchOptions): Promise<OpenVswitch> {
  const { runDirectory, clock, random, onTrouble, afXdp, run } = options;
  const database = openDatabase({
    socket: join(runDirectory, 'db.sock'),
    clock,
    random,
    onTrouble: (trouble) => {
      if (trouble) onTrouble?.(trouble);
    },
  });
  try {
    await database.whenCurrent();
    const datapathType = options.datapathType ?? bestDatapath(database);
    const ports = await HostPorts.open({
      database,
      clock,
      datapathType,
      ...(afXdp === undefined ? {} : { afXdp }),
      ...(run ? { run } : {}),
      ...(onTrouble ? { onTrouble } : {}),
    });
    return new OpenVswitch(options, database, ports);
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

interface OpenSwitch {
  readonly bridge: Bridge;
  readonly flows: SwitchFlows;
  readonly uplinks: Uplinks;
}

export class OpenVswitch {
  readonly #options: OpenVswitchOptions;
  readonly #database: Database;
  readonly #ports: HostPorts;
  readonly #switches = new Map<string, OpenSwitch>();
  readonly #stopListening: () => void;

  constructor(options: OpenVswitchOptions, database: Database, ports: HostPorts) {
    this.#options = options;
    this.#database = database;
    this.#ports = ports;
    this.#stopListening = database.onChange((changes) => {
      this.#lookForNics(changes);
    });
  }

  /**
   * The virtual switch of this name; made when there is none. What was opened before under this name is closed: handlers of
   * packets and restarts are those of the latest.
   */
  async openSwitch(name: string): Promise<Datapath> {
    await this.#closeSwitch(name);
    const ports = await this.#ports.openSwitch(name);
    const flows = this.#flowsOf(ports.bridge);
    const uplinks = new Uplinks({
      bridge: ports.bridge,
      flows,
      database: this.#database,
      clock: this.#options.clock,
      openBridge: (bridge) => this.#flowsOf(bridge),
    });
    const bridge = new Bridge(ports, flows, uplinks);
    this.#switches.set(name, { bridge, flows, uplinks });
    return bridge;
  }

  /** Takes the switch away with all its ports. One that does not exist is fine. */
  async removeSwitch(name: string): Promise<void> {
    await this.#closeSwitch(name);
    await this.#ports.removeSwitch(name);
  }

  /** The switches that Netloom made and that are there. */
  async switchNames(): Promise<readonly string[]> {
    await this.#database.whenCurrent();
    return this.#ports.switchNames();
  }

  /** `Open vSwitch 3.1.0` */
  async about(): Promise<string> {
    const version = await this.#version();
    return version === undefined ? 'Open vSwitch' : `Open vSwitch ${version}`;
  }

  /** Every vNIC of a machine that is wanted here, and what is plugged in for it. */
  vifs(): readonly VifFact[] {
    return this.#ports.vifs();
  }

  /** NIC -> who is at the other end of its cable, where somebody says so by LLDP. */
  neighbours(): ReadonlyMap<string, Neighbour> {
    return new Map([...this.#switches.values()].flatMap(({ uplinks }) => [...uplinks.neighbours()]));
  }

  /** What is not as it should be and cannot be made so (ports/host-ports.ts). */
  findings(): readonly Finding[] {
    return this.#ports.findings();
  }

  /** Ends the connections. */
  async close(): Promise<void> {
    this.#stopListening();
    for (const name of [...this.#switches.keys()]) await this.#closeSwitch(name);
    await this.#ports.close();
    this.#database.close();
  }

  async #closeSwitch(name: string): Promise<void> {
    const open = this.#switches.get(name);
    this.#switches.delete(name);
    await open?.bridge.close();
  }

  #flowsOf(bridge: string): SwitchFlows {
    const { runDirectory, clock, random, onTrouble } = this.#options;
    return new SwitchFlows({
      path: join(runDirectory, `${bridge}.mgmt`),
      clock,
      random,
      queueOf: (port) => this.#ports.queueOf(port),
      onTrouble: (trouble) => {
        if (trouble) onTrouble?.(trouble);
      },
    });
  }

  /** What the running switch says of itself; what was written down in the database may be of an earlier one. */
  async #version(): Promise<string | undefined> {
    const [open] = this.#switches.values();
    const said = await open?.flows.version().catch(() => undefined);
    const [root] = this.#database.rows('Open_vSwitch').values();
    return said ?? root?.ovs_version ?? undefined;
  }

  #lookForNics(changes: readonly RowChange[]): void {
    for (const { uplinks } of this.#switches.values())
      if (uplinks.notice(changes))
        uplinks.look().catch((thrown: unknown) => {
          for (const each of NetloomError.from(thrown).findings) this.#options.onTrouble?.(each);
        });
  }
}

function bestDatapath(database: Database): DatapathType {
  const [root] = database.rows('Open_vSwitch').values();
  const isOffered = root?.datapath_types.includes('system') ?? false;
  return isOffered && existsSync('/sys/module/openvswitch') ? 'system' : 'netdev';
}
