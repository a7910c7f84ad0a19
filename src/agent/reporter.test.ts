import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { host1Records } from '../pipeline/fixture.ts';
import type { HostReport } from '../stream/report.ts';
import { Agent } from './agent.ts';
import { changesOf, Machine } from './fixture.ts';
import { Reporter } from './reporter.ts';

let machine: Machine;
let agent: Agent;
let said: HostReport[];
let reporter: Reporter;
beforeEach(async () => {
  machine = new Machine();
  agent = new Agent('host1', machine);
  said = [];
  reporter = new Reporter({ agent, engine: machine, version: '1.0', send: (report) => said.push(report) });
  await agent.apply(changesOf(host1Records()));
});

const drop = () => machine.switches.get('Fabric')!.applyFlows({ add: [], remove: agent.flows().slice(0, 1) });

describe('a reporter', () => {
  it('says what the machine has', async () => {
    expect(await reporter.report()).toEqual({
      version: '1.0',
      engine: 'softswitch',
      nics: [{ name: 'nic1', link: true }],
      switches: [{ name: 'Fabric', ports: 5, flows: agent.flows().length }],
      drift: [],
      repaired: [],
      findings: [],
    });
  });

  it('asks a switch for its flows once a look', async () => {
    const fabric = machine.switches.get('Fabric')!;
    const dump = fabric.dumpFlows.bind(fabric);
    let dumps = 0;
    fabric.dumpFlows = () => {
      dumps += 1;
      return dump();
    };
    await reporter.report();
    expect(dumps).toBe(1);
    await agent.overview();
    expect(dumps).toBe(2);
  });

  it('speaks by itself once about what is well, at every look about what is not, and when something changes', async () => {
    await reporter.look();
    await reporter.look();
    expect(said).toHaveLength(1);
    await drop();
    await reporter.look();
    await reporter.look();
    expect(said.map(({ drift }) => drift.length)).toEqual([0, 1, 1]);
    expect(await reporter.report(true)).toMatchObject({ drift: [], repaired: [{ what: 'flow-missing' }] });
    await reporter.look();
    expect(said).toHaveLength(3);
    machine.machineNics[0] = { name: 'nic1', link: false };
    await reporter.look();
    expect(said.at(-1)?.nics).toEqual([{ name: 'nic1', link: false }]);
  });

  it('tells at once what is plugged in, while a VM moves', async () => {
    const clock = new FakeClock();
    let link = false;
    const vnics = async () => [{ id: 'a', plugged: true, link }];
    const watching = new Reporter({
      agent,
      engine: machine,
      version: '1.0',
      vnics,
      send: (report) => said.push(report),
    });
    const links = () => said.map((report) => report.vnics?.map((vnic) => vnic.link));
    await watching.look();
    await watching.lookAtVnics();
    expect(links()).toEqual([[false]]);
    link = true;
    await watching.lookAtVnics();
    await watching.lookAtVnics();
    expect(links()).toEqual([[false], [true]]);
    // By itself only while there is something to wait for; the whole look is an hour away.
    const stop = watching.start(clock, 3_600_000);
    link = false;
    const turns = async () => {
      clock.advance(250);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    };
    await turns();
    expect(said).toHaveLength(2);
    const port = [...agent.records().values()].find((record) => record.kind === 'port');
    if (port?.kind !== 'port') throw new Error('the fixture has ports');
    await agent.apply(changesOf([{ ...port, migration: 'standby' }]));
    await turns();
    expect(links()).toEqual([[false], [true], [false]]);
    stop();
  });

  it('says what keeps it from looking, and does not throw', async () => {
    machine.nics = () => Promise.reject(new Error('the machine does not say'));
    expect(await reporter.report()).toMatchObject({
      drift: [],
      findings: [{ message: 'the machine does not say' }],
    });
    await expect(reporter.look()).resolves.toBeUndefined();
    expect(said).toHaveLength(1);
  });

  it('looks again and again, one look at a time, until it is stopped', async () => {
    const clock = new FakeClock();
    const stop = reporter.start(clock, 10_000);
    clock.advance(1_000);
    await expect.poll(() => [said.length, clock.next()]).toEqual([1, 11_000]);
    await drop();
    clock.advance(10_000);
    await expect.poll(() => [said.length, clock.next()]).toEqual([2, 21_000]);
    stop();
    expect(clock.next()).toBeUndefined();
  });

  it('looks soon after somebody else has changed flows, once for all that comes in a second', async () => {
    const clock = new FakeClock();
    let tell = () => {};
    agent.onForeignChange = (handler) => {
      tell = handler;
    };
    const stop = reporter.start(clock, 3_600_000);
    const pass = async (ms: number) => {
      clock.advance(ms);
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    };
    await pass(1_000);
    expect(said.map(({ drift }) => drift.length)).toEqual([0]);
    await drop();
    tell();
    await pass(500);
    // However many there are: the look is not put off.
    tell();
    expect(said).toHaveLength(1);
    await pass(500);
    expect(said.map(({ drift }) => drift.length)).toEqual([0, 1]);
    await pass(60_000);
    expect(said).toHaveLength(2);
    stop();
  });

  it('looks again when the engine began anew, also where the look under way had to wait for it', async () => {
    const clock = new FakeClock();
    const stop = reporter.start(clock, 3_600_000);
    const turn = async () => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
    };
    const check = agent.check.bind(agent);
    let answer = () => {};
    agent.check = async () => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return check();
    };
    clock.advance(1_000);
    await turn();
    // The engine is away for a minute, and what is seen then is how it was before it got its flows again.
    clock.advance(60_000);
    agent.check = check;
    await drop();
    reporter.lookSoon();
    answer();
    await expect.poll(() => [said.length, clock.next()]).toEqual([1, 62_000]);
    // Without that a look of a minute is followed by twenty of rest.
    stop();
  });
});
