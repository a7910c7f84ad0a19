/**
 * Interfaces of tagged VLANs on the trunk of a machine: `eth0.20`. The kernel makes them, where it can (8021q); otherwise an
 * Open vSwitch in the machine does the same:
 *
 *     eth0.20  internal port, access VLAN 20 --+
 *     eth0.30  internal port, access VLAN 30 --+-- bridge -- eth0, which takes part with its tagged frames alone
 */
import { join } from 'node:path';
import { startOvs, vsctl } from './ovs-daemons.ts';
import { running } from './processes.ts';
import { attempt, run } from './run.ts';

export interface TrunkPlace {
  readonly lab: string;
  /** Key of the machine. */
  readonly machine: string;
  readonly namespace: string;
  readonly nic: string;
  readonly mac: string;
  readonly mtu: number;
  /** Of the machine's files. */
  readonly directory: string;
}

/** Makes the interfaces, all up. */
export async function addVlanInterfaces(trunk: TrunkPlace, vlans: readonly number[]): Promise<void> {
  const { namespace, nic } = trunk;
  const byHand: number[] = [];
  for (const vlan of vlans) {
    const link = ['link', nic, 'name', `${nic}.${vlan}`, 'type', 'vlan', 'id', `${vlan}`];
    if (!(await attempt('ip', '-n', namespace, 'link', 'add', ...link))) byHand.push(vlan);
  }
  if (byHand.length > 0) await addBySwitch(trunk, byHand);
  for (const vlan of vlans) await run('ip', '-n', namespace, 'link', 'set', `${nic}.${vlan}`, 'up');
}

/** The parts of a lab that serve a machine this way. */
export function switchParts(machine: string): readonly string[] {
  return ['ovs', 'ovsdb'].map((part) => `${part}/${nameOf(machine)}`);
}

async function addBySwitch(trunk: TrunkPlace, vlans: readonly number[]): Promise<void> {
  const { lab, machine, namespace, nic, mac, mtu, directory } = trunk;
  const place = { lab, name: nameOf(machine), namespace, runDirectory: join(directory, 'ovs') };
  if (running({ lab, part: `ovs/${place.name}` }).length === 0) await startOvs(place);
  const bridge = `br-${nic}`;
  const ports = vlans.flatMap((vlan) => {
    const name = `${nic}.${vlan}`;
    const set = ['type=internal', `mac="${mac}"`, `mtu_request=${mtu}`];
    return ['--', 'add-port', bridge, name, `tag=${vlan}`, '--', 'set', 'Interface', name, ...set];
  });
  await vsctl(
    place,
    ...['--', 'add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev'],
    // No interface of the machine: a VLAN that no frame is in.
    ...['--', 'set', 'Port', bridge, 'tag=4095'],
    ...['--', 'add-port', bridge, nic, 'vlan_mode=trunk', `trunks=${vlans.join(',')}`],
    ...ports,
  );
}

/** No host has a slash in its name. */
function nameOf(machine: string): string {
  return `vm/${machine}`;
}
