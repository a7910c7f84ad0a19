/** Minimums and weights: what a profile says goes together with the switch, and all of it fits the uplink. */
import { get, objects, type Reader } from '../facts.ts';
import type { HostSwitch, LogicalSwitch, VirtualPortProfile } from '../kinds.ts';
import { hostVnicAddresses, isPlaced, placeVnic } from '../placement.ts';
import { bandwidthModeOf, profileFor, uplinkMbps } from '../port-profiles.ts';
import { at, type Check } from './check.ts';

/** The minimum is not above the maximum, and a NIC that is handed to the guest is out of the switch's reach. */
export const bandwidthFits: Check<VirtualPortProfile> = function* ({ bandwidth, offload }) {
  const { minimumMbps: minimum, maximumMbps: maximum, minimumWeight } = bandwidth;
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
    yield {
      path: 'bandwidth.minimumMbps',
      code: 'field-conflict',
      message: `The minimum of ${minimum} Mbit/s is above the maximum of ${maximum} Mbit/s.`,
      remedy: 'Lower the minimum or raise the maximum.',
    };
  }
  if (!offload.sriov || (minimum ?? minimumWeight ?? maximum) === undefined) return;
  yield {
    path: 'bandwidth',
    code: 'field-conflict',
    message: 'SR-IOV goes around the switch, which then cannot share out or limit bandwidth.',
    remedy: 'Remove bandwidth, or set offload.sriov: false.',
  };
};

/** The profiles on offer say their minimum in the way that the switch counts it. */
export const bandwidthCounted: Check<LogicalSwitch> = function* (logicalSwitch, read) {
  const mode = bandwidthModeOf(logicalSwitch);
  for (const [i, { profile: name }] of logicalSwitch.classifications.entries()) {
    const { minimumMbps, minimumWeight } = get(read, 'VirtualPortProfile', name)?.bandwidth ?? {};
    const counted = { weight: minimumWeight, absolute: minimumMbps, none: undefined }[mode];
    const other = { weight: minimumMbps, absolute: minimumWeight, none: minimumMbps ?? minimumWeight }[mode];
    // A weight of 0 asks for nothing.
    if (counted !== undefined || !other) continue;
    const said = other === minimumWeight ? `weight ${other}` : `${other} Mbit/s`;
    const words = {
      weight: 'counts minimums by weight',
      absolute: 'counts minimums in Mbit/s',
      none: 'knows no minimums',
    }[mode];
    yield {
      path: at('classifications', i, 'profile'),
      code: 'field-conflict',
      message: `Virtual port profile "${name}" has a minimum of ${said}, and logical switch "${logicalSwitch.name}" ${words}.`,
      remedy:
        mode === 'none'
          ? 'Use a profile without a minimum, or set bandwidthMode: weight or absolute.'
          : `Give the profile a ${mode === 'weight' ? 'minimumWeight' : 'minimumMbps'} too, or change bandwidthMode of the logical switch.`,
    };
  }
};

/** All minimums of a switch together are not above the line rate of its uplink. */
export const minimumsFit: Check<HostSwitch> = function* (hostSwitch, read) {
  const logicalSwitch = get(read, 'LogicalSwitch', hostSwitch.logicalSwitch);
  if (!logicalSwitch || bandwidthModeOf(logicalSwitch) !== 'absolute') return;
  const capacity = uplinkMbps(get(read, 'Host', hostSwitch.host), hostSwitch);
  if (capacity === 0) return;
  const minimums = [...minimumsOn(read, hostSwitch)].filter(({ mbps }) => mbps > 0);
  const sum = minimums.reduce((all, { mbps }) => all + mbps, 0);
  if (sum <= capacity) return;
  const most = minimums.sort((a, b) => b.mbps - a.mbps || (a.name < b.name ? -1 : 1)).slice(0, 3);
  yield {
    path: 'nics',
    code: 'bandwidth-exceeded',
    message: `The vNICs of this switch have minimums of ${sum} Mbit/s together, and its uplink ${hostSwitch.nics.join(' and ')} carries ${capacity} Mbit/s. Those with the most: ${most.map(({ name, mbps }) => `${name} ${mbps}`).join(', ')}.`,
    remedy: 'Lower minimums, move a VM to another host, or give the switch more or faster NICs.',
  };
};

/** The minimum of every vNIC that is plugged into this switch of the host. */
function* minimumsOn(
  read: Reader,
  hostSwitch: HostSwitch,
): Iterable<{ readonly name: string; readonly mbps: number }> {
  const { host, logicalSwitch } = hostSwitch;
  const minimum = (classification: string | undefined) =>
    profileFor(read, logicalSwitch, classification)?.bandwidth.minimumMbps ?? 0;
  for (const vnic of hostSwitch.hostVnics) {
    const wish = { ...vnic, addresses: hostVnicAddresses(read, hostSwitch, vnic) };
    if (isPlaced(placeVnic(read, host, wish)))
      yield { name: `${host}/${vnic.name}`, mbps: minimum(vnic.classification) };
  }
  for (const vm of objects(read, 'VirtualMachine', 'virtualMachines', host)) {
    for (const vnic of vm.vnics) {
      const place = placeVnic(read, host, vnic);
      if (!isPlaced(place) || place.uplink.hostSwitch.logicalSwitch !== logicalSwitch) continue;
      yield { name: `${vm.name}/${vnic.name}`, mbps: minimum(vnic.classification) };
    }
  }
}
