/** Namespaces and cables of a lab, without what runs in them. */

import { sideBySide } from './in-turns.ts';
import { cableToManagement, makeManagement } from './management.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { addCable, addNamespace } from './wires.ts';

/**
 * Addresses of a host are its own at once. An Open vSwitch in user space reads all routes anew whenever the kernel says that
 * an address is no longer tentative, and may lose a few frames of tunnels then (docs/open-vswitch.md).
 */
const HOST = ['net.ipv6.conf.default.accept_dad=0'];

/** Everything that hosts are plugged into, and then the hosts, side by side. */
export async function makeNetworks(plan: LabPlan): Promise<void> {
  await sideBySide([addNamespace(plan.fabric), makeManagement(plan)]);
  await sideBySide(plan.hosts.map((host) => makeHost(plan, host)));
}

async function makeHost(plan: LabPlan, host: HostPlan): Promise<void> {
  await addNamespace(host.namespace, HOST);
  await cableToManagement(plan, host);
  for (const { name, mac, mtu, port, network } of host.nics) {
    const [near, far] = [
      { in: host.namespace, name, mac, silent: true },
      { in: plan.fabric, name: port, silent: true },
    ];
    // Without a network the far end stays down, so the NIC has no link.
    await addCable(near, far, mtu, network === undefined ? [near] : [near, far]);
  }
}
