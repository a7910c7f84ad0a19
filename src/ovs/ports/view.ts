/** The rows of the database at one moment, found by name and by who refers to them. */

import type { Database } from '../ovsdb/client.ts';
import type { Row, Uuid } from '../ovsdb/columns.ts';
import { MARK } from './names.ts';
import type { PresentPort } from './spec-rows.ts';

type Rows = Pick<Database, 'rows'>;

export class View {
  readonly #rows: Rows;
  readonly bridges = new Map<string, Row<'Bridge'>>();
  readonly ports = new Map<string, Row<'Port'>>();
  readonly interfaces = new Map<string, Row<'Interface'>>();
  /** Port -> the bridge that it is on. */
  readonly #bridgeOf = new Map<Uuid, Row<'Bridge'>>();
  /** Interface -> the port that it is in. */
  readonly #portOf = new Map<Uuid, Row<'Port'>>();

  constructor(rows: Rows) {
    this.#rows = rows;
    for (const bridge of rows.rows('Bridge').values()) {
      this.bridges.set(bridge.name, bridge);
      for (const port of bridge.ports) this.#bridgeOf.set(port, bridge);
    }
    for (const port of rows.rows('Port').values()) {
      this.ports.set(port.name, port);
      for (const each of port.interfaces) this.#portOf.set(each, port);
    }
    for (const each of rows.rows('Interface').values()) this.interfaces.set(each.name, each);
  }

  bridgeOf(port: Row<'Port'>): Row<'Bridge'> | undefined {
    return this.#bridgeOf.get(port._uuid);
  }

  portOf(interfaceRow: Row<'Interface'>): Row<'Port'> | undefined {
    return this.#portOf.get(interfaceRow._uuid);
  }

  /** The port that an interface is in, by its name. */
  holderOf(name: string): Row<'Port'> | undefined {
    const row = this.interfaces.get(name);
    return row && this.portOf(row);
  }

  portsOn(bridge: Row<'Bridge'>): readonly Row<'Port'>[] {
    const ports = this.#rows.rows('Port');
    return bridge.ports.flatMap((uuid) => ports.get(uuid) ?? []);
  }

  interfacesOf(port: Row<'Port'>): readonly Row<'Interface'>[] {
    const interfaces = this.#rows.rows('Interface');
    return port.interfaces.flatMap((uuid) => interfaces.get(uuid) ?? []);
  }

  port(uuid: Uuid): Row<'Port'> | undefined {
    return this.#rows.rows('Port').get(uuid);
  }

  mirrorsOf(bridge: Row<'Bridge'>): readonly Row<'Mirror'>[] {
    const mirrors = this.#rows.rows('Mirror');
    return bridge.mirrors.flatMap((uuid) => mirrors.get(uuid) ?? []);
  }

  /** Whom a bridge tells about its traffic, by either protocol. */
  exportsOf({ ipfix, sflow }: Row<'Bridge'>): {
    readonly ipfix: Row<'IPFIX'> | undefined;
    readonly sflow: Row<'sFlow'> | undefined;
  } {
    return {
      ipfix: ipfix === null ? undefined : this.#rows.rows('IPFIX').get(ipfix),
      sflow: sflow === null ? undefined : this.#rows.rows('sFlow').get(sflow),
    };
  }

  /** The QoS row of ours for an uplink. */
  qosOf(uplink: string): Row<'QoS'> | undefined {
    return [...this.#rows.rows('QoS').values()].find((row) => row.external_ids.get(MARK.port) === uplink);
  }

  queuesOf(qos: Row<'QoS'>): ReadonlyMap<number, Row<'Queue'>> {
    const queues = this.#rows.rows('Queue');
    return new Map(
      [...qos.queues].flatMap(([number, uuid]) => {
        const row = queues.get(uuid);
        return row ? [[number, row] as const] : [];
      }),
    );
  }

  /** A port with what belongs to it; the bond, where it is the patch to one of our teams. */
  present(port: Row<'Port'>): PresentPort {
    const interfaces = this.interfacesOf(port);
    const peer = interfaces[0]?.type === 'patch' ? interfaces[0].options.get('peer') : undefined;
    const joint = peer === undefined ? undefined : this.ports.get(peer);
    const bridge = joint && this.bridgeOf(joint);
    if (bridge?.external_ids.get(MARK.team) !== port.name) return { port, interfaces };
    // Whatever else is on the bridge of a team is the bond: its name is not taken for granted.
    const bond = this.portsOn(bridge).find(({ name }) => name !== peer && name !== bridge.name);
    return bond
      ? { port, interfaces, bond: { port: bond, interfaces: this.interfacesOf(bond) } }
      : { port, interfaces };
  }

  /** What the host is: the one row of Open_vSwitch; undefined while the database is new. */
  get root(): Row<'Open_vSwitch'> | undefined {
    const [root] = this.#rows.rows('Open_vSwitch').values();
    return root;
  }
}
