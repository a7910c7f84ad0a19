/** The parts of a host, each beside what its agent reports of it: NICs, virtual switches, teams, vNICs, provider addresses. */
import { hostVnicOwner, VNIC, vmVnicOwner } from '../../allocate/scopes.ts';
import { objects } from '../../model/facts.ts';
import type { Nic } from '../../model/kinds/host.ts';
import { virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import { type Host, type HostSwitch, objectKey, type VirtualMachine } from '../../model/kinds.ts';
import { hostScope } from '../../policy/records.ts';
import type { Drift, HostReport } from '../../stream/report.ts';
import type { NetworkView } from '../network.ts';
import type { Compliance } from './compliance-level.ts';
import { fabricsOf, hostSwitchesOf } from './of-host.ts';

/** One part of a host. */
export interface PartCompliance extends Compliance {
  /** The object that describes it: `HostSwitch/host1/Fabric`. */
  readonly object: string;
  /** Which part of the object: `virtual switch`, `uplink`, `vNIC eth0`, `NICs` … */
  readonly part: string;
  /** What is worth knowing of it and no fault: that no hypervisor has plugged an interface in for it, for example. */
  readonly note?: string;
}

/** Everything that the host is to have, and whatever else its agent found. */
export function partsOfHost(
  network: NetworkView,
  host: Host,
  report: HostReport | undefined,
): readonly PartCompliance[] {
  const machines = objects(network.reader, 'VirtualMachine', 'virtualMachines', host.name);
  const known = [
    ...partsOfNics(host, network, report),
    ...hostSwitchesOf(network, host.name).flatMap((each) => partsOfSwitch(network, each, report)),
    ...partsOfProviders(network, host.name, report),
    ...machines.flatMap((vm) => partsOfMachine(network, vm, host.name, report)),
  ];
  return [...known, ...partsOfRest(host.name, report, known)];
}

/** The NICs of the machine are those of the description, and have a link. */
function partsOfNics(host: Host, network: NetworkView, report: HostReport | undefined): PartCompliance[] {
  if (host.nics.length === 0) return [];
  const used = new Set(hostSwitchesOf(network, host.name).flatMap(({ nics }) => nics));
  const reasons = host.nics.flatMap((nic) => nicReasons(nic, used.has(nic.name), report));
  const here = host.nics.filter(({ name }) => report?.nics.some((fact) => fact.name === name));
  const level = reasons.length === 0 ? 'full' : here.length === 0 ? 'none' : 'partial';
  return [{ object: objectKey(host), part: 'NICs', level, reasons }];
}

function nicReasons(nic: Nic, isUsed: boolean, report: HostReport | undefined): string[] {
  const fact = report?.nics.find(({ name }) => name === nic.name);
  if (!fact) return [`The machine has no NIC ${nic.name}.`];
  const reasons: string[] = [];
  if (fact.mac !== undefined && fact.mac !== nic.mac) {
    reasons.push(`NIC ${nic.name} has MAC address ${fact.mac}, and should have ${nic.mac}.`);
  }
  if (fact.speedMbps !== undefined && fact.link && fact.speedMbps !== nic.speedMbps) {
    reasons.push(`NIC ${nic.name} runs at ${fact.speedMbps} Mbit/s, and should at ${nic.speedMbps} Mbit/s.`);
  }
  // Nobody minds a NIC that is not plugged in while nothing uses it.
  if (isUsed && !fact.link) reasons.push(`NIC ${nic.name} has no link.`);
  return reasons;
}

/** The virtual switch itself, its uplink, and the vNICs of the host on it. */
export function partsOfSwitch(
  network: NetworkView,
  hostSwitch: HostSwitch,
  report: HostReport | undefined,
): PartCompliance[] {
  const key = objectKey(hostSwitch);
  const onSwitch = driftOn(report, hostSwitch.logicalSwitch);
  const own = onSwitch.filter(({ port, object }) => port === undefined && object === key);
  return [
    part(key, 'virtual switch', own),
    uplink(hostSwitch, onSwitch, report),
    ...hostSwitch.hostVnics.map(({ name }) =>
      vnic(network, hostSwitch.host, key, `host vNIC ${name}`, hostVnicOwner(hostSwitch, name), onSwitch),
    ),
  ];
}

/** One NIC or a team of several: with its links, since a team whose members are all down is down. */
function uplink(
  hostSwitch: HostSwitch,
  onSwitch: readonly Drift[],
  report: HostReport | undefined,
): PartCompliance {
  const { nics } = hostSwitch;
  const key = objectKey(hostSwitch);
  const down = nics.filter((name) => report?.nics.find((fact) => fact.name === name)?.link === false);
  const links = down.map((name) => `NIC ${name} has no link.`);
  const name = nics.length > 1 ? 'team' : 'uplink';
  const own = onSwitch.filter(concerns(`uplink/${hostSwitch.logicalSwitch}`));
  const found = part(key, name, own, links);
  if (down.length < nics.length) return found;
  return { ...found, level: 'none', reasons: [...found.reasons, `The ${name} is down: no NIC has a link.`] };
}

function vnic(
  network: NetworkView,
  host: string,
  object: string,
  name: string,
  owner: string,
  drift: readonly Drift[],
): PartCompliance {
  const id = network.allocation(VNIC, owner);
  const record = id === undefined ? undefined : network.record(hostScope(host), `port/${id}`)?.record;
  if (record?.kind !== 'port')
    return notThere(object, name, 'It is not connected: the findings of the object say what is missing.');
  const onSwitch = drift.filter((each) => each.switch === record.switch);
  return part(object, name, onSwitch.filter(concerns(`vnic/${id}`)));
}

/** Drift of the port itself, or of the switch that it was on. */
function concerns(...ports: readonly string[]): (drift: Drift) => boolean {
  return ({ port, what }) => what === 'switch-missing' || (port !== undefined && ports.includes(port));
}

/** The vNICs that a VM has on this host. */
export function partsOfMachine(
  network: NetworkView,
  vm: VirtualMachine,
  host: string,
  report: HostReport | undefined,
): PartCompliance[] {
  const key = objectKey(vm);
  const drift = report?.drift ?? [];
  const parts = vm.vnics.map(({ name }) => {
    const owner = vmVnicOwner(virtualMachineKey(vm), name);
    const id = network.allocation(VNIC, owner);
    const fact = report?.vnics?.find((each) => each.id === id);
    const found = vnic(network, host, key, `vNIC ${name}`, owner, drift);
    return fact && !fact.plugged ? { ...found, note: NOT_PLUGGED } : found;
  });
  const flows = drift.filter(({ object, port }) => object === key && port === undefined);
  return flows.length > 0 ? [...parts, part(key, 'flows', flows)] : parts;
}

const NOT_PLUGGED = 'Not plugged: no hypervisor of the host has an interface for it yet.';

function partsOfProviders(
  network: NetworkView,
  host: string,
  report: HostReport | undefined,
): PartCompliance[] {
  return fabricsOf(network, host).map(({ logicalNetwork, switch: name }) => {
    const drift = driftOn(report, name).filter(
      concerns(`provider/${logicalNetwork}`, `tunnel/${logicalNetwork}`),
    );
    return part(`LogicalNetwork/${logicalNetwork}`, 'provider address', drift);
  });
}

/** What differs and no other part tells: flows of subnets and routes, a machine that is moving here, stray switches. */
function partsOfRest(
  host: string,
  report: HostReport | undefined,
  parts: readonly PartCompliance[],
): PartCompliance[] {
  const told = new Set(parts.flatMap(({ reasons }) => reasons));
  const rest = (report?.drift ?? []).filter((drift) => !told.has(wordsOf(drift)));
  return [...Map.groupBy(rest, ({ object }) => object)].map(([object, drift]) =>
    part(object || `Host/${host}`, object ? 'flows and ports' : 'virtual switches', drift),
  );
}

function driftOn(report: HostReport | undefined, name: string): readonly Drift[] {
  return (report?.drift ?? []).filter((drift) => drift.switch === name);
}

function part(
  object: string,
  name: string,
  drift: readonly Drift[],
  more: readonly string[] = [],
): PartCompliance {
  const isGone = drift.some(({ what }) => what === 'port-missing' || what === 'switch-missing');
  const reasons = [...drift.map(wordsOf), ...more];
  return { object, part: name, level: reasons.length === 0 ? 'full' : isGone ? 'none' : 'partial', reasons };
}

/** Wanted, and not even told to the host: something that it needs is missing in the description. */
function notThere(object: string, name: string, reason: string): PartCompliance {
  return { object, part: name, level: 'none', reasons: [reason] };
}

function wordsOf({ words, count }: Drift): string {
  return count > 1 ? `${words} And ${count - 1} more like it.` : words;
}
