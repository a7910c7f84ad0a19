/**
 * Hears LLDP on the uplinks of one bridge: a flow of the engine's own for each NIC, in front of everything else, sends such
 * frames here and nowhere else. That is also right by itself: no bridge passes them on (IEEE 802.1AB-2016, 7.1).
 */
import type { Clock } from '../../base/clock.ts';
import { controller } from '../../flow/actions.ts';
import type { PacketIn } from '../../flow/datapath.ts';
import type { Flow } from '../../flow/flow.ts';
import { matchOf } from '../../flow/match.ts';
import { type Neighbour, Neighbours } from './neighbours.ts';

/** Flows that the engine has for itself, beside those of the pipeline. */
interface OwnFlows {
  setOwnFlows(flows: readonly Flow[]): Promise<void>;
  onOwnPacketIn(handler: (packet: PacketIn) => void): void;
}

/** "LLDP" in the high half. Not one of the pipeline's cookies: the agent leaves these flows alone. */
const COOKIE = 0x4c4c4450n << 32n;
const ETHERTYPE = 0x88cc;

export class LldpListener {
  readonly #flows: OwnFlows;
  readonly #clock: Clock;
  readonly #neighbours = new Neighbours();
  /** OpenFlow port number -> NIC. */
  #nics: ReadonlyMap<number, string> = new Map();
  /** The ports that there are flows for. */
  #ports = '';
  #work: Promise<void> = Promise.resolve();

  constructor(flows: OwnFlows, clock: Clock) {
    this.#flows = flows;
    this.#clock = clock;
    flows.onOwnPacketIn(({ cookie, inPort, frame }) => {
      const nic = this.#nics.get(inPort);
      if (cookie === COOKIE && nic !== undefined) this.#neighbours.hear(nic, frame, clock.now());
    });
  }

  /**
   * The NICs of the bridge from now on, by the numbers of their ports; of a bond, those of its members. One call waits for
   * the other; where one fails, the next finds what is missing.
   */
  listenTo(nics: ReadonlyMap<number, string>): Promise<void> {
    this.#nics = new Map(nics);
    const done = this.#work.then(() => this.#setFlows());
    this.#work = done.catch(() => {});
    return done;
  }

  async #setFlows(): Promise<void> {
    const ports = [...this.#nics.keys()].sort((a, b) => a - b);
    if (ports.join() === this.#ports) return;
    await this.#flows.setOwnFlows(ports.map(lldpFlow));
    this.#ports = ports.join();
  }

  /** NIC -> who is at the other end of its cable; NICs where nobody says so are left out. */
  neighbours(): ReadonlyMap<string, Neighbour> {
    const heard = this.#neighbours.at(this.#clock.now());
    const here = new Set(this.#nics.values());
    return new Map([...heard].filter(([nic]) => here.has(nic)));
  }
}

function lldpFlow(port: number): Flow {
  return {
    table: 0,
    priority: 0xffff,
    cookie: COOKIE,
    match: matchOf({ in_port: port, eth_type: ETHERTYPE }),
    actions: [controller('')],
  };
}
