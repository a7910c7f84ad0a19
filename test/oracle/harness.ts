/**
 * The same world in the real data plane: for each host the pipeline's flows on softswitches, uplinks joined by a
 * learning softswitch a physical network, tunnels by an underlay that knows provider addresses. Answers with effects
 * in the words of the oracle, so that the two can be compared.
 */

import { mirrorsOf } from '../../src/agent/mirrors.ts';
import { portsOf } from '../../src/agent/ports.ts';
import { flowOf, output } from '../../src/flow/actions.ts';
import type { PortSpec } from '../../src/flow/datapath.ts';
import { type IpAddress, isIpv4 } from '../../src/packet/address.ts';
import { frame as build } from '../../src/packet/build.ts';
import { write24 } from '../../src/packet/bytes.ts';
import { ETHERNET, ETHERTYPE } from '../../src/packet/ethernet.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import { factKey, type PipelineFact, portOf } from '../../src/pipeline/facts.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { metersOf, PUNT } from '../../src/pipeline/punt.ts';
import { EXPIRED } from '../../src/pipeline/registers.ts';
import type { PolicyRecord, PortRecord } from '../../src/policy/records.ts';
import { type Attachment, SoftSwitch } from '../../src/softswitch/switch.ts';
import type { Effect, HostPolicy, Outer, PhysicalNetwork, World } from './oracle.ts';

const GENEVE = { port: 6081, size: 8 } as const;
const OUTSIDE = 'outside';
const QUESTIONS: Readonly<Record<string, 'dhcp' | 'dhcpv6' | 'router-solicitation'>> = {
  [PUNT.dhcp]: 'dhcp',
  [PUNT.dhcpv6]: 'dhcpv6',
  [PUNT.routerSolicitation]: 'router-solicitation',
};

export class RealWorld {
  readonly #effects: Effect[] = [];
  /** Milliseconds. */
  #now = 0;
  /** By `host/port`, with the names of the oracle; the stations outside by `physical/network`. */
  readonly #entries = new Map<string, Attachment>();
  /** By `host/switch`. */
  readonly #switches = new Map<string, SoftSwitch>();
  /** By provider address. */
  readonly #tunnels = new Map<IpAddress, { receive(packet: Uint8Array): void }>();

  static async of(world: World): Promise<RealWorld> {
    const real = new RealWorld();
    for (const policy of world.hosts) await real.#addHost(policy);
    for (const network of world.physical) await real.#addNetwork(network);
    for (const port of world.down ?? []) real.#entries.get(port)!.setLink(false);
    return real;
  }

  send(host: string, port: string, frame: Uint8Array): Effect[] {
    return this.#run(() => this.#entries.get(`${host}/${port}`)!.receive(frame));
  }

  sendFromOutside(network: string, frame: Uint8Array): Effect[] {
    return this.#run(() => this.#entries.get(`physical/${network}`)!.receive(frame));
  }

  sendOverFabric(outer: Outer, frame: Uint8Array): Effect[] {
    return this.#run(() => this.#carry(outer.destination, encapsulated(outer, frame)));
  }

  #run(send: () => void): Effect[] {
    this.#effects.length = 0;
    // Slow enough that no meter ever drops: what the oracle says of a frame depends on nothing but learning.
    this.#now += 60;
    send();
    return [...this.#effects];
  }

  async #addHost({ host, records }: HostPolicy): Promise<void> {
    const facts: PipelineFact[] = [...records];
    const plug = async (on: string, port: string, spec: PortSpec): Promise<number> => {
      const number = await this.#switches.get(`${host}/${on}`)!.setPort(spec);
      facts.push({ kind: 'binding', port, number });
      return number;
    };
    for (const record of records) {
      if (record.kind !== 'switch') continue;
      this.#switches.set(`${host}/${record.name}`, new SoftSwitch({ now: () => this.#now }));
      if (record.uplink) await plug(record.name, portOf.uplink(record.name), uplink(record.uplink.nics));
    }
    for (const record of records) await this.#addPorts(host, record, plug);
    await this.#mirror(host, records);
    const pipeline = new Pipeline();
    pipeline.apply(facts.map((fact) => [factKey(fact), fact] as const));
    for (const [on, add] of Map.groupBy(pipeline.outputs(), (flow) => flow.switch)) {
      await this.#switches.get(`${host}/${on}`)!.applyFlows({ add, remove: [] });
    }
  }

  async #addPorts(
    host: string,
    record: PolicyRecord,
    plug: (on: string, port: string, spec: PortSpec) => Promise<number>,
  ): Promise<void> {
    if (record.kind === 'port') {
      const number = await plug(record.switch, portOf.vnic(record.id), vnicSpec(record));
      const sw = this.#switches.get(`${host}/${record.switch}`)!;
      this.#listen(host, record.switch, record.id);
      for (const meter of metersOf(number)) await sw.setMeter(meter);
      sw.onPacketIn(({ inPort, userdata, frame, metadata }) => {
        if (inPort !== number) return;
        const flags = metadata.reg0 ?? 0n;
        const error = (flags & EXPIRED) !== 0n ? 'time-exceeded' : 'too-big';
        const about = QUESTIONS[userdata] ?? error;
        this.#effects.push({ to: 'agent', host, port: record.id, about, frame });
      });
    } else if (record.kind === 'provider') {
      const { logicalNetwork, encapsulation, pa } = record;
      const name = portOf.provider(logicalNetwork);
      const vlan = { mode: 'access', tag: record.vlan } as const;
      await plug(record.switch, name, { type: 'internal', name, id: name, mac: record.mac, vlan });
      this.#listen(host, record.switch, name);
      const tunnel = portOf.tunnel(logicalNetwork);
      await plug(record.switch, tunnel, { type: 'tunnel', name: tunnel, encapsulation, local: pa });
      const sw = this.#switches.get(`${host}/${record.switch}`)!;
      const send = (outer: Uint8Array) => this.#carry(decapsulated(outer).destination, outer);
      this.#tunnels.set(pa, sw.attachUnderlay(tunnel, { send }));
    }
  }

  /** As an agent does it, for ports that go by their ids. */
  async #mirror(host: string, records: readonly PolicyRecord[]): Promise<void> {
    const mirrors = records.filter((record) => record.kind === 'mirror');
    for (const on of new Set(mirrors.map((mirror) => mirror.switch)))
      await this.#switches.get(`${host}/${on}`)!.setMirrors(mirrorsOf(on, mirrors, (id) => id));
  }

  #listen(host: string, on: string, port: string): void {
    const deliver = (frame: Uint8Array) => this.#effects.push({ to: 'port', host, port, frame });
    this.#entries.set(
      `${host}/${port}`,
      this.#switches.get(`${host}/${on}`)!.attach(port, undefined, deliver),
    );
  }

  async #addNetwork({ name, uplinks }: PhysicalNetwork): Promise<void> {
    const network = new SoftSwitch({ now: () => 0 });
    await network.applyFlows({
      add: [flowOf({ table: 0, priority: 0, match: {}, actions: [output('normal')] })],
      remove: [],
    });
    const trunk = { mode: 'trunk', trunks: [] } as const;
    const plug = async (port: string, deliver: (frame: Uint8Array) => void) => {
      await network.setPort({ type: 'vif', name: port, id: port, vlan: trunk });
      return network.attach(port, undefined, deliver);
    };
    const outside = await plug(OUTSIDE, (frame) =>
      this.#effects.push({ to: 'outside', network: name, frame }),
    );
    this.#entries.set(`physical/${name}`, outside);
    for (const { host, switch: on } of uplinks) {
      const sw = this.#switches.get(`${host}/${on}`)!;
      const spec = (await sw.ports()).get(UPLINK)?.spec;
      if (spec?.type !== 'uplink') continue;
      const ends: Attachment[] = [];
      ends.push(await plug(`${host}/${on}`, (frame) => ends[1]!.receive(frame)));
      ends.push(sw.attach(UPLINK, spec.nics[0]!, (frame) => ends[0]!.receive(frame)));
    }
  }

  /** The underlay: a packet comes to whoever has the provider address. */
  #carry(destination: IpAddress, outer: Uint8Array): void {
    this.#effects.push({ to: 'fabric', ...decapsulated(outer) });
    this.#tunnels.get(destination)?.receive(outer);
  }
}

const UPLINK = 'uplink';

function uplink(nics: readonly string[]): PortSpec {
  const vlan = { mode: 'trunk', trunks: [] } as const;
  return { type: 'uplink', name: UPLINK, nics, mode: 'active-backup', lacp: 'off', vlan };
}

/** The port that an agent would make, under the name that the oracle has for it. */
function vnicSpec(record: PortRecord): PortSpec {
  return { ...portsOf(record)[0]!.spec, name: record.id };
}

/** An IP packet with the frame inside, as another host would send it. */
export function encapsulated(
  { source, destination, encapsulation, vsid }: Outer,
  frame: Uint8Array,
): Uint8Array {
  const addresses = { src: source, dst: destination };
  const head = { layer: isIpv4(source) ? 'ipv4' : 'ipv6', ...addresses } as Layer;
  const inner: Layer = { layer: 'data', bytes: frame };
  const outer = { nvgre: nvgre, vxlan: vxlan, geneve: geneve }[encapsulation];
  return build({ layer: 'eth' }, head, ...outer(vsid, inner)).subarray(ETHERNET.SIZE);
}

const nvgre = (vsid: number, inner: Layer): Layer[] => [
  { layer: 'gre', vsid, flow: 7, proto: ETHERTYPE.TEB },
  inner,
];
const vxlan = (vni: number, inner: Layer): Layer[] => [
  { layer: 'udp', dport: 4789 },
  { layer: 'vxlan', vni },
  inner,
];
const geneve = (vni: number, inner: Layer & { layer: 'data' }): Layer[] => {
  const header = Uint8Array.of(0, 0, ETHERTYPE.TEB >>> 8, ETHERTYPE.TEB & 0xff, 0, 0, 0, 0);
  write24(header, 4, vni);
  return [
    { layer: 'udp', dport: GENEVE.port },
    { layer: 'data', bytes: Uint8Array.of(...header, ...inner.bytes) },
  ];
};

/** The other way, by the packet views: what is on the wire, not what the switch meant. */
export function decapsulated(outer: Uint8Array): Outer & { readonly frame: Uint8Array } {
  const version = outer[0]! >>> 4 === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
  const { bytes, ipv4, ipv6, gre, vxlan, geneve, payloadOffset, payloadEnd } = parseFrame(
    Uint8Array.of(...new Uint8Array(ETHERNET.TYPE), version >>> 8, version & 0xff, ...outer),
  );
  const { srcIp: source, dstIp: destination } = (ipv4 ?? ipv6)!;
  const addresses = { source, destination };
  const frame = bytes.slice(payloadOffset, payloadEnd);
  if (gre?.isNvgre) return { ...addresses, encapsulation: 'nvgre', vsid: gre.vsid!, frame };
  if (vxlan) return { ...addresses, encapsulation: 'vxlan', vsid: vxlan.vni, frame };
  if (geneve?.protocolType !== ETHERTYPE.TEB || geneve.headerLength !== GENEVE.size)
    throw new Error('a packet on the fabric that is none of ours');
  return { ...addresses, encapsulation: 'geneve', vsid: geneve.vni, frame };
}
