/**
 * The physical networks of a lab: one VLAN-aware learning switch for each, links between those that are joined. They
 * are softswitches with a single flow, NORMAL, so the cables of a lab behave like the real thing.
 */
import type { Clock } from '../base/clock.ts';
import { flowOf, output } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import type { SoftSwitch } from '../softswitch/switch.ts';
import { wokenSwitch } from '../softswitch/woken-switch.ts';

const TRUNK = { mode: 'trunk', trunks: [] } as const;

/** The far end of a cable. */
export interface Cable {
  /** Puts a frame on the cable, towards the physical switch. */
  send(frame: Uint8Array): void;
  setLink(up: boolean): void;
  unplug(): Promise<void>;
}

export class PhysicalFabric {
  readonly #clock: Clock;
  readonly #switches = new Map<string, SoftSwitch>();
  readonly #links = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get switches(): ReadonlyMap<string, SoftSwitch> {
    return this.#switches;
  }

  /** Makes the switch of a physical network, and the links to those it is joined with. */
  async setNetwork(name: string, joinedWith: readonly string[]): Promise<void> {
    await this.#switch(name);
    for (const other of joinedWith) await this.#link(name, other);
  }

  /**
   * Plugs a cable into a free port of the network's switch; `deliver` gets what comes out of it. Cables with the same
   * `team` are one link, if the other end agrees by LACP.
   */
  async plug(
    network: string,
    port: string,
    deliver: (frame: Uint8Array) => void,
    team?: string,
  ): Promise<Cable> {
    const ofSwitch = await this.#switch(network);
    if (team === undefined) await ofSwitch.setPort({ type: 'vif', name: port, id: port, vlan: TRUNK });
    else await setTeam(ofSwitch, team, [...(await nicsOf(ofSwitch, team)), port]);
    const end =
      team === undefined ? ofSwitch.attach(port, undefined, deliver) : ofSwitch.attach(team, port, deliver);
    return {
      send: (frame) => end.receive(frame),
      setLink: (up) => end.setLink(up),
      unplug: async () => {
        end.detach();
        if (team === undefined) await ofSwitch.removePort(port);
        else
          await setTeam(
            ofSwitch,
            team,
            (await nicsOf(ofSwitch, team)).filter((nic) => nic !== port),
          );
      },
    };
  }

  async #switch(name: string): Promise<SoftSwitch> {
    const present = this.#switches.get(name);
    if (present) return present;
    const made = wokenSwitch(this.#clock, `physical/${name}`);
    this.#switches.set(name, made);
    await made.applyFlows({
      add: [flowOf({ table: 0, priority: 0, match: matchOf({}), actions: [output('normal')] })],
      remove: [],
    });
    return made;
  }

  /** One link between two networks, and never a loop: what is reached already needs no second way. */
  async #link(a: string, b: string): Promise<void> {
    if (a === b || this.#reaches(a, b)) return;
    this.#links.add(`${a}\n${b}`);
    const ends: Cable[] = [];
    ends[0] = await this.plug(a, `link to ${b}`, (frame) => ends[1]?.send(frame));
    ends[1] = await this.plug(b, `link to ${a}`, (frame) => ends[0]?.send(frame));
  }

  #reaches(from: string, to: string): boolean {
    const seen = new Set([from]);
    for (const at of seen) {
      for (const link of this.#links) {
        const [a, b] = link.split('\n') as [string, string];
        if (a === at) seen.add(b);
        if (b === at) seen.add(a);
      }
    }
    return seen.has(to);
  }
}

/** The cables of a team, in the order in which they were plugged in. */
async function nicsOf(ofSwitch: SoftSwitch, team: string): Promise<readonly string[]> {
  const spec = (await ofSwitch.ports()).get(team)?.spec;
  return spec?.type === 'uplink' ? spec.nics : [];
}

/** A team without cables is none. It answers LACP, and does not begin. */
async function setTeam(ofSwitch: SoftSwitch, name: string, nics: readonly string[]): Promise<void> {
  if (nics.length === 0) return ofSwitch.removePort(name);
  await ofSwitch.setPort({ type: 'uplink', name, nics, mode: 'balance-tcp', lacp: 'passive', vlan: TRUNK });
}
