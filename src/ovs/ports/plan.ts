/**
 * Wanted rows minus those that are there: the operations of one transaction. A row that is there is set right and keeps
 * its UUID; one that is not is made; one that nothing refers to any more goes by itself (RFC 7047, 3.2, `isRoot`).
 */
import { finding, NetloomError } from '../../base/error.ts';
import type { NamedRow, Row, Uuid } from '../ovsdb/columns.ts';
import { insert, mutate, type Operation, update } from '../ovsdb/operations.ts';
import { MARK } from './names.ts';
import { newRow, setRight, type WantedBridge, type WantedPort, wrongColumns } from './rows.ts';
import type { View } from './view.ts';

type Reference = Uuid | NamedRow;

export class Plan {
  readonly operations: Operation[] = [];
  readonly #view: View;
  /** Ports that this plan rewrites: whatever was in them may be taken out. */
  readonly #rewritten = new Set<string>();
  #names = 0;

  constructor(view: View) {
    this.#view = view;
  }

  /** The bridge with its ports; others that are on it stay. Made at once, so that no moment shows half of it. */
  bridge(wanted: WantedBridge): void {
    for (const { name } of wanted.ports) this.#rewritten.add(name);
    const present = this.#view.bridges.get(wanted.name);
    if (present) {
      this.operations.push(...setRight('Bridge', present, wanted.columns));
      for (const port of wanted.ports) this.port(wanted.name, port);
      return;
    }
    const ports = wanted.ports.map((port) => this.#port(port));
    const row = { ...newRow<'Bridge'>(wanted.columns), name: wanted.name, ports };
    const reference = this.#insert('Bridge', row);
    this.operations.push(mutate('Open_vSwitch', [], [['bridges', 'insert', [reference]]]));
  }

  /** The port on a bridge that is there; taken off another, in the same moment. */
  port(bridgeName: string, wanted: WantedPort): void {
    this.#rewritten.add(wanted.name);
    const bridge = this.#view.bridges.get(bridgeName);
    if (!bridge) throw new Error(`there is no bridge ${bridgeName}`);
    const present = this.#view.ports.get(wanted.name);
    if (present) this.#refuseForeign(wanted.name, present, bridge);
    const reference = this.#port(wanted);
    if (present) this.move(present, bridge);
    else this.operations.push(mutate('Bridge', bridge._uuid, [['ports', 'insert', [reference]]]));
  }

  /** A port that is there, from the bridge that it is on to another. */
  move(port: Row<'Port'>, to: Row<'Bridge'>): void {
    const from = this.#view.bridgeOf(port);
    if (from?._uuid === to._uuid) return;
    if (from) this.operations.push(mutate('Bridge', from._uuid, [['ports', 'delete', [port._uuid]]]));
    this.operations.push(mutate('Bridge', to._uuid, [['ports', 'insert', [port._uuid]]]));
  }

  removePort(port: Row<'Port'>): void {
    const bridge = this.#view.bridgeOf(port);
    if (bridge) this.operations.push(mutate('Bridge', bridge._uuid, [['ports', 'delete', [port._uuid]]]));
  }

  /** With all that is on it. */
  removeBridge(bridge: Row<'Bridge'>): void {
    this.operations.push(mutate('Open_vSwitch', [], [['bridges', 'delete', [bridge._uuid]]]));
  }

  /** Says in advance that a port will be rewritten or removed, and what is in it may go elsewhere. */
  releases(port: string): void {
    this.#rewritten.add(port);
  }

  #port(wanted: WantedPort): Reference {
    const present = this.#view.ports.get(wanted.name);
    const interfaces = wanted.interfaces.map(({ name, columns }): Reference => {
      const there = this.#view.interfaces.get(name);
      if (!there) return this.#insert('Interface', { ...newRow<'Interface'>(columns), name });
      const holder = this.#view.portOf(there);
      if (holder && !this.#rewritten.has(holder.name)) throw inUse(name, holder, this.#view);
      this.operations.push(...setRight('Interface', there, columns));
      return there._uuid;
    });
    if (!present)
      return this.#insert('Port', { ...newRow<'Port'>(wanted.columns), name: wanted.name, interfaces });
    const isSame =
      interfaces.length === present.interfaces.length &&
      interfaces.every((each) => typeof each === 'string' && present.interfaces.includes(each));
    if (!isSame) this.operations.push(update('Port', present._uuid, { interfaces }));
    this.operations.push(...setRight('Port', present, wanted.columns));
    return present._uuid;
  }

  #refuseForeign(name: string, present: Row<'Port'>, bridge: Row<'Bridge'>): void {
    const on = this.#view.bridgeOf(present);
    if (!on || on._uuid === bridge._uuid || present.external_ids.has(MARK.port)) return;
    throw inUse(name, present, this.#view);
  }

  #insert(table: 'Bridge' | 'Port' | 'Interface', row: Parameters<typeof insert>[1]): NamedRow {
    const named = `row${this.#names++}`;
    this.operations.push(insert(table, row, named));
    return { named };
  }
}

/** In what the rows are not as they should be: `tag`, `nlb…:fail_mode`, `eth1:type`; a row that is missing is named alone. */
export function wrongRows(view: View, port: WantedPort, team: WantedBridge | undefined): readonly string[] {
  const bridge = team && view.bridges.get(team.name);
  if (team && !bridge) return [team.name];
  return [
    ...wrongInPort(view, port),
    ...(team && bridge
      ? [
          ...wrongColumns<'Bridge'>(bridge, team.columns).map((column) => `${team.name}:${column}`),
          ...team.ports.flatMap((each) => wrongInPort(view, each).map((column) => `${each.name}:${column}`)),
        ]
      : []),
  ];
}

function wrongInPort(view: View, wanted: WantedPort): readonly string[] {
  const present = view.ports.get(wanted.name);
  if (!present) return ['missing'];
  const members = view.interfacesOf(present);
  const interfaces = wanted.interfaces.flatMap(({ name, columns }) => {
    const member = members.find((each) => each.name === name);
    return member ? wrongColumns<'Interface'>(member, columns).map((column) => `${name}:${column}`) : [name];
  });
  const extra = members.filter(({ name }) => !wanted.interfaces.some((each) => each.name === name));
  return [
    ...wrongColumns<'Port'>(present, wanted.columns),
    ...interfaces,
    ...extra.map(({ name }) => `${name}:extra`),
  ];
}

function inUse(name: string, holder: Row<'Port'>, view: View): NetloomError {
  const bridge = view.bridgeOf(holder)?.name ?? 'no bridge';
  return new NetloomError([
    finding(
      'nic-in-use',
      name,
      `${name} is in port ${holder.name} of bridge ${bridge}, which somebody else made.`,
      `Take it out of there (\`ovs-vsctl del-port ${bridge} ${holder.name}\`), or give the switch another NIC.`,
    ),
  ]);
}
