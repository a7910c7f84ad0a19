/**
 * Two hosts, two tenants with the same addresses, real packets: the agents' own flows on two real Open vSwitches
 * (userspace datapath), each in a network namespace of its own, with a cable between them. A machine is a namespace
 * behind a veth pair, and its `ping` is the one of the system.
 *
 *     blue1  red1                  blue2  red2  red3
 *        |    |                       |    |    |
 *     [ Open vSwitch of host1 ]----[ Open vSwitch of host2 ]
 *
 * How ports are made there, and why: docs/decisions/0009.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { portsOf } from '../../src/agent/ports.ts';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import type { PolicyRecord, PortRecord } from '../../src/policy/records.ts';
import { tsharkFileFields } from '../support/tshark.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, itWithNamespaces, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';
import { OpenVswitchEngine } from './open-vswitch-engine.ts';

const HOSTS = ['host1', 'host2'] as const;

/** What the controller tells the hosts, with one more machine of Red's at an address that Blue does not have. */
async function policies(vlan: number): Promise<Map<string, PolicyRecord[]>> {
  const example = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
  const text = example.replace('prefix: 192.168.4.0/24', (prefix) => `${prefix}\n    vlan: ${vlan}`);
  const red3 = [
    'kind: VirtualMachine',
    'name: red3',
    'host: host2',
    'vnics: [{ vmNetwork: Red, addresses: [10.0.0.9] }]',
  ];
  const { objects, findings } = parseDocuments(`${text}\n---\n${red3.join('\n')}\n`, 'blue-red');
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    return new Map([...lab.fabric.hosts].map(([name, { agent }]) => [name, [...agent.records().values()]]));
  } finally {
    await lab.close();
  }
}

/** Builds everything, lets the test use it, and takes everything down again. */
async function withDataCentre(vlan: number, use: (centre: DataCentre) => Promise<void>): Promise<void> {
  const namespaces = new Namespaces();
  const switches: OpenVswitch[] = [];
  const engines: OpenVswitchEngine[] = [];
  try {
    const wanted = await policies(vlan);
    const hosts = new Map<string, string>();
    for (const host of HOSTS) hosts.set(host, await namespaces.add(host));
    const [first, second] = HOSTS.map((host) => ({ in: namespaces.name(host), name: 'nic1' }));
    if (!first || !second) throw new Error('two hosts');
    await namespaces.cable(first, second);
    const machines = new Map<string, PortRecord>();
    for (const host of HOSTS) {
      const namespace = namespaces.name(host);
      const ovs = await startOpenVswitch({ namespace });
      switches.push(ovs);
      const engine = new OpenVswitchEngine(ovs, namespace);
      engines.push(engine);
      const agent = new Agent(host, engine);
      const records = wanted.get(host) ?? [];
      // The vif of a machine is there before its port is: its name is the agent's to choose.
      for (const record of records) {
        if (record.kind !== 'port') continue;
        const machine = record.name.split('/')[0] ?? '';
        machines.set(machine, record);
        const inside = await namespaces.add(machine);
        await namespaces.cable(
          { in: inside, name: 'eth0', mac: record.mac },
          { in: namespace, name: vifName(record) },
        );
        await command('ip', '-n', inside, 'link', 'set', 'eth0', 'mtu', `${record.mtu}`);
        for (const { address, prefixLength } of record.addresses)
          await command('ip', '-n', inside, 'address', 'add', `${address}/${prefixLength}`, 'dev', 'eth0');
      }
      expect(await agent.replace(records)).toMatchObject({ ok: true, findings: [] });
    }
    await use(new DataCentre(namespaces, machines));
  } finally {
    await Promise.allSettled(engines.map((engine) => engine.stop()));
    await Promise.allSettled(switches.map((ovs) => ovs.stop()));
    await namespaces.remove();
  }
}

function vifName(record: PortRecord): string {
  const wanted = portsOf(record)[0];
  if (!wanted) throw new Error('a port record asks for a port');
  return wanted.spec.name;
}

class DataCentre {
  readonly namespaces: Namespaces;
  readonly machines: ReadonlyMap<string, PortRecord>;
  constructor(namespaces: Namespaces, machines: ReadonlyMap<string, PortRecord>) {
    this.namespaces = namespaces;
    this.machines = machines;
  }

  /** How many of three pings were answered. */
  async ping(machine: string, address: string, ...options: readonly string[]): Promise<number> {
    const inside = inNamespace(this.namespaces.name(machine));
    const out = await command(
      ...inside,
      'ping',
      '-n',
      '-c',
      '3',
      '-i',
      '0.2',
      '-W',
      '3',
      ...options,
      address,
    ).catch((error: { stdout?: string }) => error.stdout ?? '');
    const received = /(\d+) (?:packets )?received/.exec(out);
    if (!received) throw new Error(`ping says: ${out}`);
    return Number(received[1]);
  }

  /** What a command says in a machine, whether it succeeds or not. */
  async inside(machine: string, ...what: readonly string[]): Promise<string> {
    const run = command(...inNamespace(this.namespaces.name(machine)), ...what);
    return run.catch((error: { stdout?: string }) => error.stdout ?? '');
  }

  /** The MAC address that a machine found for an address. */
  async neighbour(machine: string, address: string): Promise<string | undefined> {
    const out = await command('ip', '-n', this.namespaces.name(machine), 'neighbour', 'show', address);
    return /lladdr (\S+)/.exec(out)?.[1];
  }
}

/** Frames on a NIC of a host, from now until `stop`, which gives the values of these fields in each. */
async function listen(namespace: string, nic: string) {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-wire-'));
  const file = join(folder, 'wire.pcapng');
  const [tool = '', ...args] = [...inNamespace(namespace), 'dumpcap', '-q', '-i', nic, '-w', file];
  const dumpcap = spawn(tool, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => dumpcap.once('exit', () => resolve()));
  // It names the file once it has begun to listen.
  const begun = new Promise<void>((resolve) => {
    dumpcap.stderr.on('data', (text) => {
      if (String(text).includes('File:')) resolve();
    });
  });
  await Promise.race([begun, ended]);
  return {
    async stop(...names: readonly string[]): Promise<string[][]> {
      dumpcap.kill('SIGINT');
      await ended;
      try {
        return tsharkFileFields(file, ...names);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

const ALL = 3;
const NONE = 0;

describe('two real Open vSwitches with the flows of the agents', () => {
  itWithNamespaces(
    'tell a guest of a packet that does not fit the tunnel, and of one whose time is up',
    async () => {
      await withDataCentre(0, async (centre) => {
        await centre.ping('blue1', '10.0.0.7');
        // A guest that does not keep to the MTU that it was given.
        await centre.inside('blue1', 'ip', 'link', 'set', 'eth0', 'mtu', '1500');
        const ping = ['ping', '-n', '-c1', '-W2'];
        for (const pieces of ['dont', 'do']) {
          // Linux remembers what it was told; this makes it forget.
          await centre.inside('blue1', 'ip', 'route', 'flush', 'cache');
          const said = await centre.inside('blue1', ...ping, '-M', pieces, '-s', '1450', '10.0.0.7');
          expect(said, pieces).toMatch(/From 10\.0\.0\.1 .*[Ff]rag needed.*mtu = 1458/);
        }
        // From now on it cuts its packets into pieces that fit.
        expect(await centre.inside('blue1', 'ip', 'route', 'get', '10.0.0.7')).toMatch(/mtu 1458/);
        expect(await centre.ping('blue1', '10.0.0.7', '-s', '1450')).toBe(ALL);

        const route = ['ip', 'route', 'add', '10.0.0.7/32', 'via', '10.0.0.1'];
        await centre.inside('blue1', ...route);
        const said = await centre.inside('blue1', ...ping, '-t', '1', '10.0.0.7');
        expect(said).toMatch(/From 10\.0\.0\.1 .*Time to live exceeded/);
        expect(await centre.ping('blue1', '10.0.0.7', '-t', '2')).toBe(ALL);
      });
    },
  );

  describe.each([
    ['an untagged fabric', 0, 'eth:ethertype:ip:gre:eth:ethertype:ip:icmp:data'],
    ['a fabric on VLAN 30', 30, 'eth:ethertype:vlan:ethertype:ip:gre:eth:ethertype:ip:icmp:data'],
  ])('over %s', (_, vlan, nvgre) => {
    itWithNamespaces('carry two tenants with the same addresses, and keep them apart', async () => {
      await withDataCentre(vlan, async (centre) => {
        const wire = await listen(centre.namespaces.name('host1'), 'nic1');
        // The first packet may be lost: Open vSwitch asks for the MAC address of the other host, and does not wait.
        await centre.ping('blue1', '10.0.0.7');
        for (const tenant of ['blue', 'red']) {
          expect(await centre.ping(`${tenant}1`, '10.0.0.7'), tenant).toBe(ALL);
          expect(await centre.ping(`${tenant}2`, '10.0.0.5'), tenant).toBe(ALL);
          // Answered by the tenant's own machine, as the switch said in ARP; and the router by the switch alone.
          expect(await centre.neighbour(`${tenant}1`, '10.0.0.7')).toBe(
            centre.machines.get(`${tenant}2`)?.mac,
          );
          expect(await centre.ping(`${tenant}1`, '10.0.0.1'), tenant).toBe(ALL);
        }
        // As large as a guest's packets get, and in one piece.
        expect(await centre.ping('blue1', '10.0.0.7', '-M', 'do', '-s', `${1458 - 28}`)).toBe(ALL);
        // An address that only Red has: there for Red, not for Blue.
        expect(await centre.ping('red1', '10.0.0.9')).toBe(ALL);
        expect(await centre.ping('blue1', '10.0.0.9')).toBe(NONE);
        expect(await centre.neighbour('blue1', '10.0.0.9')).toBeUndefined();

        const frames = await wire.stop(
          'frame.protocols',
          'ip.proto',
          'gre.flags_and_version',
          'gre.proto',
          'gre.key',
          'ip.src',
          'vlan.id',
        );
        const tunnelled = frames.filter(([protocols]) => protocols?.includes('gre'));
        const vsids = new Map<number, number>();
        for (const [protocols, proto, flags, inner, key, sources, tag] of tunnelled) {
          expect(protocols).toBe(nvgre);
          expect(tag).toBe(vlan === 0 ? '' : `${vlan}`);
          expect([proto, Number(flags), Number(inner)]).toEqual(['47,1', 0x2000, 0x6558]);
          expect(sources).toMatch(/^192\.168\.4\.(11|22),/);
          const vsid = Number(key) >>> 8;
          vsids.set(vsid, (vsids.get(vsid) ?? 0) + 1);
        }
        // Each ping is two frames on the wire; the router's are none.
        expect(vsids.get(6001)).toBe(2 * 3 * ALL);
        expect(vsids.get(5001)).toBeGreaterThanOrEqual(2 * 3 * ALL);
        expect([...vsids.keys()].sort()).toEqual([5001, 6001]);
        // Besides them only the hosts' own ARP and IPv6 chatter: nothing of a tenant without a tunnel.
        const naked = frames.filter(([protocols]) => !protocols?.includes('gre'));
        for (const [protocols, , , , , sources] of naked)
          expect(`${protocols} ${sources}`).not.toMatch(/ 10\./);
      });
    });
  });
});
