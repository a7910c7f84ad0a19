/** What a host holds, told by the API and by its agent. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Accounts } from '../access/accounts.ts';
import { systemClock } from '../base/clock.ts';
import { Lab } from '../lab/lab.ts';
import { type ModelObject, objectKey } from '../model/kinds.ts';
import { createApi } from './api.ts';
import { blueRed, TOKEN } from './fixture.ts';
import type { HostPolicyView } from './policy.ts';

let lab: Lab;
let app: Awaited<ReturnType<typeof createApi>>;

/** Two hosts of the story of seed 002, with test01 on host16 and nothing on host15. */
const NAMES: Readonly<Record<string, string>> = { host1: 'host16', host2: 'host15', blue1: 'test01' };

function story(): ModelObject[] {
  const kept = blueRed().filter(({ kind, name }) => kind !== 'VirtualMachine' || name === 'blue1');
  const text = JSON.stringify(kept).replaceAll(
    /"(host1|host2|blue1)"/g,
    (_, name: string) => `"${NAMES[name]}"`,
  );
  return JSON.parse(text) as ModelObject[];
}

beforeAll(async () => {
  lab = await Lab.open({ objects: story() });
  await lab.ready();
  const { controller } = lab;
  const accounts = new Accounts({ controller, clock: systemClock, token: TOKEN });
  app = await createApi({ controller, accounts, clock: systemClock, version: '1.0' });
});
afterAll(async () => {
  await app.close();
  await lab.close();
});

async function policyOf(host: string, query = ''): Promise<HostPolicyView> {
  await lab.fabric.settled();
  const response = await app.inject({
    method: 'GET',
    url: `/api/v1/hosts/${host}/policy${query}`,
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(response.statusCode).toBe(200);
  return response.json() as HostPolicyView;
}

const keys = async (host: string, query = '') => (await policyOf(host, query)).records.map(({ key }) => key);

async function place(host: string): Promise<void> {
  const test01 = lab.controller.network.list('VirtualMachine')[0]!.object;
  const moved = JSON.parse(JSON.stringify({ ...test01, host })) as ModelObject;
  expect(objectKey(moved)).toBe('VirtualMachine/test01');
  await lab.controller.apply([{ object: moved }], { author: 'test', message: '' });
}

describe('a host without a VM on the routing domain (seed 002)', () => {
  it('has no customer route, has them right after test01 is moved there, and none when it has left', async () => {
    const route = ['route/5001/10.0.0.0/24'];
    expect(await keys('host16', '?kind=route')).toEqual(route);
    expect(await keys('host15', '?kind=route')).toEqual([]);
    // Neither does it hold anything else of the domain; and the one of Red is held by nobody.
    expect(await keys('host15')).toEqual(['switch/Tenant switch', 'provider/Provider']);

    await place('host15');
    expect(await keys('host15', '?kind=route')).toEqual(route);
    expect(await keys('host15', '?kind=lookup&kind=subnet')).toEqual(['subnet/5001', 'lookup/5001/10.0.0.5']);
    expect(await keys('host16', '?kind=route')).toEqual([]);
    expect([...lab.fabric.hosts.get('host15')!.agent.records().keys()]).toContain(route[0]);
    expect([...lab.fabric.hosts.get('host16')!.agent.records().keys()]).not.toContain(route[0]);

    await place('host16');
    expect(await keys('host15')).toEqual(['switch/Tenant switch', 'provider/Provider']);
    expect([...lab.fabric.hosts.get('host15')!.agent.records().keys()]).not.toContain(route[0]);
    expect(await keys('host16', '?kind=route')).toEqual(route);
  });

  it('is told what its agent has in force, and whether it is there', async () => {
    const { records, ...head } = await policyOf('host16');
    expect(head).toEqual({
      host: 'host16',
      revision: lab.controller.revision,
      connected: true,
      inForce: true,
    });
    expect(new Map(records.map(({ key, record }) => [key, record]))).toEqual(
      lab.fabric.hosts.get('host16')!.agent.records(),
    );
  });

  it('is not in force where the agent is gone', async () => {
    await lab.fabric.hosts.get('host15')!.client.stop();
    const response = await app.inject({
      url: '/api/v1/hosts/host15/policy',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(response.json()).toMatchObject({ connected: false, inForce: false });
  });

  it('of a name that no host has, or kinds that there are not, says so', async () => {
    const ask = (path: string) =>
      app.inject({ url: `/api/v1/hosts/${path}`, headers: { authorization: `Bearer ${TOKEN}` } });
    expect((await ask('nobody/policy')).statusCode).toBe(404);
    expect((await ask('host16/policy?kind=routes')).statusCode).toBe(400);
    expect((await ask('host16/policy?kind=route')).statusCode).toBe(200);
  });
});
