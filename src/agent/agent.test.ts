import { beforeEach, describe, expect, it } from 'vitest';
import { flowOf, output } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { flowKey } from '../flow/same.ts';
import { formatFlow } from '../flow/text.ts';
import { ND_VALUE } from '../packet/nd-options.ts';
import { parseNotation } from '../packet/notation.ts';
import { parseFrame } from '../packet/parse.ts';
import { isOurs } from '../pipeline/cookies.ts';
import { dualStackFacts } from '../pipeline/dual-stack-fixture.ts';
import { portOf } from '../pipeline/facts.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { metersOf } from '../pipeline/punt.ts';
import { type PolicyRecord, type PortRecord, recordKey } from '../policy/records.ts';
import { Agent } from './agent.ts';
import { changesOf, Machine } from './fixture.ts';

const isBlue1 = (record: PolicyRecord) => record.kind === 'port' && record.name === 'blue1/eth0';

let machine: Machine;
let agent: Agent;
beforeEach(() => {
  machine = new Machine();
  agent = new Agent('host1', machine);
});

const desired = () => agent.flows().map(formatFlow).sort();

describe('apply', () => {
  it('makes the ports, then all flows in one bundle; what is in force is what is wanted', async () => {
    const applied = await agent.apply(changesOf(host1Records()));
    expect(applied).toMatchObject({ ok: true, findings: [] });
    expect(machine.log.slice(0, -1).sort()).toEqual([
      'port internal',
      'port tunnel',
      'port uplink',
      'port vif',
      'port vif',
    ]);
    expect(machine.log.at(-1)).toBe(`flows +${desired().length} -0`);
    expect(await machine.flows()).toEqual(desired());
  });

  it('takes the flows of a port away before the port', async () => {
    await agent.apply(changesOf(host1Records()));
    machine.log.length = 0;
    const blue1 = host1Records().find(isBlue1)!;
    await agent.apply([{ key: recordKey(blue1) }]);
    expect(machine.log).toEqual([expect.stringMatching(/^flows \+\d+ -\d+$/), 'remove port']);
    expect((await machine.flows()).filter((text) => text.includes('in_port=4,'))).toEqual([]);
  });

  it('does the same in two steps as in one', async () => {
    const records = host1Records();
    await agent.apply(changesOf(records.slice(4)));
    await agent.apply(changesOf(records.slice(0, 4)));
    const inOne = new Agent('host1', new Machine());
    await inOne.apply(changesOf(records));
    // Port numbers are the engine's to give, so only what does not speak of them is compared.
    const words = (a: Agent) =>
      a
        .flows()
        .map((flow) => `${flow.table} ${flow.words}`)
        .sort();
    expect(words(agent)).toEqual(words(inOne));
  });

  it('tells the engine nothing when only words change', async () => {
    await agent.apply(changesOf(host1Records()));
    machine.log.length = 0;
    const renamed = host1Records().map((r) => (r.kind === 'subnet' ? { ...r, name: 'renamed' } : r));
    await agent.apply(changesOf(renamed));
    expect(machine.log.filter((line) => line.startsWith('flows'))).toEqual([]);
    expect(agent.flows().some((flow) => flow.words.includes('renamed'))).toBe(true);
  });
});

describe('flow export', () => {
  const flowExport = { type: 'ipfix', collectors: ['192.0.2.1:4739'], sampling: 400 } as const;
  const records = (wanted?: typeof flowExport) =>
    host1Records().map((record) =>
      record.kind === 'switch' && wanted ? { ...record, flowExport: wanted } : record,
    );
  const said = async () => (await agent.check()).drift.map(({ what, object }) => [what, object]);

  it('is what the policy says, and what the engine does not do of it is told for as long as it is wanted', async () => {
    const warning = {
      code: 'flow-export-none',
      severity: 'warning',
      path: 'LogicalSwitch/Fabric.flowExport',
    };
    expect(await agent.apply(changesOf(records(flowExport)))).toMatchObject({
      ok: true,
      findings: [warning],
    });
    expect(await machine.switches.get('Fabric')!.flowExport()).toEqual(flowExport);
    expect(await agent.apply([])).toMatchObject({ ok: true, findings: [warning] });
    expect(await agent.apply(changesOf(records()))).toMatchObject({ ok: true, findings: [] });
    expect(await machine.switches.get('Fabric')!.flowExport()).toBeUndefined();
  });

  it('that is another one is found and repaired', async () => {
    await agent.apply(changesOf(records(flowExport)));
    expect(await said()).toEqual([]);
    const soft = machine.switches.get('Fabric')!;
    await soft.setFlowExport({ ...flowExport, sampling: 1 });
    expect(await said()).toEqual([['flow-export-changed', expect.stringContaining('HostSwitch/')]]);
    expect((await agent.repair()).drift).toEqual([]);
    expect(await soft.flowExport()).toEqual(flowExport);
    // In another order it is the same.
    const { sampling, collectors, type } = flowExport;
    await soft.setFlowExport({ sampling, collectors, type });
    expect(await said()).toEqual([]);
  });
});

describe('a refused bundle', () => {
  it('is reported, leaves what was in force, and is made up for by the next change', async () => {
    await agent.apply(changesOf(host1Records()));
    const before = await machine.flows();
    machine.refuse = 1;
    const blue1 = host1Records().find(isBlue1)!;
    const refused = await agent.apply([{ key: recordKey(blue1) }]);
    expect(refused).toMatchObject({ ok: false, findings: [{ code: 'flow-invalid' }] });
    expect(await machine.flows()).toEqual(before);
    expect(await agent.apply([])).toMatchObject({ ok: true });
    expect(await machine.flows()).toEqual(desired());
    expect(await machine.flows()).not.toEqual(before);
  });
});

describe('a restart', () => {
  it('finds everything as it should be and touches nothing', async () => {
    await agent.replace(host1Records());
    machine.log.length = 0;
    const again = new Agent('host1', machine);
    expect(await again.replace(host1Records())).toMatchObject({ ok: true, flows: { added: 0, removed: 0 } });
    expect(machine.log.filter((line) => line.startsWith('flows'))).toEqual([]);
  });

  it('removes what an earlier policy left and puts back what somebody deleted, but leaves the flows of others alone', async () => {
    await agent.replace(host1Records());
    const soft = machine.switches.get('Fabric')!;
    const foreign = flowOf({
      table: 100,
      priority: 7,
      match: matchOf({ in_port: 9 }),
      actions: [output('normal')],
      cookie: 0x1234n,
    });
    const deleted = agent.flows().find((flow) => flow.words.includes('blue2 is on the host'))!;
    await soft.applyFlows({ add: [foreign], remove: [deleted] });
    expect(isOurs(foreign.cookie)).toBe(false);

    const again = new Agent('host1', machine);
    const withoutRed = host1Records().filter((record) => !JSON.stringify(record).includes('6001'));
    const { flows } = await again.replace(withoutRed);
    expect(flows.added).toBe(1);
    expect(flows.removed).toBeGreaterThan(5);
    const left = await soft.dumpFlows();
    expect(left.map(({ flow }) => flowKey(flow))).toContain(flowKey(foreign));
    expect(left.map(({ flow }) => flowKey(flow))).toContain(flowKey(deleted));
    expect(left.filter(({ flow }) => isOurs(flow.cookie))).toHaveLength(again.flows().length);
  });
});

describe('DHCP', () => {
  const discover = (mac: string) =>
    parseNotation(
      `eth(src=${mac},dst=ff:ff:ff:ff:ff:ff)/ipv4(src=0.0.0.0,dst=255.255.255.255)/udp(sport=68,dport=67)/dhcp(discover,chaddr=${mac})`,
    );

  async function answersTo(frame: Uint8Array): Promise<string[]> {
    await agent.apply(changesOf(host1Records()));
    const port = agent.port('vnic/blue1-eth0')!;
    const answers: string[] = [];
    const tap = machine.switches.get(port.switch)!.attach(port.name, undefined, (f) => {
      answers.push(parseFrame(f).ipv4?.src.toString(16) ?? '?');
    });
    tap.receive(frame);
    await new Promise((resolve) => setImmediate(resolve));
    return answers;
  }

  it('is answered from the switch, to the port that asked', async () => {
    expect(await answersTo(discover('00:1d:d8:b7:1c:11'))).toEqual(['c00002fd']);
  });

  it('is not answered for the MAC address of another', async () => {
    expect(await answersTo(discover('00:1d:d8:b7:1c:21'))).toEqual([]);
  });
});

describe('routers of virtual subnets', () => {
  const records = [...host1Records(), ...dualStackFacts().map(([, fact]) => fact)].filter(
    (fact): fact is PolicyRecord => fact.kind !== 'binding',
  );
  const six1 = records.find((r): r is PortRecord => r.kind === 'port' && r.id === 'six1-eth0')!;
  /** What comes to a port: MTU and source of the router advertisements. */
  const hear = (port: PortRecord) => {
    const heard: (number | undefined)[] = [];
    const { name } = agent.port(portOf.vnic(port.id))!;
    machine.switches.get('Fabric')!.attach(name, undefined, (bytes) => {
      const { icmpv6 } = parseFrame(bytes);
      if (icmpv6?.type === 134) heard.push(icmpv6.read(ND_VALUE.mtu));
    });
    return heard;
  };

  it('tell their guests what has changed, and everything again when they are told to', async () => {
    await agent.apply(changesOf(records));
    const heard = hear(six1);
    const blue1 = hear(records.find(isBlue1) as PortRecord);
    await agent.apply(changesOf([{ ...six1, mtu: 1400 }]));
    expect(heard).toEqual([1400]);
    const subnet = records.filter((r) => r.kind === 'subnet' && r.vsid === 5006);
    await agent.apply(changesOf(subnet.map((r) => ({ ...r, name: 'other' }))));
    expect(heard).toEqual([1400, 1400]);
    await agent.apply(changesOf(records.filter((r) => r.kind === 'domain')));
    expect(heard).toEqual([1400, 1400]);
    await agent.advertise();
    expect(heard).toEqual([1400, 1400, 1400]);
    // Its subnet has no IPv6.
    expect(blue1).toEqual([]);
  });
});

it('a port has its meters, and takes them with it', async () => {
  await agent.apply(changesOf(host1Records()));
  const meters = async () => [...(await machine.switches.get('Fabric')!.meters()).keys()];
  const { number } = agent.port(portOf.vnic('blue1-eth0'))!;
  expect(await meters()).toEqual(expect.arrayContaining(metersOf(number).map(({ id }) => id)));
  await agent.apply([{ key: recordKey(host1Records().find(isBlue1)!) }]);
  for (const { id } of metersOf(number)) expect(await meters()).not.toContain(id);
});
