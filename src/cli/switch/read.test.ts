import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFinding, NetloomError } from '../../base/error.ts';
import { formatFlow } from '../../flow/text.ts';
import { readSwitch } from './read.ts';
import { buildSwitch } from './running.ts';

const read = (text: string) => readSwitch(new TextEncoder().encode(text), 's.yaml');

/** What is said about a file, a line each, without the remedies. */
function wrong(text: string): string[] {
  try {
    read(text);
  } catch (thrown) {
    if (!(thrown instanceof NetloomError)) throw thrown;
    for (const found of thrown.findings) expect(found.remedy, describeFinding(found)).not.toBe('');
    return thrown.findings.map(({ code, path, source }) => `${source?.line ?? '-'} ${code} ${path}`.trim());
  }
  return [];
}

describe('the file of a switch', () => {
  it('of the examples is read, and its switch can be built', async () => {
    const file = new URL('../../../examples/switch.yaml', import.meta.url);
    const { sw, numbers } = await buildSwitch(readSwitch(readFileSync(file), 'switch.yaml'));
    expect(numbers).toEqual([1, 2]);
    await sw.close();
  });

  it('says what each port is', () => {
    const { name, ports, flows } = read(`
ports:
  - { name: a, stream: { listen: a.sock } }
  - { name: b, stream: { connect: b.sock }, vlan: { mode: access, tag: 7 } }
  - { name: c, datagram: { local: "127.0.0.1:5", remote: "127.0.0.1:6" }, vlan: { mode: native-tagged, tag: 2, trunks: [3] } }
  - { name: d, vxlan: { local: 10.0.0.1, remote: 10.0.0.2, vni: 9, port: 8472 }, vlan: { mode: access, tag: 7 } }
  - { name: e, geneve: { local: "2001:DB8::1" } }
`);
    expect(name).toBe('switch');
    const all = { mode: 'trunk', trunks: [] };
    expect(ports).toEqual([
      { spec: { type: 'vif', name: 'a', id: 'a', vlan: all }, socket: { type: 'listen', path: 'a.sock' } },
      {
        spec: { type: 'vif', name: 'b', id: 'b', vlan: { mode: 'access', tag: 7 } },
        socket: { type: 'connect', path: 'b.sock' },
      },
      {
        spec: { type: 'vif', name: 'c', id: 'c', vlan: { mode: 'native-tagged', tag: 2, trunks: [3] } },
        socket: { type: 'datagram', local: '127.0.0.1:5', remote: '127.0.0.1:6' },
      },
      {
        spec: { type: 'vif', name: 'd', id: 'd', vlan: { mode: 'access', tag: 7 } },
        socket: {
          type: 'tunnel',
          encapsulation: 'vxlan',
          local: '10.0.0.1',
          port: 8472,
          link: { remote: '10.0.0.2', vni: 9 },
        },
      },
      {
        spec: { type: 'tunnel', name: 'e', encapsulation: 'geneve', local: '2001:db8::1' },
        socket: {
          type: 'tunnel',
          encapsulation: 'geneve',
          local: '2001:db8::1',
          port: undefined,
          link: undefined,
        },
      },
    ]);
    expect(flows.map(formatFlow)).toEqual(['table=0,priority=0,actions=NORMAL']);
  });

  it('may have groups and meters, which flows then name', async () => {
    const plan = read(`
ports:
  - { name: a, stream: { listen: a.sock } }
meters: ['meter=1,kbps,band=type=drop,rate=1000']
groups: ['group_id=1,type=all,bucket=actions=output:1', 'group_id=2,type=indirect,bucket=actions=group:1']
flows: ['actions=meter:1,group:2']
`);
    const { sw } = await buildSwitch(plan);
    expect((await sw.dumpFlows()).map(({ flow }) => formatFlow(flow))).toHaveLength(1);
    await sw.close();
    await expect(buildSwitch({ ...plan, groups: [] })).rejects.toThrow(/group/);
    await expect(buildSwitch({ ...plan, meters: [] })).rejects.toThrow(/meter/);
  });

  const one = 'ports:\n  - name: a\n    stream: { listen: a }\n';
  it.each([
    ['', ['- input-unreadable']],
    ['3', ['1 value-invalid']],
    ['ports: []', ['1 value-invalid ports']],
    ['ports: [', ['1 yaml-syntax']],
    [`${one}---\n${one}`, ['5 value-invalid']],
    [`${one}flow: []`, ['4 field-unknown flow']],
    [
      `${one}flows:\n  - actions=3\n  - actions=nonsense\n  - 7`,
      ['7 value-invalid flows[2]', '6 flow-invalid flows[1].actions'],
    ],
    [
      `${one}groups: [3x]\nmeters: ['kbps']`,
      ['4 flow-invalid groups[0].3x', '5 flow-invalid meters[0].bands'],
    ],
    ['ports:\n  - name: a', ['2 field-missing ports[0]']],
    ['ports:\n  - stream: { listen: a }', ['2 field-missing ports[0].name']],
    ['ports:\n  - { name: a, stream: {} }', ['2 field-conflict ports[0].stream']],
    ['ports:\n  - { name: a, stream: { listen: b, connect: c } }', ['2 field-conflict ports[0].stream']],
    [
      `ports:\n  - { name: a, stream: { listen: ${'x'.repeat(108)} } }`,
      ['2 value-invalid ports[0].stream.listen'],
    ],
    [
      'ports:\n  - { name: a, stream: { connect: a }, vxlan: { local: 10.0.0.1 } }',
      ['2 field-conflict ports[0]'],
    ],
    [
      'ports:\n  - { name: a, stream: { listen: a } }\n  - { name: a, stream: { listen: a } }',
      ['3 name-duplicate ports[1].name', '3 value-duplicate ports[1].stream.listen'],
    ],
    [
      'ports:\n  - { name: a, datagram: { local: "1.2.3.4", remote: "::1:5" } }',
      ['2 value-invalid ports[0].datagram.local', '2 value-invalid ports[0].datagram.remote'],
    ],
    [
      'ports:\n  - { name: a, datagram: { local: "1.2.3.4:1", remote: "[::1]:1" } }',
      ['2 field-conflict ports[0].datagram'],
    ],
    ['ports:\n  - { name: a, vxlan: { local: 10.0.0.1, vni: 3 } }', ['2 field-missing ports[0].vxlan']],
    [
      'ports:\n  - { name: a, vxlan: { local: 10.0.0.1, remote: 10.0.0.1, vni: 3 } }',
      ['2 field-conflict ports[0].vxlan.remote'],
    ],
    [
      'ports:\n  - { name: a, vxlan: { local: 10.0.0.1, remote: "::1", vni: 3 } }',
      ['2 field-conflict ports[0].vxlan'],
    ],
    [
      'ports:\n  - { name: a, vxlan: { local: 10.0.0.1 }, vlan: { mode: trunk } }',
      ['2 field-conflict ports[0].vlan'],
    ],
    [
      'ports:\n  - { name: a, vxlan: { local: 10.0.0.1, remote: 10.0.0.2, vni: 3 } }\n  - { name: b, vxlan: { local: 10.0.0.1, remote: 10.0.0.2, vni: 3 } }',
      ['3 value-duplicate ports[1].vxlan'],
    ],
    [
      'ports:\n  - { name: a, stream: { listen: a }, vlan: { mode: trunk, tag: 3 } }',
      ['2 field-conflict ports[0].vlan.tag'],
    ],
    [
      'ports:\n  - { name: a, stream: { listen: a }, vlan: { mode: access } }',
      ['2 field-missing ports[0].vlan.tag'],
    ],
    [
      'ports:\n  - { name: a, stream: { listen: a }, vlan: { mode: access, tag: 1, trunks: [2] } }',
      ['2 field-conflict ports[0].vlan.trunks'],
    ],
    [
      'ports:\n  - { name: a, stream: { listen: a }, vlan: { mode: hybrid, tag: 5000 } }',
      ['2 value-invalid ports[0].vlan.mode', '2 value-invalid ports[0].vlan.tag'],
    ],
  ])('%j: %j', (text, expected) => {
    expect(wrong(text).sort()).toEqual([...expected].sort());
  });

  it('throws nothing but findings, whatever is in it', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.constantFrom('a', '10.0.0.1', '127.0.0.1:5'),
    );
    const fields = (...names: string[]) =>
      fc.dictionary(fc.constantFrom(...names), fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), {
        maxKeys: 4,
      });
    const port = fc.record(
      {
        name: leaf,
        stream: fields('listen', 'connect', 'x'),
        datagram: fields('local', 'remote'),
        vxlan: fields('local', 'remote', 'vni', 'port'),
        vlan: fields('mode', 'tag', 'trunks'),
      },
      { requiredKeys: [] },
    );
    const file = fc.record({
      ports: fc.array(port, { maxLength: 4 }),
      flows: fc.array(leaf, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.oneof(file, fc.jsonValue()), (value) => {
        wrong(JSON.stringify(value));
      }),
    );
  });
});
