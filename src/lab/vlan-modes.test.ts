/** examples/vlan-modes.yaml with real guests, and frames that they may not send: tags, addresses, priorities. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import { BROADCAST_MAC, ip, ipv4, mac } from '../packet/address.ts';
import type { Layer } from '../packet/layer.ts';
import { Lab } from './lab.ts';
import { RawLab } from './raw-lab.ts';

const EXAMPLE = new URL('../../examples/vlan-modes.yaml', import.meta.url);

function example(edit: (text: string) => string = (text) => text): ModelObject[] {
  const { objects, findings } = parseDocuments(edit(readFileSync(EXAMPLE, 'utf8')), 'vlan-modes');
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

describe('the example of VLAN modes', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open({ objects: example() });
    await lab.ready();
  });
  afterAll(() => lab.close());

  it.each([
    ['staff1', 'staff2'],
    ['router', 'staff2'],
    ['staff2', '10.10.0.1'],
    ['router/eth0.20', 'guest1'],
    ['guest1', 'router/eth0.20'],
    ['router/eth0.30', 'phone2'],
    ['phone1', 'phone2'],
    ['desk1', 'printer'],
    ['desk2', 'printer'],
    ['printer', 'desk1'],
    ['kiosk1', 'counter'],
    ['counter', 'kiosk2'],
  ])('%s reaches %s', async (from, to) => {
    expect(await lab.ping(from, to)).toMatchObject({ verdict: 'answered' });
  });

  it.each([
    ['staff1', 'guest1'],
    ['router/eth0', 'guest1'],
    ['router/eth0.20', 'lab1'],
    ['lab1', 'router/eth0.20'],
    ['desk1', 'desk2'],
    ['desk1', 'staff1'],
    ['kiosk1', 'kiosk2'],
  ])('%s never reaches %s', async (from, to) => {
    expect(await lab.ping(from, to)).toMatchObject({ verdict: 'lost' });
  });
});

describe('frames that a vNIC on VLANs sends', () => {
  let bench: RawLab;
  beforeAll(async () => {
    const free = `
---
{ kind: VirtualPortProfile, name: Free, security: { guestSpecifiedAddresses: true } }
---
{ kind: PortClassification, name: Free }
---
{ kind: VirtualMachine, name: firewall, host: host1, vnics: [{ vmNetwork: Staff, classification: Free, addresses: [10.10.0.2], trunk: { tagged: [20, 30] } }] }
`;
    const offer = '  - { classification: Voice, profile: Voice }\n';
    bench = await RawLab.open(
      example((text) => text.replace(offer, `${offer}  - { classification: Free, profile: Free }\n`) + free),
      'House wire',
    );
  });
  afterAll(() => bench.close());

  const all: Layer = { layer: 'eth', dst: mac('ff:ff:ff:ff:ff:ff') };
  const tag = (vid: number, pcp = 0): Layer => ({ layer: 'vlan', vid, pcp });
  const from = (src: string): Layer => ({ layer: 'ipv4', src: ip(src), dst: ip('255.255.255.255') }) as Layer;

  it.each<[what: string, machine: string, layers: Layer[], heard: string[]]>([
    // Access: what has a tag goes nowhere; next to it the same without one.
    ['untagged, by access', 'staff1', [from('10.10.0.11')], ['staff2', 'router', 'firewall', 'outside 10']],
    ['the own VLAN, tagged, by access', 'staff1', [tag(10), from('10.10.0.11')], []],
    ['another VLAN, by access', 'staff1', [tag(20), from('10.10.0.11')], []],
    // Trunk: its VLANs, each with the addresses that are used there.
    ['untagged, by a trunk', 'router', [from('10.10.0.1')], ['staff1', 'staff2', 'firewall', 'outside 10']],
    ['a VLAN of the trunk', 'router', [tag(20), from('10.20.0.1')], ['guest1', 'firewall 20', 'outside 20']],
    ['a VLAN that is not of the trunk', 'router', [tag(40), from('10.40.0.1')], []],
    ['the native VLAN with a tag', 'router', [tag(10), from('10.10.0.1')], []],
    ['an address of another VLAN', 'router', [tag(20), from('10.10.0.1')], []],
    ['the address of another machine', 'router', [tag(20), from('10.20.0.11')], []],
    ['two tags', 'router', [tag(20), tag(20), from('10.20.0.1')], []],
    [
      'any address, if it may',
      'firewall',
      [tag(20), from('192.0.2.1')],
      ['guest1', 'router 20', 'outside 20'],
    ],
    ['a VLAN that is not of its trunk, if it may', 'firewall', [tag(40), from('192.0.2.1')], []],
    ['a VLAN of the trunk twice, if it may', 'firewall', [tag(20), tag(30), from('192.0.2.1')], []],
    // Hybrid: untagged into the native VLAN, and never with a tag.
    ['untagged, by a hybrid', 'printer', [from('10.50.0.5')], ['desk1', 'desk2', 'outside 50']],
    ['a VLAN that it hears untagged', 'printer', [tag(51), from('10.50.0.5')], []],
    // Priority (802.1p): with the right to set it, it stays, to the wire and to others who have that right.
    [
      'a priority, if it may',
      'phone1',
      [tag(0, 5), from('10.30.0.11')],
      ['phone2 0p5', 'router 30p5', 'firewall 30p5', 'outside 30p5'],
    ],
    ['a priority', 'staff1', [tag(0, 5), from('10.10.0.11')], ['staff2', 'router', 'firewall', 'outside 10']],
    [
      'a priority, in a VLAN of a trunk',
      'router',
      [tag(20, 5), from('10.20.0.1')],
      ['guest1', 'firewall 20', 'outside 20'],
    ],
  ])('%s', (_, machine, layers, heard) => {
    expect(bench.send(machine, { ...all, src: bench.macOf(machine) } as Layer, ...layers)).toEqual(
      [...heard].sort(),
    );
  });

  it.each<[what: string, tags: Layer[], heard: string[]]>([
    ['VLAN 20 to those who carry it', [tag(20)], ['guest1', 'router 20', 'firewall 20']],
    ['VLAN 40 to nobody else', [tag(40)], ['lab1']],
    ['VLAN 51 to the hybrids that hear it, without the tag', [tag(51)], ['desk1', 'printer']],
    ['untagged frames to nobody', [], []],
  ])('come from outside: %s', (_, tags, heard) => {
    const source = { ...all, src: mac('aa:55:aa:55:99:99') } as Layer;
    expect(bench.send('outside', source, ...tags, from('192.0.2.7'))).toEqual([...heard].sort());
  });
});

it('copies into a VLAN are heard on another host by who listens there, and by nobody else', async () => {
  const copied = (text: string) =>
    text.replace(
      '{ vmNetwork: Staff, addresses: [10.10.0.11] }',
      '{ vmNetwork: Staff, addresses: [10.10.0.11], mirror: { vlan: 40, direction: from } }',
    );
  const bench = await RawLab.open(example(copied), 'House wire');
  try {
    const ping = (from: string, src: string) =>
      bench.send(
        from,
        { layer: 'eth', src: bench.macOf(from), dst: bench.macOf('staff2') },
        { layer: 'ipv4', src: ipv4(src), dst: ipv4('10.10.0.12') },
      );
    bench.send(
      'staff2',
      { layer: 'eth', src: bench.macOf('staff2'), dst: BROADCAST_MAC },
      { layer: 'arp', sha: bench.macOf('staff2'), spa: ipv4('10.10.0.12') },
    );
    expect(ping('staff1', '10.10.0.11')).toEqual(['lab1', 'outside 40', 'staff2']);
    expect(ping('router', '10.10.0.1')).toEqual(['staff2']);
  } finally {
    await bench.close();
  }
});
