/** Compliance from end to end: what is changed on a host behind the agent's back is found, named and repaired. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { documentOf } from '../controller/documents.ts';
import { flowOf, output } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind } from '../model/kinds.ts';
import { isOurs } from '../pipeline/cookies.ts';
import { Lab } from './lab.ts';

let lab: Lab;

async function open(name: string) {
  const text = readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), 'utf8');
  lab = await Lab.open({
    objects: parseDocuments(text, name).objects.map(({ object }) => object),
    version: '1.2.3',
  });
  await lab.ready();
}

beforeEach(() => open('blue-red'));
afterEach(() => lab.close());

const soft = (host = 'host1') => lab.fabric.hosts.get(host)!.soft;
const fabricSwitch = (host = 'host1') => [...soft(host).switches.values()][0]!;
const look = async (host = 'host1') => (await lab.controller.look([host]))[0]!;
const badParts = async (host = 'host1') =>
  (await look(host)).parts
    .filter(({ level }) => level !== 'full')
    .map(({ object, part, level, reasons }) => `${level}: ${object}, ${part}: ${reasons.join(' ')}`);
const statusOf = (key: `${'Host' | 'HostSwitch' | 'LogicalSwitch' | 'VirtualMachine'}/${string}`) =>
  documentOf(lab.controller, key)!.status as {
    readonly compliance: { readonly level: string; readonly reasons: readonly string[] };
  };
const remediate = async (...hosts: string[]) => {
  const { results, done } = lab.controller.remediate(hosts, 'test');
  return { job: await done, results };
};
const portOf = async (type: string) =>
  [...(await fabricSwitch().ports())].find(([, { spec }]) => spec.type === type)![0];

describe('a host', () => {
  it('is unknown until it is looked at, and then fully compliant, with all its parts', async () => {
    expect(statusOf('Host/host1').compliance).toMatchObject({ level: 'unknown' });
    const is = await look();
    expect([is.level, is.reasons]).toEqual(['full', []]);
    const switches = lab.controller.network.members('hostSwitches', 'host1');
    for (const part of ['virtual switch', 'uplink', 'vNIC eth0', 'provider address', 'NICs'])
      expect(is.parts.map((each) => each.part)).toContain(part);
    for (const key of switches) expect(is.parts.map(({ object }) => object)).toContain(key);
    expect(statusOf('Host/host1').compliance).toEqual({ level: 'full', reasons: [] });
    expect(statusOf('VirtualMachine/blue1').compliance).toEqual({ level: 'full', reasons: [] });
    // Nobody has looked at the other one yet, so nobody can say how the switches are as a whole.
    const template = lab.controller.network.list('LogicalSwitch')[0]!.object;
    if (!isKind(template, 'LogicalSwitch')) throw new Error('no logical switch');
    expect(statusOf(`LogicalSwitch/${template.name}`).compliance.level).toBe('unknown');
    await look('host2');
    expect(statusOf(`LogicalSwitch/${template.name}`).compliance.level).toBe('full');
    const { report } = lab.controller.feed.statusOf('host1');
    expect(report).toMatchObject({ version: '1.2.3', engine: 'softswitch', drift: [] });
  });

  it('loses flows behind its back: the machine is cut off, named, and reached again after remediation', async () => {
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('answered');
    const own = lab.fabric.hosts
      .get('host1')!
      .agent.flows()
      .filter(({ origin }) => origin === 'VirtualMachine/blue1');
    const foreign = flowOf({ table: 200, priority: 1, match: matchOf({}), actions: [], cookie: 7n });
    await fabricSwitch().applyFlows({ add: [foreign], remove: own });
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('lost');
    expect((await lab.ping('red1', 'red2')).verdict).toBe('answered');
    expect(await badParts()).toEqual([
      expect.stringMatching(
        /^partial: VirtualMachine\/blue1, flows: A flow is missing: .* And \d+ more like it\.$/,
      ),
    ]);
    expect(statusOf('VirtualMachine/blue1').compliance.level).toBe('partial');
    expect(statusOf('VirtualMachine/red1').compliance.level).toBe('full');
    const { job, results } = await remediate('host1', 'host2');
    expect(job).toMatchObject({ state: 'succeeded', kind: 'remediate', findings: [] });
    expect(job.log.map(({ text }) => text)).toEqual([
      expect.stringContaining('host1: repaired: A flow is missing'),
    ]);
    expect(results.map(({ host, level, repaired }) => [host, level, repaired.length])).toEqual([
      ['host1', 'full', 1],
      ['host2', 'full', 0],
    ]);
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('answered');
    // What was not ours is still there.
    expect((await fabricSwitch().dumpFlows()).filter(({ flow }) => !isOurs(flow.cookie)).length).toBe(1);
  });

  it('gets rid of what lets a machine out by hand: a flow that nobody wants is found and removed', async () => {
    const { agent } = lab.fabric.hosts.get('host1')!;
    const record = [...agent.records().values()].find((r) => r.kind === 'port' && r.name === 'blue1/eth0');
    if (record?.kind !== 'port') throw new Error('no port');
    const bridge = flowOf({
      table: 0,
      priority: 60_000,
      match: matchOf({ in_port: BigInt(agent.port(`vnic/${record.id}`)!.number) }),
      actions: [output('normal')],
      cookie: agent.flows()[0]!.cookie,
    });
    await fabricSwitch().applyFlows({ add: [bridge], remove: [] });
    expect(await badParts()).toEqual([expect.stringContaining('There is a flow that nobody wants: ')]);
    await remediate('host1');
    expect((await fabricSwitch().dumpFlows()).some(({ flow }) => flow.priority === 60_000)).toBe(false);
  });

  it('loses a port, and the whole switch: not compliant, and back as it was after remediation', async () => {
    await fabricSwitch().removePort(await portOf('vif'));
    const parts = await badParts();
    expect(parts[0]).toMatch(/^none: VirtualMachine\/(blue|red)1, vNIC eth0: The port of vNIC .* is gone\./);
    await remediate('host1');
    expect((await look()).level).toBe('full');
    await soft().removeSwitch([...soft().switches.keys()][0]!);
    const gone = await look();
    expect(
      gone.parts.filter(({ part }) => /switch|uplink|vNIC|provider/.test(part)).map(({ level }) => level),
    ).toEqual(gone.parts.filter(({ part }) => part !== 'NICs').map(() => 'none'));
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('lost');
    expect((await remediate('host1')).job.state).toBe('succeeded');
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('answered');
  });

  it('has another NIC than described, and a cable out: a person has to see to it, and is told', async () => {
    const host = lab.controller.network.fact('Host/host1');
    if (!isKind(host, 'Host')) throw new Error('no host');
    const [nic] = host.nics;
    soft().alterNic(nic!.name, { mac: '02:00:00:00:00:99', speedMbps: 100 });
    expect((await look()).reasons).toEqual([
      `Host/host1, NICs: NIC ${nic!.name} has MAC address 02:00:00:00:00:99, and should have ${nic!.mac}.`,
      `Host/host1, NICs: NIC ${nic!.name} runs at 100 Mbit/s, and should at ${nic!.speedMbps} Mbit/s.`,
    ]);
    soft().alterNic(nic!.name, { link: false });
    expect((await look()).reasons).toContain(
      `HostSwitch/host1/${[...soft().switches.keys()][0]}, uplink: The uplink is down: no NIC has a link.`,
    );
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('lost');
    const { job } = await remediate('host1');
    expect(job.state).toBe('failed');
    expect(job.findings).toMatchObject([{ code: 'drift-remains', path: 'Host/host1' }]);
    soft().alterNic(nic!.name, { link: true, mac: nic!.mac, speedMbps: nic!.speedMbps });
    expect((await look()).level).toBe('full');
    expect((await lab.ping('blue1', 'blue2')).verdict).toBe('answered');
  });

  it('is unknown while its agent is away, and says since when', async () => {
    await look();
    await lab.fabric.hosts.get('host1')!.client.stop();
    await expect.poll(() => lab.controller.feed.statusOf('host1').connected).toBe(false);
    const is = await look();
    expect(is.level).toBe('unknown');
    expect(is.reasons).toEqual([expect.stringMatching(/^The agent is not connected since \d{4}-.*Z\.$/)]);
    expect(new Set(is.parts.map(({ level }) => level))).toEqual(new Set(['unknown']));
    const { job } = await remediate('host1');
    expect(job.findings).toMatchObject([{ code: 'host-silent' }]);
  });
});

describe('drift that an agent finds by itself', () => {
  const settings = (remediation: 'manual' | 'automatic') =>
    lab.controller.apply(
      parseDocuments(`kind: FabricSettings\nremediation: ${remediation}`, 'test').objects.map(
        ({ object }) => ({ object }),
      ),
      { author: 'test' },
    );
  const drop = async () => {
    const [flow] = lab.fabric.hosts.get('host1')!.agent.flows();
    await fabricSwitch().applyFlows({ add: [], remove: [flow!] });
    const { client, agent } = lab.fabric.hosts.get('host1')!;
    const { drift } = await agent.check();
    client.report({
      version: 'by itself',
      engine: '',
      nics: [],
      switches: [],
      drift,
      repaired: [],
      findings: [],
    });
    await expect
      .poll(() => lab.controller.feed.statusOf('host1').report?.drift.length)
      .toBeGreaterThanOrEqual(0);
  };
  const remediations = () =>
    lab.controller.jobs.list({ limit: 10, passes: ({ kind }) => kind === 'remediate' });

  it('is repaired at once where the settings want it, and only there', async () => {
    await drop();
    expect(remediations()).toEqual([]);
    expect((await look()).level).toBe('partial');
    await settings('automatic');
    await drop();
    await expect.poll(() => remediations().map(({ state }) => state)).toEqual(['succeeded']);
    expect((await look()).level).toBe('full');
    // What cannot be repaired is tried once, and again when it is another thing.
    const { soft: machine, client } = lab.fabric.hosts.get('host1')!;
    const open = machine.openSwitch;
    machine.openSwitch = () => Promise.reject(new Error('no room for a switch'));
    await machine.removeSwitch([...machine.switches.keys()][0]!);
    await look();
    const { report } = lab.controller.feed.statusOf('host1');
    const states = () => remediations().map(({ state }) => state);
    client.report(report!);
    await expect.poll(states).toEqual(['failed', 'succeeded']);
    for (const version of ['again', 'and again']) {
      client.report({ ...report!, version });
      await expect.poll(() => lab.controller.feed.statusOf('host1').report?.version).toBe(version);
    }
    await look();
    expect(states()).toEqual(['failed', 'succeeded']);
    machine.openSwitch = open;
    await remediate('host1');
    expect((await look()).level).toBe('full');
  });
});
