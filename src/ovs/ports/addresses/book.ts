/** The addresses of host interfaces, read and set with iproute2 in the network namespace of this process. */
import { type IpCall, ip, ipJson } from '../../../base/iproute2.ts';
import { type RunTool, runTool } from '../../../base/run-tool.ts';
import type { InterfaceAddress } from '../../../flow/datapath.ts';
import { addressCalls, type DeviceState, readDevices, ruleRemovals } from './plan.ts';

const ROUNDS = 3;

export class AddressBook {
  readonly #run: RunTool;

  constructor(run: RunTool = runTool) {
    this.#run = run;
  }

  /** The state of these devices, by name, each with the number of its port; those that are not there are missing. */
  async read(ports: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, DeviceState>> {
    if (ports.size === 0) return new Map();
    const show = (...call: IpCall) => ipJson(call, this.#run);
    const [addresses, route4, route6, rule4, rule6] = await Promise.all([
      show('address', 'show'),
      show('-4', 'route', 'show', 'table', 'all'),
      show('-6', 'route', 'show', 'table', 'all'),
      show('-4', 'rule', 'show'),
      show('-6', 'rule', 'show'),
    ]);
    return readDevices({ addresses, routes: [route4, route6], rules: [rule4, rule6] }, ports);
  }

  /**
   * Gives the device these addresses and no others, and sets it up. Nothing is done where nothing differs. With an address the
   * kernel takes away others of its subnet, and with the way to a gateway what led there; so it looks again, twice at most.
   */
  async set(device: string, number: number, wanted: readonly InterfaceAddress[]): Promise<void> {
    for (let round = 1; ; round++) {
      const state = (await this.read(new Map([[device, number]]))).get(device);
      const calls = addressCalls(device, number, wanted, state);
      if (calls.length === 0) return;
      for (const call of calls) {
        // What is to go may have gone with something else.
        const mayFail = round < ROUNDS && !call.includes('add');
        await this.#ip(call).catch((error: unknown) => {
          if (!mayFail) throw error;
        });
      }
      if (round === ROUNDS) return;
    }
  }

  /** Takes away the rules of a port; all else goes with its device. */
  async forget(device: string, number: number): Promise<void> {
    const state = (await this.read(new Map([[device, number]]))).get(device);
    for (const call of ruleRemovals(number, state?.rules ?? [])) await this.#ip(call);
  }

  /** Sets devices up, as far as they are there. */
  async up(devices: readonly string[]): Promise<void> {
    for (const device of devices) await this.#ip(['link', 'set', 'dev', device, 'up']).catch(() => {});
  }

  /**
   * Whether the host's own stack takes part in ARP on these NICs. Under the datapath in user space it hears what they receive as
   * well as the switch does, and would answer for every address of the host with the address of the NIC (net.ipv4.conf,
   * arp_ignore 0): frames for a provider interface would end in the stack. A NIC that still has addresses goes on by itself.
   */
  async arp(nics: readonly string[], state: 'on' | 'off'): Promise<void> {
    const shown = await ipJson(['-4', 'address', 'show', 'scope', 'global'], this.#run);
    const addressed = new Set((shown as { ifname?: string }[]).map((each) => each.ifname));
    for (const nic of nics) {
      if (state === 'off' && addressed.has(nic)) continue;
      await this.#ip(['link', 'set', 'dev', nic, 'arp', state]).catch(() => {});
    }
  }

  #ip(call: IpCall): Promise<string> {
    return ip(call, this.#run);
  }
}
