/** For tests of port ACLs: a small data centre, and machines that send frames as they are and note what comes. */
import { readFileSync } from 'node:fs';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import type { ModelObject } from '../../src/model/kinds.ts';
import { BROADCAST_MAC, type IpAddress, ipv4, isIpv4, type Mac } from '../../src/packet/address.ts';
import { frame } from '../../src/packet/build.ts';
import { toHex } from '../../src/packet/bytes.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { parseFrame } from '../../src/packet/parse.ts';
import type { PortRecord } from '../../src/policy/records.ts';

/**
 * blue1 and blue3 on host1 and blue2 on host2, on one virtual subnet with IPv4; blue4 on host2, on a second one; six1 on
 * host1 and six2 on host2, on a third one with IPv6. desk1 and desk2 on host1 and desk3 on host2, on a VLAN.
 */
const MORE = `
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
{kind: VirtualMachine, name: blue3, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue subnet, addresses: [10.0.0.9]}]}
---
{kind: VirtualMachine, name: blue4, host: host2, vnics: [{vmNetwork: Blue, subnet: Blue second, addresses: [10.0.1.7]}]}
---
{kind: VirtualMachine, name: six1, host: host1, vnics: [{vmNetwork: Blue, subnet: Blue six, addresses: ['fd00::5']}]}
---
{kind: VirtualMachine, name: six2, host: host2, vnics: [{vmNetwork: Blue, subnet: Blue six, addresses: ['fd00::7']}]}
---
{kind: VmNetwork, name: Desks, logicalNetwork: Provider, isolation: none}
---
{kind: VirtualMachine, name: desk1, host: host1, vnics: [{vmNetwork: Desks, addresses: [192.168.4.101]}]}
---
{kind: VirtualMachine, name: desk2, host: host1, vnics: [{vmNetwork: Desks, addresses: [192.168.4.102]}]}
---
{kind: VirtualMachine, name: desk3, host: host2, vnics: [{vmNetwork: Desks, addresses: [192.168.4.103]}]}
`;

interface Station {
  readonly name: string;
  readonly port: PortRecord;
  readonly send: (frame: Uint8Array) => void;
}

export class AclRig {
  readonly lab: Lab;
  readonly #stations = new Map<string, Station>();
  readonly #arrived: { readonly at: string; readonly frame: Uint8Array }[] = [];
  #count = 0;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** `yaml`: objects besides, or in place of, those of the rig. */
  static async open(yaml = ''): Promise<AclRig> {
    const base = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
    const text = `${base.replaceAll('vmNetwork: Blue, a', 'vmNetwork: Blue, subnet: Blue subnet, a')}${MORE}`;
    const lab = await Lab.open({ objects: objectsOf(text) });
    const rig = new AclRig(lab);
    if (yaml) await rig.apply(yaml);
    await lab.ready();
    for (const machine of lab.fabric.machines.values()) {
      const [name = ''] = machine.port.name.split('/');
      const tap = lab.fabric.hosts.get(machine.host)!.soft.plug(machine.port.id, (bytes) => {
        rig.#arrived.push({ at: name, frame: bytes.slice() });
      });
      rig.#stations.set(name, { name, port: machine.port, send: (bytes) => tap.send(bytes) });
    }
    return rig;
  }

  /** Adds and replaces objects, and waits until every host has them in force. */
  async apply(yaml: string): Promise<void> {
    await this.lab.controller.apply(
      objectsOf(yaml).map((object) => ({ object })),
      { author: 'test' },
    );
    await this.lab.fabric.settled();
  }

  station(name: string): Station {
    const station = this.#stations.get(name);
    if (!station) throw new Error(`no ${name}`);
    return station;
  }

  mac(name: string): Mac {
    return this.station(name).port.mac;
  }

  address(name: string): IpAddress {
    return this.station(name).port.addresses[0]!.address;
  }

  /** Whether what a machine sends to another one comes there; the MAC address is that of the router between subnets. */
  async passes(from: string, to: string, ...layers: readonly Layer[]): Promise<boolean> {
    return (await this.receivers(from, to, ...layers)).includes(to);
  }

  /** Whom a packet from one machine to the address of another one comes to. */
  async receivers(from: string, to: string, ...layers: readonly Layer[]): Promise<string[]> {
    const mark = `rig ${++this.#count} of frames`;
    const [src, dst] = [this.address(from), this.address(to)];
    const network: Layer =
      isIpv4(src) && isIpv4(dst) ? { layer: 'ipv4', src, dst } : ({ layer: 'ipv6', src, dst } as Layer);
    const data: Layer = { layer: 'data', bytes: Buffer.from(mark) };
    const bytes = frame(
      { layer: 'eth', src: this.mac(from), dst: this.#nextHop(from, to) },
      network,
      ...layers,
      data,
    );
    return this.send(from, bytes, mark);
  }

  /** Sends the frame as it is; the answer is who got a frame with the mark in it. */
  async send(from: string, bytes: Uint8Array, mark: string): Promise<string[]> {
    this.#arrived.length = 0;
    this.station(from).send(bytes);
    await this.quiet();
    const wanted = toHex(Buffer.from(mark));
    return this.#arrived
      .filter(({ frame: got }) => toHex(got).includes(wanted))
      .map(({ at }) => at)
      .sort();
  }

  /** Sends a packet again and again for as long as something lasts; how many were sent, and how many came. */
  async stream(from: string, to: string, transport: Layer, lasting: Promise<unknown>) {
    const [src, dst] = [this.address(from), this.address(to)];
    if (!isIpv4(src) || !isIpv4(dst)) throw new Error('streams are IPv4');
    const eth: Layer = { layer: 'eth', src: this.mac(from), dst: this.#nextHop(from, to) };
    const bytes = frame(eth, { layer: 'ipv4', src, dst }, transport);
    let isOver = false;
    void lasting.finally(() => {
      isOver = true;
    });
    this.#arrived.length = 0;
    let sent = 0;
    for (; !isOver; sent++) {
      this.station(from).send(bytes);
      // Most of a change are promises that follow one another: look in between, and let the rest happen now and then.
      if (sent % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
      else await Promise.resolve();
    }
    await this.quiet();
    return { sent, came: this.arrivedAt(to).length };
  }

  /** Who gets a packet to all of the subnet. */
  async broadcast(from: string, ...layers: readonly Layer[]): Promise<string[]> {
    const mark = `rig ${++this.#count} of frames`;
    const src = this.address(from);
    if (!isIpv4(src)) throw new Error('broadcasts are IPv4');
    const dst = ipv4('255.255.255.255');
    const data: Layer = { layer: 'data', bytes: Buffer.from(mark) };
    const eth: Layer = { layer: 'eth', src: this.mac(from), dst: BROADCAST_MAC };
    return this.send(from, frame(eth, { layer: 'ipv4', src, dst }, ...layers, data), mark);
  }

  /** Whether an ICMP error about what `to` has sent to `from` comes to `to`. */
  async error(from: string, to: string, about: Layer): Promise<boolean> {
    const [src, dst] = [this.address(from), this.address(to)];
    if (!isIpv4(src) || !isIpv4(dst)) throw new Error('errors are of ICMP for IPv4');
    const mark = `rig ${++this.#count} of frames`;
    const quoted = frame({ layer: 'eth' }, { layer: 'ipv4', src: dst, dst: src }, about, {
      layer: 'data',
      bytes: Buffer.from(mark),
    }).subarray(14);
    const bytes = frame(
      { layer: 'eth', src: this.mac(from), dst: this.#nextHop(from, to) },
      { layer: 'ipv4', src, dst },
      { layer: 'icmp', type: 3, code: 3 },
      { layer: 'data', bytes: quoted },
    );
    return (await this.send(from, bytes, mark)).includes(to);
  }

  /** Whether a DHCP request of the machine is answered. */
  async asksForAddress(name: string): Promise<boolean> {
    const src = this.mac(name);
    const request = frame(
      { layer: 'eth', src, dst: BROADCAST_MAC },
      { layer: 'ipv4', src: ipv4('0.0.0.0'), dst: ipv4('255.255.255.255') },
      { layer: 'udp', sport: 68, dport: 67 },
      { layer: 'dhcp', type: 1, chaddr: src, xid: 7 },
    );
    await this.send(name, request, '');
    return this.arrivedAt(name).some((bytes) => parseFrame(bytes).udp?.srcPort === 67);
  }

  /** Whether an ARP request for the address of another machine is answered. */
  async asksArp(name: string, about: string): Promise<boolean> {
    const [src, spa, tpa] = [this.mac(name), this.address(name), this.address(about)];
    if (!isIpv4(spa) || !isIpv4(tpa)) throw new Error('ARP is for IPv4');
    const request = frame({ layer: 'eth', src, dst: BROADCAST_MAC }, {
      layer: 'arp',
      op: 1,
      sha: src,
      spa,
      tpa,
    } as Layer);
    await this.send(name, request, '');
    return this.arrivedAt(name).some((bytes) => parseFrame(bytes).arp?.operation === 2);
  }

  /** Whether a machine hears the ARP request of another one about it. */
  async hearsArp(name: string, from: string): Promise<boolean> {
    await this.asksArp(from, name);
    return this.arrivedAt(name).some((bytes) => parseFrame(bytes).arp?.operation === 1);
  }

  /**
   * Sends a datagram in three fragments; the answer is how many of them come. They are so long that connection tracking
   * takes them for honest ones (softswitch/conntrack/fragments.ts).
   */
  async fragments(from: string, to: string, transport: Layer): Promise<number> {
    const [src, dst] = [this.address(from), this.address(to)];
    if (!isIpv4(src) || !isIpv4(dst)) throw new Error('fragments are IPv4');
    const eth: Layer = { layer: 'eth', src: this.mac(from), dst: this.#nextHop(from, to) };
    const data: Layer = { layer: 'data', bytes: new Uint8Array(3000).fill(0x61) };
    const whole = frame(eth, { layer: 'ipv4', src, dst }, transport, data).subarray(34);
    const id = ++this.#count;
    this.#arrived.length = 0;
    for (const [offset, end] of [
      [0, 1208],
      [1208, 2416],
      [2416, whole.length],
    ] as const) {
      const ip: Layer = { layer: 'ipv4', src, dst, id, proto: 17, frag: offset, mf: end < whole.length };
      this.station(from).send(frame(eth, ip, { layer: 'data', bytes: whole.slice(offset, end) }));
    }
    await this.quiet();
    return this.arrivedAt(to).length;
  }

  /** Whether the first eight bytes of a TCP header, in a fragment of their own, come to another machine. */
  async tinyFragment(from: string, to: string): Promise<boolean> {
    const [src, dst] = [this.address(from), this.address(to)];
    if (!isIpv4(src) || !isIpv4(dst)) throw new Error('fragments are IPv4');
    const eth: Layer = { layer: 'eth', src: this.mac(from), dst: this.#nextHop(from, to) };
    const ip: Layer = { layer: 'ipv4', src, dst, id: ++this.#count, proto: 6, frag: 0, mf: true };
    const header = Uint8Array.of(0x0f, 0xa0, 0, 80, 0, 0, 0, 1);
    await this.send(from, frame(eth, ip, { layer: 'data', bytes: header }), '');
    return this.arrivedAt(to).length > 0;
  }

  /** What has come to a machine since the last frame was sent. */
  arrivedAt(name: string): Uint8Array[] {
    return this.#arrived.filter(({ at }) => at === name).map(({ frame: got }) => got);
  }

  /** What is on its way has come, answers of the agents included. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The guests are behind their ports again, as they were before the rig took their place. */
  async unplug(): Promise<void> {
    for (const machine of this.lab.fabric.machines.values()) {
      this.lab.fabric.hosts
        .get(machine.host)!
        .soft.plug(machine.port.id, (bytes) => machine.nic.receive(bytes));
    }
    await this.quiet();
  }

  #nextHop(from: string, to: string): Mac {
    const [a, b] = [this.station(from).port.attachment, this.station(to).port.attachment];
    if (a.type !== 'virtual' || b.type !== 'virtual' || a.vsid === b.vsid) return this.mac(to);
    const records = this.lab.fabric.hosts.get('host1')!.agent.records();
    const subnet = records.get(`subnet/${a.vsid}`);
    if (subnet?.kind !== 'subnet') throw new Error('no subnet');
    return subnet.gatewayMac;
  }

  close(): Promise<void> {
    return this.lab.close();
  }
}

function objectsOf(text: string): ModelObject[] {
  const { objects, findings } = parseDocuments(text, 'rig');
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
  return objects.map(({ object }) => object);
}
