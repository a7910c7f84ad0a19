import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { parseInputs } from '../model/input.ts';
import type { ModelObject } from '../model/kinds.ts';
import { openApi, type TestApi } from './fixture.ts';

const FOLDER = fileURLToPath(new URL('../../examples/aaa-bbb/', import.meta.url));

function objectsOf(...files: readonly string[]): ModelObject[] {
  const { objects, findings } = parseInputs(
    files.map((file) => ({ file, text: readFileSync(`${FOLDER}${file}`) })),
  );
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

let api: TestApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const VM = '/api/v1/virtual-machines/test01';
interface Answer {
  readonly findings?: readonly { readonly code: string; readonly remedy: string }[];
  readonly missing?: readonly { readonly finding: { readonly code: string }; readonly repair?: object }[];
}

describe('connecting over the API', () => {
  it('fails in the order of seed 002, leaves the vNIC where it is, and then works', async () => {
    const of = await openApi(objectsOf('fabric.yaml'));
    api = of;
    const connect = async () => {
      const { status, json } = await of.ask('POST', `${VM}/connect`, { vmNetwork: 'AAA' });
      return [status, ...((json as Answer).findings ?? []).map(({ code }) => code)];
    };
    const explain = async () =>
      ((await of.ask('POST', `${VM}/explain`, { vmNetwork: 'AAA' })).json as Answer).missing?.map(
        ({ finding, repair }) => `${finding.code} ${repair ? 'can be repaired' : ''}`,
      );
    const where = async () => {
      const vm = (await of.ask('GET', VM)).json as { vnics: readonly { vmNetwork: string }[] };
      return vm.vnics.map(({ vmNetwork }) => vmNetwork);
    };
    const all = ['reference-missing', 'subnet-missing', 'pool-missing'];
    for (const [i, file] of ['1-network', '2-subnet', '3-pool'].entries()) {
      expect(await explain()).toEqual(all.slice(i).map((code) => `${code} can be repaired`));
      expect(await connect()).toEqual([422, all[i]]);
      expect(await where()).toEqual(['TDIv2']);
      const revision = of.controller.revision;
      await of.ask('POST', '/api/v1/apply', { objects: objectsOf(`${file}.yaml`) });
      expect(of.controller.revision).toBe(revision + 1);
    }
    expect(await explain()).toEqual([]);
    expect(await connect()).toEqual([200]);
    expect(await where()).toEqual(['AAA']);
    expect((await of.ask('POST', `${VM}/disconnect`, {})).status).toBe(200);
    expect((await of.ask('GET', VM)).json).toMatchObject({
      vnics: [{ vmNetwork: 'AAA', connected: false }],
      status: { vnics: [{ connected: false }] },
    });
  });

  it('is refused for a machine and a vNIC that there are not, and for words that mean nothing', async () => {
    api = await openApi(objectsOf('fabric.yaml'));
    const codes = async (path: string, body: object) => {
      const { json } = await api!.ask('POST', path, body);
      return ((json as Answer).findings ?? []).map(({ code }) => code);
    };
    for (const what of ['connect', 'explain']) {
      const body = { vmNetwork: 'AAA' };
      expect(await codes(`/api/v1/virtual-machines/nobody/${what}`, body)).toEqual(['not-found']);
      expect(await codes(`${VM}/${what}`, { ...body, vnic: 'eth9' })).toEqual(['not-found']);
      expect(await codes(`${VM}/${what}`, {})).toEqual(['field-missing']);
      expect(await codes(`${VM}/${what}`, { ...body, vmnet: 'x' })).toEqual(['field-unknown']);
    }
    expect(api.controller.revision).toBe(1);
  });
});

describe('an export over the API', () => {
  it('is of one revision, without what is not written by the operator', async () => {
    const objects = objectsOf(...globSync('*.yaml', { cwd: FOLDER }).sort());
    api = await openApi(objects);
    const { json } = await api.ask('GET', '/api/v1/export');
    expect(json).toMatchObject({ revision: 1 });
    const exported = (json as { objects: readonly ModelObject[] }).objects;
    expect(exported.length).toBe(objects.length);
    expect(new Set(exported)).toEqual(new Set(objects));
    expect((await api.ask('POST', '/api/v1/apply', { objects: exported })).json).toMatchObject({
      objects: [],
    });
    const some = await api.ask('GET', '/api/v1/export?kind=IpPool&kind=VmSubnet&allocations=true');
    const kinds = (some.json as { objects: readonly ModelObject[] }).objects.map(({ kind }) => kind);
    expect(kinds).toEqual(['VmSubnet', 'VmSubnet', 'IpPool', 'IpPool', 'IpPool']);
    expect(some.text).toContain('"vsid":1048576');
    expect((await api.ask('GET', '/api/v1/export?kind=Hots')).status).toBe(400);
  });
});
