import { afterEach, describe, expect, it } from 'vitest';
import { KIND_NAMES } from '../model/definition.ts';
import { blueRed, openApi, type TestApi } from './fixture.ts';
import { kindPath, objectRoute } from './paths.ts';

let api: TestApi;
afterEach(() => api.close());

interface Operation {
  readonly operationId: string;
  readonly responses: object;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
  }[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

const OTHERS = [
  'GET /api/v1/acl-counters',
  'GET /api/v1/acl-log',
  'GET /api/v1/counters',
  'GET /healthz',
  'GET /login',
  'POST /api/v1/login',
  'POST /api/v1/logout',
  'POST /api/v1/setup',
  'GET /api/v1/whoami',
  'PUT /api/v1/password',
  'PUT /api/v1/users/{name}/password',
  'GET /api/v1/tokens',
  'POST /api/v1/tokens',
  'DELETE /api/v1/tokens/{id}',
  'GET /api/v1/refusals',
  'GET /api/v1/sessions',
  'DELETE /api/v1/sessions/{id}',
  'POST /api/v1/apply',
  'POST /api/v1/delete',
  'POST /api/v1/undo/{revision}',
  'POST /api/v1/virtual-machines/{name}/connect',
  'POST /api/v1/virtual-machines/{name}/disconnect',
  'POST /api/v1/virtual-machines/{name}/explain',
  'GET /api/v1/ip-pools/{parentKind}/{network}/{siteOrSubnet}/{name}/addresses',
  'POST /api/v1/ip-pools/{parentKind}/{network}/{siteOrSubnet}/{name}/release',
  'GET /api/v1/export',
  'POST /api/v1/rollback/{revision}',
  'GET /api/v1/diff',
  'GET /api/v1/jobs',
  'GET /api/v1/jobs/watch',
  'GET /api/v1/jobs/{id}',
  'GET /api/v1/jobs/{id}/watch',
  'POST /api/v1/jobs/{id}/cancel',
  'POST /api/v1/jobs/{id}/retry',
  'GET /api/v1/history',
  'GET /api/v1/revisions/{revision}',
  'GET /api/v1/watch',
  'GET /api/v1/status',
  'GET /api/v1/compliance',
  'POST /api/v1/remediate',
  'GET /api/v1/host-comparison',
  'GET /api/v1/hints',
  'GET /api/v1/migrations',
  'GET /api/v1/virtual-machines/{name}/migration',
  'POST /api/v1/virtual-machines/{name}/migration',
  'POST /api/v1/virtual-machines/{name}/migration/abort',
  'POST /api/v1/hosts/{name}/failover',
  'POST /api/v1/hosts/{name}/join-tokens',
  'POST /api/v1/hosts/{name}/revoke',
  'GET /api/v1/join-tokens',
  'DELETE /api/v1/join-tokens/{id}',
  'GET /api/v1/host-certificates',
  'GET /api/v1/endpoints',
  'POST /api/v1/ping',
  'POST /api/v1/walk',
  'POST /api/v1/guest-address',
  'GET /api/v1/hosts/{name}/policy',
  'GET /api/v1/hosts/{name}/flows',
];

describe('the OpenAPI document', () => {
  it('lists every route, and no other', async () => {
    api = await openApi();
    const document = (await api.ask('GET', '/api/openapi.json')).json as Document;
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const ofKinds = KIND_NAMES.flatMap((kind) => {
      const one = objectRoute(kind).replace(/:(\w+)/g, '{$1}');
      return [`GET ${kindPath(kind)}`, `POST ${kindPath(kind)}`, `GET ${one}`, `PUT ${one}`, `DELETE ${one}`];
    });
    expect(listed.sort()).toEqual([...ofKinds, ...OTHERS].sort());
  });

  it('is OpenAPI 3.1: references lead somewhere, parameters match their paths, ids are unique', async () => {
    api = await openApi();
    const document = (await api.ask('GET', '/api/openapi.json')).json as Document;
    expect(document.openapi).toBe('3.1.0');
    const ids: string[] = [];
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const where = `${method} ${path}`;
        ids.push(operation.operationId);
        expect(Object.keys(operation.responses).length, where).toBeGreaterThan(0);
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
        const declared = (operation.parameters ?? []).filter((p) => p.in === 'path');
        expect(declared.map((p) => p.name).sort(), where).toEqual(inPath.sort());
        expect(
          declared.every((p) => p.required),
          where,
        ).toBe(true);
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((m) => m[1]!);
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) {
      expect(reference).toMatch(/^#\/components\/schemas\//);
      expect(document.components.schemas).toHaveProperty([reference.slice('#/components/schemas/'.length)]);
    }
  });

  it('describes every field of every kind', async () => {
    api = await openApi();
    const { components } = (await api.ask('GET', '/api/openapi.json')).json as Document;
    for (const kind of KIND_NAMES) {
      const { properties } = components.schemas[kind] as {
        properties: Record<string, { description?: string }>;
      };
      for (const [field, schema] of Object.entries(properties)) {
        expect(schema.description, `${kind}.${field}`).toBeTruthy();
      }
    }
  });
});

describe('the reference page', () => {
  it('shows it without scripts and without other servers', async () => {
    api = await openApi();
    const { status, text, headers } = await api.ask('GET', '/api/reference');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    for (const kind of KIND_NAMES) expect(text).toContain(kindPath(kind));
    expect(text).not.toMatch(/<script|<style|\sstyle=|\son\w+=|https?:\/\/(?!127\.0\.0\.1)/);
    expect((await api.ask('GET', '/api/reference.css')).headers['content-type']).toContain('text/css');
  });
});

describe('the state of the whole', () => {
  it('counts objects, and says how far each host is', async () => {
    api = await openApi(blueRed());
    expect((await api.ask('GET', '/api/v1/status')).json).toMatchObject({
      revision: 1,
      objects: { VirtualMachine: 4, Host: 2 },
      warnings: [],
      hosts: [
        { host: 'host1', connected: false, wanted: 1 },
        { host: 'host2', connected: false, wanted: 1 },
      ],
    });
  });

  it('shows what a host is told, and nothing of what it is not', async () => {
    api = await openApi(blueRed());
    const { json } = await api.ask('GET', '/api/v1/hosts/host1/policy');
    const { records } = json as { records: { scope: string; key: string }[] };
    expect(records.map((r) => r.key)).toEqual(
      expect.arrayContaining(['switch/Tenant switch', 'subnet/5001']),
    );
    expect(records.filter((r) => r.scope === 'host/host2')).toEqual([]);
    expect((await api.ask('GET', '/api/v1/hosts/nobody/policy')).status).toBe(404);
    expect((await api.ask('GET', '/api/v1/hosts/host1/flows')).status).toBe(200);
  });
});

describe('an address that there is not', () => {
  it('is a problem with all its parts, and a guess', async () => {
    api = await openApi();
    const { status, headers, json } = await api.ask('GET', '/api/v1/vm-network');
    expect(status).toBe(404);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(json).toEqual({
      type: 'docs/errors.md#not-found',
      title: 'There is no such object',
      status: 404,
      detail: 'There is no GET /api/v1/vm-network. Did you mean /api/v1/vm-networks?',
      findings: [
        {
          code: 'not-found',
          severity: 'error',
          path: '',
          message: 'There is no GET /api/v1/vm-network.',
          remedy: 'Did you mean /api/v1/vm-networks?',
        },
      ],
    });
    expect(await api.ask('DELETE', '/api/v1/vm-networks')).toMatchObject({ status: 404 });
  });
});
