/** OVN with as many hosts, whose switches pass no frames: nothing but flows is measured, and it has the processor to itself. */
import { join } from 'node:path';
import { until } from '../../../src/lab/real/wait.ts';
import { OvsdbConnection } from '../ovsdb-connection.ts';
import { PER_SUBNET } from '../topology.ts';
import type { ControlPlane, Processes } from './control-plane.ts';
import { flowsOf } from './netloom-control-plane.ts';
import { type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';
import { startOvnCentre, startOvnHost } from './ovn.ts';
import { Stage } from './stage.ts';

/** Interfaces that one command adds. */
const AT_ONCE = 200;
/** Milliseconds; more than anything takes. */
const PATIENCE = 600_000;

/**
 * Ready for so many ports: chassis and logical switches are there, and the interfaces too, so that a port is bound as soon
 * as there is one.
 */
export async function openOvn(hosts: number, ports: number): Promise<ControlPlane> {
  const stage = new Stage();
  try {
    const centre = await startOvnCentre(stage);
    const switches: OpenVswitch[] = [];
    const agents: number[] = [];
    for (let i = 0; i < hosts; i++) {
      const namespace = await stage.namespace(`chassis${i}`);
      const name = `chassis${i}`;
      const ovs = await startOpenVswitch({ stage, namespace, name, dummy: true });
      switches.push(ovs);
      agents.push(await startOvnHost({ stage, namespace, name, address: `10.200.0.${i + 1}`, ovs }, centre));
    }
    const southbound = await OvsdbConnection.open(centre.southbound, 'OVN_Southbound');
    const chassis = { op: 'select', table: 'Chassis', where: [], columns: ['name'] };
    await until(
      'Not every chassis registers.',
      async () => (await southbound.transact([chassis])).length === hosts,
    );
    southbound.close();
    for (const [i, ovs] of switches.entries()) await plug(ovs, i, hosts, ports);
    const northbound = await OvsdbConnection.open(centre.northbound, 'OVN_Northbound');
    await northbound.transact(
      Array.from({ length: Math.ceil(ports / PER_SUBNET) }, (_, n) => ({
        op: 'insert',
        table: 'Logical_Switch',
        row: { name: `ls${n}` },
      })),
    );
    const processes = {
      centre: centre.pids,
      agents,
      switches: switches.flatMap(({ pids }) => [pids.database, pids.daemon]),
    };
    const plane = new OvnControlPlane(stage, northbound, switches, processes);
    await plane.synchronize();
    return plane;
  } catch (thrown) {
    await stage.close();
    throw thrown;
  }
}

async function plug(ovs: OpenVswitch, chassis: number, hosts: number, ports: number): Promise<void> {
  const own = Array.from({ length: ports }, (_, i) => i).filter((i) => i % hosts === chassis);
  for (let from = 0; from < own.length; from += AT_ONCE) {
    const commands = own
      .slice(from, from + AT_ONCE)
      .flatMap((i) => [
        ...['--', 'add-port', 'br-int', `v${i}`],
        ...['--', 'set', 'Interface', `v${i}`, 'type=dummy', `external_ids:iface-id=p${i}`],
      ]);
    await ovs.vsctl(...commands);
  }
}

class OvnControlPlane implements ControlPlane {
  readonly processes: Processes;
  readonly #stage: Stage;
  readonly #northbound: OvsdbConnection;
  readonly #switches: readonly OpenVswitch[];
  #revision = 0;

  constructor(
    stage: Stage,
    northbound: OvsdbConnection,
    switches: readonly OpenVswitch[],
    processes: Processes,
  ) {
    this.#stage = stage;
    this.#northbound = northbound;
    this.#switches = switches;
    this.processes = processes;
  }

  /** What `ovn-nbctl --wait=hv sync` does: settles when every chassis has what there is by now. */
  async synchronize(...before: readonly object[]): Promise<void> {
    const table = 'NB_Global';
    this.#revision++;
    await this.#northbound.transact([
      ...before,
      { op: 'update', table, where: [], row: { nb_cfg: this.#revision } },
    ]);
    await this.#when(table, [], { hv_cfg: this.#revision });
  }

  async load(first: number, count: number): Promise<void> {
    const all = Array.from({ length: count }, (_, i) => first + i);
    const switches = Map.groupBy(all, switchOf);
    for (const ports of switches.values()) await this.#northbound.transact(ports.flatMap(inserted));
    await this.synchronize();
    for (const i of all) await this.#when('Logical_Switch_Port', nameOf(i), { up: true });
    await this.synchronize();
  }

  async add(i: number): Promise<void> {
    await this.synchronize(...inserted(i));
    await this.#when('Logical_Switch_Port', nameOf(i), { up: true });
    // Bound, it is known where it is: the other chassis have that only now.
    await this.synchronize();
  }

  async remove(i: number): Promise<void> {
    const port = { op: 'select', table: 'Logical_Switch_Port', where: nameOf(i), columns: ['_uuid'] };
    const [found] = await this.#northbound.transact([port]);
    await this.synchronize({
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', `ls${switchOf(i)}`]],
      mutations: [['ports', 'delete', found?._uuid]],
    });
  }

  flows(): Promise<readonly number[]> {
    return Promise.all(this.#switches.map(({ runDirectory }) => flowsOf(join(runDirectory, 'br-int.mgmt'))));
  }

  close(): Promise<void> {
    this.#northbound.close();
    return this.#stage.close();
  }

  /** The database answers once its row is so ("wait", RFC 7047, 5.2.6). */
  async #when(table: string, where: readonly unknown[], row: Readonly<Record<string, unknown>>) {
    const columns = Object.keys(row);
    await this.#northbound.transact([
      { op: 'wait', table, where, columns, until: '==', rows: [row], timeout: PATIENCE },
    ]);
  }
}

function switchOf(i: number): number {
  return Math.floor(i / PER_SUBNET);
}

function nameOf(i: number): readonly unknown[] {
  return [['name', '==', `p${i}`]];
}

function inserted(i: number): object[] {
  const hex = (value: number) => (value & 0xff).toString(16).padStart(2, '0');
  const within = i % PER_SUBNET;
  const addresses = `0a:00:00:${hex(i >> 16)}:${hex(i >> 8)}:${hex(i)} 10.0.0.${within + 2}`;
  return [
    {
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': `port${i}`,
      row: { name: `p${i}`, addresses, port_security: addresses },
    },
    {
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', `ls${switchOf(i)}`]],
      mutations: [['ports', 'insert', ['named-uuid', `port${i}`]]],
    },
  ];
}
