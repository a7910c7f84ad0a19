import type { LogicalSwitch, UplinkPortProfile } from '../kinds.ts';
import { type Check, repeated } from './check.ts';

/** A team hides the NICs, SR-IOV goes around the switch to one of them: only a team within the switch can do both. */
export const sriovWithoutTeam: Check<LogicalSwitch> = function* (logicalSwitch) {
  if (!logicalSwitch.sriov || logicalSwitch.uplinkMode !== 'team') return;
  yield {
    path: 'sriov',
    code: 'sriov-with-team',
    message: `Logical switch "${logicalSwitch.name}" has SR-IOV and makes teams, and the two contradict each other.`,
    remedy: 'Set uplinkMode: embedded-team or no-team, or sriov: false.',
  };
};

/** Each uplink profile and each classification is listed once. */
export const switchListsDistinct: Check<LogicalSwitch> = function* (logicalSwitch) {
  yield* repeated('uplinkProfiles', '', logicalSwitch.uplinkProfiles, (p) => p, 'Uplink port profile');
  yield* repeated(
    'classifications',
    'classification',
    logicalSwitch.classifications,
    (c) => c.classification,
    'Port classification',
  );
};

/** Each site is listed once. */
export const profileSitesDistinct: Check<UplinkPortProfile> = function* (profile) {
  yield* repeated('sites', '', profile.sites, (s) => `${s.logicalNetwork}/${s.site}`, 'Site');
};
