/** The engine of an agent on a real Open vSwitch, for tests of the whole data plane. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Engine } from '../../src/agent/engine.ts';
import {
  type Datapath,
  DEAD_VLAN,
  type FlowChange,
  type PortSpec,
  type PortVlan,
} from '../../src/flow/datapath.ts';
import type { Action } from '../../src/flow/flow.ts';
import { formatFlow, formatMatch } from '../../src/flow/text.ts';
import { formatActions } from '../../src/flow/text-actions.ts';
import { formatMeter } from '../../src/flow/text-group.ts';
import { toHex } from '../../src/packet/bytes.ts';
import { command } from './namespaces.ts';
import { matchFragments, type OpenVswitch } from './open-vswitch.ts';
import { monitorPacketIns, type PacketInMonitor } from './packet-ins.ts';

/** As much of an engine on Open vSwitch as tests need: ports, flows and meters come, and stay; packets go both ways. */
export class OpenVswitchEngine implements Engine {
  readonly #ovs: OpenVswitch;
  readonly #namespace: string;
  readonly #bridge = 'br0';
  readonly #monitors: PacketInMonitor[] = [];

  constructor(ovs: OpenVswitch, namespace: string) {
    this.#ovs = ovs;
    this.#namespace = namespace;
  }

  async openSwitch(): Promise<Datapath> {
    await this.#ovs.vsctl(
      ...[
        'add-br',
        this.#bridge,
        '--',
        'set',
        'bridge',
        this.#bridge,
        'datapath_type=netdev',
        'fail_mode=secure',
        // Otherwise it follows the ports, and each time it changes, controllers are hung up on.
        'other_config:datapath-id=0000000000000001',
      ],
      ...['--', 'set', 'port', this.#bridge, ...accessTo(DEAD)],
    );
    await matchFragments(this.#ovs, this.#bridge);
    return {
      setPort: (spec) => this.#setPort(spec),
      applyFlows: (change) => this.#applyFlows(change),
      dumpFlows: async () => [],
      setGroup: () => Promise.reject(new Error('no group in this test')),
      removeGroup: () => Promise.reject(new Error('no group in this test')),
      setMeter: async (meter) => {
        await this.#ovs.ofctl('-O', 'OpenFlow15', 'add-meter', this.#socket, formatMeter(meter));
      },
      meters: async () => new Map(),
      removeMeter: () => Promise.reject(new Error('no meter in this test')),
      setMirrors: async (mirrors) => expect(mirrors).toEqual([]),
      mirrors: async () => [],
      ports: async () => new Map(),
      removePort: () => Promise.reject(new Error('no port goes in this test')),
      packetOut: (inPort, frame, actions) => this.#packetOut(inPort, frame, actions),
      onPacketIn: (handler) => this.#monitors.push(monitorPacketIns(this.#socket, handler)),
      close: async () => {},
    };
  }

  /** Ends what was started; the switch itself is the test's. */
  async stop(): Promise<void> {
    for (const monitor of this.#monitors.splice(0)) await monitor.stop();
  }

  async #packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void> {
    const message = `in_port=${inPort} packet=${toHex(frame)} actions=${formatActions(actions)}`;
    await this.#ovs.ofctl('-O', 'OpenFlow15', 'packet-out', this.#socket, message);
  }

  removeSwitch(): Promise<void> {
    return Promise.reject(new Error('no switch goes in this test'));
  }

  async switchNames(): Promise<string[]> {
    return [this.#bridge];
  }

  async about(): Promise<string> {
    return 'Open vSwitch';
  }

  async nics(): Promise<never[]> {
    return [];
  }

  async #setPort(spec: PortSpec): Promise<number> {
    switch (spec.type) {
      case 'vif':
        return this.#addPort(spec.name, accessTo(spec.vlan), []);
      case 'uplink':
        return this.#addPort(spec.nics[0] ?? '', [], []);
      case 'tunnel': {
        const options = ['options:remote_ip=flow', 'options:key=flow', `options:local_ip=${spec.local}`];
        return this.#addPort(spec.name, accessTo(DEAD), [`type=${TYPES[spec.encapsulation]}`, ...options]);
      }
      case 'internal': {
        const number = await this.#addPort(spec.name, accessTo(spec.vlan), [
          'type=internal',
          `mac="${spec.mac}"`,
        ]);
        const ip = (...args: readonly string[]) =>
          command('ip', '-n', this.#namespace, ...args, 'dev', spec.name);
        // Nobody else has it, so an IPv6 address need not wait until that is sure.
        for (const { address, prefixLength } of spec.addresses ?? [])
          await ip(
            'address',
            'add',
            `${address}/${prefixLength}`,
            ...(address.includes(':') ? ['nodad'] : []),
          );
        await ip('link', 'set', 'up');
        return number;
      }
    }
  }

  async #addPort(name: string, port: readonly string[], settings: readonly string[]): Promise<number> {
    const set = settings.length > 0 ? ['--', 'set', 'interface', name, ...settings] : [];
    await this.#ovs.vsctl('add-port', this.#bridge, name, ...port, ...set);
    return Number(await this.#ovs.vsctl('get', 'interface', name, 'ofport'));
  }

  async #applyFlows({ add, remove }: FlowChange): Promise<void> {
    const file = join(this.#ovs.directory, 'flows');
    const gone = remove.map(
      ({ table, priority, match }) =>
        `delete_strict table=${table},priority=${priority},${formatMatch(match)}`,
    );
    writeFileSync(file, `${[...gone, ...add.map(formatFlow)].join('\n')}\n`);
    await this.#ovs.ofctl('-O', 'OpenFlow15', '--bundle', 'add-flows', this.#socket, file);
  }

  get #socket(): string {
    return `unix:${join(this.#ovs.directory, this.#bridge)}.mgmt`;
  }
}

const TYPES = { nvgre: 'gre', vxlan: 'vxlan', geneve: 'geneve' } as const;
const DEAD: PortVlan = { mode: 'access', tag: DEAD_VLAN };

function accessTo(vlan: PortVlan): string[] {
  if (vlan.mode !== 'access') throw new Error('only the uplink is a trunk');
  return ['vlan_mode=access', `tag=${vlan.tag}`];
}
