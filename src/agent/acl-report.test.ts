import { expect, it } from 'vitest';
import type { Datapath, PacketIn } from '../flow/datapath.ts';
import { delegateTo } from '../flow/delegate.ts';
import { portOf } from '../pipeline/facts.ts';
import { host1Records } from '../pipeline/fixture.ts';
import { PUNT } from '../pipeline/punt.ts';
import { ACL, ACL_RULE, ACL_STATE } from '../pipeline/registers.ts';
import type { AclRecord } from '../policy/records.ts';
import { Agent } from './agent.ts';
import { changesOf, Machine } from './fixture.ts';

/** A machine whose switch asks the agent when the test says so. */
class Asking extends Machine {
  ask: (packet: PacketIn) => void = () => {};

  override async openSwitch(name: string): Promise<Datapath> {
    return delegateTo(await super.openSwitch(name), {
      onPacketIn: (handler) => {
        this.ask = handler;
      },
    });
  }
}

const acl = (id: string): AclRecord => ({
  kind: 'acl',
  id,
  number: 7,
  rules: [
    { name: `of ${id}`, direction: 'outbound', action: 'deny', priority: 1, stateful: false, log: true },
  ],
  origin: `PortAcl/${id}`,
});

it('knows an ACL by its number, also when another has taken it, and outlives what nobody can answer', async () => {
  const machine = new Asking();
  const agent = new Agent('host1', machine);
  const vnic = host1Records().find((record) => record.kind === 'port');
  if (vnic?.kind !== 'port') throw new Error('a vNIC');
  await agent.apply(changesOf([...host1Records(), acl('first')]));
  const rules: string[] = [];
  agent.onAclDecision(({ rule }) => rules.push(rule));
  const { number } = agent.port(portOf.vnic(vnic.id)) ?? { number: 0 };
  const packet: PacketIn = {
    inPort: number,
    table: 0,
    cookie: 0n,
    userdata: PUNT.aclLog,
    frame: new Uint8Array(60),
    metadata: { [ACL_STATE]: BigInt(number), [ACL]: 7n, [ACL_RULE]: 1n },
  };
  machine.ask(packet);
  await agent.apply([...changesOf([acl('second')]), { key: 'acl/first' }]);
  machine.ask(packet);
  await agent.apply([{ key: 'acl/second' }]);
  machine.ask(packet);
  expect(rules).toEqual(['of first', 'of second']);

  const unheard: unknown[] = [];
  const note = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', note);
  await agent.apply(changesOf([acl('third')]));
  agent.onAclDecision(() => {
    throw new Error('nobody can answer this');
  });
  machine.ask(packet);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unheard).toEqual([]);
});
