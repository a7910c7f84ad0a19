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
  await shareUplink(state, bridge);
  return number;
}

/** The queues of the uplinks of a switch, where there can be any (qos.ts). */
async function shareUplink(state: HostState, bridge: string): Promise<void> {
  await state.transact(uplinkQueues(state, bridge));
}

function uplinkQueues(state: HostState, bridge: string): readonly Operation[] {
  if (state.datapathType !== 'system') return [];
  const view = state.view();
  const ports = [...(state.switches.get(bridge)?.ports.values() ?? [])];
  return ports.flatMap(({ spec }) => {
    if (spec.type !== 'uplink') return [];
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
  const ports = state.switches.get(bridge)?.ports;
  const wanted = ports?.get(name);
  ports?.delete(name);
  if (wanted?.spec.type === 'vif' && state.latest.get(wanted.spec.id) === bridge)
    state.latest.delete(wanted.spec.id);
  const view = state.view();
  const row = view.bridges.get(bridge);
  if (!row) return;
  const plan = new Plan(view);
  const key = vifKey(name);
  if (row.external_ids.has(key)) {
    plan.operations.push(mutate('Bridge', row._uuid, [['external_ids', 'delete', [key]]]));
    planBindings(plan, view, state.bindings(view));
  }
  const port = fixedPorts(view, row).get(name);
  if (!port) {
    await state.transact(plan.operations);
    return shareUplink(state, bridge);
  }
  plan.removePort(port);
  removeTeam(plan, view, name);
  plan.operations.push(...planQueues(view, name, undefined, undefined));
  if (wanted) await forgetAddresses(state, wanted);
  if (wanted?.spec.type === 'uplink' && state.datapathType === 'netdev')
    await state.book.arp(wanted.spec.nics, 'on');
  await state.configure(plan.operations);
  await shareUplink(state, bridge);
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
