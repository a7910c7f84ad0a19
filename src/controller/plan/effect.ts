/**
 * What the change of a policy record does to the traffic of a host, in words: who is interrupted and for how long, which
 * guards change, whether the host itself may become unreachable.
 *
 * How long is an estimate, made of how agents apply a policy (agent.ts): ports are made before flows speak of them, all
 * flows of a switch change in one bundle, and ports go after their flows. So what changes flows alone interrupts nobody.
 */

/** How long frames may be lost. */
export interface Interruption {
  /** Estimate; 0: none is lost. `null`: until somebody acts, or for good. */
  readonly milliseconds: number | null;
  readonly why: string;
}

/** Something that a port forbids, or no longer does. */
export interface GuardChange {
  readonly guard: string;
  readonly before: string;
  readonly after: string;
}

export interface Effect {
  /** Absent: on every host that takes part in a routing domain. */
  readonly host?: string;
  /** `vNIC blue1/eth0`, `virtual switch Internal` */
  readonly subject: string;
  readonly change: 'appears' | 'goes' | 'moves' | 'changes';
  /** What changes, in words. */
  readonly text: string;
  readonly interruption: Interruption;
  /** Names of the vNICs that are interrupted. */
  readonly vnics: readonly string[];
  readonly guards: readonly GuardChange[];
  /** The host itself may be out of reach while it happens: its own vNICs are behind what changes. */
  readonly management: boolean;
}

/** Nothing is lost. */
export const NONE: Interruption = {
  milliseconds: 0,
  why: 'The new flows are in place before the old ones go.',
};

/** A port that is new has nothing to lose. */
export const NEW: Interruption = { milliseconds: 0, why: 'It is new.' };

export const GONE: Interruption = { milliseconds: null, why: 'It is disconnected.' };

/** The tables of switches and the neighbours of a machine follow its first frame; until both hosts are done, frames are lost. */
export const MOVED: Interruption = {
  milliseconds: 1000,
  why: 'The machine is moved at once and not migrated: frames are lost until both hosts have the change. A live migration loses none.',
};

/** Unplugging, plugging in, and DHCP with its four messages; a guest takes its time to notice that the link is there. */
export const REPLUGGED: Interruption = {
  milliseconds: 5000,
  why: 'The NIC is plugged in anew and the guest asks DHCP again; connections of the old address end.',
};

/** Nothing tells such a guest. */
export const READDRESSED: Interruption = {
  milliseconds: null,
  why: 'Somebody has to set the new address in the guest, since Netloom does not give it by DHCP.',
};

/** Switches and neighbours have to learn the machine where it is now. */
export const RELEARNT: Interruption = {
  milliseconds: 1000,
  why: 'It reaches other machines than before; those have to learn where it is.',
};

/** A member of a team goes or comes, and another one is there: flows are spread anew over those that are left. */
export const FAILOVER: Interruption = {
  milliseconds: 200,
  why: 'Another member of the team takes over what the one carried.',
};

/** LACP takes up to three messages of a second before it lets a member carry frames (IEEE 802.1AX, fast rate). */
export const NEW_UPLINK: Interruption = {
  milliseconds: 3000,
  why: 'The uplink is made anew: links come up, LACP agrees, physical switches learn where the host is.',
};

/** Many NICs take their link down to set it. */
export const LINK_FLAP: Interruption = {
  milliseconds: 1000,
  why: 'Many NICs lose their link for a moment when the MTU is set.',
};

/** The others send to the old address until they have the change. */
export const NEW_PROVIDER: Interruption = {
  milliseconds: 1000,
  why: 'Other hosts send to the old provider address until they have the change.',
};

/** The longer one. */
export function worse(a: Interruption, b: Interruption): Interruption {
  const length = ({ milliseconds }: Interruption) => milliseconds ?? Number.POSITIVE_INFINITY;
  return length(b) > length(a) ? b : a;
}
