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
});
