import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../model/input.ts';
import type { ModelObject } from '../../model/kinds.ts';
import { cableName, labName, namespaceName, plainName, tapName } from './names.ts';
import { withLinuxNics } from './nic-names.ts';
import { physicalCommands } from './physical-switches.ts';
import { planOf } from './plan.ts';

const DIRECTORY = '/run/netloom/lab-demo';

function objectsOf(text: string): ModelObject[] {
  const { objects, findings } = parseDocuments(text, 'test');
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

function example(name: string): ModelObject[] {
  return objectsOf(readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), 'utf8'));
}

describe('names of a lab', () => {
  it('are those of the description where they can be, and never longer than Linux has them', () => {
    expect(namespaceName('demo', 'vm', 'web')).toBe('nl-demo-vm-web');
    expect(tapName('web', 'eth0')).toBe('web.eth0');
    expect(cableName('host1', 'nic1')).toBe('host1.nic1');
    expect(plainName('01 blue', 15)).toBe('01-blue');
    expect(tapName('red:web', 'eth0')).toMatch(/^red-web\.et-[0-9a-f]{4}$/);
    expect(plainName('Übung/1', 15)).toMatch(/^bung-1-[0-9a-f]{4}$/);
    expect(plainName('東京', 15)).toMatch(/^x-[0-9a-f]{4}$/);
    for (const name of [tapName('a'.repeat(63), 'eth0'), cableName('cloud-pm-cn01', 'Ethernet 01')])
      expect(name.length).toBeLessThanOrEqual(15);
  });

  it('are apart for texts that are alike', () => {
    const names = ['application-server-01', 'application-server-02', 'red:web', 'red-web', 'red_web'];
    expect(new Set(names.map((name) => tapName(name, 'eth0'))).size).toBe(names.length);
  });

  it('refuse a lab whose things could be taken for those of another', () => {
    for (const name of ['', 'a-b', '../x', 'A', 'toolongforaname'])
      expect(() => labName(name)).toThrow('is not a name');
    expect(labName('demo2')).toBe('demo2');
  });
});

describe('plan of a lab', () => {
  it('cables each NIC to the switch of its physical network, with the MTU of that', () => {
    const plan = planOf('demo', DIRECTORY, example('blue-red'));
    expect(plan.networks).toEqual([
      { network: 'Fabric', bridge: 'Fabric', vlans: [] },
      { network: 'Out of band', bridge: 'Out-of-band', vlans: [] },
    ]);
    expect(
      plan.hosts.map(({ name, namespace, managementAddress }) => [name, namespace, managementAddress]),
    ).toEqual([
      ['host1', 'nl-demo-host-host1', '198.18.0.2'],
      ['host2', 'nl-demo-host-host2', '198.18.0.3'],
    ]);
    expect(plan.hosts[0]?.nics).toEqual([
      { name: 'nic1', mac: 'aa:55:aa:55:00:11', mtu: 1500, port: 'host1.nic1', network: 'Fabric' },
      { name: 'mgmt', mac: 'aa:55:aa:55:01:11', mtu: 1500, port: 'host1.mgmt', network: 'Out of band' },
    ]);
  });

  it('joins physical networks without a loop, whoever says that they are joined', () => {
    const network = (name: string, joinedWith: readonly string[]) =>
      `kind: PhysicalNetwork\nname: ${name}\njoinedWith: [${joinedWith.join(', ')}]\nvlans: [10-12, 20]\nmtu: 9000`;
    const text = [network('a', ['b', 'c']), network('b', ['c', 'a']), network('c', ['a']), network('d', [])];
    const plan = planOf('demo', DIRECTORY, objectsOf(text.join('\n---\n')));
    expect(plan.links).toEqual([
      ['a', 'b'],
      ['a', 'c'],
    ]);
    expect(plan.networks[0]?.vlans).toEqual([10, 11, 12, 20]);
  });

  it('says everything that a lab cannot make', () => {
    const host = (nics: readonly string[]) =>
      `kind: Host\nname: h1\ngroup: g\nnics:\n${nics
        .map((name, i) => `  - { name: "${name}", mac: "02:00:00:00:00:0${i}" }`)
        .join('\n')}`;
    const objects = objectsOf(`kind: HostGroup\nname: g\n---\n${host(['lab0', 'Ethernet 01', 'eth0'])}`);
    expect(() => planOf('demo', DIRECTORY, objects)).toThrow(/"lab0"[\s\S]*"Ethernet 01"/);
    expect(() => planOf('demo', `/tmp/${'x'.repeat(100)}`, objects)).toThrow('too long');
  });

  it('names NICs as Linux can, and says which are other names', () => {
    const { objects, findings } = withLinuxNics(example('campus'));
    const plan = planOf('demo', DIRECTORY, objects);
    expect(plan.hosts[0]?.nics.map(({ name }) => name)).toContain('Ethernet-01');
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringContaining('"Ethernet 01" is Ethernet-01, "Ethernet 02" is Ethernet-02'),
    ]);
    expect(withLinuxNics(example('blue-red')).findings).toEqual([]);
  });
});

describe('physical switches of a lab', () => {
  it('carry the VLANs that the network has, and are linked where networks are joined', () => {
    const text = `kind: PhysicalNetwork
name: a
joinedWith: [b]
vlans: [10-12]
---
kind: PhysicalNetwork
name: b
---
kind: HostGroup
name: g
---
kind: Host
name: h1
group: g
nics:
  - { name: n1, physicalNetwork: a, mac: "02:00:00:00:00:01" }
  - { name: n2, mac: "02:00:00:00:00:02" }`;
    const commands = physicalCommands(planOf('demo', DIRECTORY, objectsOf(text))).map((each) =>
      each.join(' '),
    );
    expect(commands).toContain('add-port a h1.n1 trunks=10,11,12');
    expect(commands.join('\n')).not.toContain('h1.n2');
    expect(commands).toContain('set Interface link0.0 type=patch options:peer=link0.1');
    expect(commands).toContain('add-port b link0.1');
  });

  it('take the NICs of a team with LACP as one link', () => {
    const text = `kind: PhysicalNetwork
name: a
---
kind: HostGroup
name: g
---
kind: Host
name: h1
group: g
nics:
  - { name: n1, physicalNetwork: a, mac: "02:00:00:00:00:01" }
  - { name: n2, physicalNetwork: a, mac: "02:00:00:00:00:02" }
---
kind: UplinkPortProfile
name: up
teamingMode: lacp
---
kind: HostSwitch
host: h1
logicalSwitch: s1
nics: [n1, n2]
uplinkProfile: up`;
    const commands = physicalCommands(planOf('demo', DIRECTORY, objectsOf(text))).map((each) =>
      each.join(' '),
    );
    expect(commands).toContain('add-bond a h1.s1 h1.n1 h1.n2 lacp=passive bond_mode=balance-tcp');
    expect(commands).not.toContain('add-port a h1.n1');
  });
});
