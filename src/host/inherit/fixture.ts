/** A host in memory for tests of its management: a network stack, and a machine whose host vNICs are interfaces of it. */
import { Machine } from '../../agent/fixture.ts';
import type { Clock } from '../../base/clock.ts';
import { finding, NetloomError } from '../../base/error.ts';
import type { IpCall } from '../../base/iproute2.ts';
import type { Datapath } from '../../flow/datapath.ts';
import { delegateTo } from '../../flow/delegate.ts';
import { ip, mac } from '../../packet/address.ts';
import type { PortRecord, SwitchRecord } from '../../policy/records.ts';
import type { HostNetwork } from './host-network.ts';
import { type InterfaceSettings, mayFail } from './network.ts';

/** eth0, as the machine was set up. */
export const nic: InterfaceSettings = {
  device: 'eth0',
  addresses: [
    { address: '10.0.0.5', prefixLength: 24 },
    { address: '2001:db8::5', prefixLength: 64 },
  ],
  routes: [
    { to: 'default', family: 4, via: '10.0.0.1' },
    { to: '10.9.0.0/16', family: 4, metric: 50 },
  ],
};

/** A switch that takes eth0, and the host vNIC that inherits from it. */
export function uplinked(vlan = 0): [SwitchRecord, PortRecord] {
  return [
    {
      kind: 'switch',
      name: 'main',
      type: 'external',
      uplink: { nics: ['eth0', 'eth1'], teaming: 'static', balancing: 'dynamic', mtu: 1500 },
      origin: 'HostSwitch/h1/main',
    },
    {
      kind: 'port',
      id: 'e1',
      name: 'h1/Management',
      owner: 'host',
      switch: 'main',
      mac: mac('02:00:00:00:00:01'),
      addresses: [{ address: ip('10.0.0.5'), prefixLength: 24, dns: [] }],
      attachment: { type: 'vlan', vlan },
      security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: true },
      mtu: 1500,
      origin: 'HostSwitch/h1/main',
    },
  ];
}

/** The vNIC of a virtual machine on a switch of its own. */
export function machine(): [SwitchRecord, PortRecord] {
  const [ofSwitch, port] = uplinked();
  const { uplink: _, ...without } = ofSwitch;
  return [
    { ...without, name: 'inside', type: 'private' },
    { ...port, id: 'm1', name: 'vm1/eth0', owner: 'vm', switch: 'inside', mac: mac('02:00:00:00:00:02') },
  ];
}

/** Interfaces with addresses. Routes are not looked at. */
export class MemoryNetwork implements HostNetwork {
  readonly interfaces = new Map([[nic.device, nic]]);
  /** The next times that it does not say what it has. */
  away = 0;

  async settings(): Promise<ReadonlyMap<string, InterfaceSettings>> {
    if (this.away === 0) return new Map(this.interfaces);
    this.away -= 1;
    throw failed('no answer');
  }

  async carryOut(calls: readonly IpCall[]): Promise<void> {
    for (const call of calls) {
      const [object, verb, what = ''] = call;
      const name = call[call.indexOf('dev') + 1] ?? '';
      const there = this.interfaces.get(name);
      if (!there) {
        if (mayFail(call)) continue;
        throw failed(call.join(' '));
      }
      if (object !== 'address') continue;
      const others = there.addresses.filter(
        ({ address, prefixLength }) => `${address}/${prefixLength}` !== what,
      );
      const [address = '', length] = what.split('/');
      const added = verb === 'replace' ? [{ address, prefixLength: Number(length) }] : [];
      this.interfaces.set(name, { ...there, addresses: [...others, ...added] });
    }
  }

  /** The interfaces that have the address. */
  bearers(address = '10.0.0.5'): string[] {
    return [...this.interfaces.values()]
      .filter(({ addresses }) => addresses.some((each) => each.address === address))
      .map(({ device }) => device);
  }
}

/** Softswitches whose internal ports are interfaces of the network. */
export class ManagedMachine extends Machine {
  readonly network = new MemoryNetwork();
  /** The next ports that are not made. */
  slow = 0;

  override async openSwitch(name: string): Promise<Datapath> {
    const datapath = await super.openSwitch(name);
    return delegateTo(datapath, {
      setPort: async (spec) => {
        if (this.slow > 0) {
          this.slow -= 1;
          throw failed(spec.name);
        }
        if (spec.type === 'internal') {
          const addresses = (spec.addresses ?? []).map(({ address, prefixLength }) => {
            return { address, prefixLength };
          });
          this.network.interfaces.set(spec.name, { device: spec.name, addresses, routes: [] });
        }
        return datapath.setPort(spec);
      },
      removePort: (port) => {
        if (port !== nic.device) this.network.interfaces.delete(port);
        return datapath.removePort(port);
      },
    });
  }
}

/** Time that passes at once when somebody waits. */
export function instantClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    wall: () => now,
    after: (delay, run) => {
      now += delay;
      queueMicrotask(run);
      return () => {};
    },
  };
}

function failed(what: string): NetloomError {
  return new NetloomError([finding('host-tool-failed', '', `It failed: ${what}`, 'See why.')]);
}
