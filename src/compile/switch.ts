/** A logical switch applied to a host: one virtual switch there. */
import { get, type Reader } from '../model/facts.ts';
import { isExternal } from '../model/kinds/host-switch.ts';
import { type HostSwitch, isKind, type LogicalSwitch } from '../model/kinds.ts';
import { bandwidthModeOf, uplinkMbps } from '../model/port-profiles.ts';
import { hostScope, type SwitchRecord, type Uplink } from '../policy/records.ts';
import { modelOf } from './facts.ts';
import { type FeatureRule, put } from './feature.ts';
import { ETHERNET_MTU } from './mtu.ts';

export const hostSwitch: FeatureRule = {
  name: 'switch',
  units: (key, fact) => (fact.kind === 'HostSwitch' ? [key] : []),
  *derive(unit, compileRead) {
    const read = modelOf(compileRead);
    const applied = read.get(unit);
    if (!isKind(applied, 'HostSwitch')) return;
    const profile = get(read, 'UplinkPortProfile', applied.uplinkProfile);
    if (!profile) return;
    const uplink: Uplink = {
      nics: [...applied.nics].sort(),
      teaming: profile.teamingMode,
      balancing: profile.loadBalancing,
      mtu: uplinkMtu(read, applied),
      ...capacityOf(read, applied),
    };
    yield put(hostScope(applied.host), {
      kind: 'switch',
      name: applied.logicalSwitch,
      type: applied.type ?? 'external',
      ...(isExternal(applied) ? { uplink } : {}),
      ...exportOf(get(read, 'LogicalSwitch', applied.logicalSwitch)),
      origin: unit,
    });
  },
};

function exportOf(logicalSwitch: LogicalSwitch | undefined): Pick<SwitchRecord, 'flowExport'> {
  if (!logicalSwitch?.flowExport) return {};
  const { type, collectors, sampling } = logicalSwitch.flowExport;
  return { flowExport: { type, collectors: [...new Set(collectors)].sort(), sampling } };
}

/** What is shared out, where the switch shares out anything. */
function capacityOf(read: Reader, applied: HostSwitch): Pick<Uplink, 'capacityKbps'> {
  const logicalSwitch = get(read, 'LogicalSwitch', applied.logicalSwitch);
  const mbps = uplinkMbps(get(read, 'Host', applied.host), applied);
  if (!logicalSwitch || mbps === 0 || bandwidthModeOf(logicalSwitch) === 'none') return {};
  return { capacityKbps: mbps * 1000 };
}

/** What every NIC of the uplink can carry: the smallest MTU of their physical networks. */
export function uplinkMtu(read: Reader, applied: HostSwitch): number {
  const nics = get(read, 'Host', applied.host)?.nics ?? [];
  const mtus = nics
    .filter((nic) => applied.nics.includes(nic.name) && nic.physicalNetwork !== undefined)
    .map((nic) => get(read, 'PhysicalNetwork', nic.physicalNetwork ?? '')?.mtu ?? ETHERNET_MTU);
  return mtus.length > 0 ? Math.min(...mtus) : ETHERNET_MTU;
}
