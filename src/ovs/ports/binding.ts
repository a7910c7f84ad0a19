/**
 * Which tap is which vNIC's. A hypervisor makes a tap, and adds it to a bridge with `external_ids:iface-id=<vNIC id>`; here
 * it comes to the bridge of its switch, with its VLAN and its number, in one transaction. One that nobody wants (any more)
 * waits on the quarantine bridge, where nothing passes.
 *
 *     tap with the id of a wanted vNIC        -> its switch
 *     tap on one of our bridges, not wanted   -> quarantine
 *     anything without an id of ours          stays where and what it is
 */
import { type Finding, warning } from '../../base/error.ts';
import type { Row } from '../ovsdb/columns.ts';
import { MARK, QUARANTINE } from './names.ts';
import type { Plan } from './plan.ts';
import type { RegisteredVif } from './registry.ts';
import { setRight, type WantedColumns } from './rows.ts';
import type { View } from './view.ts';
import { vlanColumns } from './vlan.ts';

export interface WantedVif extends RegisteredVif {
  /** Name of the bridge of its switch. */
  readonly bridge: string;
}

/** A vNIC, and the tap that it has. */
export interface BoundVif extends WantedVif {
  /** Undefined: nobody has plugged it in. */
  readonly tap?: { readonly port: Row<'Port'>; readonly interface: Row<'Interface'> };
}

export interface Bindings {
  readonly vifs: readonly BoundVif[];
  /** Taps that are on one of our bridges, or bound, and that nobody wants. */
  readonly unwanted: readonly Row<'Port'>[];
  readonly findings: readonly Finding[];
}

/** What belongs together, as it is now; `ours`: names of the bridges of our switches. */
export function bindingsOf(view: View, wanted: Iterable<WantedVif>, ours: ReadonlySet<string>): Bindings {
  const taps = tapsById(view);
  const findings: Finding[] = [];
  const chosen = new Set<string>();
  const vifs = [...wanted].map((vif): BoundVif => {
    const candidates = taps.get(vif.spec.id) ?? [];
    const tap = theTap(vif, candidates, findings);
    if (tap) chosen.add(tap.port._uuid);
    return tap ? { ...vif, tap } : vif;
  });
  const unwanted = [...taps.values()].flat().filter(({ port }) => {
    if (chosen.has(port._uuid)) return false;
    const bridge = view.bridgeOf(port)?.name ?? '';
    return ours.has(bridge) || (bridge !== QUARANTINE && port.external_ids.has(MARK.port));
  });
  return { vifs, unwanted: unwanted.map(({ port }) => port), findings };
}

/** What makes the taps as they should be; nothing where they are. The quarantine has to be there. */
export function planBindings(plan: Plan, view: View, { vifs, unwanted }: Bindings): void {
  for (const { bridge: name, number, spec, tap } of vifs) {
    const bridge = view.bridges.get(name);
    if (!tap || !bridge) continue;
    plan.operations.push(
      ...setRight('Port', tap.port, tapPort(spec)),
      ...setRight<'Interface'>('Interface', tap.interface, { ofport_request: number }),
    );
    plan.move(tap.port, bridge);
  }
  const quarantine = view.bridges.get(QUARANTINE);
  for (const port of quarantine ? unwanted : []) {
    plan.operations.push(...setRight('Port', port, FREE));
    for (const each of view.interfacesOf(port))
      plan.operations.push(...setRight<'Interface'>('Interface', each, { ofport_request: null }));
    if (quarantine) plan.move(port, quarantine);
  }
}

/** The Port row of the tap of a vNIC. */
export function tapPort({ name, vlan }: RegisteredVif['spec']): WantedColumns<'Port'> {
  return { ...vlanColumns(vlan), external_ids: { [MARK.port]: name } };
}

const FREE: WantedColumns<'Port'> = {
  vlan_mode: null,
  tag: null,
  trunks: [],
  cvlans: [],
  other_config: { 'priority-tags': undefined, 'qinq-ethtype': undefined },
  external_ids: { [MARK.port]: undefined },
};

interface Tap {
  readonly port: Row<'Port'>;
  readonly interface: Row<'Interface'>;
}

function tapsById(view: View): ReadonlyMap<string, readonly Tap[]> {
  const taps = new Map<string, Tap[]>();
  for (const each of view.interfaces.values()) {
    const id = each.external_ids.get(MARK.ifaceId);
    const port = id === undefined ? undefined : view.portOf(each);
    // A bond is no machine's, and neither is the own port of a bridge.
    if (id === undefined || !port || port.interfaces.length !== 1 || view.bridges.has(port.name)) continue;
    const same = taps.get(id);
    if (same) same.push({ port, interface: each });
    else taps.set(id, [{ port, interface: each }]);
  }
  return taps;
}

/**
 * A tap that Open vSwitch cannot use (its device is gone) gives way to one that it can. Of several that it can use, the one
 * that is bound stays; where none is, none is bound, since who is right cannot be known.
 */
function theTap({ spec }: WantedVif, candidates: readonly Tap[], findings: Finding[]): Tap | undefined {
  // Without an error, but without a device (ifindex 0): the userspace datapath does not notice that it is gone.
  const alive = candidates.filter(
    ({ interface: { error, ofport, ifindex } }) => error === null && ofport !== -1 && ifindex !== 0,
  );
  const usable = alive.length > 0 ? alive : candidates;
  if (usable.length < 2) return usable[0];
  if (alive.length > 1) {
    const names = alive.map((tap) => tap.interface.name).sort();
    findings.push(
      warning(
        'tap-ambiguous',
        spec.id,
        `${names.join(' and ')} both say that they are the vNIC ${spec.id}.`,
        `Take one away: \`ovs-vsctl del-port ${names.at(-1)}\`.`,
      ),
    );
  }
  return usable.find(({ port }) => port.external_ids.get(MARK.port) === spec.name);
}
