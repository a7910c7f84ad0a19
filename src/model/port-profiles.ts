/** What a port classification comes to on a logical switch, and how the bandwidth of its uplink is shared out. */
import { get, type Reader } from './facts.ts';
import type { Host, HostSwitch, LogicalSwitch, VirtualPortProfile } from './kinds.ts';

/** The virtual port profile that the classification stands for on this logical switch. */
export function profileFor(
  read: Reader,
  logicalSwitch: string,
  classification: string | undefined,
): VirtualPortProfile | undefined {
  const offered = get(read, 'LogicalSwitch', logicalSwitch)?.classifications.find(
    (c) => c.classification === classification,
  );
  return offered && get(read, 'VirtualPortProfile', offered.profile);
}

/** How minimums are counted. `default` is as Hyper-V has it: by weight, and not at all with SR-IOV. */
export function bandwidthModeOf({
  bandwidthMode,
  sriov,
}: Pick<LogicalSwitch, 'bandwidthMode' | 'sriov'>): 'weight' | 'absolute' | 'none' {
  if (bandwidthMode !== 'default') return bandwidthMode;
  return sriov ? 'none' : 'weight';
}

/** Line rate of the uplink in Mbit/s: of all its NICs together. 0 where none of them is there. */
export function uplinkMbps(host: Host | undefined, { nics }: HostSwitch): number {
  return (host?.nics ?? [])
    .filter((nic) => nics.includes(nic.name))
    .reduce((sum, nic) => sum + nic.speedMbps, 0);
}
