import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { KIND_NAMES } from '../model/definition.ts';
import { objectKey, objectName } from '../model/kinds.ts';
import { blueRed, openApi, type TestApi, TOKEN } from './fixture.ts';
import { KEY_PARTS, objectPath } from './paths.ts';

let api: TestApi;
afterEach(() => api.close());

/** Asks over a socket, since everything else tidies up a path before it is sent. */
async function getRaw(path: string): Promise<{ status: number; body: string }> {
  const { port } = api.app.server.address() as AddressInfo;
  const headers = { authorization: `Bearer ${TOKEN}` };
  const [response] = (await once(request({ host: '127.0.0.1', port, path, headers }).end(), 'response')) as [
    IncomingMessage,
  ];
  return { status: response.statusCode!, body: (await response.toArray()).join('') };
}

const BLUE1 = '/api/v1/virtual-machines/blue1';

describe('addresses of objects', () => {
  it('have a part for each name of the key, for every object of an example', async () => {
    api = await openApi(blueRed());
    for (const object of blueRed()) {
      expect(objectName(object).split('/').length).toBe(KEY_PARTS[object.kind].length);
      const { status, json } = await api.ask('GET', objectPath(objectKey(object)));
      expect(status, objectKey(object)).toBe(200);
      expect(json).toMatchObject(object);
    }
  });

  it('list what is there, sorted, page by page', async () => {
    api = await openApi(blueRed());
    const names = async (query: string) => {
      const { json } = await api.ask('GET', `/api/v1/virtual-machines${query}`);
      const { items, next } = json as { items: { name: string }[]; next?: string };
      return [...items.map((item) => item.name), ...(next === undefined ? [] : [`next ${next}`])];
    };
    expect(await names('')).toEqual(['blue1', 'blue2', 'red1', 'red2']);
    expect(await names('?limit=3')).toEqual(['blue1', 'blue2', 'red1', 'next red1']);
    expect(await names('?limit=3&after=red1')).toEqual(['red2']);
    expect(await names('?name=red1')).toEqual(['red1']);
    for (const kind of KIND_NAMES) {
      const wanted = blueRed().filter((object) => object.kind === kind).length;
      const { json } = await api.ask('GET', objectPath(`${kind}/x`).split('/').slice(0, 4).join('/'));
      // What nobody wrote, as what is built in, has no `meta`.
      const written = (json as { items: object[] }).items.filter((item) => 'meta' in item);
      expect(written.length, kind).toBe(wanted);
    }
  });

  it('do not take a name apart where it is encoded', async () => {
    api = await openApi(blueRed());
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    for (const path of [
      '/api/v1/vm-subnets/Blue%2FBlue%20subnet',
      '/api/v1//virtual-machines/blue1',
      '/api/v1/virtual-machines/../hosts/host1',
      '/api/v1/virtual-machines/%2e%2e/hosts',
      '/api/v1/virtual-machines/blue1;x',
      '/api/v1/virtual-machines/blue1%00',
      '/api/v1/virtual-machines\\blue1',
      '/api/v1/virtual-machines/blue1/',
      '/api/v1/Virtual-Machines/blue1',
      '/api/v1/virtual-machines/%zz',
      `/api/v1/virtual-machines/${'a'.repeat(5000)}`,
    ]) {
      const { status, body } = await getRaw(path);
      expect(status, path).toBe(404);
      expect(JSON.parse(body), path).toMatchObject({ status: 404, findings: [{ code: 'not-found' }] });
    }
    expect((await getRaw(BLUE1)).status).toBe(200);
  });
});

describe('one object', () => {
  it('says what Netloom knows about it', async () => {
    api = await openApi(blueRed());
    const { json, headers } = await api.ask('GET', BLUE1);
    expect(headers.etag).toBe('"1"');
    expect(json).toMatchObject({
      meta: { id: expect.stringMatching(/^[0-9a-f-]{36}$/), revision: 1 },
      status: {
        vnics: [
          {
            name: 'eth0',
            connected: true,
            addresses: ['10.0.0.5'],
            vsid: 5001,
            switch: 'Tenant switch',
            mac: expect.stringMatching(/^00:1d:d8:/),
          },
        ],
      },
    });
    const { json: host } = await api.ask('GET', '/api/v1/hosts/host1');
    expect(host).toMatchObject({
      status: {
        virtualMachines: 2,
        providerAddresses: [{ logicalNetwork: 'Provider', address: '192.168.4.11' }],
        users: expect.arrayContaining(['VirtualMachine/blue1']),
      },
    });
  });

  it('is created once, replaced, and deleted', async () => {
    api = await openApi();
    const group = { kind: 'HostGroup', name: 'Raum 5' };
    const made = await api.ask('POST', '/api/v1/host-groups', group);
    expect(made).toMatchObject({
      status: 201,
      headers: { location: '/api/v1/host-groups/Raum%205', etag: '"1"' },
    });
    expect(await api.ask('POST', '/api/v1/host-groups', group)).toMatchObject({
      status: 409,
      json: { findings: [{ code: 'conflict' }] },
    });
    const again = await api.ask('PUT', '/api/v1/host-groups/Raum%205', group);
    expect(again).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    const changed = await api.ask('PUT', '/api/v1/host-groups/Raum%205', { ...group, description: 'new' });
    expect(changed).toMatchObject({ status: 200, headers: { etag: '"2"' }, json: { description: 'new' } });
    expect(await api.ask('DELETE', '/api/v1/host-groups/Raum%205')).toMatchObject({
      status: 200,
      json: { revision: 3, objects: [{ key: 'HostGroup/Raum 5', action: 'delete' }] },
    });
    expect((await api.ask('GET', '/api/v1/host-groups/Raum%205')).status).toBe(404);
  });

  it('that went out can come back in as it is', async () => {
    api = await openApi(blueRed());
    for (const object of blueRed()) {
      const path = objectPath(objectKey(object));
      const { json } = await api.ask('GET', path);
      expect(await api.ask('PUT', path, json as object), path).toMatchObject({ status: 200, json });
    }
    expect(api.controller.revision).toBe(1);
  });

  it('that others use is not deleted', async () => {
    api = await openApi(blueRed());
    expect(await api.ask('DELETE', '/api/v1/hosts/host1')).toMatchObject({
      status: 409,
      json: { findings: [{ code: 'in-use', path: 'Host/host1' }] },
    });
  });

  it('of another key or kind than its address is refused', async () => {
    api = await openApi(blueRed());
    const group = { kind: 'HostGroup', name: 'A' };
    expect(await api.ask('PUT', '/api/v1/host-groups/B', group)).toMatchObject({ status: 422 });
    expect(await api.ask('PUT', '/api/v1/hosts/A', group)).toMatchObject({
      status: 400,
      json: { findings: [{ path: 'kind' }] },
    });
    expect(api.controller.revision).toBe(1);
  });
});

describe('changes at the same time', () => {
  it('are refused when the object is no longer what was read (If-Match)', async () => {
    api = await openApi(blueRed());
    const { json } = await api.ask('GET', BLUE1);
    const { meta: _meta, status: _status, ...blue1 } = json as Record<string, unknown>;
    const first = await api.ask('PUT', BLUE1, { ...blue1, description: 'first' }, { 'if-match': '"1"' });
    expect(first).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    const second = await api.ask('PUT', BLUE1, { ...blue1, description: 'second' }, { 'if-match': '"1"' });
    expect(second).toMatchObject({ status: 412, json: { status: 412, findings: [{ code: 'conflict' }] } });
    expect(await api.ask('DELETE', BLUE1, undefined, { 'if-match': '"1"' })).toMatchObject({ status: 412 });
    // The revision in the body means the same.
    const third = await api.ask('PUT', BLUE1, { ...blue1, description: 'third', meta: { revision: 1 } });
    expect(third).toMatchObject({ status: 409, json: { findings: [{ code: 'conflict' }] } });
    expect((await api.ask('GET', BLUE1)).json).toMatchObject({ description: 'first' });
    expect(await api.ask('DELETE', BLUE1, undefined, { 'if-match': '"2"' })).toMatchObject({ status: 200 });
  });

  it('can demand that the object is new, or is there', async () => {
    api = await openApi(blueRed());
    const group = { kind: 'HostGroup', name: 'Rack 1', description: 'x' };
    const path = '/api/v1/host-groups/Rack%201';
    expect((await api.ask('PUT', path, group, { 'if-none-match': '*' })).status).toBe(409);
    const other = { kind: 'HostGroup', name: 'Rack 2' };
    const otherPath = '/api/v1/host-groups/Rack%202';
    expect((await api.ask('PUT', otherPath, other, { 'if-match': '*' })).status).toBe(412);
    expect((await api.ask('PUT', otherPath, other, { 'if-none-match': '*' })).status).toBe(201);
    expect((await api.ask('PUT', otherPath, other, { 'if-match': 'what' })).status).toBe(400);
  });
});

describe('bad objects', () => {
  it('are refused with every finding, in the words that a file gets', async () => {
    api = await openApi();
    const bad = { kind: 'VmSubnet', name: 'a', vmNetwork: 'n', prefix: '10.0.0.0/33', vsid: 4095, vsidd: 1 };
    const { status, json } = await api.ask('POST', '/api/v1/vm-subnets', bad);
    expect(status).toBe(400);
    const { findings } = json as { findings: { path: string; code: string; remedy: string }[] };
    expect(findings.map((f) => `${f.code} ${f.path}`).sort()).toEqual([
      'field-unknown VmSubnet/n/a.vsidd',
      'value-invalid VmSubnet/n/a.prefix',
      'value-invalid VmSubnet/n/a.vsid',
    ]);
    expect(findings.find((f) => f.code === 'field-unknown')?.remedy).toBe('Did you mean vsid?');
    expect(api.controller.revision).toBe(0);
  });

  it('cannot say what only the controller says', async () => {
    api = await openApi(blueRed());
    const network = {
      kind: 'VmNetwork',
      name: 'Green',
      logicalNetwork: 'Provider',
      isolation: 'virtualized',
    };
    for (const extra of [{ impliedBy: 'LogicalNetwork/Provider' }, { id: 'x' }, { revision: 7 }]) {
      const { status, json } = await api.ask('POST', '/api/v1/vm-networks', { ...network, ...extra });
      expect(status, JSON.stringify(extra)).toBe(400);
      expect(json).toMatchObject({ findings: [{ code: 'field-unknown' }] });
    }
    expect((await api.ask('POST', '/api/v1/vm-networks', network)).status).toBe(201);
  });
});
