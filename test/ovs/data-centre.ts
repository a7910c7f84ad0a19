/**
 * Two hosts, real packets: the agents' own flows on two real Open vSwitches (userspace datapath), each in a network
 * namespace of its own, with a cable between them. A machine is a namespace behind a veth pair: Linux with its own stack.
 *
 *     blue1  red1                  blue2  red2  red3
 *        |    |                       |    |    |
 *     [ Open vSwitch of host1 ]----[ Open vSwitch of host2 ]
 *
 * How ports are made there, and why: docs/decisions/0009 and 0021.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import type { Engine } from '../../src/agent/engine.ts';
import { portsOf } from '../../src/agent/ports.ts';
import { systemClock } from '../../src/base/clock.ts';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { openOpenVswitch, type OpenVswitch as ProductEngine } from '../../src/ovs/open-vswitch.ts';
import { QUARANTINE } from '../../src/ovs/ports/names.ts';
import type { PolicyRecord, PortRecord } from '../../src/policy/records.ts';
import { tsharkFileFields } from '../support/tshark.ts';
import { until } from '../support/until.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const HOSTS = ['host1', 'host2'] as const;

export interface DataCentreSettings {
  /** The operator's objects, in YAML; the hosts are host1 and host2, each with the NIC nic1. */
  readonly text: string;
  /** Machines are given MTU and addresses by hand; otherwise they get them from the network, or not at all. */
  readonly configured: boolean;
  /** What the hosts are told in place of what the controller says; default: that. */
  readonly told?: (records: readonly PolicyRecord[]) => readonly PolicyRecord[];
}

/** What the controller tells the hosts. */
async function policies(text: string): Promise<Map<string, PolicyRecord[]>> {
  const { objects, findings } = parseDocuments(text, 'example');
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    return new Map([...lab.fabric.hosts].map(([name, { agent }]) => [name, [...agent.records().values()]]));
  } finally {
    await lab.close();
  }
}

/** Builds everything, lets the test use it, and takes everything down again. */
export async function withDataCentre(
  { text, configured, told = (records) => records }: DataCentreSettings,
  use: (centre: DataCentre) => Promise<void>,
): Promise<void> {
  const namespaces = new Namespaces();
  const switches = new Map<string, OpenVswitch>();
  const engines = new Map<string, ProductEngine>();
  try {
    const wanted = await policies(text);
    for (const host of HOSTS) await namespaces.add(host);
    const [first, second] = HOSTS.map((host) => ({ in: namespaces.name(host), name: 'nic1' }));
    if (!first || !second) throw new Error('two hosts');
    await namespaces.cable(first, second);
    const machines = new Map<string, PortRecord>();
    const agents = new Map<string, Agent>();
    const begin = async (host: string) => {
      const namespace = namespaces.name(host);
      const ovs = await startOpenVswitch({ namespace });
      switches.set(host, ovs);
      const engine = await openEngine(ovs, namespace);
      engines.set(host, engine);
      const agent = new Agent(host, withoutNics(engine));
      agents.set(host, agent);
      const records = told(wanted.get(host) ?? []);
      expect(await agent.replace(records)).toMatchObject({ ok: true, findings: [] });
      for (const record of records) {
        if (record.kind !== 'port') continue;
        const machine = record.name.split('/')[0] ?? '';
        machines.set(machine, record);
        const inside = await namespaces.add(machine);
        await namespaces.cable(
          { in: inside, name: 'eth0', mac: record.mac },
          { in: namespace, name: vifName(record) },
        );
        await plug(ovs, vifName(record), record.id);
        if (!configured) continue;
        await command('ip', '-n', inside, 'link', 'set', 'eth0', 'mtu', `${record.mtu}`);
        for (const { address, prefixLength } of record.addresses)
          await command('ip', '-n', inside, 'address', 'add', `${address}/${prefixLength}`, 'dev', 'eth0');
      }
      await until('all taps are bound', () => engine.vifs().every(({ tap }) => tap !== undefined));
    };
    // Whoever fails, the other is done before everything is taken down.
    const begun = await Promise.allSettled(HOSTS.map(begin));
    for (const each of begun) if (each.status === 'rejected') throw each.reason;
    await use(new DataCentre(namespaces, machines, agents, switches, engines));
  } finally {
    await Promise.allSettled([...engines.values()].map((engine) => engine.close()));
    await Promise.allSettled([...switches.values()].map((ovs) => ovs.stop()));
    await namespaces.remove();
  }
}

/** The engine of an agent that lives in the namespace of its switch. */
export function openEngine(ovs: OpenVswitch, namespace: string): Promise<ProductEngine> {
  return openOpenVswitch({
    runDirectory: ovs.directory,
    clock: systemClock,
    random: Math.random,
    datapathType: 'netdev',
    // What listens on a NIC sees none of the frames that AF_XDP takes from it.
    afXdp: false,
    run: (tool, args) => command(...inNamespace(namespace), tool, ...args),
  });
}

/** As an agent's engine, on a machine that says nothing of its NICs. */
export function withoutNics(engine: ProductEngine): Engine {
  return {
    openSwitch: (name) => engine.openSwitch(name),
    removeSwitch: (name) => engine.removeSwitch(name),
    switchNames: () => engine.switchNames(),
    about: () => engine.about(),
    nics: async () => [],
  };
}

/** As a hypervisor does it. */
export async function plug(ovs: OpenVswitch, tap: string, id: string): Promise<void> {
  await ovs.vsctl('add-port', QUARANTINE, tap, '--', 'set', 'interface', tap, `external_ids:iface-id=${id}`);
}

function vifName(record: PortRecord): string {
  const wanted = portsOf(record)[0];
  if (!wanted) throw new Error('a port record asks for a port');
  return wanted.spec.name;
}

export class DataCentre {
  readonly namespaces: Namespaces;
  readonly machines: ReadonlyMap<string, PortRecord>;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly switches: ReadonlyMap<string, OpenVswitch>;
  /** What the agents run on; a test may close one and put another in its place. */
  readonly engines: Map<string, ProductEngine>;
  constructor(
    namespaces: Namespaces,
    machines: ReadonlyMap<string, PortRecord>,
    agents: ReadonlyMap<string, Agent>,
    switches: ReadonlyMap<string, OpenVswitch>,
    engines: Map<string, ProductEngine>,
  ) {
    this.namespaces = namespaces;
    this.machines = machines;
    this.agents = agents;
    this.switches = switches;
    this.engines = engines;
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
export async function listen(namespace: string, nic: string) {
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
