import { afterEach, describe, expect, it } from 'vitest';
import { objectKey } from '../model/kinds.ts';
import { blueRed, openApi, type TestApi } from './fixture.ts';

let api: TestApi;
afterEach(() => api.close());

interface Summary {
  readonly revision?: number;
  readonly objects: readonly { readonly key: string; readonly action: string }[];
}

describe('apply', () => {
  it('makes everything in one revision, and nothing the second time', async () => {
    api = await openApi();
    const first = await api.ask('POST', '/api/v1/apply', { objects: blueRed(), message: 'begin' });
    expect(first).toMatchObject({ status: 200, json: { revision: 1, dryRun: false, findings: [] } });
    expect((first.json as Summary).objects.length).toBe(blueRed().length);
    const second = await api.ask('POST', '/api/v1/apply', { objects: blueRed() });
    expect(second.json).toMatchObject({ objects: [], unchanged: blueRed().map(objectKey) });
    expect(second.json).not.toHaveProperty('revision');
    expect(api.controller.revision).toBe(1);
  });

  it('says by object and by host what it comes to, and a dry run changes nothing', async () => {
    api = await openApi(blueRed());
    const before = await api.store.snapshot();
    const moved = { ...blueRed().find((o) => objectKey(o) === 'VirtualMachine/blue1'), host: 'host2' };
    const body = { objects: [moved], dryRun: true };
    const dry = await api.ask('POST', '/api/v1/apply', body);
    expect(dry.json).toMatchObject({
      dryRun: true,
      objects: [
        {
          key: 'VirtualMachine/blue1',
          action: 'update',
          fields: [{ path: 'host', before: 'host1', after: 'host2' }],
        },
      ],
      hosts: [{ host: 'host1' }, { host: 'host2' }],
    });
    expect(dry.json).not.toHaveProperty('revision');
    expect(await api.store.snapshot()).toEqual(before);
    expect(api.controller.revision).toBe(1);
    // What it said is what then happens.
    const real = await api.ask('POST', '/api/v1/apply', { ...body, dryRun: false });
    expect(real.json).toEqual({ ...(dry.json as object), dryRun: false, revision: 2, job: 2 });
  });

  it('takes all or nothing, and says all that is wrong at once', async () => {
    api = await openApi(blueRed());
    const { status, json } = await api.ask('POST', '/api/v1/apply', {
      objects: [
        { kind: 'HostGroup', name: 'fine' },
        { kind: 'Hots', name: 'h' },
        { kind: 'VmSubnet', name: 's', vmNetwork: 'Blue', prefix: '127.1' },
        { name: 'nothing' },
        {
          kind: 'IpPool',
          name: 'p',
          vmNetwork: 'Blue',
          subnet: 'Blue subnet',
          from: '10.9.0.1',
          to: '10.9.0.9',
        },
      ],
    });
    expect(status).toBe(400);
    const { findings } = json as { findings: { code: string; path: string }[] };
    expect(findings.map((f) => `${f.code} ${f.path}`)).toEqual(
      expect.arrayContaining([
        'kind-unknown objects[1].kind',
        'value-invalid VmSubnet/Blue/s.prefix',
        'field-missing objects[3].kind',
        expect.stringContaining('IpPool/VmSubnet/Blue/Blue subnet/p'),
      ]),
    );
    expect(api.controller.revision).toBe(1);
    expect((await api.ask('GET', '/api/v1/host-groups/fine')).status).toBe(404);
  });

  it('carries a request out once, however often it is sent', async () => {
    api = await openApi(blueRed());
    const body = { objects: ['VirtualMachine/blue1'], requestId: 'one' };
    const first = await api.ask('POST', '/api/v1/delete', body);
    const second = await api.ask('POST', '/api/v1/delete', body);
    expect(first).toMatchObject({ status: 200, json: { revision: 2 } });
    expect(second).toMatchObject({
      status: 200,
      json: { revision: 2, repeated: true, objects: [{ key: 'VirtualMachine/blue1', action: 'delete' }] },
    });
    expect(api.controller.revision).toBe(2);
  });
});

describe('delete, undo and history', () => {
  it('deletes objects that refer to each other together, and undo brings them back', async () => {
    api = await openApi(blueRed());
    const objects = [
      'VmSubnet/Blue/Blue subnet',
      'VmNetwork/Blue',
      'VirtualMachine/blue1',
      'VirtualMachine/blue2',
    ];
    expect(await api.ask('POST', '/api/v1/delete', { objects: objects.slice(0, 2) })).toMatchObject({
      status: 409,
    });
    expect(await api.ask('POST', '/api/v1/delete', { objects, message: 'away' })).toMatchObject({
      status: 200,
      json: { revision: 2 },
    });
    expect((await api.ask('GET', '/api/v1/virtual-machines/blue1')).status).toBe(404);
    expect(await api.ask('POST', '/api/v1/undo/2')).toMatchObject({ status: 200, json: { revision: 3 } });
    expect((await api.ask('GET', '/api/v1/virtual-machines/blue1')).status).toBe(200);
  });

  it('tells the story of an object', async () => {
    api = await openApi(blueRed());
    await api.ask('POST', '/api/v1/delete', { objects: ['VirtualMachine/red1'], message: 'away' });
    const { json } = await api.ask('GET', '/api/v1/history?object=VirtualMachine%2Fred1');
    expect(json).toMatchObject({
      items: [
        { revision: 2, message: 'away', author: 'operator', objects: [{ action: 'delete' }] },
        { revision: 1, message: 'begin' },
      ],
    });
    const { json: commit } = await api.ask('GET', '/api/v1/revisions/2');
    expect(commit).toMatchObject({
      revision: 2,
      values: [{ key: 'VirtualMachine/red1', before: { name: 'red1' }, after: null }],
      allocations: expect.arrayContaining([expect.objectContaining({ scope: 'mac', after: null })]),
    });
    expect(await api.ask('GET', '/api/v1/revisions/3')).toMatchObject({ status: 404 });
    await api.store.compact(2);
    expect(await api.ask('GET', '/api/v1/revisions/1')).toMatchObject({
      status: 410,
      json: { findings: [{ code: 'revision-compacted' }] },
    });
  });

  it('refuses what is no request', async () => {
    api = await openApi(blueRed());
    const codes = async (method: 'GET' | 'POST', url: string, body?: object) => {
      const { status, json } = await api.ask(method, url, body);
      const { findings } = json as { findings: { code: string; path: string }[] };
      return [status, ...findings.map((f) => `${f.code} ${f.path}`)];
    };
    expect(await codes('POST', '/api/v1/apply', { object: [] })).toEqual([
      400,
      'field-missing objects',
      'field-unknown object',
    ]);
    expect(await codes('POST', '/api/v1/apply')).toEqual([400, 'field-missing ']);
    expect(await codes('POST', '/api/v1/delete', { objects: ['blue1'] })).toEqual([
      400,
      'value-invalid objects',
    ]);
    expect(await codes('POST', '/api/v1/undo/x', {})).toEqual([400, 'value-invalid revision']);
    expect(await codes('GET', '/api/v1/history?limit=0&limt=3')).toEqual([
      400,
      'value-invalid limit',
      'field-unknown limt',
    ]);
    expect(await codes('POST', '/api/v1/ping', { from: 'a', to: 'b', count: 21 })).toEqual([
      400,
      'value-invalid count',
    ]);
    expect(api.controller.revision).toBe(1);
  });
});
