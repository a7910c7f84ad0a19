/** IPv6 and IPv4 side by side, with real frames: addresses, routes, errors, guards, over fabrics of both versions. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { IcmpError } from '../guest/icmp-error.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind, type ModelObject } from '../model/kinds.ts';
import {
  type Ipv6,
  ipv6,
  isIpv6,
  linkLocalOf,
  type Mac,
  mac,
  multicastMacOf,
  prefix,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { DHCP6_VALUE, duidOf } from '../packet/dhcp6-options.ts';
import type { Layer } from '../packet/layer.ts';
import { ND_VALUE } from '../packet/nd-options.ts';
import { optionOf } from '../packet/option.ts';
import { type Layers, parseFrame } from '../packet/parse.ts';
import { slaacAddress } from '../packet/slaac.ts';
import { Lab } from './lab.ts';
import type { Machine } from './machine.ts';

const TEXT = readFileSync(new URL('../../examples/dual-stack.yaml', import.meta.url), 'utf8');

function objectsOf(text: string): ModelObject[] {
  const { objects, findings } = parseDocuments(new TextEncoder().encode(text), 'dual-stack');
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  return objects.map(({ object }) => object);
}

async function open(text = TEXT): Promise<Lab> {
  const lab = await Lab.open({ objects: objectsOf(text), capture: true });
  await lab.ready();
  return lab;
}

function machineOf(lab: Lab, name: string): Machine {
  const found = [...lab.fabric.machines.values()].find(({ port }) => port.name === `${name}/eth0`);
  if (!found) throw new Error(`no ${name}`);
  return found;
}

describe('the example', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await open();
  });
  afterAll(() => lab.close());

  it('gives machines an address of each version, by DHCP and DHCPv6 or made of the prefix', () => {
    const made = (name: string) => slaacAddress(prefix('fd00:0:0:2::/64'), machineOf(lab, name).port.mac);
    expect(lab.endpoints().map((e) => [e.name, e.addresses])).toEqual([
      ['lab1/eth0', [made('lab1')]],
      ['lab2/eth0', [made('lab2')]],
      ['old1/eth0', ['10.0.0.10']],
      ['old2/eth0', ['10.0.0.11']],
      ['web1/eth0', ['10.0.0.10', 'fd00:0:0:1::10']],
      ['web2/eth0', ['10.0.0.11', 'fd00:0:0:1::11']],
    ]);
  });

  it('tells them their router, their MTU and their name servers', () => {
    const { nic, port } = machineOf(lab, 'web1');
    const router = nic.router!;
    expect(router).toMatchObject({
      isDefault: true,
      managed: true,
      mtu: 1438,
      dns: ['fd00:0:0:1::5'],
      search: ['web.example'],
      prefixes: [{ prefix: 'fd00:0:0:1::/64', onLink: true, autonomous: false }],
    });
    expect(nic.dhcpv6State).toMatchObject({ state: 'bound', lease: { dns: ['fd00:0:0:1::5'] } });
    expect([nic.mtu, port.mtu]).toEqual([1438, 1438]);
    const own = nic.addresses.find(({ address }) => address === 'fd00:0:0:1::10');
    expect(own).toMatchObject({ origin: 'dhcp', prefixLength: 64, gateway: router.router });
    expect(nic.lease).toMatchObject({ server: '192.0.2.253', settings: { mtu: 1438, dns: ['10.0.0.5'] } });

    const lab1 = machineOf(lab, 'lab1').nic;
    expect(lab1.router).toMatchObject({ managed: false, other: true, prefixes: [{ autonomous: true }] });
    expect(lab1.dhcpv6State.state).toBe('informed');
  });

  it.each([
    ['web1', 'web2', 'IPv4 on one subnet'],
    ['web1', 'fd00:0:0:1::11', 'IPv6 on the same'],
    ['web2', 'lab1', 'IPv6 from one subnet to another'],
    ['lab1', 'fd00:0:0:1::11', 'and back'],
    ['lab1', 'lab2', 'IPv6 on its own subnet'],
    ['old1', 'old2', 'another tenant of IPv4'],
    ['web1', '10.0.0.1', 'the gateway of IPv4'],
    ['web1', 'fd00:0:0:1::1', 'the gateway of IPv6'],
    ['web1', 'fd00:0:0:2::1', 'the gateway of the other subnet'],
  ])('%s reaches %s: %s', async (from, to) => {
    expect(await lab.ping(from, to)).toMatchObject({ verdict: 'answered' });
  });

  it('pings by the version that is asked for, and by IPv6 where IPv4 gets no answer', async () => {
    expect((await lab.ping('web1', 'web2')).address).toBe('10.0.0.11');
    expect(await lab.ping('web1', 'web2', { version: 6 })).toMatchObject({
      verdict: 'answered',
      address: 'fd00:0:0:1::11',
    });
    expect((await lab.walk('web1', 'web2', { version: 6 })).address).toBe('fd00:0:0:1::11');
    await expect(lab.ping('web1', 'lab2', { version: 4 })).rejects.toThrow(
      'lab2/eth0 has no address of IPv4.',
    );

    const objects = objectsOf(`${TEXT}
---
{kind: PortAcl, name: six, rules: [{name: no, direction: inbound, action: deny, priority: 1, protocol: icmp}]}`);
    const closed = objects.map((o) =>
      isKind(o, 'VmSubnet') && o.name === 'dual' ? { ...o, acls: ['six'] } : o,
    );
    const other = await Lab.open({ objects: closed });
    try {
      await other.ready();
      expect(await other.ping('web1', 'web2')).toMatchObject({
        verdict: 'answered',
        address: 'fd00:0:0:1::11',
      });
      expect((await other.ping('web1', 'web2', { version: 4 })).verdict).toBe('lost');
    } finally {
      await other.close();
    }
  });

  it('reaches neighbours and the router by their link-local addresses, and nobody else', async () => {
    const of = (name: string) => linkLocalOf(machineOf(lab, name).port.mac);
    expect(await lab.ping('web1', of('web2'))).toMatchObject({ verdict: 'answered' });
    expect(await lab.ping('web1', machineOf(lab, 'web1').nic.router!.router)).toMatchObject({
      verdict: 'answered',
    });
    expect(await lab.ping('web1', of('lab2'))).toMatchObject({ verdict: 'lost' });
    expect(await lab.ping('web1', machineOf(lab, 'lab1').nic.router!.router)).toMatchObject({
      verdict: 'lost',
    });
  });

  it('carries both over the fabric of IPv6, and shows it in the walk', async () => {
    for (const [from, to] of [
      ['web1', 'lab2'],
      ['old1', 'old2'],
    ] as const) {
      const { outcome, steps } = await lab.walk(from, to);
      expect(outcome).toBe('answered');
      const outer = steps.find(({ place }) => place === 'tunnel')?.after;
      expect(outer).toMatch(/^ipv6\(src=2001:db8:4::11,dst=2001:db8:4::22,ttl=64\)\/gre\(vsid=/);
    }
  });

  it('keeps tenants apart: the same address of another tenant is not reached', async () => {
    // web2 and old2 both have 10.0.0.11.
    expect(await lab.ping('old1', 'web2')).toMatchObject({ verdict: 'lost', answeredBy: 'old2/eth0' });
  });
});

describe.each(['nvgre', 'vxlan', 'geneve'])('%s', (encapsulation) => {
  const over = (text: string) => text.replace('encapsulation: nvgre', `encapsulation: ${encapsulation}`);
  const ipv4Fabric = (text: string) =>
    text
      .replace('"2001:db8:4::/64"', '192.168.4.0/24')
      .replaceAll(/"2001:db8:4::(\d+)"/g, (_, n) => `192.168.4.${n}`);
  const HEADERS = { nvgre: 22, vxlan: 30, geneve: 30 }[encapsulation]!;

  it.each([
    ['IPv6', (text: string) => over(text), 1500 - 40 - HEADERS],
    ['IPv4', (text: string) => ipv4Fabric(over(text)), 1500 - 20 - HEADERS],
  ])(
    'carries both versions over a fabric of %s, and tells who sends too much how much fits',
    async (_, change, mtu) => {
      const lab = await open(change(TEXT));
      for (const [from, to] of [
        ['web1', 'web2'],
        ['web1', 'fd00:0:0:1::11'],
        ['web1', 'lab2'],
        ['old1', 'old2'],
      ] as const) {
        expect(await lab.ping(from, to)).toMatchObject({ verdict: 'answered' });
      }
      const [web1, web2] = [machineOf(lab, 'web1'), machineOf(lab, 'web2')];
      expect([web1.nic.mtu, machineOf(lab, 'old1').nic.mtu]).toEqual([mtu, mtu]);
      const { send, arrived } = wire(lab, web1, web2);
      const errors: IcmpError[] = [];
      web1.nic.onError((error) => errors.push({ ...error, about: { ...error.about } }));
      for (const [head, length, from] of [
        [{ layer: 'ipv4', src: '10.0.0.10', dst: '10.0.0.11' }, 20, '10.0.0.1'],
        [{ layer: 'ipv6', src: 'fd00:0:0:1::10', dst: 'fd00:0:0:1::11' }, 40, 'fd00:0:0:1::1'],
      ] as const) {
        const packet = (size: number) =>
          frame(
            { layer: 'eth', src: web1.port.mac, dst: web2.port.mac },
            head as Layer,
            { layer: 'udp', sport: 4000, dport: 5000 },
            { layer: 'data', bytes: new Uint8Array(size - length - 8) },
          );
        errors.length = arrived.length = 0;
        send(packet(mtu + 1));
        await vi.waitFor(() => expect(errors.length).toBe(1));
        expect(errors[0]).toMatchObject({ from, kind: 'too-big', mtu });
        expect(arrived).toEqual([]);
        send(packet(mtu));
        await vi.waitFor(() => expect(arrived.length).toBe(1));
      }
      await lab.close();
    },
  );
});

describe('a guest may not be what the switch is', () => {
  /** Forgeries of web1 that would do harm to web2, and what web2 must not see. */
  const forgeries = (web1: Machine, web2: Machine): [string, Uint8Array, (layers: Layers) => boolean][] => {
    const own = linkLocalOf(web1.port.mac);
    const allNodes = ipv6('ff02::1');
    const eth = (dst: Mac) => ({ layer: 'eth', src: web1.port.mac, dst }) as const;
    const advertisement = {
      layer: 'icmpv6',
      type: 134,
      hoplimit: 64,
      lifetime: 1800,
      sll: web1.port.mac,
      options: [optionOf(ND_VALUE.mtu, 1280)],
    } as const;
    // Next header 58, then the option PadN.
    const hopByHop = [58, 0, 1, 4, 0, 0, 0, 0];
    const plain = frame(
      eth(multicastMacOf(allNodes)),
      { layer: 'ipv6', src: own, dst: allNodes, ttl: 255 },
      advertisement,
    );
    const behind = frame(
      eth(multicastMacOf(allNodes)),
      { layer: 'ipv6', src: own, dst: allNodes, ttl: 255, proto: 0 },
      { layer: 'data', bytes: Uint8Array.of(...hopByHop, ...plain.subarray(14 + 40)) },
    );
    const reply = frame(
      eth(web2.port.mac),
      { layer: 'ipv6', src: own, dst: linkLocalOf(web2.port.mac) },
      { layer: 'udp', sport: 547, dport: 546 },
      {
        layer: 'dhcp6',
        type: 7,
        xid: 1,
        options: [optionOf(DHCP6_VALUE.serverId, duidOf(web1.port.mac))],
      },
    );
    const isAdvertisement = (l: Layers) => l.icmpv6?.type === 134 && l.eth?.srcMac === web1.port.mac;
    return [
      ['router advertisement', plain, isAdvertisement],
      ['router advertisement behind another header', behind, isAdvertisement],
      ['DHCPv6 reply', reply, (l) => l.udp?.srcPort === 547 && l.eth?.srcMac === web1.port.mac],
    ];
  };

  it.each([
    ['blocked by the safe defaults', TEXT, false],
    ['let through where the guards are off (positive control)', unguarded(), true],
  ])('%s', async (_, text, passes) => {
    const lab = await open(text);
    const [web1, web2] = [machineOf(lab, 'web1'), machineOf(lab, 'web2')];
    const { send, arrived } = wire(lab, web1, web2);
    for (const [what, bytes, matches] of forgeries(web1, web2)) {
      arrived.length = 0;
      send(bytes);
      // A frame that is always let through comes behind it, so silence means that it is not on its way.
      send(probe(web1, web2));
      await vi.waitFor(() => expect(arrived.some((l) => l.udp?.dstPort === 5000)).toBe(true));
      expect([what, arrived.some(matches)]).toEqual([what, passes]);
    }
    await lab.close();
  });

  it('and is never told the address of another', async () => {
    const lab = await open();
    const [web1, web2] = [machineOf(lab, 'web1'), machineOf(lab, 'web2')];
    const heard: Layers[] = [];
    const soft = lab.fabric.hosts.get(web1.host)!.soft;
    const tap = soft.plug(web1.port.id, (bytes) => heard.push(parseFrame(bytes.slice())));
    const others = web2.port.addresses.map(({ address }) => address).filter(isIpv6);
    const solicit = (src: Mac, from: Ipv6) =>
      frame(
        { layer: 'eth', src, dst: mac('33:33:00:01:00:02') },
        { layer: 'ipv6', src: from, dst: ipv6('ff02::1:2'), ttl: 1 },
        { layer: 'udp', sport: 546, dport: 547 },
        {
          layer: 'dhcp6',
          type: 1,
          xid: 5,
          options: [
            optionOf(DHCP6_VALUE.clientId, duidOf(web2.port.mac)),
            optionOf(DHCP6_VALUE.association, {
              iaid: 1,
              renew: 0,
              rebind: 0,
              addresses: others.map((address) => ({ address, preferred: 0, valid: 0 })),
            }),
          ],
        },
      );
    // In the name of the other: nothing at all. In its own name, whatever it wishes: its own address.
    tap.send(solicit(web2.port.mac, linkLocalOf(web2.port.mac)));
    tap.send(solicit(web1.port.mac, linkLocalOf(web1.port.mac)));
    await vi.waitFor(() => expect(heard.some((l) => l.dhcp6)).toBe(true));
    const replies = heard.flatMap((l) => l.dhcp6 ?? []);
    expect(replies).toHaveLength(1);
    const granted = replies[0]!.read(DHCP6_VALUE.association)!.addresses;
    expect(granted.filter(({ valid }) => valid > 0).map(({ address }) => address)).toEqual([
      'fd00:0:0:1::10',
    ]);
    await lab.close();
  });
});

describe('broadcast and multicast', () => {
  const HOST3 = `
---
kind: Host
name: host3
group: Rack 1
nics:
  - { name: nic1, physicalNetwork: Fabric, mac: aa:55:aa:55:00:33 }
providerAddresses:
  - { logicalNetwork: Provider, address: "2001:db8:4::33" }
---
kind: HostSwitch
host: host3
logicalSwitch: Tenant switch
nics: [nic1]
uplinkProfile: Fabric uplink
---
kind: VirtualMachine
name: other
host: host3
vnics:
  - { vmNetwork: Web, subnet: lab }
`;
  const MEMBER =
    '---\nkind: VirtualMachine\nname: web3\nhost: host3\nvnics:\n  - { vmNetwork: Web, subnet: dual }\n';

  it.each([
    // host3 takes part in the routing domain, by a machine of another subnet.
    ['does not come to a host without members of the subnet', HOST3, 0],
    ['comes to a host with a member once (positive control)', HOST3 + MEMBER, 1],
  ])('%s', async (_, more, expected) => {
    const lab = await open(TEXT + more);
    const [web1, web2] = [machineOf(lab, 'web1'), machineOf(lab, 'web2')];
    // So that the physical network knows where the hosts are, and floods nothing by itself.
    expect(await lab.ping('lab1', 'other')).toMatchObject({ verdict: 'answered' });
    expect(await lab.ping('web1', 'web2')).toMatchObject({ verdict: 'answered' });
    const onWire: Layers[] = [];
    lab.fabric.observe((host, _name, event) => {
      if (host === 'host3' && event.type === 'frame-in' && event.nic === 'nic1')
        onWire.push(parseFrame(event.frame.slice()));
    });
    const { send, arrived } = wire(lab, web1, web2);
    for (const [head, dst] of [
      [{ layer: 'ipv4', src: '10.0.0.10', dst: '10.0.0.255' }, 'ff:ff:ff:ff:ff:ff'],
      [{ layer: 'ipv6', src: 'fd00:0:0:1::10', dst: 'ff02::fb' }, '33:33:00:00:00:fb'],
    ] as const) {
      onWire.length = arrived.length = 0;
      send(
        frame({ layer: 'eth', src: web1.port.mac, dst: mac(dst) }, head as Layer, {
          layer: 'udp',
          sport: 5353,
          dport: 5353,
        }),
      );
      await vi.waitFor(() => expect(arrived.length).toBe(1));
      expect(onWire.filter(({ gre }) => gre !== undefined)).toHaveLength(expected);
    }
    await lab.close();
  });
});

/** Sends frames of one machine as they are, and keeps what comes to the other. */
function wire(lab: Lab, from: Machine, to: Machine) {
  const soft = (of: Machine) => lab.fabric.hosts.get(of.host)!.soft;
  const arrived: Layers[] = [];
  soft(to).plug(to.port.id, (bytes) => arrived.push(parseFrame(bytes.slice())));
  const tap = soft(from).plug(from.port.id, (bytes) => from.nic.receive(bytes));
  return { send: (bytes: Uint8Array) => tap.send(bytes), arrived };
}

function probe(from: Machine, to: Machine): Uint8Array {
  return frame(
    { layer: 'eth', src: from.port.mac, dst: to.port.mac },
    { layer: 'ipv6', src: ipv6('fd00:0:0:1::10'), dst: ipv6('fd00:0:0:1::11') },
    { layer: 'udp', sport: 4000, dport: 5000 },
  );
}

/** The example, with a profile that lets web1 be a router and a DHCP server. */
function unguarded(): string {
  const profile = `
---
kind: VirtualPortProfile
name: Open
security: { dhcpGuard: false, routerGuard: false }
---
kind: PortClassification
name: open
`;
  return (
    TEXT.replace(
      'uplinkProfiles: [Fabric uplink]\n',
      'uplinkProfiles: [Fabric uplink]\nclassifications: [{ classification: open, profile: Open }]\n',
    ).replace(
      'name: web1\nhost: host1\nvnics:\n  - { vmNetwork: Web, subnet: dual }',
      'name: web1\nhost: host1\nvnics:\n  - { vmNetwork: Web, subnet: dual, classification: open }',
    ) + profile
  );
}
