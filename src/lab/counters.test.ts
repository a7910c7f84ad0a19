/** What softswitch hosts count, asked by the same question as real hosts. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PortCount } from '../controller/fabric/counts.ts';
import { parseDocuments } from '../model/input.ts';
import { mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { Lab } from './lab.ts';

let lab: Lab;
beforeEach(async () => {
  const text = readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url));
  lab = await Lab.open({ objects: parseDocuments(text, 'blue-red').objects.map(({ object }) => object) });
  await lab.ready();
});
afterEach(() => lab.close());

const all = () => true;
const dropsOf = async (host: string) => (await lab.controller.count([host])).drops(all);
const of = async (host: string) => {
  const counts = await lab.controller.count([host]);
  expect([counts.silent, counts.partial]).toEqual([[], []]);
  return new Map(
    counts.ports(all).map((port) => [`${port.type} ${port.name} ${port.nic ?? ''}`.trim(), port]),
  );
};
const grown = (before: Map<string, PortCount>, after: Map<string, PortCount>) =>
  Object.fromEntries(
    [...after].map(([name, { received, sent }]) => {
      const old = before.get(name);
      return [
        name,
        [received.packets - (old?.received.packets ?? 0n), sent.packets - (old?.sent.packets ?? 0n)].map(
          Number,
        ),
      ];
    }),
  );

it('counts what goes through vNICs, NICs, provider addresses and tunnels', async () => {
  // So that nobody has to ask where anybody is.
  await lab.ping('blue1', 'blue2');
  const before = await of('host1');
  expect((await lab.ping('blue1', 'blue2', { count: 5 })).received).toBe(5);
  const after = await of('host1');
  expect(grown(before, after)).toEqual({
    'vm blue1/eth0': [5, 5],
    'vm red1/eth0': [0, 0],
    'uplink Tenant switch nic1': [5, 5],
    'provider Provider': [5, 5],
    'tunnel Provider': [5, 5],
  });
  expect([...after.values()].every(({ link }) => link)).toBe(true);
});

it('tells what was dropped, with the words of the rule and the object that it comes from', async () => {
  const before = await dropsOf('host1');
  const [blue1] = [...lab.fabric.machines.values()].filter(({ port }) => port.name === 'blue1/eth0');
  const tap = lab.fabric.hosts.get('host1')?.soft.plug(blue1?.port.id ?? '', () => {});
  tap?.send(
    frame(
      { layer: 'eth', src: mac('02:00:00:00:00:99'), dst: mac('02:00:00:00:00:98'), type: 0x0800 },
      { layer: 'data', bytes: new Uint8Array(46) },
    ),
  );
  const drops = await dropsOf('host1');
  const sum = (counted: typeof drops) => counted.reduce((packets, drop) => packets + drop.packets, 0);
  expect(sum(drops)).toBe(sum(before) + 1);
  expect(drops).toContainEqual(
    expect.objectContaining({ host: 'host1', switch: 'Tenant switch', object: 'VirtualMachine/blue1' }),
  );
});

it('says which hosts are not there', async () => {
  const counts = await lab.controller.count(['host2', 'nobody']);
  expect(counts.silent).toEqual(['nobody']);
  expect(new Set(counts.ports(all).map(({ host }) => host))).toEqual(new Set(['host2']));
});
