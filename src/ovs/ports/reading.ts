/** The ports of a switch as they stand in the database, in the words of the Datapath contract. */
import type { PortSpec } from '../../flow/datapath.ts';
import type { Row, Uuid } from '../ovsdb/columns.ts';
import type { DeviceState } from './addresses/plan.ts';
import type { BoundVif } from './binding.ts';
import { tapPort } from './binding.ts';
import { MARK } from './names.ts';
import { wrongRows } from './plan.ts';
import { registeredVifs } from './registry.ts';
import { wrongColumns } from './rows.ts';
import { type FixedSpec, rowsOf, type Surroundings, specOf } from './spec-rows.ts';
import type { View } from './view.ts';
import { vlanOf } from './vlan.ts';

/** A port as it is, with its number: what `Datapath.ports` answers. */
export type Ports = ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>;

/**
 * Rows can be changed by hand in more ways than a spec has words for; these are named in a member of their own, so that the
 * port is seen to differ from any that could be wanted.
 */
type Altered<S> = S & { readonly altered?: string };

/** Ports that are ours on a bridge, by Port row, without vNICs of machines. */
export function fixedPorts(view: View, bridge: Row<'Bridge'>): ReadonlyMap<string, Row<'Port'>> {
  const ports = new Map<string, Row<'Port'>>();
  for (const port of view.portsOn(bridge)) {
    const isTap = view.interfacesOf(port).some((each) => each.external_ids.has(MARK.ifaceId));
    if (port.external_ids.has(MARK.port) && !isTap) ports.set(port.name, port);
  }
  return ports;
}

/**
 * All of them. `bound`: vNICs of machines with their taps; `devices`: host interfaces; `around`: see rowsOf.
 */
export function portsOn(
  view: View,
  bridge: Row<'Bridge'>,
  bound: readonly BoundVif[],
  devices: ReadonlyMap<string, DeviceState>,
  around: Surroundings,
): Ports {
  const ports = new Map<string, { number: number; spec: PortSpec }>();
  const here = new Map(
    bound.flatMap((vif) => (vif.bridge === bridge.name ? [[vif.spec.name, vif] as const] : [])),
  );
  for (const [name, { number, spec }] of registeredVifs(bridge)) {
    const vif = here.get(name);
    ports.set(name, vif?.tap ? pluggedVif(view, bridge, vif, vif.tap) : { number, spec });
  }
  for (const [name, row] of fixedPorts(view, bridge)) {
    const present = view.present(row);
    const spec = specOf(present);
    if (!spec) continue;
    const [first] = present.interfaces;
    const number = numberOf(first);
    const shown = withAddresses(spec, devices.get(name));
    const { port, team } = rowsOf(spec, first?.ofport_request ?? number, around);
    const down = devices.get(name)?.isUp === false ? ['link'] : [];
    ports.set(name, { number, spec: marked(shown, [...wrongRows(view, port, team), ...down]) });
  }
  return ports;
}

/** Ports with a mark that they are named by, for mirrors: vNICs of machines by the names that the contract has. */
export function portUuids(view: View, bridge: Row<'Bridge'>): ReadonlyMap<string, Uuid> {
  return new Map(
    view.portsOn(bridge).flatMap((port) => {
      const name = port.external_ids.get(MARK.port);
      return name === undefined ? [] : [[name, port._uuid] as const];
    }),
  );
}

function pluggedVif(
  view: View,
  bridge: Row<'Bridge'>,
  { number, spec }: BoundVif,
  { port, interface: tap }: NonNullable<BoundVif['tap']>,
) {
  const shown = { ...spec, vlan: vlanOf(port) };
  const columns = wrongColumns<'Port'>(port, tapPort(shown));
  const wrong = view.bridgeOf(port)?._uuid === bridge._uuid ? columns : [...columns, 'bridge'];
  const actual = tap.ofport_request === number ? (usable(tap.ofport) ?? number) : numberOf(tap);
  return { number: actual, spec: marked(shown, wrong) };
}

/** A port that Open vSwitch has not taken in, or cannot use now, will have the number that is requested for it. */
function numberOf(row: Row<'Interface'> | undefined): number {
  return usable(row?.ofport ?? null) ?? row?.ofport_request ?? 0;
}

function usable(ofport: number | null): number | undefined {
  return ofport === null || ofport < 0 ? undefined : ofport;
}

/** With the addresses that are on the device, those that are wanted in their order. */
function withAddresses(spec: FixedSpec, device: DeviceState | undefined): FixedSpec {
  if (spec.type !== 'internal' || spec.addresses === undefined) return spec;
  const order = (address: string) => {
    const place = spec.addresses?.findIndex((each) => each.address === address) ?? -1;
    return place < 0 ? Number.MAX_SAFE_INTEGER : place;
  };
  const addresses = [...(device?.addresses ?? [])].sort((a, b) => order(a.address) - order(b.address));
  return { ...spec, addresses };
}

function marked<S extends PortSpec>(spec: S, wrong: readonly string[]): Altered<S> {
  return wrong.length === 0 ? spec : { ...spec, altered: wrong.join(', ') };
}
