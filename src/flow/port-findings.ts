/** What is wrong with a port before it becomes one. */
import { type Finding, finding } from '../base/error.ts';
import { parseIp, parseMac } from '../packet/address.ts';
import type { PortSpec, PortVlan } from './datapath.ts';
import { FIRST_RESERVED_PORT } from './values.ts';

/** All of it; `others`: the ports that the switch has, one of the same name among them where the port only changes. */
export function portFindings(spec: PortSpec, others: readonly PortSpec[]): Finding[] {
  const findings: Finding[] = [];
  const refuse = (field: string, message: string, remedy: string) =>
    findings.push(finding('port-invalid', `${spec.name}.${field}`, message, remedy));
  if (spec.name === '') refuse('name', 'The port has no name.', 'Give it one.');
  const isNew = !others.some(({ name }) => name === spec.name);
  if (isNew && others.length >= FIRST_RESERVED_PORT - 1) {
    refuse('name', 'The switch is full.', `It takes ${FIRST_RESERVED_PORT - 1} ports.`);
  }
  if (spec.type !== 'tunnel') {
    for (const problem of vlanProblems(spec.vlan)) refuse('vlan', problem, 'VLAN ids are 0..4095.');
  }
  if (spec.type === 'internal' && parseMac(spec.mac) === undefined) {
    refuse('mac', `${JSON.stringify(spec.mac)} is not a MAC address.`, 'Write it as 00:1d:d8:b7:1c:00.');
  }
  if (spec.type === 'tunnel' && parseIp(spec.local) === undefined) {
    refuse(
      'local',
      `${JSON.stringify(spec.local)} is not an IP address.`,
      'Use the provider address of the host.',
    );
  }
  if (spec.type === 'tunnel') {
    const { tos = 0, ttl = 64 } = spec;
    if (tos !== 'inherit' && !(Number.isInteger(tos) && tos >= 0 && tos <= 252 && tos % 4 === 0))
      refuse('tos', `A TOS of ${tos}.`, 'Use 0, 4 … 252; the ECN bits are those of the frame inside.');
    if (ttl !== 'inherit' && !(Number.isInteger(ttl) && ttl >= 1 && ttl <= 255))
      refuse('ttl', `A TTL of ${ttl}.`, 'Use 1..255.');
  }
  if (spec.type === 'uplink') {
    if (spec.nics.length === 0) refuse('nics', 'The uplink has no NIC.', 'Give it at least one.');
    if (new Set(spec.nics).size < spec.nics.length)
      refuse('nics', 'A NIC stands there twice.', 'Name it once.');
    for (const other of others) {
      if (other.type !== 'uplink' || other.name === spec.name) continue;
      const shared = other.nics.filter((nic) => spec.nics.includes(nic));
      if (shared.length > 0) refuse('nics', `${shared} belongs to ${other.name}.`, 'A NIC is in one uplink.');
    }
  }
  if (spec.type !== 'tunnel' && spec.policing) {
    const { rateKbps, burstKb } = spec.policing;
    if (!(rateKbps > 0 && burstKb >= 0 && Number.isFinite(rateKbps + burstKb))) {
      refuse(
        'policing',
        `${rateKbps} kbit/s, burst ${burstKb} kbit.`,
        'Use a rate above 0 and a burst of 0 or more.',
      );
    }
  }
  for (const [field, message, remedy] of bandwidthProblems(spec, others)) refuse(field, message, remedy);
  return findings;
}

/** A sender's rates are possible, and the minimums of all senders together fit every uplink. */
function* bandwidthProblems(
  spec: PortSpec,
  others: readonly PortSpec[],
): Iterable<readonly [field: string, message: string, remedy: string]> {
  if (spec.type === 'uplink' && spec.capacityKbps !== undefined) {
    if (!(spec.capacityKbps > 0 && Number.isFinite(spec.capacityKbps)))
      yield ['capacityKbps', `${spec.capacityKbps} kbit/s.`, 'Use a rate above 0, or leave it out.'];
  }
  if ((spec.type === 'vif' || spec.type === 'internal') && spec.bandwidth) {
    const { minimumKbps = 0, weight = 1, maximumKbps = Number.MAX_VALUE } = spec.bandwidth;
    if (!(minimumKbps >= 0 && minimumKbps <= maximumKbps && maximumKbps > 0 && Number.isFinite(maximumKbps)))
      yield ['bandwidth', 'The rates are not possible.', 'Use a minimum of 0 up to the maximum.'];
    if (!(weight >= 0 && weight <= 100)) yield ['bandwidth', `A weight of ${weight}.`, 'Use 0..100.'];
  }
  if (spec.type === 'tunnel') return;
  const all = [...others.filter(({ name }) => name !== spec.name), spec];
  const minimums = all.reduce((sum, port) => sum + minimumOf(port), 0);
  for (const port of all) {
    if (port.type !== 'uplink' || port.capacityKbps === undefined || port.capacityKbps >= minimums) continue;
    const field = port.name === spec.name ? 'capacityKbps' : 'bandwidth';
    const message = `The minimums together are ${minimums} kbit/s, and ${port.name} carries ${port.capacityKbps}.`;
    yield [field, message, 'Lower the minimums, or raise the capacity.'];
  }
}

function minimumOf(port: PortSpec): number {
  return port.type === 'vif' || port.type === 'internal' ? (port.bandwidth?.minimumKbps ?? 0) : 0;
}

function vlanProblems(vlan: PortVlan): string[] {
  const ids = [
    ...('tag' in vlan ? [vlan.tag] : []),
    ...('trunks' in vlan ? vlan.trunks : []),
    ...('cvlans' in vlan ? vlan.cvlans : []),
  ];
  return ids
    .filter((id) => !Number.isInteger(id) || id < 0 || id > 4095)
    .map((id) => `${id} is not a VLAN id.`);
}
