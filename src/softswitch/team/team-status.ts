/** How a team is doing, for people. */
import { finding, NetloomError } from '../../base/error.ts';
import type { LacpStatus, Team, TeamMode } from './bond.ts';
import type { LacpMemberStatus } from './lacp.ts';

export interface TeamStatus {
  readonly mode: TeamMode;
  readonly lacp: LacpStatus;
  /** The NIC that takes group frames; undefined while none is in use. */
  readonly active: string | undefined;
  readonly members: readonly {
    readonly nic: string;
    readonly hasLink: boolean;
    /** Frames go out by it. */
    readonly isInUse: boolean;
    /** Undefined without LACP. */
    readonly lacp: LacpMemberStatus | undefined;
  }[];
}

/** Throws NetloomError (not-found) for a port that has no team. */
export function teamStatus(port: {
  readonly spec: { readonly name: string };
  readonly team: Team | undefined;
}): TeamStatus {
  const { team } = port;
  if (!team) {
    const { name } = port.spec;
    throw new NetloomError([finding('not-found', name, `Port ${name} is no uplink.`, 'Name an uplink.')]);
  }
  const members = team.lacp?.status() ?? [];
  return {
    mode: team.mode,
    lacp: team.lacpStatus,
    active: team.active,
    members: team.nics.map((nic) => ({
      nic,
      hasLink: team.hasLink(nic),
      isInUse: team.isInUse(nic),
      lacp: members.find(({ name }) => name === nic),
    })),
  };
}
