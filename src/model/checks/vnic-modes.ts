/** Trunks and mirrors: what a vNIC of a VM asks for beyond one VLAN. */
import type { Reader } from '../facts.ts';
import { type Mirror, type Trunk, type VmVnic, virtualMachineKey } from '../kinds/virtual-machine.ts';
import type { VirtualMachine } from '../kinds.ts';
import { hostsOfVm } from '../migration.ts';
import { mirrorTarget, monitorsOf } from '../mirroring.ts';
import { isPlaced, placeVnic, type VnicPlace } from '../placement.ts';
import { vlansIn } from '../range.ts';
import { choices } from '../words.ts';
import { at, type Check, type CheckResult } from './check.ts';

/** A trunk carries VLANs of the site that its vNIC is at, each in one way; the physical networks are checked there. */
export const trunksFit: Check<VirtualMachine> = function* (vm, read) {
  for (const [i, vnic] of vm.vnics.entries()) {
    if (!vnic.trunk) continue;
    const path = at('vnics', i, 'trunk');
    yield* eachVlanOnce(vnic.trunk, path);
    // While the VM moves, on both hosts; what is wrong with both is said once.
    const said = new Set<string>();
    for (const host of hostsOfVm(vm)) {
      const place = placeVnic(read, host, vnic);
      for (const result of isPlaced(place) ? trunkFits(vnic.trunk, place, path) : []) {
        if (!said.has(result.message)) yield result;
        said.add(result.message);
      }
    }
  }
};

function* eachVlanOnce(trunk: Trunk, path: string): Generator<CheckResult> {
  const tagged = vlansIn(trunk.tagged);
  const untagged = vlansIn(trunk.untagged);
  const problem = (field: string, vlan: number, words: string): CheckResult => ({
    path: `${path}.${field}`,
    code: 'field-conflict',
    message: `VLAN ${vlan} is ${words}; a VLAN comes to a vNIC in one way.`,
    remedy: 'Remove it from one of the two.',
  });
  for (const [field, vlans] of [
    ['tagged', tagged],
    ['untagged', untagged],
  ] as const) {
    if (trunk.nativeVlan !== undefined && vlans.includes(trunk.nativeVlan))
      yield problem(field, trunk.nativeVlan, `${field} and the native VLAN`);
    if (!vlans.includes(0)) continue;
    yield {
      path: `${path}.${field}`,
      code: 'value-invalid',
      message: 'VLAN 0 is no VLAN: it stands for untagged frames.',
      remedy: 'Set nativeVlan: 0 for frames that have no tag on the wire either.',
    };
  }
  for (const vlan of tagged) {
    if (untagged.includes(vlan)) yield problem('untagged', vlan, 'tagged and untagged');
  }
}

function* trunkFits(trunk: Trunk, place: VnicPlace, path: string): Generator<CheckResult> {
  const { network, uplink } = place;
  if (place.type === 'virtual' || network.isolation === 'pvlan') {
    yield {
      path,
      code: 'field-conflict',
      message: `VM network "${network.name}" has isolation ${network.isolation}; a trunk carries VLANs of a site as they are.`,
      remedy: 'Remove trunk, or connect the vNIC to a VM network with isolation none or vlan.',
    };
    return;
  }
  const { site } = uplink;
  const where = `site "${site.name}" of logical network "${site.logicalNetwork}"`;
  const there = [...new Set(site.subnets.map((row) => row.vlan))].filter((vlan) => vlan !== 0);
  for (const field of ['tagged', 'untagged'] as const) {
    const missing = vlansIn(trunk[field]).filter((vlan) => vlan !== 0 && !there.includes(vlan));
    if (missing.length === 0) continue;
    yield {
      path: `${path}.${field}`,
      code: 'subnet-missing',
      message: `VLAN ${listOf(missing)} ${missing.length > 1 ? 'are' : 'is'} not at ${where}, so host "${uplink.hostSwitch.host}" does not carry it.`,
      remedy: `Add a row with the VLAN to the site${there.length > 0 ? `, or use ${choices(there.map(String))}` : ''}.`,
    };
  }
  const secondaries = site.subnets.flatMap((row) => row.secondaryVlan ?? []);
  const cut = vlansIn([...trunk.tagged, ...trunk.untagged]).filter(
    (vlan) =>
      secondaries.includes(vlan) ||
      site.subnets.some((r) => r.vlan === vlan && r.secondaryVlan !== undefined),
  );
  if (cut.length > 0) {
    yield {
      path,
      code: 'field-conflict',
      message: `VLAN ${listOf(cut)} is a private VLAN, which only ports of their own kind take part in.`,
      remedy: 'Take it out of the trunk.',
    };
  }
}

function listOf(vlans: readonly number[]): string {
  const shown = vlans.slice(0, 8).join(', ');
  return vlans.length > 8 ? `${shown} …` : shown;
}

/** Each mirror has one destination, which is plugged into the same switch of the same host, and is no source itself. */
export const mirrorsFit: Check<VirtualMachine> = function* (vm, read) {
  const monitors = monitorsOf(read, vm);
  for (const [i, vnic] of vm.vnics.entries()) {
    if (!vnic.mirror) continue;
    const path = at('vnics', i, 'mirror');
    if (monitors.has(vnic.name)) {
      yield {
        path,
        code: 'field-conflict',
        message: `vNIC "${vnic.name}" gets the copies of another one, so it has no frames of its own to copy.`,
        remedy: 'Remove one of the two mirrors.',
      };
    }
    yield* mirrorFits(read, vm, vnic, vnic.mirror, path);
  }
};

function* mirrorFits(
  read: Reader,
  vm: VirtualMachine,
  vnic: VmVnic,
  mirror: Mirror,
  path: string,
): Generator<CheckResult> {
  const { machine: key, vlan } = mirror;
  if ((key === undefined) === (vlan === undefined)) {
    yield {
      path,
      code: key === undefined ? 'field-missing' : 'field-conflict',
      message:
        key === undefined
          ? 'The mirror does not say where to.'
          : 'The mirror copies to a machine and to a VLAN.',
      remedy: 'Set machine, or vlan.',
    };
    return;
  }
  const [host] = hostsOfVm(vm);
  if (host === undefined) return;
  const place = placeVnic(read, host, vnic);
  if (!isPlaced(place)) return;
  if (vlan !== undefined) yield* mirrorVlanFits(vm, vlan, place, path);
  if (key === undefined) return;
  const target = mirrorTarget(read, mirror);
  if (!target) {
    if (mirror.vnic === undefined || !read.get(`VirtualMachine/${key}`)) return;
    yield {
      path: `${path}.vnic`,
      code: 'reference-missing',
      message: `VM "${key}" has no vNIC "${mirror.vnic}".`,
      remedy: 'Correct the name, or leave it out for the first one.',
    };
    return;
  }
  if (key === virtualMachineKey(vm) && target.vnic.name === vnic.name) {
    yield {
      path,
      code: 'field-conflict',
      message: `vNIC "${vnic.name}" would get copies of its own frames.`,
      remedy: 'Copy to another vNIC.',
    };
    return;
  }
  const there = target.machine.host;
  const targetPlace = there === undefined ? undefined : placeVnic(read, there, target.vnic);
  const on = place.uplink.hostSwitch.logicalSwitch;
  const isTogether =
    there === host && isPlaced(targetPlace) && targetPlace.uplink.hostSwitch.logicalSwitch === on;
  if (isTogether) return;
  const is =
    there === host
      ? `is not on logical switch "${on}"`
      : there === undefined
        ? 'is on no host'
        : `is on host "${there}"`;
  yield {
    path: `${path}.machine`,
    code: 'mirror-elsewhere',
    message: `Copies do not leave the switch: the frames are on logical switch "${on}" of host "${host}", and vNIC "${target.vnic.name}" of VM "${key}" ${is}.`,
    remedy: 'Put both on one host and one switch, or copy to a VLAN (vlan) and listen there.',
  };
}

function* mirrorVlanFits(
  vm: VirtualMachine,
  vlan: number,
  { uplink: { site } }: VnicPlace,
  path: string,
): Generator<CheckResult> {
  if (vm.tenant !== undefined) {
    yield {
      path: `${path}.vlan`,
      code: 'tenant-mismatch',
      message: `VM "${vm.name}" belongs to the tenant "${vm.tenant}", and a VLAN of copies is the administrator’s.`,
      remedy: 'Copy to a machine of the tenant.',
    };
  }
  if (site.subnets.some((row) => row.vlan === vlan)) return;
  yield {
    path: `${path}.vlan`,
    code: 'subnet-missing',
    message: `VLAN ${vlan} is not at site "${site.name}" of logical network "${site.logicalNetwork}".`,
    remedy: 'Add a row with the VLAN to the site; give it no other use.',
  };
}
