/**
 * The physical networks of a lab: one Open vSwitch in a namespace of its own, with a bridge for each network, which
 * learns and knows VLANs as a physical switch does, and says by LLDP which port it is. Networks that are joined have a link between
 * their bridges.
 */
import { join } from 'node:path';
import { type OvsPlace, startOvs, vsctl } from './ovs-daemons.ts';
import type { LabPlan } from './plan.ts';

/** A VLAN that no frame is ever in: the bridges' own interfaces are nobody's. */
const DEAD_VLAN = 4095;

export function fabricPlace(plan: LabPlan): OvsPlace {
  return {
    lab: plan.name,
    name: 'fabric',
    namespace: plan.fabric,
    runDirectory: join(plan.directory, 'fabric'),
  };
}

/** Starts the switches; the cables to the hosts are there already. */
export async function startPhysicalSwitches(plan: LabPlan): Promise<void> {
  await startOvs(fabricPlace(plan));
  const commands = physicalCommands(plan);
  if (commands.length > 0) await vsctl(fabricPlace(plan), ...commands.flatMap((each) => ['--', ...each]));
}

/** What is asked of ovs-vsctl, in order, as one change. */
export function physicalCommands(plan: LabPlan): readonly (readonly string[])[] {
  const commands: string[][] = [];
  for (const { network, bridge, vlans } of plan.networks) {
    commands.push(
      ['add-br', bridge],
      ['set', 'Bridge', bridge, 'datapath_type=netdev'],
      ['set', 'Port', bridge, `tag=${DEAD_VLAN}`],
    );
    const trunk = vlans.length === 0 ? [] : [`trunks=${vlans.join(',')}`];
    const cables = plan.hosts.flatMap(({ nics }) => nics.filter((nic) => nic.network === network));
    const alone = cables.filter((cable) => cable.team === undefined || teamOf(cables, cable.team).length < 2);
    for (const { port } of alone) commands.push(['add-port', bridge, port, ...trunk]);
    for (const team of new Set(cables.flatMap((cable) => cable.team ?? []))) {
      const ports = teamOf(cables, team);
      if (ports.length > 1)
        commands.push([
          'add-bond',
          bridge,
          team,
          ...ports,
          'lacp=passive',
          'bond_mode=balance-tcp',
          ...trunk,
        ]);
    }
    for (const { port } of cables) commands.push(['set', 'Interface', port, 'lldp:enable=true']);
  }
  const bridgeOf = new Map(plan.networks.map(({ network, bridge }) => [network, bridge]));
  for (const [i, link] of plan.links.entries()) {
    for (const [near, far] of [[0, 1] as const, [1, 0] as const]) {
      const port = `link${i}.${near}`;
      commands.push(
        ['add-port', bridgeOf.get(link[near]) ?? '', port],
        ['set', 'Interface', port, 'type=patch', `options:peer=link${i}.${far}`],
      );
    }
  }
  return commands;
}

function teamOf(
  cables: readonly { readonly port: string; readonly team?: string }[],
  team: string,
): string[] {
  return cables.filter((cable) => cable.team === team).map(({ port }) => port);
}
