/** Two tenants with the same names and addresses on one fabric (examples/tenants.yaml), with real frames. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { isKind, type ModelObject, type VirtualMachine } from '../model/kinds.ts';
import { Lab } from './lab.ts';

let lab: Lab;
let objects: ModelObject[];

beforeAll(async () => {
  const file = new URL('../../examples/tenants.yaml', import.meta.url);
  const parsed = parseDocuments(readFileSync(file), 'tenants.yaml');
  expect(parsed.findings).toEqual([]);
  objects = parsed.objects.map(({ object }) => object);
  lab = await Lab.open({ objects });
  await lab.ready();
});
afterAll(() => lab.close());

const verdict = async (from: string, to: string) => (await lab.ping(from, to)).verdict;

describe('two tenants', () => {
  it('have the same names and addresses, each on a network of its own', async () => {
    const addresses = Object.fromEntries(lab.endpoints().map((e) => [e.name, e.addresses[0]]));
    expect(addresses).toEqual({
      'red:web1/eth0': '10.0.0.100',
      'red:web2/eth0': '10.0.0.101',
      'blue:web1/eth0': '10.0.0.100',
      'blue:web2/eth0': '10.0.0.101',
      'red:web1/eth1': '10.7.0.101',
      'blue:web1/eth1': '10.7.0.100',
    });
    for (const tenant of ['red', 'blue']) {
      expect(await verdict(`${tenant}:web1/eth0`, `${tenant}:web2/eth0`)).toBe('answered');
    }
  });

  it('do not reach each other, but for what the administrator opened to both', async () => {
    expect(await verdict('red:web2', 'blue:web2')).toBe('lost');
    expect(await verdict('red:web1/eth0', 'blue:web2')).toBe('lost');
    expect(await verdict('red:web1/eth1', 'blue:web1/eth1')).toBe('answered');
  });

  it('mean their own machines by an address', async () => {
    // 10.0.0.101 is blue:web2 as well, which comes first in the alphabet.
    for (const tenant of ['red', 'blue']) {
      const { verdict: is, to } = await lab.ping(`${tenant}:web1`, '10.0.0.101');
      expect([is, to]).toEqual(['answered', `${tenant}:web2/eth0`]);
      expect((await lab.walk(`${tenant}:web1`, '10.0.0.101')).outcome).toBe('answered');
    }
    // Nobody has it on the network of the sender: an address, and not the machine of somebody else.
    const { verdict: is, to } = await lab.ping('red:web1/eth1', '10.0.0.101');
    expect([is, to]).toEqual(['lost', '10.0.0.101']);
    const self = await lab.ping('red:web1', '10.0.0.100');
    expect(self.dropped?.reason).toContain('10.0.0.100 is its own address');
  });

  it('have machines that are described first and placed later', async () => {
    const placed = objects.find(
      (o): o is VirtualMachine => isKind(o, 'VirtualMachine') && o.tenant === 'red' && o.name === 'web2',
    )!;
    const { host: _host, ...described } = placed;
    const vm: VirtualMachine = { ...described, name: 'web3' };
    const before = [...lab.controller.network.records()].length;
    await lab.controller.apply([{ object: vm }], { author: 'test' });
    // Nothing is handed out for it, and no host hears of it.
    expect([...lab.controller.network.records()].length).toBe(before);
    expect(lab.endpoints().map((e) => e.name)).not.toContain('red:web3/eth0');
    await lab.controller.apply([{ object: { ...vm, host: 'host1' } }], { author: 'test' });
    await lab.ready();
    expect(await verdict('red:web3', 'red:web2')).toBe('answered');
  });
});
