/**
 * The flows that the pipeline really makes, on a real Open vSwitch and in the softswitch: for each frame, good or
 * forged, `ofproto/trace` meets the same rules, and ends with the same header fields, ports and outer headers.
 *
 * NORMAL is compared too. Both switches begin with no address learnt and see the same frames in the same order; a trace
 * of a frame given in bytes learns as the frame itself would (ofproto/trace in ovs-vswitchd(8)).
 *
 * Where the two are not the same, and why:
 *
 *   - A tunnel of the softswitch refuses a tagged frame before the pipeline sees it (RFC 7637, 3.3), Open vSwitch leaves
 *     that to `classify`. No frame out of a tunnel has a tag here.
 *   - Open vSwitch numbers the NICs of a bond one by one, so that `in_port` of a team is no single number there
 *     (docs/decisions/0009). Here the uplink has one NIC on both sides.
 *   - A TTL that is used up is news to the controller in Open vSwitch (OFPR_INVALID_TTL), which Netloom's agent does not
 *     ask for. Not compared.
 *   - Open vSwitch copies the ECN bits of a packet to its tunnel header, and a mark of congestion back (RFC 6040); the
 *     softswitch has no congestion and sends 0. No frame here has ECN bits.
 *   - Open vSwitch hands a frame for a port without a link to its device, which loses it; the softswitch says that it is
 *     lost. Such outputs are not compared; what `bundle_load` picks, which asks for the link, is.
 *   - The bridge's own port, which the softswitch does not have, lies in the dead VLAN.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { DEAD_VLAN, type PortSpec, type PortVlan } from '../../src/flow/datapath.ts';
import { FIELD_NAMES, fullMask } from '../../src/flow/fields.ts';
import type { ExplainedFlow } from '../../src/flow/flow.ts';
import { formatFlow, formatMatch } from '../../src/flow/text.ts';
import { formatMeter } from '../../src/flow/text-group.ts';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { ipToBigint, ipv4, ipv4FromNumber, isIpv4, mac } from '../../src/packet/address.ts';
import { read16, read24, read32, toHex } from '../../src/packet/bytes.ts';
import { GRE } from '../../src/packet/gre.ts';
import { IP_PROTOCOL, IPV4 } from '../../src/packet/ipv4.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import { UDP } from '../../src/packet/udp.ts';
import { VXLAN } from '../../src/packet/vxlan.ts';
import { metersOf } from '../../src/pipeline/punt.ts';
import { TOO_BIG } from '../../src/pipeline/registers.ts';
import { tableAt } from '../../src/pipeline/tables.ts';
import type { PolicyRecord } from '../../src/policy/records.ts';
import { type FlowKey, readField } from '../../src/softswitch/frame/key.ts';
import { Packet } from '../../src/softswitch/frame/packet.ts';
import { SoftSwitch } from '../../src/softswitch/switch.ts';
import { encapsulate } from '../../src/softswitch/tunnel/tunnel.ts';
import { itWithOpenVswitch, matchFragments, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';
import { framesOfOutside, framesOfPort, framesOfTunnel, type NamedFrame, World } from './pipeline-frames.ts';
import { byDestination, pathStep, readTrace, type TraceText, type TunnelHeader } from './trace-text.ts';
import { Unixctl } from './unixctl.ts';

const BRIDGE = 'br0';
const PHYSICAL = 'phy';

interface SwitchOfHost {
  readonly name: string;
  readonly ports: readonly { readonly number: number; readonly spec: PortSpec }[];
  /** Numbers of ports without a link. */
  readonly down: readonly number[];
  readonly flows: readonly ExplainedFlow[];
  readonly records: readonly PolicyRecord[];
}

/** What the agent of a host has made of an example, after edits to its text. */
async function switchesOf(
  example: string,
  host: string,
  edit: (text: string) => string = (text) => text,
  moving?: Scenario['moving'],
): Promise<SwitchOfHost[]> {
  const text = edit(readFileSync(new URL(`../../examples/${example}.yaml`, import.meta.url), 'utf8'));
  const { objects, findings } = parseDocuments(text, example);
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    if (moving) {
      const { vm, to: destination } = moving;
      const until = 'prepared';
      await lab.controller.migrations.migrate(vm, { destination, until }, { author: 'test' });
      if (moving.hasMoved) lab.fabric.move(vm, destination);
    }
    const entry = lab.fabric.hosts.get(host);
    if (!entry) throw new Error(`${example} has no host ${host}`);
    const records = [...entry.agent.records().values()];
    const switches: SwitchOfHost[] = [];
    for (const [name, soft] of entry.soft.switches) {
      const ports = [...(await soft.ports()).values()].sort((a, b) => a.number - b.number);
      const flows = entry.agent.flows().filter((f) => f.switch === name);
      const away = records.filter(
        (r) => r.kind === 'port' && r.migration && lab.fabric.machines.get(r.id)?.host !== host,
      );
      const ids = new Set(away.map((r) => (r.kind === 'port' ? r.id : '')));
      const down = ports.flatMap(({ number, spec }) =>
        spec.type === 'vif' && ids.has(spec.id) ? [number] : [],
      );
      switches.push({ name, ports, down, flows, records });
    }
    return switches;
  } finally {
    await lab.close();
  }
}

/** The same virtual switch twice. */
class Twins {
  readonly #clock: { now: number };
  readonly #control: Unixctl;
  readonly #soft: SoftSwitch;
  readonly #tunnel: ((outer: Uint8Array) => void) | undefined;
  readonly #receive: ReadonlyMap<number, (frame: Uint8Array) => void>;
  readonly #local: TunnelSpec | undefined;
  readonly #down: ReadonlySet<string>;
  readonly #numbers: ReadonlyMap<string, number>;

  private constructor(
    control: Unixctl,
    soft: SoftSwitch,
    receive: ReadonlyMap<number, (frame: Uint8Array) => void>,
    tunnel: ((outer: Uint8Array) => void) | undefined,
    of: SwitchOfHost,
    clock: { now: number },
  ) {
    this.#clock = clock;
    this.#control = control;
    this.#soft = soft;
    this.#receive = receive;
    this.#tunnel = tunnel;
    this.#local = of.ports.map((p) => p.spec).find((spec) => spec.type === 'tunnel');
    this.#down = new Set(of.down.map((number) => `p${number}`));
    this.#numbers = new Map(of.ports.map(({ number }) => [`p${number}`, number]));
  }

  static async of(ovs: OpenVswitch, control: Unixctl, of: SwitchOfHost): Promise<Twins> {
    await realSwitch(ovs, control, of);
    const clock = { now: 0 };
    const soft = new SoftSwitch({ now: () => clock.now });
    const receive = new Map<number, (frame: Uint8Array) => void>();
    let tunnel: ((outer: Uint8Array) => void) | undefined;
    for (const { number, spec } of of.ports) {
      const nics = spec.type === 'uplink' ? spec.nics.slice(0, 1) : [];
      const own = spec.type === 'uplink' ? { ...spec, nics } : spec;
      expect(await soft.setPort(own)).toBe(number);
      if (spec.type === 'tunnel') tunnel = soft.attachUnderlay(spec.name, { send: () => {} }).receive;
      else {
        const end = soft.attach(spec.name, nics[0], () => {});
        receive.set(number, end.receive);
        if (of.down.includes(number)) end.setLink(false);
      }
      for (const meter of metersOf(number)) await soft.setMeter(meter);
    }
    await soft.applyFlows({ add: of.flows, remove: [] });
    return new Twins(control, soft, receive, tunnel, of, clock);
  }

  async compare(port: number, { name, frame, tunnel }: NamedFrame): Promise<Verdict> {
    // Slow enough that no meter drops, which the trace of Open vSwitch does not show; so fast that nothing learnt is forgotten.
    this.#clock.now += 50;
    const flow = [`in_port=p${port}`];
    let receive = () => this.#receive.get(port)?.(frame);
    if (tunnel && this.#local) {
      const field = (end: string) => (isIpv4(tunnel.source) ? `tun_${end}` : `tun_ipv6_${end}`);
      flow.push(`${field('src')}=${tunnel.source}`, `${field('dst')}=${this.#local.local}`);
      flow.push(`tun_id=${tunnel.key}`);
      const outer = encapsulated(this.#local, tunnel, frame);
      receive = () => this.#tunnel?.(outer);
    }
    const text = await this.#control.call('ofproto/trace', '--names', BRIDGE, flow.join(','), toHex(frame));
    const where = `${name}, into port ${port}:\n${text}`;
    const { ipv4: ip4, ipv6: ip6, bytes } = parseFrame(frame);
    const real = readTrace(text, this.#numbers, (ip4 ?? ip6)?.end ?? bytes.length);
    const soft = this.#observed(() => receive());
    expect(soft.path, where).toEqual(real.path);
    expect(soft.outputs, where).toEqual(real.outputs.filter((name) => !this.#down.has(name)));
    expect(soft.tunnels, where).toEqual(real.tunnels);
    expect(soft.packetIns, where).toBe(real.packetIns);
    compareFields(soft.key, real, where);
    return { path: soft.path, isSent: soft.outputs.length + soft.tunnels.length + soft.packetIns > 0 };
  }

  #observed(receive: () => void): Observed {
    const seen = {
      path: [] as string[],
      outputs: [] as string[],
      tunnels: [] as TunnelHeader[],
      packetIns: 0,
      key: undefined as FlowKey | undefined,
    };
    this.#soft.observe((event) => {
      if (event.type === 'match') {
        const { table, flow } = event;
        const step = flow && pathStep(table, flow.priority, flow.cookie, formatMatch(flow.match));
        seen.path.push(step ?? `${table} nothing`);
      } else if (event.type === 'encapsulate') seen.tunnels.push(headerOf(event.outer, this.#local));
      else if (event.type === 'output' && event.name !== this.#local?.name)
        seen.outputs.push(`p${event.port}`);
      else if (event.type === 'packet-in') seen.packetIns++;
      else if (event.type === 'done') seen.key = event.key;
    });
    receive();
    this.#soft.observe(undefined);
    seen.outputs.sort();
    seen.tunnels.sort(byDestination);
    return seen;
  }
}

type TunnelSpec = Extract<PortSpec, { type: 'tunnel' }>;

interface Observed extends Omit<TraceText, 'final' | 'hasTunnel'> {
  readonly key: FlowKey | undefined;
}

interface Verdict {
  readonly path: readonly string[];
  readonly isSent: boolean;
}

function compareFields(key: FlowKey | undefined, real: TraceText, where: string): void {
  if (!key) throw new Error(`the frame did not go through the pipeline: ${where}`);
  const unprinted = real.hasTunnel ? /^(metadata|reg|tun_[sdi]\w+[ct]$)/ : /^(metadata|reg|tun_(ipv6_)?dst)/;
  for (const name of FIELD_NAMES) {
    const expected = real.final.get(name);
    // What check_pkt_larger writes, the trace leaves as it is when the frame is not larger.
    const written = name === 'reg0' ? ~TOO_BIG : fullMask(name);
    if (expected)
      expect(readField(key, name) & expected.mask & written, `${name}; ${where}`).toBe(
        expected.value & written,
      );
    else if (unprinted.test(name)) expect(readField(key, name), `${name}; ${where}`).toBe(0n);
  }
}

function encapsulated(to: TunnelSpec, { source, key }: NonNullable<NamedFrame['tunnel']>, inner: Uint8Array) {
  const packet = Packet.read(inner);
  packet.set('tun_id', key);
  packet.set(isIpv4(source) ? 'tun_dst' : 'tun_ipv6_dst', ipToBigint(ipv4(to.local)));
  const made = encapsulate({ encapsulation: to.encapsulation, local: source }, packet);
  if ('drop' in made) throw new Error(made.drop);
  return made.outer;
}

function headerOf(outer: Uint8Array, tunnel: TunnelSpec | undefined): TunnelHeader {
  const protocol = outer[IPV4.PROTOCOL]!;
  const isGre = protocol === IP_PROTOCOL.GRE;
  expect(isGre).toBe(tunnel?.encapsulation === 'nvgre');
  return {
    source: ipv4FromNumber(read32(outer, IPV4.SRC)),
    destination: ipv4FromNumber(read32(outer, IPV4.DST)),
    protocol,
    tos: outer[IPV4.TOS]!,
    ttl: outer[IPV4.TTL]!,
    fragment: read16(outer, IPV4.FRAGMENT),
    key: BigInt(
      isGre ? read32(outer, IPV4.SIZE + GRE.OPTIONAL) : read24(outer, IPV4.SIZE + UDP.SIZE + VXLAN.VNI),
    ),
  };
}

const TYPES = { nvgre: 'gre', vxlan: 'vxlan', geneve: 'geneve' } as const;

/** The bridge with its ports and flows, and below it the physical side: where tunnelled packets leave. */
async function realSwitch(ovs: OpenVswitch, control: Unixctl, of: SwitchOfHost): Promise<void> {
  const port = ({ number, spec }: SwitchOfHost['ports'][number]) => {
    const name = `p${number}`;
    const type =
      spec.type === 'tunnel'
        ? [`type=${TYPES[spec.encapsulation]}`, 'options:remote_ip=flow', 'options:key=flow']
        : ['type=dummy'];
    return [
      ...['--', 'add-port', BRIDGE, name, ...vlanColumns(spec)],
      ...['--', 'set', 'interface', name, `ofport_request=${number}`, ...type],
    ];
  };
  // Apart from what follows: a bridge that goes and comes back in one transaction never went.
  await ovs.vsctl('--if-exists', 'del-br', BRIDGE, '--', '--if-exists', 'del-br', PHYSICAL);
  await ovs.vsctl(
    ...['add-br', PHYSICAL, '--', 'set', 'bridge', PHYSICAL, 'datapath_type=dummy'],
    ...['--', 'add-port', PHYSICAL, 'wire', '--', 'set', 'interface', 'wire', 'type=dummy'],
    ...['--', 'add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=dummy', 'fail_mode=secure'],
    ...['--', 'set', 'port', BRIDGE, `tag=${DEAD_VLAN}`],
    ...of.ports.flatMap(port),
  );
  const local = of.ports.map((p) => p.spec).find((spec) => spec.type === 'tunnel')?.local;
  if (local !== undefined) {
    await control.call('netdev-dummy/ip4addr', PHYSICAL, `${local}/24`);
    await control.call('ovs/route/add', `${local}/24`, PHYSICAL);
    const peers = new Set(of.records.flatMap((r) => (r.kind === 'lookup' && r.pa !== local ? [r.pa] : [])));
    for (const pa of peers) await control.call('tnl/arp/set', PHYSICAL, pa, mac('f8:bc:12:44:34:b6'));
  }
  for (const number of of.down) await control.call('netdev-dummy/set-admin-state', `p${number}`, 'down');
  await matchFragments(ovs, BRIDGE);
  const socket = `unix:${join(ovs.directory, BRIDGE)}.mgmt`;
  for (const { number } of of.ports)
    for (const meter of metersOf(number))
      await ovs.ofctl('-O', 'OpenFlow15', 'add-meter', socket, formatMeter(meter));
  const file = join(ovs.directory, 'flows');
  writeFileSync(file, `${of.flows.map(formatFlow).join('\n')}\n`);
  await ovs.ofctl('-O', 'OpenFlow15', '--bundle', 'add-flows', socket, file);
}

/** Of the table Port (ovs-vswitchd.conf.db(5)). */
function vlanColumns(spec: PortSpec): string[] {
  const vlan: PortVlan = spec.type === 'tunnel' ? { mode: 'access', tag: DEAD_VLAN } : spec.vlan;
  return [
    `vlan_mode=${vlan.mode}`,
    ...('tag' in vlan ? [`tag=${vlan.tag}`] : []),
    ...('trunks' in vlan && vlan.trunks.length > 0 ? [`trunks=${vlan.trunks.join(',')}`] : []),
    ...(vlan.priorityTags ? [`other_config:priority-tags=${vlan.priorityTags}`] : []),
  ];
}

/** All frames for a port, by what the port is. */
function framesFor(world: World, spec: PortSpec): Iterable<NamedFrame> {
  switch (spec.type) {
    case 'vif':
    case 'internal': {
      const record = world.of('port').find((p) => p.id === spec.id);
      if (record) return framesOfPort(world, record);
      if (spec.type === 'internal') return framesOfOutside(world, mac(spec.mac));
      throw new Error(`no record for ${spec.id}`);
    }
    case 'tunnel': {
      const provider = world.of('provider').find((p) => p.pa === spec.local);
      if (provider) return framesOfTunnel(world, provider);
      throw new Error(`no provider address ${spec.local}`);
    }
    case 'uplink':
      return framesOfOutside(world, mac('f8:bc:12:44:34:b6'));
  }
}

/** Blue with a second subnet, IPv6, both on one subnet, a vNIC that may do everything, and vNICs on a VLAN. */
function enrich(text: string): string {
  const classes = 'classifications:\n  - { classification: Free, profile: Free }\n';
  return `${text.replace(/^uplinkProfiles: .*\n/m, (line) => line + classes).replaceAll('vmNetwork: Blue, a', 'vmNetwork: Blue, subnet: Blue subnet, a')}
---
kind: PortClassification
name: Free
---
kind: VirtualPortProfile
name: Free
security: { macSpoofing: true, dhcpGuard: false, routerGuard: false, guestSpecifiedAddresses: true }
---
kind: VmSubnet
name: Blue second
vmNetwork: Blue
prefix: 10.0.1.0/24
vsid: 5002
---
kind: VmSubnet
name: Blue six
vmNetwork: Blue
prefix: fd00::/64
vsid: 5006
---
kind: VirtualMachine
name: blue3
host: host1
vnics:
  - { vmNetwork: Blue, subnet: Blue second, addresses: [10.0.1.5] }
  - { vmNetwork: Blue, subnet: Blue six, addresses: ['fd00::5'] }
  - { vmNetwork: Blue, subnet: Blue six, addresses: ['fd00::50'], classification: Free }
  - { vmNetwork: Blue, subnet: Blue dual, addresses: [10.0.2.5, 'fd00:2::5'] }
  - { vmNetwork: Blue, subnet: Blue dual, addresses: ['fd00:2::6'] }
---
kind: VmSubnet
name: Blue dual
vmNetwork: Blue
prefix: 10.0.2.0/24
ipv6Prefix: fd00:2::/64
vsid: 5007
---
kind: VirtualMachine
name: blue4
host: host2
vnics:
  - { vmNetwork: Blue, subnet: Blue dual, addresses: [10.0.2.7, 'fd00:2::7'] }
  - { vmNetwork: Blue, subnet: Blue second, addresses: [10.0.1.7] }
  - { vmNetwork: Blue, subnet: Blue six, addresses: ['fd00::7'] }
`;
}

/**
 * Port ACLs on a virtual subnet and on the untagged network. Without stateful rules: a trace does not track connections
 * (acl-dataplane.test.ts does).
 */
function withAcls(text: string): string {
  return `${text.replaceAll('vmNetwork: Blue, a', 'vmNetwork: Blue, acls: [most], a')}
---
kind: PortAcl
name: most
default: { inbound: deny }
rules:
  - { direction: outbound, action: deny, priority: 10, protocol: udp, remotePorts: 50-60 }
  - { direction: outbound, action: deny, priority: 20, protocol: tcp, remoteAddress: 10.0.0.0/24, remotePorts: 80 }
  - { direction: inbound, action: allow, priority: 10, protocol: icmp, icmpType: 8 }
  - { direction: inbound, action: allow, priority: 20, protocol: udp, remoteAddress: 10.0.0.0/24 }
---
kind: PortAcl
name: desk
rules:
  - { direction: inbound, action: deny, priority: 10, protocol: icmp }
  - { direction: outbound, action: deny, priority: 10, protocol: tcp }
---
{ kind: VmNetwork, name: Desks, logicalNetwork: Provider, isolation: none }
---
{ kind: VirtualMachine, name: desk1, host: host1, vnics: [{ vmNetwork: Desks, addresses: [192.168.4.101], acls: [desk] }] }
---
{ kind: VirtualMachine, name: desk2, host: host1, vnics: [{ vmNetwork: Desks, addresses: [192.168.4.102] }] }
`;
}

/** Another host with a machine of Blue, so that frames come from one that is no end of the migration. */
function thirdHost(text: string): string {
  return `${text}
---
kind: Host
name: host3
group: Rack 1
managementNic: mgmt
nics:
  - { name: nic1, physicalNetwork: Fabric, mac: aa:55:aa:55:00:33 }
  - { name: mgmt, physicalNetwork: Out of band, mac: aa:55:aa:55:01:33 }
providerAddresses:
  - { logicalNetwork: Provider, address: 192.168.4.33 }
---
kind: HostSwitch
host: host3
logicalSwitch: Tenant switch
nics: [nic1]
uplinkProfile: Fabric uplink
---
kind: VirtualMachine
name: blue3
host: host3
vnics:
  - { vmNetwork: Blue, addresses: [10.0.0.9] }
`;
}

const over = (name: string) => (text: string) =>
  text.replace('encapsulation: nvgre', `encapsulation: ${name}`);

describe('the flows of the pipeline: softswitch == Open vSwitch', () => {
  let ovs: OpenVswitch | undefined;
  let control: Unixctl | undefined;
  afterAll(async () => {
    control?.close();
    await ovs?.stop();
  });

  describe.each<Scenario>([
    { name: 'blue-red over NVGRE', example: 'blue-red', host: 'host1' },
    { name: 'blue-red over VXLAN', example: 'blue-red', host: 'host2', edit: over('vxlan') },
    { name: 'blue-red over Geneve', example: 'blue-red', host: 'host1', edit: over('geneve') },
    {
      name: 'blue-red with routing, IPv6 and a free port',
      example: 'blue-red',
      host: 'host1',
      edit: enrich,
      // There is no port on a VLAN, nor on a private one.
      unmet: ['services priority=0 reg0=0/0x90', 'services priority=0 reg0=0x80/0x90'],
    },
    { name: 'campus', example: 'campus', host: 'cloud-pm-cn01' },
    { name: 'blue-red with port ACLs', example: 'blue-red', host: 'host1', edit: withAcls },
    { name: 'access, trunk, hybrid and private VLANs', example: 'vlan-modes', host: 'host1' },
    { name: 'the same on the other host', example: 'vlan-modes', host: 'host2' },
    // blue1 moves from host1 to host2: both hosts, before the move and after it.
    ...(['host1', 'host2'] as const).flatMap((host): Scenario[] =>
      [false, true].map((hasMoved) => ({
        name: `${host} ${hasMoved ? 'after' : 'before'} a machine has moved from host1 to host2`,
        example: 'blue-red',
        host,
        edit: thirdHost,
        moving: { vm: 'blue1', to: 'host2', hasMoved },
      })),
    ),
  ])('$name', ({ example, host, edit, moving, unmet }) => {
    itWithOpenVswitch('every frame meets the same rules and comes to the same', async () => {
      ovs ??= await startOpenVswitch({ dummy: true });
      control ??= await Unixctl.open(join(ovs.directory, 'switch.ctl'));
      let sent = 0;
      let dropped = 0;
      const rules = new Set<string>();
      for (const of of await switchesOf(example, host, edit, moving)) {
        const twins = await Twins.of(ovs, control, of);
        const world = new World(of.records);
        for (const { table, priority, cookie, match } of of.flows)
          rules.add(pathStep(table, priority, cookie, formatMatch(match)));
        for (const { number, spec } of of.ports) {
          if (of.down.includes(number)) continue;
          for (const frame of framesFor(world, spec)) {
            const { path, isSent } = await twins.compare(number, frame);
            for (const step of path) rules.delete(step);
            if (isSent) sent++;
            else dropped++;
          }
        }
      }
      // A comparison of nothing with nothing is no comparison.
      expect(sent).toBeGreaterThan(80);
      expect(dropped).toBeGreaterThan(80);
      // What no frame met has not been compared: a new rule wants a new frame.
      if (!unmet) return;
      const names = [...rules].map((rule) =>
        rule.replace(/cookie=\S+ /, '').replace(/^\d+/, (number) => tableAt(Number(number))?.name ?? number),
      );
      // What port ACLs are about has frames of its own.
      expect(names.filter((rule) => !rule.startsWith('acl'))).toEqual(unmet);
    });
  });
});

interface Scenario {
  readonly name: string;
  readonly example: string;
  readonly host: string;
  readonly edit?: (text: string) => string;
  readonly moving?: { readonly vm: string; readonly to: string; readonly hasMoved: boolean };
  /** Rules that no frame meets; left out where the example does not use them all. */
  readonly unmet?: readonly string[];
}
