import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { edits } from '../allocate/fixture.ts';
import { Compiled } from './fixture.ts';

const BASE = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8');
const SUBNET =
  '{kind: VmSubnet, name: Blue subnet, vmNetwork: Blue, prefix: 10.0.0.0/24, vsid: 5001, acls: [b, a]}';
const NETWORK = '{kind: VmNetwork, name: Blue, logicalNetwork: Provider, isolation: virtualized, acls: [c]}';
const ACLS = ['a', 'b', 'c', 'd'].map((name) => `{kind: PortAcl, name: ${name}}`).join('\n---\n');
const vm = (name: string, host: string, address: string, acls: string) =>
  `{kind: VirtualMachine, name: ${name}, host: ${host}, vnics: [{vmNetwork: Blue, addresses: [${address}], acls: [${acls}]}]}`;

function worldOf(...more: readonly string[]): Compiled {
  const world = new Compiled();
  expect(world.edit(edits(BASE)).findings).toEqual([]);
  expect(world.edit(edits([ACLS, ...more].join('\n---\n'))).findings).toEqual([]);
  return world;
}

/** `host1 acl/a`, sorted. */
function acls(world: Compiled): string[] {
  return [...world.compiler.outputs()]
    .flatMap(({ scope, record }) => (record.kind === 'acl' ? [`${scope} ${record.id}`] : []))
    .sort();
}

function chain(world: Compiled, name: string): readonly string[] | undefined {
  const ports = [...world.compiler.outputs()].flatMap(({ record }) =>
    record.kind === 'port' ? [record] : [],
  );
  return ports.find((port) => port.name === `${name}/eth0`)?.acls;
}

describe('port ACLs', () => {
  it('apply in the order vNIC, VM subnet, VM network, each once', () => {
    const world = worldOf(NETWORK, SUBNET, vm('blue1', 'host1', '10.0.0.5', 'd, a'));
    expect(chain(world, 'blue1')).toEqual(['d', 'a', 'b', 'c']);
    expect(chain(world, 'blue2')).toEqual(['b', 'a', 'c']);
    expect(chain(world, 'red1')).toBeUndefined();
  });

  it('are told to the hosts that have a vNIC which they apply to', () => {
    expect(acls(worldOf())).toEqual([]);
    expect(acls(worldOf(vm('blue1', 'host1', '10.0.0.5', 'd')))).toEqual(['host/host1 d']);
    const everywhere = ['a', 'b', 'c'].flatMap((id) => [`host/host1 ${id}`, `host/host2 ${id}`]);
    expect(acls(worldOf(NETWORK, SUBNET))).toEqual(everywhere.sort());
  });

  it('come to one record a host when a rule changes, and to no port', () => {
    const world = worldOf(NETWORK);
    const rule =
      '{direction: inbound, action: deny, priority: 7, protocol: tcp, localPorts: 22, remoteAddress: 10.0.0.7}';
    const { changes } = world.edit(edits(`{kind: PortAcl, name: c, rules: [${rule}]}`));
    expect(changes.map(({ key }) => key)).toEqual(['host/host1 acl/c', 'host/host2 acl/c']);
    expect(changes[0]?.after?.record).toMatchObject({
      kind: 'acl',
      id: 'c',
      rules: [
        {
          name: 'rule1',
          direction: 'inbound',
          action: 'deny',
          priority: 7,
          family: 4,
          protocol: 6,
          localPorts: { from: 22, to: 22 },
          remote: '10.0.0.7/32',
          stateful: false,
          log: false,
        },
      ],
    });
  });

  it('of one network change nothing of another', () => {
    const world = worldOf();
    const { changes } = world.edit(edits(NETWORK));
    expect(changes.length).toBeGreaterThan(2);
    expect(changes.filter(({ key, after }) => /red|Red/.test(`${key} ${JSON.stringify(after)}`))).toEqual([]);
  });
});
