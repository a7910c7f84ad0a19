import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NetloomError } from '../base/error.ts';
import { parseDocuments } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import { Lab } from './lab.ts';
import { formatWalk } from './walk-text.ts';

function example(name: string): ModelObject[] {
  const file = new URL(`../../examples/${name}.yaml`, import.meta.url);
  const { objects, findings } = parseDocuments(readFileSync(file), name);
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

async function open(objects: readonly ModelObject[]): Promise<Lab> {
  const lab = await Lab.open({ objects, capture: true });
  await lab.ready();
  return lab;
}

describe('blue and red (seed 002)', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await open(example('blue-red'));
  });
  afterAll(() => lab.close());

  it('gives every machine its address by DHCP, from the switch', () => {
    expect(lab.endpoints().map((e) => [e.name, e.addresses])).toEqual([
      ['blue1/eth0', ['10.0.0.5']],
      ['blue2/eth0', ['10.0.0.7']],
      ['red1/eth0', ['10.0.0.5']],
      ['red2/eth0', ['10.0.0.7']],
    ]);
    for (const machine of lab.fabric.machines.values()) {
      expect(machine.nic.lease).toMatchObject({ server: '192.0.2.253', settings: { mtu: 1458 } });
    }
  });

  it.each([
    ['blue1', 'blue2'],
    ['blue2', 'blue1'],
    ['red1', 'red2'],
    ['red2', 'red1'],
  ])('%s reaches %s, over NVGRE', async (from, to) => {
    expect(await lab.ping(from, to, { count: 3 })).toMatchObject({
      sent: 3,
      received: 3,
      verdict: 'answered',
    });
    const { steps, outcome } = await lab.walk(from, to);
    expect(outcome).toBe('answered');
    const vsid = from.startsWith('blue') ? 5001 : 6001;
    const tunnels = steps.filter((step) => step.place === 'tunnel');
    expect(tunnels.map((t) => (t.after?.startsWith('ipv4') ? t.after : t.before))).toSatisfy(
      (texts: string[]) =>
        texts.length === 4 && texts.every((text) => text.includes(`/gre(vsid=${vsid},flow=`)),
    );
  });

  it.each([
    ['blue1', 'red2', 'blue2/eth0'],
    ['blue2', 'red1', 'blue1/eth0'],
    ['red1', 'blue2', 'red2/eth0'],
    ['blue1', 'red1', undefined],
  ])('%s never reaches %s: the address is %s where it is', async (from, to, instead) => {
    const result = await lab.ping(from, to);
    expect(result).toMatchObject({ sent: 1, received: 0, verdict: 'lost' });
    expect(result.answeredBy).toBe(instead);
    expect(result.dropped?.reason).toContain(`is ${instead ?? `${from}/eth0 itself`}`);
  });

  it('tells a walk that ends at another machine from one that is dropped', async () => {
    const walk = await lab.walk('blue1', 'red2');
    expect(walk.outcome).toBe('answered-by-another');
    expect(formatWalk(walk)).toMatch(/red2\/eth0 is never reached: there 10\.0\.0\.7 is blue2\/eth0;/);
  });

  it('says where and why a frame to an address that nobody has is dropped', async () => {
    const result = await lab.ping('blue1', '10.0.0.99');
    expect(result).toMatchObject({ verdict: 'lost', errors: ['no answer to ARP for 10.0.0.99'] });
    expect(result.dropped).toMatchObject({
      at: 'table neighbour of the virtual switch Tenant switch on host1',
      reason: 'no machine of the subnet has that address',
    });
  });

  it('lets the gateway answer in the switch of the host', async () => {
    const { outcome, steps } = await lab.walk('blue1', '10.0.0.1');
    expect(outcome).toBe('answered');
    expect(steps.some((step) => step.place === 'nic' || step.place === 'tunnel')).toBe(false);
  });

  it('names what it does not know, and what there is', async () => {
    await expect(lab.ping('blue1', 'blu2')).rejects.toSatisfy(
      (e) => e instanceof NetloomError && e.code === 'not-found' && /blue1, blue2/.test(e.message),
    );
  });
});

describe('campus (seed 003)', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await open(example('campus'));
  });
  afterAll(() => lab.close());

  it.each([
    ['cloud-pm-cn01', 'cloud-pm-ds01'],
    ['cloud-pm-cn01/Migration', 'cloud-pm-cn02/Migration'],
    ['app-web01', 'app-web02'],
    ['app-db01', 'db01'],
    ['cloud-pm-ag01', 'portal01'],
    ['edu01', 'cloud-pm-ag01/eth1'],
  ])('%s reaches %s', async (from, to) => {
    expect(await lab.ping(from, to)).toMatchObject({ verdict: 'answered' });
  });

  it('keeps App Network and Database Network apart', async () => {
    const result = await lab.ping('app-web01', 'db01');
    expect(result).toMatchObject({
      verdict: 'lost',
      dropped: { reason: 'the routing domain has no route to its destination' },
    });
  });

  it('walks from a host to another server in the order of seed 004', async () => {
    const { steps } = await lab.walk('cloud-pm-cn01', 'cloud-pm-ds01');
    const there = steps.filter((step) => step.way === 'there').map((step) => step.place);
    expect(there).toEqual([
      'host-stack',
      'cable',
      'switch',
      'nic',
      'physical-network',
      'nic',
      'switch',
      'host-stack',
    ]);
  });

  it('takes the short way inside the switch from a machine to its neighbour on the host', async () => {
    const { steps } = await lab.walk('edu01', 'cloud-pm-ag01/eth1');
    const there = steps.filter((step) => step.way === 'there').map((step) => step.place);
    expect(there).toEqual(['guest', 'cable', 'switch', 'guest']);
  });

  it('shows a walk as text, with the rules and where they came from', async () => {
    const text = formatWalk(await lab.walk('app-web01', 'app-web02'));
    expect(text).toMatch(/^app-web01\/eth0 -> app-web02\/eth0 \(10\.10\.1\.10\d\)/);
    expect(text).toContain('spoof-guard  app-web01/eth0 may send from 10.10.1.10');
    expect(text).toContain('[VirtualMachine/app-web02]');
    expect(text).toMatch(/Answered: \d+ steps there and back\./);
  });
});

it('follows the controller: machines come, move to another subnet, and go', async () => {
  const objects = example('blue-red');
  const lab = await open(objects);
  try {
    const blue2 = objects.find((o) => o.kind === 'VirtualMachine' && o.name === 'blue2');
    if (blue2?.kind !== 'VirtualMachine') throw new Error('no blue2');
    const blue3 = {
      ...blue2,
      name: 'blue3',
      vnics: blue2.vnics.map(({ mac: _, ...v }) => ({ ...v, addresses: [] })),
    };
    await expect(lab.controller.apply([{ object: blue3 }], { author: 'test' })).rejects.toThrow(/pool/);
    const pooled: ModelObject[] = parseDocuments(
      '{kind: IpPool, name: Blue pool, vmNetwork: Blue, subnet: Blue subnet, from: 10.0.0.100, to: 10.0.0.110}',
      'pool',
    ).objects.map(({ object }) => object);
    await lab.controller.apply(
      [...pooled, blue3].map((object) => ({ object })),
      { author: 'test' },
    );
    await lab.ready();
    expect(await lab.ping('blue1', 'blue3')).toMatchObject({ verdict: 'answered', address: '10.0.0.100' });
    await lab.controller.apply([{ delete: 'VirtualMachine/blue3' }], { author: 'test' });
    await lab.fabric.settled();
    await expect(lab.ping('blue1', 'blue3')).rejects.toThrow(/blue3/);
    expect(await lab.ping('blue1', '10.0.0.100')).toMatchObject({ verdict: 'lost' });
  } finally {
    await lab.close();
  }
});

it('keeps a machine running when it moves to another host: address, lease and neighbours stay', async () => {
  const lab = await open(example('blue-red'));
  try {
    const blue2 = lab.controller.network.get('VirtualMachine/blue2')?.object;
    if (blue2?.kind !== 'VirtualMachine') throw new Error('no blue2');
    expect(await lab.ping('blue1', 'blue2')).toMatchObject({ verdict: 'answered' });
    const nicOf = () => [...lab.fabric.machines.values()].find((m) => m.port.name === 'blue2/eth0')!.nic;
    const before = { nic: nicOf(), lease: nicOf().lease };
    for (const host of ['host1', 'host2', 'host1']) {
      await lab.controller.apply([{ object: { ...blue2, host } }], { author: 'test' });
      await lab.ready();
      expect(nicOf()).toBe(before.nic);
      expect(nicOf().lease).toEqual(before.lease);
      expect(await lab.ping('blue1', 'blue2', { count: 2 })).toMatchObject({ received: 2 });
    }
    const { steps } = await lab.walk('blue1', 'blue2');
    expect(steps.some((step) => step.place === 'tunnel')).toBe(false);
  } finally {
    await lab.close();
  }
});

describe('a failure of a host', () => {
  it('is told, and keeps nobody from following what comes after it', async () => {
    const told: string[] = [];
    const lab = await Lab.open({
      objects: example('blue-red'),
      onTrouble: (_host, findings) => told.push(...findings.map((f) => f.message)),
    });
    const change = (description: string) => {
      const text = `kind: Host\nname: late\ngroup: ${groupOf(lab)}\ndescription: ${description}\nnics: []\n`;
      const { objects } = parseDocuments(text, 'late');
      return lab.controller.apply(
        objects.map(({ object }) => ({ object })),
        { author: 'test' },
      );
    };
    const fault = vi
      .spyOn(lab.fabric.physical, 'setNetwork')
      .mockRejectedValueOnce(new Error('the cable broke'));
    await change('first');
    await expect(lab.fabric.settled()).rejects.toThrow('the cable broke');
    expect(told).toEqual(['the cable broke']);
    expect([...lab.fabric.hosts.keys()]).not.toContain('late');
    fault.mockRestore();
    await change('second');
    await lab.fabric.settled();
    expect([...lab.fabric.hosts.keys()]).toContain('late');
    await lab.close();
  });
});

/** The group of the hosts that are there. */
function groupOf(lab: Lab): string {
  const [first] = lab.controller.network.list('Host');
  if (first?.object.kind !== 'Host') throw new Error('there is no host');
  return first.object.group;
}
