/** Port ACLs as flows: how many, and what a change touches. What the flows do: src/lab/acl.test.ts and the oracle. */
import { describe, expect, it } from 'vitest';
import { mac } from '../packet/address.ts';
import type { AclRecord, AclRule, PortRecord } from '../policy/records.ts';
import { aclFacts } from './acl-fixture.ts';
import { factKey, type PipelineFact, portOf } from './facts.ts';
import { host1Facts } from './fixture.ts';
import { Pipeline } from './pipeline.ts';
import { tableAt, tableNumber } from './tables.ts';

const RULE: AclRule = {
  name: 'rule',
  direction: 'inbound',
  action: 'allow',
  priority: 1,
  family: 4,
  protocol: 6,
  localPorts: { from: 80, to: 80 },
  stateful: true,
  log: false,
};

const aclOf = (id: string, number: number, rules: readonly AclRule[]): AclRecord => {
  return { kind: 'acl', id, number, rules, inbound: 'deny', origin: `PortAcl/${id}` };
};

/** So many ports on the virtual subnet 5001, each with these ACLs. */
function portsOf(count: number, acls: readonly string[]): PipelineFact[] {
  const guarded = aclFacts().find(([key]) => key === 'port/guarded-eth0')?.[1];
  if (guarded?.kind !== 'port') throw new Error('the fixture has no guarded machine');
  return Array.from({ length: count }, (_, i): PipelineFact[] => {
    const id = `many${i}-eth0`;
    const address = mac(
      `00:1d:d8:b8:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 0xff).toString(16).padStart(2, '0')}`,
    );
    const { dhcpServer: _4, dhcpv6Server: _6, ...rest } = guarded;
    const port: PortRecord = { ...rest, id, name: id, mac: address, acls };
    return [port, { kind: 'binding', port: portOf.vnic(id), number: 100 + i }];
  }).flat();
}

function pipelineOf(facts: readonly PipelineFact[]): Pipeline {
  const pipeline = new Pipeline();
  pipeline.apply([...host1Facts(), ...facts.map((fact): [string, PipelineFact] => [factKey(fact), fact])]);
  return pipeline;
}

const inTables = (pipeline: Pipeline, prefix: string) =>
  [...pipeline.outputs()].filter(({ table }) => tableAt(table)?.name.startsWith(prefix)).length;

describe('the flows of port ACLs', () => {
  it('are as many as ports and rules together, not ports times rules', () => {
    const rules = Array.from({ length: 50 }, (_, i) => ({ ...RULE, name: `r${i}`, priority: i + 1 }));
    const acls = [aclOf('a', 1, rules), aclOf('b', 2, rules)];
    const count = (ports: number, records: readonly AclRecord[]) =>
      inTables(
        pipelineOf([
          ...records,
          ...portsOf(
            ports,
            records.map(({ id }) => id),
          ),
        ]),
        'acl',
      );
    const none = inTables(pipelineOf([]), 'acl');
    for (const ports of [1, 10, 100]) {
      // A flow for each ACL of a port; two for each rule, and four for each ACL.
      expect(count(ports, acls)).toBe(none + 2 * ports + 2 * 2 * rules.length + 2 * 4);
    }
    // What every switch has, with port ACLs or without.
    expect(none).toBeLessThan(45);
  });

  it('of one rule are at most two for each block of values', () => {
    const wide: AclRule = { ...RULE, stateful: false, localPorts: { from: 1, to: 65_534 } };
    const { family: _, ...any } = wide;
    const flows = (rule: AclRule) => {
      const with_ = inTables(pipelineOf([aclOf('a', 1, [rule]), ...portsOf(1, ['a'])]), 'acl-rules');
      return with_ - inTables(pipelineOf([aclOf('a', 1, []), ...portsOf(1, ['a'])]), 'acl-rules');
    };
    expect(flows(wide)).toBe(2 * 30);
    expect(flows(any)).toBe(2 * 2 * 30);
    expect(flows({ ...RULE, log: true })).toBe(3);
  });

  it('of a rule that changes are all that changes, whatever the number of ports', () => {
    const before = aclOf('a', 1, [
      RULE,
      { ...RULE, name: 'other', priority: 2, localPorts: { from: 22, to: 22 } },
    ]);
    const after = aclOf('a', 1, [
      RULE,
      { ...RULE, name: 'other', priority: 2, localPorts: { from: 23, to: 23 } },
    ]);
    const pipeline = pipelineOf([before, ...portsOf(50, ['a'])]);
    const changes = pipeline.apply([[factKey(after), after]]);
    expect(changes).toHaveLength(4);
    for (const { before: was, after: is } of changes)
      expect((was ?? is)?.table).toBe(tableNumber('acl-rules'));
  });

  it('leave a port closed, in both directions, as long as an ACL that it names is not there', () => {
    const acl = aclOf('a', 1, []);
    const lookup = aclFacts().find(([key]) => key.startsWith('lookup/'))?.[1];
    const guarded = aclFacts().filter(([key]) => /^(port|binding)\/.*guarded/.test(key));
    const facts = [...guarded.map(([, fact]) => fact), ...(lookup ? [lookup] : [])];
    const ways = (pipeline: Pipeline) =>
      [...pipeline.outputs()].filter(
        ({ table, actions, origin }) =>
          origin === 'VirtualMachine/guarded' &&
          (table === tableNumber('classify') || table === tableNumber('forward')) &&
          actions.length > 0,
      ).length;
    expect(ways(pipelineOf(facts))).toBe(0);
    const named = facts.map((fact) => (fact.kind === 'port' ? { ...fact, acls: ['a'] } : fact));
    expect(ways(pipelineOf([acl, ...named]))).toBe(2);
  });
});
