/** Adds, changes, removes and reads the ports of one switch. */
import { finding, throwIfErrors } from '../../base/error.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import { portFindings } from '../../flow/port-findings.ts';
import type { Row } from '../ovsdb/columns.ts';
import { mutate, type Operation } from '../ovsdb/operations.ts';
import { bindingsOf, planBindings } from './binding.ts';
import type { HostState, WantedPortSpec } from './host-state.ts';
import { MARK, teamNames } from './names.ts';
import { Plan } from './plan.ts';
import { planQueues, queuesOf } from './qos.ts';
import { fixedPorts, type Ports, portsOn } from './reading.ts';
import { type RegisteredVif, vifEntry, vifKey } from './registry.ts';
import { type FixedSpec, rowsOf } from './spec-rows.ts';
import type { View } from './view.ts';

/** See SwitchPorts.setPort. */
export async function setPort(state: HostState, bridge: string, spec: PortSpec): Promise<number> {
  const { ports } = state.switch(bridge);
  const others = [...ports.values()].map((port) => port.spec);
  throwIfErrors([...portFindings(spec, others), ...nameFindings(spec)]);
  const number = state.numberOf(spec);
  const before = ports.get(spec.name);
  if (spec.type === 'vif') await setVif(state, bridge, { number, spec });
  else await setFixed(state, bridge, number, spec);
  ports.set(spec.name, { number, spec });
  if (spec.type === 'vif') state.latest.set(spec.id, bridge);
  if (before && spec.type !== 'internal') await forgetAddresses(state, before);
  if (before) await releaseNics(state, before.spec);
  await shareUplink(state, bridge);
  return number;
}

/** The queues of the uplinks of a switch, where there can be any (qos.ts). */
async function shareUplink(state: HostState, bridge: string): Promise<void> {
  await state.transact(uplinkQueues(state, bridge));
}

function uplinkQueues(state: HostState, bridge: string): readonly Operation[] {
  if (state.datapathType !== 'system') return [];
  const ports = [...(state.switches.get(bridge)?.ports.values() ?? [])];
  const uplinks = ports.flatMap(({ spec }) => (spec.type === 'uplink' ? [spec] : []));
  const isWanted = uplinks.some(({ capacityKbps }) => capacityKbps !== undefined);
  // Without a wanted queue there may be some to remove.
  if (!isWanted && state.database.rows('QoS').size === 0) return [];
  const view = state.view();
  return uplinks.flatMap((spec) => {
    const queues = spec.capacityKbps === undefined ? undefined : queuesOf(spec.capacityKbps, ports);
    return planQueues(view, spec.name, spec, queues);
  });
}

async function setVif(state: HostState, bridge: string, vif: RegisteredVif): Promise<void> {
  const view = state.view();
  const row = state.row(view, bridge);
  const plan = new Plan(view);
  const [key, value] = vifEntry(vif);
  if (row.external_ids.get(key) !== value) {
    const entry = [
      ['external_ids', 'delete', [key]],
      ['external_ids', 'insert', { [key]: value }],
    ] as const;
    plan.operations.push(mutate('Bridge', row._uuid, entry));
  }
  const fixed = fixedPorts(view, row).get(vif.spec.name);
  if (fixed) plan.removePort(fixed);
  const { vifs } = bindingsOf(view, [{ ...vif, bridge }], new Set());
  const settled = vifs.filter(({ tap }) => !(tap && isNew(tap.port, vif) && state.isSettling(tap.interface)));
  planBindings(plan, view, { vifs: settled, unwanted: [], findings: [] });
  await state.transact(plan.operations);
}

function isNew(port: Row<'Port'>, { spec }: RegisteredVif): boolean {
  return port.external_ids.get(MARK.port) !== spec.name;
}

async function setFixed(state: HostState, bridge: string, number: number, spec: FixedSpec): Promise<void> {
  const view = state.view();
  const row = state.row(view, bridge);
  const { port, team } = rowsOf(spec, number, state.around());
  const plan = new Plan(view);
  for (const name of [spec.name, teamNames(spec.name).bond]) plan.releases(name);
  if (team) plan.bridge(team);
  else removeTeam(plan, view, spec.name);
  plan.port(row.name, port);
  const key = vifKey(spec.name);
  if (row.external_ids.has(key))
    plan.operations.push(mutate('Bridge', row._uuid, [['external_ids', 'delete', [key]]]));
  await state.configure(plan.operations);
  if (spec.type === 'uplink') {
    await state.book.up(spec.nics);
    if (state.datapathType === 'netdev') await state.book.arp(spec.nics, 'off');
  }
  if (spec.type === 'internal' && spec.addresses) await state.book.set(spec.name, number, spec.addresses);
}

/** See SwitchPorts.removePort. */
export async function removePort(state: HostState, bridge: string, name: string): Promise<void> {
  const forgotten = await forgetPort(state, bridge, name);
  const view = state.view();
  const row = view.bridges.get(bridge);
  if (!row) return;
  const plan = new Plan(view);
  const key = vifKey(name);
  if (row.external_ids.has(key)) {
    plan.operations.push(mutate('Bridge', row._uuid, [['external_ids', 'delete', [key]]]));
    const bindings = state.bindings(view);
    // Another switch may still want it. Taps of others are not brought in here: they may be settling.
    const vifs = bindings.vifs.filter(({ spec }) => forgotten?.type === 'vif' && spec.id === forgotten.id);
    planBindings(plan, view, { ...bindings, vifs });
  }
  const port = fixedPorts(view, row).get(name);
  if (!port) {
    await state.transact(plan.operations);
    return shareUplink(state, bridge);
  }
  plan.removePort(port);
  removeTeam(plan, view, name);
  plan.operations.push(...planQueues(view, name, undefined, undefined));
  await state.configure(plan.operations);
  await shareUplink(state, bridge);
}

/**
 * Nobody wants the port any more. What does not go with its rows goes before them: a port without rows is not asked for again.
 * With rows, but forgotten: an earlier attempt was not finished.
 */
async function forgetPort(state: HostState, bridge: string, name: string): Promise<PortSpec | undefined> {
  const ports = state.switches.get(bridge)?.ports;
  const view = state.view();
  const row = view.bridges.get(bridge);
  const wanted = ports?.get(name) ?? (row && state.portsIn(view, row).get(name));
  if (!wanted) return undefined;
  ports?.delete(name);
  const { spec } = wanted;
  if (spec.type === 'vif' && state.latest.get(spec.id) === bridge) state.latest.delete(spec.id);
  await forgetAddresses(state, wanted);
  await releaseNics(state, spec);
  return spec;
}

/** The bridge of the team of an uplink, if it has one. */
export function removeTeam(plan: Plan, view: View, uplink: string): void {
  const bridge = view.bridges.get(teamNames(uplink).bridge);
  if (bridge?.external_ids.get(MARK.team) === uplink) plan.removeBridge(bridge);
}

/** What does not go with the device. */
export async function forgetAddresses({ book }: HostState, { spec, number }: WantedPortSpec): Promise<void> {
  if (spec.type === 'internal' && spec.addresses?.some(({ gateway }) => gateway !== undefined))
    await book.forget(spec.name, number);
}

/** The host's own stack takes part in ARP again on NICs of this port that no uplink has any more. */
export async function releaseNics(state: HostState, spec: PortSpec): Promise<void> {
  if (spec.type !== 'uplink' || state.datapathType !== 'netdev') return;
  const used = new Set(
    [...state.ports()].flatMap((port) => (port.spec.type === 'uplink' ? port.spec.nics : [])),
  );
  const free = spec.nics.filter((nic) => !used.has(nic));
  if (free.length > 0) await state.book.arp(free, 'on');
}

/** See Datapath.ports. */
export async function readPorts(state: HostState, bridge: string): Promise<Ports> {
  const hostInterfaces = new Map(
    [...state.ports()].flatMap(({ spec, number }) =>
      spec.type === 'internal' && spec.addresses ? [[spec.name, number] as const] : [],
    ),
  );
  const devices = await state.book.read(hostInterfaces);
  const view = state.view();
  const row = view.bridges.get(bridge);
  if (!row) return new Map();
  const ports = portsOn(view, row, state.bindings(view).vifs, devices, state.around());
  return uplinkQueues(state, bridge).length === 0 ? ports : withoutCapacity(ports);
}

/** Queues that are not as they should be keep nothing. */
function withoutCapacity(ports: Ports): Ports {
  const shown = new Map(ports);
  for (const [name, { number, spec }] of ports) {
    if (spec.type !== 'uplink') continue;
    const { capacityKbps: _, ...rest } = spec;
    shown.set(name, { number, spec: rest });
  }
  return shown;
}

/** Linux has rules for names of devices, and they become file names and arguments. */
function nameFindings(spec: PortSpec) {
  const names = [spec.name, ...(spec.type === 'uplink' ? spec.nics : [])];
  return names
    .filter((name) => !/^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,14}$/.test(name))
    .map((name) =>
      finding(
        'port-invalid',
        spec.name,
        `${JSON.stringify(name)} is no name of a device.`,
        'Use 1..15 letters, digits and _ . : @ -, with a letter, a digit or _ first.',
      ),
    );
}
