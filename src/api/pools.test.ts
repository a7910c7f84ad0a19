import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { isKind, type ModelObject, type ObjectOf } from '../model/kinds.ts';
import { blueRed, openApi, type TestApi, TOKEN } from './fixture.ts';
import { objectPath } from './paths.ts';

let api: TestApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const CLIENTS = 64;
const LEFT = 10;

/** The fabric of blue-red without its tenants, and a tenant's network whose pool gives out 12 addresses. */
function world(more = ''): ModelObject[] {
  const fabric = blueRed().filter(
    (object) => !['VmNetwork', 'VmSubnet', 'IpPool', 'VirtualMachine'].includes(object.kind),
  );
  const { objects, findings } = parseDocuments(
    `
kind: VmNetwork
name: AAA
logicalNetwork: Provider
isolation: virtualized
---
kind: VmSubnet
name: test
vmNetwork: AAA
prefix: 10.10.0.0/16
---
kind: IpPool
name: CA Pool
vmNetwork: AAA
subnet: test
from: 10.10.1.100
to: 10.10.1.113
reserved: [10.10.1.105]
vips: [10.10.1.106]
---
${vm('old1')}
---
${vm('old2')}
${more}`,
    'test',
  );
  expect(findings).toEqual([]);
  return [...fabric, ...objects.map(({ object }) => object)];
}

const vm = (name: string) =>
  `{ kind: VirtualMachine, name: ${name}, host: host1, vnics: [{ vmNetwork: AAA }] }`;
const POOL = 'IpPool/VmSubnet/AAA/test/CA Pool';

/** Over TCP, each with a connection of its own, all at once. */
async function race(of: TestApi, names: readonly string[], host = (_i: number) => 'host1') {
  if (!of.app.server.listening) await of.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = of.app.server.address() as AddressInfo;
  return Promise.all(
    names.map(async (name, i) => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/virtual-machines`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'VirtualMachine', name, host: host(i), vnics: [{ vmNetwork: 'AAA' }] }),
      });
      const body = (await response.json()) as { readonly findings?: readonly { readonly code: string }[] };
      return { name, status: response.status, codes: body.findings?.map(({ code }) => code) ?? [] };
    }),
  );
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `vm${i}`);
const status = async (of: TestApi, key: `IpPool/${string}` | `MacPool/${string}`) =>
  ((await of.ask('GET', objectPath(key))).json as { readonly status: object }).status;

function expectExactly(answers: Awaited<ReturnType<typeof race>>, granted: number): string[] {
  const [created, refused] = [
    answers.filter((a) => a.status === 201),
    answers.filter((a) => a.status !== 201),
  ];
  expect(created.length).toBe(granted);
  for (const { status: code, codes } of refused) {
    expect(code).toBe(409);
    expect(codes).toEqual(['pool-exhausted']);
  }
  return created.map(({ name }) => name);
}

describe('clients that race for the last of a pool', () => {
  it(`get exactly the ${LEFT} addresses that are left, and nothing leaks`, async () => {
    api = await openApi(world());
    const expected = { size: '12', reserved: '1', vip: '1' };
    expect(await status(api, POOL)).toMatchObject({ ...expected, used: '2', free: '10', inactive: '0' });
    const winners = expectExactly(await race(api, names(CLIENTS)), LEFT);
    expect(await status(api, POOL)).toMatchObject({ ...expected, used: '12', free: '0', inactive: '0' });
    const held = [...api.controller.network.holders('ip/AAA/test')].filter(([, o]) =>
      o.startsWith('Virtual'),
    );
    expect(new Set(held.map(([address]) => address)).size).toBe(12);
    expect(held.map(([address]) => address)).not.toContain('10.10.1.105');
    expect(held.map(([address]) => address)).not.toContain('10.10.1.106');
    // The refused left no MAC address, no vNIC id and no revision behind either.
    expect(api.controller.network.holders('vnic').size).toBe(12);
    expect(api.controller.revision).toBe(1 + LEFT);

    // All go: nothing is free before the quarantine is over, and everything is after it.
    const gone = { objects: winners.map((name) => `VirtualMachine/${name}`) };
    expect((await api.ask('POST', '/api/v1/delete', gone)).status).toBe(200);
    expect(await status(api, POOL)).toMatchObject({ ...expected, used: '2', free: '0', inactive: '10' });
    expectExactly(await race(api, ['early']), 0);
    api.clock.advance(299_999);
    expectExactly(await race(api, ['early']), 0);
    api.clock.advance(1);
    expect(await status(api, POOL)).toMatchObject({ ...expected, used: '2', free: '10', inactive: '0' });
    expectExactly(await race(api, names(CLIENTS)), LEFT);
  });

  it(`get exactly the MAC addresses that are left`, async () => {
    // Two hosts have a provider interface each, and old1 and old2 have one vNIC each.
    const pool = `---
kind: MacPool
name: Tiny
from: 02:aa:bb:00:00:01
to: 02:aa:bb:00:00:0e
---
kind: IpPool
name: Second pool
vmNetwork: AAA
subnet: test
from: 10.10.2.1
to: 10.10.2.200
`;
    api = await openApi(world(pool));
    expect(await status(api, 'MacPool/Tiny')).toMatchObject({ size: '14', used: '4', free: '10' });
    expectExactly(await race(api, names(CLIENTS)), LEFT);
    expect(await status(api, 'MacPool/Tiny')).toMatchObject({ used: '14', free: '0' });
  });

  it('get exactly the provider addresses that are left', async () => {
    const objects = world().map((object) =>
      isKind(object, 'Host') ? { ...object, providerAddresses: [] } : object,
    );
    const [host1] = objects.filter((object) => isKind(object, 'Host'));
    const [switch1] = objects.filter((object) => isKind(object, 'HostSwitch'));
    const hosts = Array.from({ length: 6 }, (_, i) => moreHost(host1!, switch1!, i)).flat();
    const { objects: pools } = parseDocuments(
      `{ kind: IpPool, name: PA, logicalNetwork: Provider, site: Rack 1, prefix: 192.168.4.0/24, from: 192.168.4.11, to: 192.168.4.14 }`,
      'test',
    );
    api = await openApi([...objects, ...hosts, ...pools.map(({ object }) => object)]);
    const answers = await race(api, names(6), (i) => `more${i}`);
    expectExactly(answers, 3);
    expect(await status(api, 'IpPool/NetworkSite/Provider/Rack 1/PA')).toMatchObject({
      used: '4',
      free: '0',
    });
  });
});

function moreHost(host: ObjectOf<'Host'>, hostSwitch: ObjectOf<'HostSwitch'>, i: number): ModelObject[] {
  const nics = host.nics.map((nic, j) => {
    const { mac: _one, ...rest } = nic;
    return { ...rest, name: `${nic.name}`, mac: `aa:55:aa:66:0${i}:0${j}` };
  });
  const { objects, findings } = parseDocuments(
    [
      { ...host, name: `more${i}`, nics },
      { ...hostSwitch, host: `more${i}` },
    ]
      .map((object) => JSON.stringify(object))
      .join('\n---\n'),
    'test',
  );
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

describe('the addresses of a pool', () => {
  const addresses = (of: TestApi) => of.ask('GET', `${objectPath(POOL)}/addresses`);
  const release = (of: TestApi, body: object) => of.ask('POST', `${objectPath(POOL)}/release`, body);

  it('are listed with whom they belong to, or belonged to', async () => {
    api = await openApi(world());
    const before = api.clock.wall();
    await api.ask('DELETE', '/api/v1/virtual-machines/old1');
    expect((await addresses(api)).json).toEqual({
      items: [
        {
          address: '10.10.1.100',
          state: 'inactive',
          owner: 'VirtualMachine/old1/eth0',
          since: new Date(before).toISOString(),
          until: new Date(before + 300_000).toISOString(),
        },
        { address: '10.10.1.101', state: 'used', owner: 'VirtualMachine/old2/eth0' },
        { address: '10.10.1.105', state: 'reserved' },
        { address: '10.10.1.106', state: 'vip' },
      ],
    });
    expect((await api.ask('GET', '/api/v1/ip-pools/VmSubnet/AAA/test/nope/addresses')).status).toBe(404);
  });

  it('are released all or none, in a commit of their own', async () => {
    api = await openApi(world());
    await api.ask('POST', '/api/v1/delete', { objects: ['VirtualMachine/old1'] });
    const refused = await release(api, { addresses: ['10.10.1.100', '10.10.1.101', '10.10.1.102'] });
    expect(refused.json).toMatchObject({ findings: [{ code: 'in-use' }, { code: 'not-found' }] });
    expect((await release(api, { dryRun: true })).json).toMatchObject({
      released: ['10.10.1.100'],
      dryRun: true,
    });
    expect(await status(api, POOL)).toMatchObject({ inactive: '1' });
    const body = { addresses: ['10.10.1.100'], requestId: 'r1' };
    expect((await release(api, body)).json).toMatchObject({ revision: 3, released: ['10.10.1.100'] });
    expect((await release(api, body)).json).toMatchObject({
      revision: 3,
      released: ['10.10.1.100'],
      repeated: true,
    });
    expect(await status(api, POOL)).toMatchObject({ inactive: '0', free: '11' });
    const { json } = await api.ask('GET', '/api/v1/revisions/3');
    expect(json).toMatchObject({ message: `release 10.10.1.100 of ${POOL}`, allocations: [] });
  });

  it('go back to a machine whose deletion is undone, also when the quarantine has been noted as over since', async () => {
    api = await openApi(world());
    await api.ask('POST', '/api/v1/delete', { objects: ['VirtualMachine/old1'] });
    const deleted = api.controller.revision;
    await race(api, ['other']);
    const back = await api.ask('POST', `/api/v1/undo/${deleted}`, {});
    expect(back.json).toMatchObject({ revision: deleted + 2 });
    expect(api.controller.network.holders('ip/AAA/test').get('10.10.1.100')).toBe('VirtualMachine/old1/eth0');

    await api.ask('POST', '/api/v1/delete', { objects: ['VirtualMachine/old2'] });
    const again = api.controller.revision;
    api.clock.advance(300_000);
    // A change of the subnet forgets what is over; the undo finds its address free all the same.
    await api.ask('POST', '/api/v1/delete', { objects: ['VirtualMachine/other'] });
    expect((await api.ask('POST', `/api/v1/undo/${again}`, {})).status).toBe(200);
    expect(api.controller.network.holders('ip/AAA/test').get('10.10.1.101')).toBe('VirtualMachine/old2/eth0');
  });

  it('for load balancers can be fixed by hand', async () => {
    api = await openApi(world());
    const fixed = { kind: 'VirtualMachine', name: 'lb', host: 'host1' };
    const vnics = [{ vmNetwork: 'AAA', addresses: ['10.10.1.106'] }];
    expect((await api.ask('POST', '/api/v1/virtual-machines', { ...fixed, vnics })).status).toBe(201);
    expect((await addresses(api)).text).toContain('"owner":"VirtualMachine/lb/eth0"');
  });
});
