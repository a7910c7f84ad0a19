import { expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { MOST } from '../stream/counted.ts';
import type { AclDecision } from './acl-report.ts';
import { Agent } from './agent.ts';
import { Counting } from './counting.ts';
import { changesOf, Machine } from './fixture.ts';

const DECISION: AclDecision = {
  id: '1',
  port: 'blue1/eth0',
  acl: 'acl',
  rule: 'dns',
  direction: 'inbound',
  verdict: 'deny',
  frame: new Uint8Array(60),
};

/** An agent whose port ACLs report when the test says so. */
class Reporting extends Agent {
  report: (decision: AclDecision) => void = () => {};
  override onAclDecision(handler: (decision: AclDecision) => void): void {
    this.report = handler;
  }
}

it('knows the ports of the policy, and passes over those of others', async () => {
  const machine = new Machine();
  const agent = new Agent('host1', machine);
  await agent.apply(changesOf(host1Records()));
  const foreign = { type: 'vif', name: 'foreign', id: 'x', vlan: { mode: 'access', tag: 7 } } as const;
  await machine.switches.get('Fabric')?.setPort(foreign);
  const { ports, complete } = await new Counting(agent, new FakeClock()).count();
  expect(complete).toBe(true);
  expect(ports.map(({ port, nic }) => (nic === undefined ? port : `${port} ${nic}`)).sort()).toEqual(
    [...agent.records().values()]
      .flatMap((record) => {
        if (record.kind === 'port') return [`vnic/${record.id}`];
        if (record.kind === 'provider')
          return [`provider/${record.logicalNetwork}`, `tunnel/${record.logicalNetwork}`];
        return record.kind === 'switch'
          ? (record.uplink?.nics ?? []).map((nic) => `uplink/${record.name} ${nic}`)
          : [];
      })
      .sort(),
  );
});

it('keeps the newest of what port ACLs report, also where the engine does not answer', async () => {
  const clock = new FakeClock();
  const machine = new Machine();
  const agent = new Reporting('host1', machine);
  const counting = new Counting(agent, clock);
  await agent.apply(changesOf(host1Records()));
  for (let i = 0; i < MOST.log + 5; i++) {
    agent.report({ ...DECISION, rule: `rule ${i}` });
    clock.advance(1);
  }
  const { log } = await counting.count();
  expect([log.length, log[0]?.rule, log.at(-1)?.rule]).toEqual([MOST.log, 'rule 5', `rule ${MOST.log + 4}`]);
  expect(log[1]!.time - log[0]!.time).toBe(1);
  expect(log[0]).toMatchObject({ port: '1', frame: expect.stringContaining('eth(') });
  const soft = machine.switches.get('Fabric')!;
  soft.dumpFlows = () => Promise.reject(new Error('gone'));
  expect(await counting.count()).toMatchObject({ ports: [], acls: [], drops: [], complete: false, log });
});
