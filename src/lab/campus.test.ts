/** The data centre of examples/campus.yaml as a whole: every endpoint to every other, and a server that moves. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { isKind } from '../model/kinds.ts';
import { Lab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  const file = new URL('../../examples/campus.yaml', import.meta.url);
  const { objects } = parseDocuments(readFileSync(file), 'campus.yaml');
  lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  await lab.ready();
});
afterAll(() => lab.close());

/** Who is on which network, as the table at the top of the file says. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  Management: ['cloud-pm-cn01/Management', 'cloud-pm-cn02/Management', 'cloud-pm-ds01/Management'],
  Cluster: ['cloud-pm-cn01/Cluster', 'cloud-pm-cn02/Cluster'],
  Migration: ['cloud-pm-cn01/Migration', 'cloud-pm-cn02/Migration'],
  'App Network': ['app-web01/eth0', 'app-web02/eth0', 'app-db01/eth0'],
  'Database Network': ['db01/eth0', 'app-db01/eth1'],
  Cernet: ['edu01/eth0', 'cloud-pm-ag01/eth1'],
  Datacenter: ['portal01/eth0', 'cloud-pm-ag01/eth0'],
};
const ENDPOINTS = Object.entries(NETWORKS).flatMap(([network, names]) =>
  names.map((name) => ({ name, network })),
);

describe('examples/campus.yaml', () => {
  it('has the endpoints of its table, and no other', () => {
    expect(
      lab
        .endpoints()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(ENDPOINTS.map(({ name }) => name).sort());
  });

  it.each(ENDPOINTS)(
    '$name on $network reaches who is on $network, and nobody else',
    async ({ name, network }) => {
      const reached: string[] = [];
      for (const to of ENDPOINTS) {
        if (to.name === name) continue;
        const { verdict } = await lab.ping(name, to.name);
        if (verdict === 'answered') reached.push(to.name);
      }
      expect(reached).toEqual(NETWORKS[network]?.filter((other) => other !== name));
    },
  );

  it('lets a server move to the other host with its addresses, and be reached there', async () => {
    const before = lab.endpoints().find(({ name }) => name === 'app-web01/eth0');
    const held = lab.controller.network.get('VirtualMachine/app-web01')?.object;
    if (!held || !isKind(held, 'VirtualMachine')) throw new Error('there is no app-web01');
    await lab.controller.apply([{ object: { ...held, host: 'cloud-pm-cn02' } }], { author: 'test' });
    await lab.ready();
    const after = lab.endpoints().find(({ name }) => name === 'app-web01/eth0');
    expect(after).toEqual({ ...before, host: 'cloud-pm-cn02' });
    expect((await lab.ping('app-db01/eth0', 'app-web01')).verdict).toBe('answered');
    expect((await lab.ping('app-web01', 'app-web02')).verdict).toBe('answered');
  });
});
