import { get, members, nicGroup, type Reader } from '../facts.ts';
import type { Nic } from '../kinds/host.ts';
import { isExternal } from '../kinds/host-switch.ts';
import { siteKey } from '../kinds/network-site.ts';
import { type Host, type HostSwitch, objectKey, type UplinkPortProfile } from '../kinds.ts';
import { carriesVlan } from '../range.ts';
import { siteDistance, sitesOfProfile, uplinksFor } from '../uplinks.ts';
import { choices, namesOf } from '../words.ts';
import { at, type Check, others, repeated } from './check.ts';

/** The NICs that exist, with the place where the host switch names them. */
function nicsOf(hostSwitch: HostSwitch, host: Host): { path: string; nic: Nic }[] {
  return hostSwitch.nics.flatMap((name, i) => {
    const nic = host.nics.find((n) => n.name === name);
    return nic ? [{ path: at('nics', i), nic }] : [];
  });
}

/** A switch that leads outside has NICs for it, one that does not has none; a private one has no place for the host. */
export const switchTypeFits: Check<HostSwitch> = function* (hostSwitch) {
  const { type = 'external', nics, hostVnics } = hostSwitch;
  if (isExternal(hostSwitch)) {
    if (nics.length > 0) return;
    yield {
      path: 'nics',
      code: 'field-missing',
      message: 'An external switch needs at least one NIC as its uplink.',
      remedy:
        'Name NICs of the host, or set type: internal or private for a switch that stays inside the host.',
    };
    return;
  }
  if (nics.length > 0) {
    yield {
      path: 'nics',
      code: 'field-conflict',
      message: `${type === 'internal' ? 'An internal' : 'A private'} switch has no uplink, and NICs are named for one.`,
      remedy: 'Remove nics, or set type: external.',
    };
  }
  if (type === 'private' && hostVnics.length > 0) {
    yield {
      path: 'hostVnics',
      code: 'field-conflict',
      message: 'A private switch joins VMs alone; the host takes no part in it.',
      remedy: 'Remove hostVnics, or set type: internal.',
    };
  }
};

/** The NICs are the host's, are cabled, and no other switch has them. */
export const nicsUsable: Check<HostSwitch> = function* (hostSwitch, read) {
  yield* repeated('nics', '', hostSwitch.nics, (name) => name, 'NIC');
  const host = get(read, 'Host', hostSwitch.host);
  if (!host) return;
  for (const [i, name] of hostSwitch.nics.entries()) {
    const nic = host.nics.find((n) => n.name === name);
    const free = host.nics.map((n) => n.name).filter((n) => !hostSwitch.nics.includes(n));
    if (!nic) {
      yield {
        path: at('nics', i),
        code: 'nic-unknown',
        message: `Host "${host.name}" has no NIC "${name}".`,
        remedy: free.length > 0 ? `Use ${choices(free)}.` : 'Add the NIC to the host.',
      };
      continue;
    }
    if (nic.physicalNetwork === undefined) {
      yield {
        path: at('nics', i),
        code: 'nic-unconnected',
        message: `NIC "${name}" of host "${host.name}" has no physical network.`,
        remedy: 'Set physicalNetwork on the NIC, or use another one.',
      };
    }
    const users = others(members(read, 'nicUsers', nicGroup(host.name, name)), objectKey(hostSwitch));
    if (users.length > 0) {
      yield {
        path: at('nics', i),
        code: 'nic-in-use',
        message: `NIC "${name}" of host "${host.name}" is also used by ${namesOf(users)}. A NIC carries one switch.`,
        remedy: 'Use another NIC, or take it from the other switch.',
      };
    }
  }
};

/** The NICs of one switch reach each other: same physical network, or joined ones. */
export const nicsTogether: Check<HostSwitch> = function* (hostSwitch, read) {
  const host = get(read, 'Host', hostSwitch.host);
  const cabled = host ? nicsOf(hostSwitch, host).filter(({ nic }) => nic.physicalNetwork !== undefined) : [];
  const [first, ...rest] = cabled;
  if (!first) return;
  const reached = joinedNetworks(read, first.nic.physicalNetwork ?? '');
  for (const { path, nic } of rest) {
    if (reached.has(nic.physicalNetwork ?? '')) continue;
    yield {
      path,
      code: 'nics-apart',
      message: `NIC "${nic.name}" is on physical network "${nic.physicalNetwork}", which NIC "${first.nic.name}" on "${first.nic.physicalNetwork}" does not reach.`,
      remedy: 'Use NICs of one physical network, or say with joinedWith that a link joins the two.',
    };
  }
};

/** The physical networks that can be reached from one, itself included. */
function joinedNetworks(read: Reader, start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  for (const network of reached) {
    // A set is walked in the order of insertion, including what is added on the way.
    for (const next of members(read, 'joined', network)) reached.add(next);
  }
  return reached;
}

/** The number of NICs and the way they work together are what the logical switch is made for. */
export const teamAllowed: Check<HostSwitch> = function* (hostSwitch, read) {
  const logicalSwitch = get(read, 'LogicalSwitch', hostSwitch.logicalSwitch);
  const profile = get(read, 'UplinkPortProfile', hostSwitch.uplinkProfile);
  if (logicalSwitch?.uplinkMode === 'no-team' && hostSwitch.nics.length > 1) {
    yield {
      path: 'nics',
      code: 'team-not-allowed',
      message: `${hostSwitch.nics.length} NICs would make a team, and logical switch "${logicalSwitch.name}" has uplinkMode no-team.`,
      remedy: 'Use one NIC, or set uplinkMode: team on the logical switch.',
    };
  }
  if (logicalSwitch?.uplinkMode !== 'embedded-team' || !profile) return;
  if (profile.teamingMode !== 'switch-independent' || !EMBEDDED_BALANCING.has(profile.loadBalancing)) {
    yield {
      path: 'uplinkProfile',
      code: 'team-not-allowed',
      message: `Uplink port profile "${profile.name}" has ${profile.teamingMode} teaming with ${profile.loadBalancing}; a team within the switch (embedded-team) can only do switch-independent teaming with dynamic or hyper-v-port.`,
      remedy: 'Use another uplink port profile, or set uplinkMode: team on the logical switch.',
    };
  }
};

/**
 * A team can do what its uplink port profile says. Netloom spreads frames by vNIC, or by flow where the switches at the
 * other end have agreed by LACP (docs/port-profiles.md); what has no honest counterpart among these is refused.
 */
export const teamMaps: Check<HostSwitch> = function* (hostSwitch, read) {
  const profile = get(read, 'UplinkPortProfile', hostSwitch.uplinkProfile);
  if (!profile || hostSwitch.nics.length < 2) return;
  const { name, teamingMode, loadBalancing } = profile;
  if (teamingMode === 'static') {
    yield {
      path: 'uplinkProfile',
      code: 'team-not-allowed',
      message: `Uplink port profile "${name}" has static teaming, in which neither end can tell whether the other agrees: a cable in the wrong port loses frames unseen.`,
      remedy:
        'Use teamingMode: lacp where the physical switches make one link of the NICs, else switch-independent.',
    };
  } else if (teamingMode === 'switch-independent' && FLOW_BALANCING.has(loadBalancing)) {
    yield {
      path: 'uplinkProfile',
      code: 'team-not-allowed',
      message: `Uplink port profile "${name}" spreads by ${loadBalancing} over a switch-independent team: the physical switches would see the same MAC address on several ports.`,
      remedy: 'Use loadBalancing: dynamic or hyper-v-port, or teamingMode: lacp.',
    };
  }
};

/** They spread the flows of one vNIC over several members. */
const FLOW_BALANCING: ReadonlySet<string> = new Set(['address-hash', 'transport-ports']);

const EMBEDDED_BALANCING: ReadonlySet<string> = new Set(['dynamic', 'hyper-v-port']);

/** A switch that takes a host's only NIC leaves nothing when that fails. */
export const nicToSpare: Check<HostSwitch> = function* (hostSwitch, read) {
  const host = get(read, 'Host', hostSwitch.host);
  if (host?.nics.length !== 1 || nicsOf(hostSwitch, host).length !== 1) return;
  yield {
    path: 'nics',
    code: 'single-nic',
    severity: 'warning',
    message: `The switch takes "${hostSwitch.nics[0]}", the only NIC of host "${host.name}": management and VMs share it, and are cut off together.`,
    remedy: 'Give the host at least two NICs, four where it has storage networks.',
  };
};

/** The uplink profile is one of the logical switch's, and has a site that the host stands in. */
export const uplinkProfileFits: Check<HostSwitch> = function* (hostSwitch, read) {
  const host = get(read, 'Host', hostSwitch.host);
  const logicalSwitch = get(read, 'LogicalSwitch', hostSwitch.logicalSwitch);
  const profile = get(read, 'UplinkPortProfile', hostSwitch.uplinkProfile);
  if (!profile) return;
  const fitting = (logicalSwitch?.uplinkProfiles ?? []).filter((name) => {
    const candidate = get(read, 'UplinkPortProfile', name);
    return candidate && host && hasSiteFor(read, candidate, host);
  });
  const advice = fitting.length > 0 ? `Use ${choices(fitting)}.` : undefined;
  if (logicalSwitch && !logicalSwitch.uplinkProfiles.includes(profile.name)) {
    yield {
      path: 'uplinkProfile',
      code: 'profile-not-listed',
      message: `Logical switch "${logicalSwitch.name}" does not list uplink port profile "${profile.name}".`,
      remedy: advice ?? 'Add it to uplinkProfiles of the logical switch.',
    };
  }
  if (host && !hasSiteFor(read, profile, host) && allSitesExist(read, profile)) {
    const groups = [...new Set(sitesOfProfile(read, profile).flatMap((site) => site.hostGroups))];
    yield {
      path: 'uplinkProfile',
      code: 'site-mismatch',
      message: `Host "${host.name}" stands in "${host.group}", but uplink port profile "${profile.name}" is for ${groups.length > 0 ? `hosts in ${namesOf(groups)}` : 'no host group at all'}.`,
      remedy: advice ?? `Add a site with host group "${host.group}" to the uplink port profile.`,
    };
  }
};

function hasSiteFor(read: Reader, profile: UplinkPortProfile, host: Host): boolean {
  return sitesOfProfile(read, profile).some((site) => siteDistance(read, site, host) !== undefined);
}

function allSitesExist(read: Reader, profile: UplinkPortProfile): boolean {
  return profile.sites.every((s) => get(read, 'NetworkSite', siteKey(s.logicalNetwork, s.site)));
}

/** A logical network comes to a host through one switch: otherwise nobody could say which one a vNIC is on. */
export const networksOnce: Check<HostSwitch> = function* (hostSwitch, read) {
  const profile = get(read, 'UplinkPortProfile', hostSwitch.uplinkProfile);
  const networks = [...new Set((profile?.sites ?? []).map((s) => s.logicalNetwork))];
  for (const network of networks) {
    const uplinks = uplinksFor(read, hostSwitch.host, network).map((u) => objectKey(u.hostSwitch));
    if (!uplinks.includes(objectKey(hostSwitch)) || uplinks.length < 2) continue;
    yield {
      path: 'uplinkProfile',
      code: 'network-ambiguous',
      message: `Logical network "${network}" comes to host "${hostSwitch.host}" also through ${namesOf(others(uplinks, objectKey(hostSwitch)))}.`,
      remedy: 'Take the logical network out of one of the uplink port profiles.',
    };
  }
};

/** NICs and physical networks can do what the sites and the logical switch ask of them: VLANs, SR-IOV. */
export const nicsCapable: Check<HostSwitch> = function* (hostSwitch, read) {
  const host = get(read, 'Host', hostSwitch.host);
  if (!host) return;
  const vlans = vlansInUse(read, hostSwitch, host);
  const sriov = get(read, 'LogicalSwitch', hostSwitch.logicalSwitch)?.sriov === true;
  for (const { path, nic } of nicsOf(hostSwitch, host)) {
    if (sriov && !nic.capabilities.includes('sriov')) {
      yield {
        path,
        code: 'nic-incapable',
        message: `Logical switch "${hostSwitch.logicalSwitch}" has SR-IOV, and NIC "${nic.name}" of host "${host.name}" cannot do it.`,
        remedy: 'Use a NIC with the capability sriov, or set sriov: false on the logical switch.',
      };
    }
    if (vlans.length > 0 && !nic.capabilities.includes('vlan')) {
      yield {
        path,
        code: 'nic-incapable',
        message: `The sites of the uplink port profile use VLAN ${vlans.join(', ')}, and NIC "${nic.name}" of host "${host.name}" cannot carry VLANs.`,
        remedy: 'Use a NIC with the capability vlan.',
      };
    }
    const network = get(read, 'PhysicalNetwork', nic.physicalNetwork ?? '');
    const missing = network ? vlans.filter((vlan) => !carriesVlan(network.vlans, vlan)) : [];
    if (network && missing.length > 0) {
      yield {
        path,
        code: 'vlan-not-carried',
        message: `Physical network "${network.name}" at NIC "${nic.name}" of host "${host.name}" does not carry VLAN ${missing.join(', ')}, which the sites of the uplink port profile use.`,
        remedy: 'Add the VLANs on the physical switch and to vlans of the physical network.',
      };
    }
  }
};

/** The tagged VLANs of the sites that the uplink carries for this host, sorted. */
function vlansInUse(read: Reader, hostSwitch: HostSwitch, host: Host): number[] {
  const profile = get(read, 'UplinkPortProfile', hostSwitch.uplinkProfile);
  if (!profile) return [];
  const rows = sitesOfProfile(read, profile)
    .filter((site) => siteDistance(read, site, host) !== undefined)
    .flatMap((site) => site.subnets);
  const vlans = new Set(rows.flatMap((row) => [row.vlan, row.secondaryVlan ?? 0]));
  vlans.delete(0);
  return [...vlans].sort((a, b) => a - b);
}
