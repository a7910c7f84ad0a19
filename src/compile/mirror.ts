/** Mirrors: whose frames are copied, and where to. */
import { VNIC, vmVnicOwner } from '../allocate/scopes.ts';
import { type Mirror, virtualMachineKey } from '../model/kinds/virtual-machine.ts';
import { isKind, type VirtualMachine } from '../model/kinds.ts';
import { hostsOfVm } from '../model/migration.ts';
import { mirrorTarget } from '../model/mirroring.ts';
import { isPlaced, placeVnic } from '../model/placement.ts';
import { hostScope, type MirrorRecord } from '../policy/records.ts';
import { allocated, modelOf } from './facts.ts';
import { type CompileRead, type FeatureRule, put } from './feature.ts';

export const mirror: FeatureRule = {
  name: 'mirror',
  units: (key, fact) =>
    fact.kind === 'VirtualMachine' && fact.vnics.some((vnic) => vnic.mirror !== undefined) ? [key] : [],
  *derive(unit, read) {
    const vm = modelOf(read).get(unit);
    if (!isKind(vm, 'VirtualMachine')) return;
    for (const host of hostsOfVm(vm)) yield* mirrorsAt(read, unit, vm, host);
  },
};

function* mirrorsAt(read: CompileRead, origin: string, vm: VirtualMachine, host: string) {
  for (const vnic of vm.vnics) {
    const source = allocated(read, VNIC, vmVnicOwner(virtualMachineKey(vm), vnic.name));
    const place = placeVnic(modelOf(read), host, vnic);
    if (!vnic.mirror || source === undefined || !isPlaced(place)) continue;
    const on = place.uplink.hostSwitch.logicalSwitch;
    const output = outputOf(read, vnic.mirror, host, on);
    if (!output) continue;
    const { direction } = vnic.mirror;
    yield put(hostScope(host), { kind: 'mirror', source, switch: on, direction, output, origin });
  }
}

/** Undefined where the copies would have to leave the switch: then there are none. */
function outputOf(
  read: CompileRead,
  asked: Mirror,
  host: string,
  on: string,
): MirrorRecord['output'] | undefined {
  if (asked.vlan !== undefined) return { vlan: asked.vlan };
  const target = mirrorTarget(modelOf(read), asked);
  if (!target || !hostsOfVm(target.machine).includes(host)) return undefined;
  const place = placeVnic(modelOf(read), host, target.vnic);
  if (!isPlaced(place) || place.uplink.hostSwitch.logicalSwitch !== on) return undefined;
  const port = allocated(read, VNIC, vmVnicOwner(virtualMachineKey(target.machine), target.vnic.name));
  return port === undefined ? undefined : { port };
}
