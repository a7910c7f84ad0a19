/**
 * Tunnels between real hosts: what is on the wire is what the softswitch puts there, and what RFC 7637, RFC 7348 and RFC 8926
 * say; guests fill it to the last byte; and the VXLAN of Linux itself is a peer like any other.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { endpointsOf, resolvePair } from '../../src/lab/endpoints.ts';
import { Lab } from '../../src/lab/lab.ts';
import { vsctl } from '../../src/lab/real/ovs-daemons.ts';
import { fabricPlace } from '../../src/lab/real/physical-switches.ts';
import { outcome, run } from '../../src/lab/real/run.ts';
import { addCable, addNamespace } from '../../src/lab/real/wires.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { netloom } from '../e2e/program.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { tsharkFileFields } from '../support/tshark.ts';
import { LAB_TOOLS, type LabUnderTest, meanwhile, serveOnce, withRealLab } from './lab-under-test.ts';
import { answeredIn, differences, reachabilityInProcess, reachabilityInReality } from './reachability.ts';

const EXAMPLE = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
const by = (encapsulation: string) =>
  EXAMPLE.replace('encapsulation: nvgre', `encapsulation: ${encapsulation}`);

/** Of outer and inner headers, in this order, with a comma between them. */
const IP = ['ip.src', 'ip.dst', 'ip.proto', 'ip.dsfield', 'ip.ttl', 'ip.flags.df'];
/** What says so in tshark, and how it is for VSID 5001. The FlowID of NVGRE is any (RFC 7637 section 3.2). */
const ENCAPSULATIONS = {
  nvgre: {
    fields: ['gre.flags_and_version', 'gre.proto', 'gre.key'],
    // The key is there, a checksum and a sequence number are not; a frame of Ethernet is inside.
    said: ['0x2000', '0x6558', '0x001389..'],
  },
  vxlan: {
    fields: ['udp.dstport', 'udp.checksum', 'vxlan.flags', 'vxlan.vni'],
    said: ['4789', '0x0000', '0x0800', '5001'],
  },
  geneve: {
    fields: [
      'udp.dstport',
      'udp.checksum',
      'geneve.version',
      'geneve.option.length',
      'geneve.proto_type',
      'geneve.vni',
    ],
    said: ['6081', '0x0000', '0', '0', '0x6558', '0x001389'],
  },
} as const;

/** Echo requests that are told from others by their type of service. */
const KINDS = [
  { tos: 0x20, ttl: 64, dontFragment: false },
  { tos: 0x48, ttl: 33, dontFragment: true },
] as const;

/** Different echo requests of blue1 on the wire, of those KINDS, as tshark reads them; without what is any. */
function requestsIn(file: string, fields: readonly string[]): string[] {
  const rows = tsharkFileFields(file, 'icmp.type', ...IP, ...fields);
  const services = KINDS.map(({ tos }) => `,0x${tos.toString(16)}`);
  const requests = rows.filter(
    ([type, source, , , service]) =>
      type === '8' && source === '192.168.4.11,10.0.0.5' && services.some((each) => service?.endsWith(each)),
  );
  const words = requests.map((row) => row.join(' ').replace(/(?<=0x001389)[\da-f]{2}/, '..'));
  return [...new Set(words)].sort();
}

interface OnSoftswitch {
  readonly requests: readonly string[];
  readonly mtu: number;
}

/** What the softswitch puts on the wire. */
async function onSoftswitch(lab: Lab, fields: readonly string[], folder: string): Promise<OnSoftswitch> {
  const { from, address } = resolvePair(endpointsOf(lab.fabric), 'blue1', 'blue2');
  for (const kind of KINDS) {
    from.nic.ping(address, { ...kind, id: randomInt(0x10000) }, () => {});
    // Waits for its answer on the way.
    await lab.ping('red1', 'red2');
  }
  const file = join(folder, 'softswitch.pcapng');
  writeFileSync(file, lab.pcap());
  return { requests: requestsIn(file, fields), mtu: from.nic.mtu };
}

async function onTheWire(lab: LabUnderTest, fields: readonly string[], folder: string): Promise<string[]> {
  const file = join(folder, 'wire.pcap');
  const pings = KINDS.map(({ tos, ttl, dontFragment }) => {
    const kind = ['-Q', `${tos}`, '-t', `${ttl}`, '-M', dontFragment ? 'do' : 'dont'];
    return ['blue1', 'ping', '-n', '-i', '0.2', ...kind, '10.0.0.7'] as const;
  });
  await meanwhile(lab, pings, () => captures(lab, 24, file));
  return requestsIn(file, fields);
}

/** So many frames at the NIC of host1. */
async function captures(lab: LabUnderTest, count: number, file: string): Promise<void> {
  const what = ['host1/nic1', '-c', `${count}`, '-w', file];
  const captured = await netloom(['lab', 'capture', '--name', lab.name, ...what]);
  expect(captured, captured.err).toMatchObject({ code: 0 });
}

/** One ping of so many bytes of IP packet; whether it was answered. */
async function passes(lab: LabUnderTest, bytes: number, fragments: 'do' | 'dont'): Promise<boolean> {
  // 20 bytes of IPv4 and 8 of ICMP.
  const size = ['-M', fragments, '-s', `${bytes - 28}`];
  return (
    (await lab.inside('blue1', 'ping', '-n', '-c', '2', '-i', '0.3', '-W', '2', ...size, '10.0.0.7')).code ===
    0
  );
}

/** A connection from host to host: its packets are as large as the wire takes, and none is in pieces. */
async function carriesTcp(lab: LabUnderTest, folder: string): Promise<void> {
  const file = join(folder, 'tcp.pcap');
  await serveOnce(lab, 'blue2');
  await meanwhile(lab, [['blue1', 'iperf3', '-c', '10.0.0.7', '-t', '600']], () => captures(lab, 400, file));
  await serveOnce(lab, 'blue2', 5202);
  const { out } = await lab.inside('blue1', 'iperf3', '-c', '10.0.0.7', '-p', '5202', '-n', '4M', '-J');
  const { error } = JSON.parse(out) as { readonly error?: string };
  expect(error).toBeUndefined();
  const frames = tsharkFileFields(file, 'ip.src', 'frame.len', 'ip.flags.mf', 'ip.frag_offset');
  const sent = frames.filter(([source]) => source?.startsWith('192.168.4.11'));
  // 1500 bytes of IP packet behind the header of Ethernet.
  expect(Math.max(...sent.map(([, length]) => Number(length)))).toBe(1514);
  for (const [, , more, offset] of sent) expect(`${more} ${offset}`).toMatch(/^(0|False),(0|False) 0,0$/);
}

/** A guest that goes by no DHCP has 1500 bytes: the router says what fits, so that nothing goes on vanishing. */
async function tellsWhatIsTooBig(lab: LabUnderTest, mtu: number): Promise<void> {
  for (const [machine, host] of [
    ['blue1', 'host1'],
    ['blue2', 'host2'],
  ] as const) {
    expect((await lab.inside(machine, 'ip', 'link', 'set', 'eth0', 'mtu', '1500')).code).toBe(0);
    expect((await lab.inside(host, 'ip', 'link', 'set', `${machine}.eth0`, 'mtu', '1500')).code).toBe(0);
  }
  expect(await passes(lab, 1500, 'do')).toBe(false);
  expect((await lab.inside('blue1', 'ip', 'route', 'get', '10.0.0.7')).out).toContain(` mtu ${mtu} `);
  expect(await passes(lab, 1500, 'dont')).toBe(true);
}

/** host3 as the controller has it; who plays it is Linux. */
const HOST3 = `kind: Host
name: host3
group: Rack 1
nics: [{ name: nic1, physicalNetwork: Fabric, mac: aa:55:aa:55:00:33 }]
providerAddresses: [{ logicalNetwork: Provider, address: 192.168.4.33 }]
---
{ kind: HostSwitch, host: host3, logicalSwitch: Tenant switch, nics: [nic1], uplinkProfile: Fabric uplink }
---
{ kind: VirtualMachine, name: blue3, host: host3, vnics: [{ vmNetwork: Blue, addresses: [10.0.0.9] }] }
`;

// Side by side: most of the time goes by in waiting for answers.
describe.concurrent('tunnels between real hosts', () => {
  for (const [encapsulation, { fields, said }] of Object.entries(ENCAPSULATIONS)) {
    itWithNamespaces(
      `${encapsulation}: on the wire as by the softswitch, with room for all that guests send`,
      async ({ signal }) => {
        const folder = mkdtempSync(join(tmpdir(), 'netloom-tunnels-'));
        const { objects } = parseDocuments(by(encapsulation), 'blue-red');
        const inProcess = await Lab.open({ objects: objects.map(({ object }) => object), capture: true });
        try {
          await inProcess.ready();
          const wanted = await reachabilityInProcess(inProcess);
          expect(answeredIn(wanted)).toBeGreaterThan(0);
          const { requests, mtu } = await onSoftswitch(inProcess, fields, folder);
          expect(requests).toHaveLength(KINDS.length);
          for (const request of requests) expect(request).toContain(said.join(' '));

          await withRealLab(
            by(encapsulation),
            async (lab) => {
              expect(differences(wanted, await reachabilityInReality(lab.name, wanted.keys()))).toEqual([]);
              expect(await onTheWire(lab, fields, folder)).toEqual(requests);

              // By DHCP it is told what fits, and that does.
              const leases = `/run/netloom/lab-${lab.name}/machines/blue1/dhclient4-eth0.leases`;
              expect(readFileSync(leases, 'utf8')).toContain(`option interface-mtu ${mtu};`);
              expect((await lab.inside('blue1', 'cat', '/sys/class/net/eth0/mtu')).out).toBe(`${mtu}\n`);
              expect(await passes(lab, mtu, 'do')).toBe(true);
              expect(await passes(lab, mtu + 1, 'do')).toBe(false);
              expect(await passes(lab, 4000, 'dont')).toBe(true);
              await carriesTcp(lab, folder);
              await tellsWhatIsTooBig(lab, mtu);
            },
            signal,
          );
        } finally {
          await inProcess.close();
          rmSync(folder, { recursive: true });
        }
      },
      300_000,
      [...LAB_TOOLS, 'iperf3', 'python3', 'tshark'],
    );
  }

  itWithNamespaces(
    'a vxlan device of Linux is a peer: both ways, with full packets, on its own network alone',
    ({ signal }) =>
      withRealLab(
        by('vxlan'),
        async (lab) => {
          await lab.apply(HOST3);
          const macs = new Map<string, string>();
          for (const name of ['blue1', 'blue2', 'blue3', 'red1']) {
            const { status } = JSON.parse(await lab.ask('describe', 'vm', name, '-o', 'json')) as {
              readonly status: { readonly vnics: readonly [{ readonly mac: string }] };
            };
            macs.set(name, status.vnics[0].mac);
          }
          const macOf = (name: string) => macs.get(name)?.toLowerCase() ?? '';

          const { plan } = lab;
          // Gone with the lab, by its name.
          const peer = `nl-${lab.name}-peer`;
          await addNamespace(peer);
          await addCable(
            { in: peer, name: 'nic1', mac: 'aa:55:aa:55:00:33' },
            { in: plan.fabric, name: 'peer.nic1', silent: true },
            1500,
          );
          await vsctl(fabricPlace(plan), 'add-port', 'Fabric', 'peer.nic1');
          const ip = (...args: readonly string[]) => run('ip', '-n', peer, ...args);
          await ip('address', 'add', '192.168.4.33/24', 'dev', 'nic1');
          /** Linux on the network of this VNI, which knows where these machines are: hosts answer for them to their own alone. */
          const join = async (vni: number, known: readonly (readonly [string, string, string])[]) => {
            const device = `vx${vni}`;
            const vxlan = ['id', `${vni}`, 'local', '192.168.4.33', 'dstport', '4789', 'nolearning'];
            await ip(
              'link',
              'add',
              device,
              'address',
              macOf('blue3'),
              'mtu',
              '1450',
              'type',
              'vxlan',
              ...vxlan,
            );
            await ip('link', 'set', device, 'up');
            await ip('address', 'add', '10.0.0.9/24', 'dev', device);
            for (const [address, mac, host] of known) {
              await run('bridge', '-n', peer, 'fdb', 'append', mac, 'dev', device, 'dst', host);
              await ip('neighbour', 'replace', address, 'lladdr', mac, 'dev', device);
            }
          };
          await join(5001, [
            ['10.0.0.5', macOf('blue1'), '192.168.4.11'],
            ['10.0.0.7', macOf('blue2'), '192.168.4.22'],
          ]);
          const ping = ['ping', '-n', '-c', '5', '-i', '0.3', '-W', '2', '-M', 'do', '-s', `${1450 - 28}`];
          const fromPeer = async (address: string) =>
            (await outcome(['ip', 'netns', 'exec', peer, ...ping, address])).code === 0;
          const toPeer = async (machine: string) =>
            (await lab.inside(machine, ...ping, '10.0.0.9')).code === 0;

          for (const machine of ['blue1', 'blue2']) expect(await toPeer(machine), machine).toBe(true);
          for (const address of ['10.0.0.5', '10.0.0.7']) expect(await fromPeer(address), address).toBe(true);

          // It has no business on the network of Red, and what it sends there nobody gets.
          const heard = async () =>
            (await lab.inside('red1', 'cat', '/proc/net/snmp')).out.match(/^Icmp: \d.*$/m)?.[0];
          const before = await heard();
          await ip('link', 'delete', 'vx5001');
          await join(6001, [['10.0.0.5', macOf('red1'), '192.168.4.11']]);
          expect(await fromPeer('10.0.0.5')).toBe(false);
          expect(await heard()).toBe(before);
        },
        signal,
      ),
    300_000,
    LAB_TOOLS,
  );
});
