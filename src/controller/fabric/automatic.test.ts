import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { parseDocuments } from '../../model/input.ts';
import { objectKey } from '../../model/kinds.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { Controller } from '../controller.ts';

const author = { author: 'test' };

async function world(...documents: string[]) {
  let next = 0;
  const uuid = () => `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`;
  const controller = await Controller.open({ store: createMemoryStore(), clock: new FakeClock(), uuid });
  const apply = (yaml: readonly string[], dryRun = false) => {
    const { objects, findings } = parseDocuments(yaml.map((text) => text.trim()).join('\n---\n'), 'test');
    expect(findings).toEqual([]);
    return controller.apply(
      objects.map(({ object }) => ({ object })),
      { ...author, dryRun },
    );
  };
  const keys = () => [...controller.network.keys()].sort();
  if (documents.length > 0) await apply(documents);
  return { controller, apply, keys };
}

const PLACE = ['kind: HostGroup\nname: G', 'kind: HostGroup\nname: H', 'kind: PhysicalNetwork\nname: blue'];
const GREEN = 'kind: PhysicalNetwork\nname: green\njoinedWith: [blue]';
const host = (name: string, network: string, group = 'G') =>
  `kind: Host\nname: ${name}\ngroup: ${group}\nnics: [{ name: n, physicalNetwork: ${network}, mac: "02:00:00:00:00:0${name.at(-1)}" }]`;
const SETTINGS = (on: boolean) => `kind: FabricSettings\nautoCreateLogicalNetworks: ${on}`;
const SWITCH = [
  'kind: UplinkPortProfile\nname: U\nsites: [{ logicalNetwork: blue, site: G }]',
  'kind: LogicalSwitch\nname: L\nuplinkProfiles: [U]',
  'kind: HostSwitch\nhost: h1\nlogicalSwitch: L\nnics: [n]\nuplinkProfile: U',
];

describe('a host with a NIC that no logical network comes to', () => {
  it('brings a logical network along, ready to use: with a VM network of its name and a site', async () => {
    const { controller, apply, keys } = await world(...PLACE);
    const before = keys();
    const dry = await apply([host('h1', 'blue')], true);
    expect(dry.objects.map(({ key, action }) => `${action} ${key}`)).toEqual([
      'create Host/h1',
      'create LogicalNetwork/blue',
      'create NetworkSite/blue/G',
    ]);
    expect(keys()).toEqual(before);
    const { revision, findings } = await apply([host('h1', 'blue')]);
    expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['warning network-created']);
    expect(controller.network.fact('VmNetwork/blue')).toMatchObject({
      isolation: 'none',
      logicalNetwork: 'blue',
    });
    // A switch is all that is missing until a machine can use it.
    await apply([
      ...SWITCH,
      'kind: VirtualMachine\nname: vm1\nhost: h1\nvnics: [{ name: eth0, vmNetwork: blue }]',
    ]);
    expect([...controller.network.records()].map(({ record }) => record.kind)).toContain('port');
    // It is part of the same change, so undo takes it back.
    await controller.undo(controller.revision, author);
    await controller.undo(revision!, author);
    expect(keys()).toEqual(before);
    // And undoing the undo makes what was there, and nothing more.
    await controller.undo(controller.revision, author);
    expect(keys()).toEqual([...before, 'Host/h1', 'LogicalNetwork/blue', 'NetworkSite/blue/G'].sort());
  });

  it('brings none along where it is turned off, in the same change too', async () => {
    const { apply, keys } = await world(...PLACE);
    await apply([SETTINGS(false), host('h1', 'blue')]);
    await apply([host('h2', 'blue')]);
    expect(keys()).not.toContain('LogicalNetwork/blue');
    await apply([SETTINGS(true)]);
    await apply([host('h3', 'blue')]);
    expect(keys()).toContain('LogicalNetwork/blue');
  });

  it('brings none along where a switch brings one, in the same change too, and where one is described', async () => {
    const mgmt = [
      'kind: LogicalNetwork\nname: M\nsameNameVmNetwork: true',
      'kind: NetworkSite\nname: S\nlogicalNetwork: M\nhostGroups: [G]',
    ];
    const connected = SWITCH.map((text) =>
      text.replace('logicalNetwork: blue, site: G', 'logicalNetwork: M, site: S'),
    );
    const { apply, keys } = await world(...PLACE, GREEN, ...mgmt);
    await apply([host('h1', 'blue'), ...connected]);
    // Joined with the one that it comes to.
    await apply([host('h2', 'green')]);
    expect(keys().filter((key) => key.startsWith('LogicalNetwork/'))).toEqual(['LogicalNetwork/M']);
    const alone = await world(...PLACE);
    await alone.apply([host('h1', 'blue'), ...mgmt]);
    expect(alone.keys().filter((key) => key.startsWith('LogicalNetwork/'))).toEqual(['LogicalNetwork/M']);
    // The control: without the switch, and without a description, it does.
    await alone.apply([host('h2', 'blue')]);
    expect(alone.keys()).toContain('LogicalNetwork/blue');
  });

  it('shares one with joined networks and other hosts, and gives each host group its site', async () => {
    const { apply, keys } = await world(...PLACE, GREEN, 'kind: HostGroup\nname: I\nparent: H');
    await apply([host('h1', 'blue'), host('h2', 'green'), host('h3', 'green', 'H')]);
    await apply([host('h4', 'blue', 'H'), host('h5', 'blue', 'I')]);
    expect(keys().filter((key) => /^(LogicalNetwork|NetworkSite)/.test(key))).toEqual([
      'LogicalNetwork/blue',
      'NetworkSite/blue/G',
      'NetworkSite/blue/H',
    ]);
  });

  it('brings one along when a NIC is added to it later, and never for what it has had', async () => {
    const bare = 'kind: Host\nname: h1\ngroup: G';
    const { controller, apply, keys } = await world(...PLACE, bare);
    await apply([host('h1', 'blue')]);
    expect(keys()).toContain('LogicalNetwork/blue');
    await controller.apply([{ delete: 'NetworkSite/blue/G' }, { delete: 'LogicalNetwork/blue' }], author);
    await apply([`${host('h1', 'blue')}\ndescription: changed`]);
    expect(keys()).not.toContain('LogicalNetwork/blue');
  });

  it('takes no name away from a VM network', async () => {
    const { apply, keys } = await world(
      ...PLACE,
      'kind: LogicalNetwork\nname: M\nnetworkVirtualization: true',
      'kind: VmNetwork\nname: blue\nlogicalNetwork: M\nisolation: virtualized',
    );
    const { findings } = await apply([host('h1', 'blue')]);
    expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('none was made')]);
    expect(keys()).not.toContain('LogicalNetwork/blue');
  });

  it('changes nothing about a whole description', async () => {
    for (const name of ['campus', 'blue-red', 'private-vlan']) {
      const text = readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), 'utf8');
      const { keys } = await world(text);
      expect(keys(), name).toEqual(
        parseDocuments(text, name)
          .objects.map(({ object }) => objectKey(object))
          .sort(),
      );
    }
  });
});
