/** The teams of a switch: what is done to them, and what they say by themselves. They know no ports but by structure. */
import type { PortSpec } from '../../flow/datapath.ts';
import type { Mac } from '../../packet/address.ts';
import type { MacTable } from '../bridge/mac-learning.ts';
import type { Effect } from '../engine/engine-parts.ts';
import { Team } from './bond.ts';
import type { LacpSettings } from './lacp.ts';
import { hearLacp, teamFrames } from './team-frames.ts';

/** As in Open vSwitch: of two sides, the one that speaks first decides which links are chosen. */
const SYSTEM_PRIORITY = { ACTIVE: 65_534, PASSIVE: 65_535 } as const;

export interface TeamOptions {
  /** How teams call themselves to their partners. */
  readonly system: Mac;
  /** Milliseconds. */
  readonly now: () => number;
  /** Called after `nextWake` may have changed. */
  readonly onWake: () => void;
}

/** What there is to know of a port that may have a team. */
interface TeamPort {
  readonly number: number;
  readonly spec: PortSpec;
  readonly team: Team | undefined;
}

export class Teams {
  readonly #options: TeamOptions;
  readonly #macs: MacTable;
  readonly #onChange: () => void;

  /** `onChange` is called when a team deals with frames in another way from now on. */
  constructor(options: TeamOptions, macs: MacTable, onChange: () => void) {
    this.#options = options;
    this.#macs = macs;
    this.#onChange = onChange;
  }

  /** The team of an uplink whose specification is new; what the old one knows stays. */
  configured(spec: PortSpec & { type: 'uplink' }, { team, number }: TeamPort): Team {
    const lacp = this.#lacpOf(spec, number);
    if (!team) return new Team(spec.nics, spec.mode, lacp);
    team.configure(spec.nics, spec.mode, lacp, this.#options.now());
    return team;
  }

  #lacpOf({ lacp }: PortSpec & { type: 'uplink' }, key: number): LacpSettings | undefined {
    if (lacp === 'off') return undefined;
    const active = lacp === 'active';
    const systemPriority = active ? SYSTEM_PRIORITY.ACTIVE : SYSTEM_PRIORITY.PASSIVE;
    return { system: this.#options.system, systemPriority, key, active, fast: true };
  }

  /** The caller has seen to it that nothing is remembered of frames. */
  setLink(team: Team, nic: string, up: boolean): void {
    team.setLink(nic, up, this.#options.now());
    this.#options.onWake();
  }

  /** A team hears what its partner says. */
  hear(team: Team, nic: string, frame: Uint8Array): void {
    this.#watching(team, () => hearLacp(team, nic, frame, this.#options.now()));
  }

  /** What teams have to say now. */
  frames(ports: Iterable<TeamPort>): readonly Extract<Effect, { type: 'send' }>[] {
    const now = this.#options.now();
    return [...ports].flatMap(({ team, spec, number }) => {
      if (!team || spec.type !== 'uplink') return [];
      const port = { number, vlan: spec.vlan };
      const frames = this.#watching(team, () => teamFrames(team, port, () => this.#macs.list(now), now));
      return frames.map((each) => ({ type: 'send', port: number, ...each }) as const);
    });
  }

  /** When `frames` has to be asked again; a time that is over: at once. Infinity: not before something happens. */
  nextWake(ports: Iterable<TeamPort>): number {
    let wake = Number.POSITIVE_INFINITY;
    for (const { team } of ports) if (team?.lacp) wake = Math.min(wake, team.lacp.nextWake);
    return wake;
  }

  /** What is remembered of frames goes when the team deals with them in another way now. */
  #watching<T>(team: Team, act: () => T): T {
    const before = team.state;
    const result = act();
    if (team.state !== before) this.#onChange();
    if (team.lacp) this.#options.onWake();
    return result;
  }
}
