/** What drifted is found, named and repaired, on real switches that are changed behind the agent's back. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { flowOf, output } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { formatFlow } from '../flow/text.ts';
import { isOurs } from '../pipeline/cookies.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { type PolicyRecord, recordKey } from '../policy/records.ts';
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

describe('check and repair', () => {
  const foreign = flowOf({
    table: 0,
    priority: 7,
    match: matchOf({ eth_type: 0x88ccn }),
    actions: [],
    cookie: 5n,
  });
  const words = async () =>
    (await agent.check()).drift.map((drift) => `${drift.what} ${drift.object}: ${drift.words}`);
  const soft = () => machine.switches.get('Fabric')!;
  const portName = async (type: string) =>
    [...(await soft().ports())].find(([, { spec }]) => spec.type === type)![0];
  let before: string[];

  beforeEach(async () => {
    await agent.apply(changesOf(host1Records()));
    await soft().applyFlows({ add: [foreign], remove: [] });
    before = await machine.flows();
  });

  const state = async () =>
    JSON.stringify([await machine.flows(), [...(await soft().ports())], [...(await soft().meters())]]);

  it('finds nothing where nothing drifted, and changes nothing', async () => {
    const was = await state();
    machine.log.length = 0;
    expect((await agent.check()).drift).toEqual([]);
    expect(await agent.repair()).toMatchObject({ repaired: [], drift: [], findings: [] });
    expect(machine.log).toEqual([]);
    expect(await state()).toBe(was);
  });

  it('names flows that are gone, changed and too many, with the objects that they belong to', async () => {
    const flows = agent.flows();
    const own = flows.filter(({ origin }) => origin === 'VirtualMachine/blue1');
    const [gone, changed] = own;
    await soft().applyFlows({
      remove: [gone!],
      add: [
        { ...changed!, actions: [output(1)] },
        flowOf({ ...own[2]!, match: matchOf({ in_port: 99n }), priority: 4711 }),
      ],
    });
    expect(await words()).toEqual([
      `flow-missing VirtualMachine/blue1: A flow is missing: ${gone!.words}.`,
      expect.stringMatching(
        /^flow-changed VirtualMachine\/blue1: A flow does something else: for ".*" its actions are output:1, and should be /,
      ),
      expect.stringMatching(
        /^flow-extra VirtualMachine\/blue1: There is a flow that nobody wants: .*priority=4711/,
      ),
    ]);
    const { repaired, drift, findings } = await agent.repair();
    expect([repaired.length, drift, findings]).toEqual([3, [], []]);
    expect(await machine.flows()).toEqual(before);
  });

  it('tells all flows of one object that are gone in one line, and puts them back in one bundle', async () => {
    const mine = (await soft().dumpFlows()).map(({ flow }) => flow).filter((flow) => isOurs(flow.cookie));
    await soft().applyFlows({ add: [], remove: mine });
    const { drift } = await agent.check();
    expect(drift.reduce((sum, { count }) => sum + count, 0)).toBe(mine.length);
    expect(new Set(drift.map(({ what }) => what))).toEqual(new Set(['flow-missing']));
    expect(new Set(drift.map(({ object }) => object)).size).toBe(drift.length);
    machine.log.length = 0;
    expect((await agent.repair()).drift).toEqual([]);
    expect(machine.log).toEqual([`flows +${mine.length} -0`]);
    expect(await machine.flows()).toEqual(before);
  });

  it('puts a port back that somebody took away, also under another number', async () => {
    const name = await portName('vif');
    await soft().removePort(name);
    // Whoever comes next gets the number that was free.
    await soft().setPort({ type: 'vif', name: 'tap7', id: 'x', vlan: { mode: 'access', tag: 5 } });
    expect(await words()).toContain(
      'port-missing VirtualMachine/blue1: The port of vNIC blue1/eth0 is gone.',
    );
    const { drift, repaired } = await agent.repair();
    expect(drift).toEqual([]);
    expect(repaired.length).toBeGreaterThan(0);
    const [number] = [(await soft().ports()).get(name)!.number];
    expect(agent.port(portAt(name))).toMatchObject({ number });
    expect(await machine.flows()).toEqual([...desired(), formatFlow(foreign)].sort());
    // What is not ours stays.
    expect((await soft().ports()).has('tap7')).toBe(true);
  });

  const portAt = (name: string) =>
    host1Records()
      .flatMap((record) => (record.kind === 'port' ? [`vnic/${record.id}`] : []))
      .find((port) => agent.port(port)?.name === name)!;

  it('names what is wrong with a port, and sets it right', async () => {
    const uplink = await portName('uplink');
    const vif = await portName('vif');
    const { spec: team } = (await soft().ports()).get(uplink)!;
    const { spec: vnic } = (await soft().ports()).get(vif)!;
    if (team.type !== 'uplink' || vnic.type !== 'vif') throw new Error('other ports');
    const [nic] = team.nics;
    await soft().setPort({ ...team, nics: ['spare'], lacp: 'passive' });
    await soft().setPort({ ...vnic, vlan: { mode: 'access', tag: 7 } });
    expect((await words()).map((text) => text.replace(/^.*?: /, ''))).toEqual([
      `The uplink lacks NIC ${nic}.`,
      'The uplink has NIC spare, which it should not.',
      'Of the port of the uplink, LACP is passive, and should be off.',
      'Of the port of vNIC blue1/eth0, the VLAN mode is access 7, and should be access 4095.',
    ]);
    expect((await agent.repair()).drift).toEqual([]);
    expect((await soft().ports()).get(uplink)!.spec).toEqual(team);
    expect((await soft().ports()).get(vif)!.spec).toEqual(vnic);
  });

  it('removes ports of ours that nobody wants, and sets limits right', async () => {
    const stray = 'nlv0123456789a';
    await soft().setPort({ type: 'vif', name: stray, id: 'x', vlan: { mode: 'access', tag: 5 } });
    const [meter] = [...(await soft().meters()).values()];
    await soft().setMeter({ ...meter!, bands: [{ type: 'drop', rate: 1_000_000 }] });
    expect((await agent.check()).drift.map(({ what }) => what).sort()).toEqual([
      'meter-changed',
      'port-extra',
    ]);
    expect((await agent.repair()).drift).toEqual([]);
    expect((await soft().ports()).has(stray)).toBe(false);
    expect((await soft().meters()).get(meter!.id)).toEqual(meter);
  });

  it('sets mirrors right', async () => {
    const stray = { name: 'stray', output: { vlan: 99 } };
    const [vif] = host1Records().flatMap((record) => (record.kind === 'port' ? [record] : []));
    const mirror: PolicyRecord = {
      kind: 'mirror',
      source: vif!.id,
      switch: 'Fabric',
      direction: 'both',
      output: { vlan: 77 },
      origin: 'VirtualMachine/blue1',
    };
    await agent.apply(changesOf([mirror]));
    const wanted = (await soft().mirrors()).map((stats) => stats.mirror);
    expect(wanted).toHaveLength(1);
    expect((await agent.check()).drift).toEqual([]);
    await soft().setMirrors([stray]);
    expect((await agent.check()).drift.map(({ what }) => what)).toEqual(['mirror-missing', 'mirror-extra']);
    await soft().setMirrors([{ ...wanted[0]!, selectDstPorts: [] }]);
    expect((await agent.check()).drift.map(({ what }) => what)).toEqual(['mirror-changed']);
    expect((await agent.repair()).drift).toEqual([]);
    expect((await soft().mirrors()).map((stats) => stats.mirror)).toEqual(wanted);
  });

  it('makes a switch anew that is gone, and takes one away that nobody wants', async () => {
    machine.switches.delete('Fabric');
    await machine.openSwitch('Stray');
    expect(await words()).toEqual([
      'switch-missing HostSwitch/host1/Fabric: The virtual switch Fabric is gone.',
      'switch-extra : There is a virtual switch that nobody wants: Stray.',
    ]);
    const { drift, repaired } = await agent.repair();
    expect([drift, repaired.length]).toEqual([[], 2]);
    expect([...machine.switches.keys()]).toEqual(['Fabric']);
    expect(await machine.flows()).toEqual(desired());
  });

  it('makes everything as it should be, whatever was done to it', async () => {
    const act = fc.record({
      what: fc.constantFrom(
        'remove flow',
        'change flow',
        'add flow',
        'remove port',
        'add port',
        'remove meter',
      ),
      which: fc.nat(),
    });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 12 }), async (acts) => {
        for (const { what, which } of acts) {
          const flows = (await soft().dumpFlows())
            .map(({ flow }) => flow)
            .filter((flow) => isOurs(flow.cookie));
          const ports = [...(await soft().ports()).keys()];
          const flow = flows[which % Math.max(1, flows.length)];
          const port = ports[which % Math.max(1, ports.length)];
          const [meter] = [...(await soft().meters()).keys()];
          if (what === 'remove flow' && flow) await soft().applyFlows({ add: [], remove: [flow] });
          if (what === 'change flow' && flow)
            await soft().applyFlows({ add: [{ ...flow, actions: [output('normal')] }], remove: [] });
          if (what === 'add flow' && flow)
            await soft().applyFlows({ add: [{ ...flow, priority: 1 + (which % 60_000) }], remove: [] });
          if (what === 'remove port' && port) await soft().removePort(port);
          if (what === 'add port') {
            const name = `nlv${(which % 0xfff).toString(16).padStart(11, '0')}`;
            await soft().setPort({ type: 'vif', name, id: 'x', vlan: { mode: 'access', tag: 5 } });
          }
          if (what === 'remove meter' && meter !== undefined) await soft().removeMeter(meter);
        }
        for (const { what } of (await agent.check()).drift) seen.add(what);
        expect(await agent.repair()).toMatchObject({ drift: [], findings: [] });
        expect(await machine.flows()).toEqual([...desired(), formatFlow(foreign)].sort());
      }),
      { numRuns: 60 },
    );
    // The test is worth something only if all of this happened.
    for (const what of [
      'flow-changed',
      'flow-extra',
      'flow-missing',
      'meter-missing',
      'port-extra',
      'port-missing',
    ])
      expect(seen, what).toContain(what);
  });

  it('says what stands in the way of a repair, and what is still wrong', async () => {
    await soft().applyFlows({ add: [], remove: agent.flows().slice(0, 1) });
    machine.refuse = 1;
    const { drift, repaired, findings } = await agent.repair();
    expect(repaired).toEqual([]);
    expect(drift).toMatchObject([{ what: 'flow-missing', count: 1 }]);
    expect(findings).toMatchObject([{ code: 'flow-invalid' }]);
    expect((await agent.repair()).drift).toEqual([]);
  });

  it('finds what a change could not carry out', async () => {
    machine.refuse = 1;
    const blue1 = host1Records().find(isBlue1)!;
    expect((await agent.apply([{ key: recordKey(blue1) }])).ok).toBe(false);
    expect((await agent.check()).drift.map(({ what }) => what)).toContain('flow-extra');
    expect((await agent.repair()).drift).toEqual([]);
    expect(await machine.flows()).toEqual([...desired(), formatFlow(foreign)].sort());
  });
});
