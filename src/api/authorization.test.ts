/**
 * Who may ask what, over every route of the live OpenAPI document: a route that is added later is tested here without a
 * line more. Two things are looked at.
 *
 * - Roles: a request passes the door when, and only when, the role has the permission that the route declares.
 * - Tenants: whatever a field of a request names, an object of another tenant is told from one that does not exist by
 *   nothing in the answer. Fields are the parameters of the path and of the query, and every text in the body.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { may, type Permission } from '../access/roles.ts';
import { KIND_NAMES, type KindName } from '../model/definition.ts';
import { ROLES } from '../model/kinds/user.ts';
import { kindOf, type ModelObject, objectName } from '../model/kinds.ts';
import { stepsOfPath } from '../model/shape.ts';
import { KEY_PARTS, kindPath } from './paths.ts';
import { type Asker, objectsOf, openTenants, type Tenants, tenantObjects } from './tenants-fixture.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
}

interface Route {
  readonly method: string;
  readonly path: string;
  readonly permission: Permission;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly body: Schema | undefined;
}

let api: Tenants;
let routes: Route[];
let schemas: Readonly<Record<string, Schema>>;

beforeAll(async () => {
  api = await openTenants();
  const document = (await api.as('operator', 'GET', '/api/openapi.json')).json as {
    paths: Record<string, Record<string, Record<string, unknown>>>;
    components: { schemas: Record<string, Schema> };
  };
  schemas = document.components.schemas;
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const content = (operation.requestBody as { content?: Record<string, { schema: Schema }> })?.content;
      return {
        method: method.toUpperCase(),
        path,
        permission: operation['x-permission'] as Permission,
        parameters: (operation.parameters ?? []) as Route['parameters'],
        body: content && Object.values(content)[0]?.schema,
      };
    }),
  );
});
afterAll(() => api.close());

/** Roles that see one tenant only. */
const TENANT: readonly Asker[] = ['tenant-administrator', 'self-service'];

/** Many thousands of requests. */
const LONG = 120_000;

/** Names of things that are the tenant's own, another's, nobody's and no names at all; X stands for the tenant. */
const SHAPES = [
  'X',
  'X:web',
  'X:vm1',
  'X:vm1/eth0',
  'X:boss',
  'X:acl',
  'X:web/front',
  'Tenant/X',
  'User/X:boss',
  'VmNetwork/X:web',
  'VmSubnet/X:web/front',
  'VirtualMachine/X:vm1',
  'PortAcl/X:acl',
  'IpPool/VmSubnet/X:web/front/pool',
] as const;
/** The other tenant and one that does not exist: names of one length, so that nothing else differs. */
const [OTHER, NONE] = ['blue', 'noon'] as const;
/** Objects of the administrator, and what does not exist. */
const [HIDE, GONE] = ['hide', 'gone'] as const;
const MALFORMED = [
  '',
  ' ',
  '?',
  ':',
  'red:',
  ':web',
  'a:b:c',
  '__proto__',
  '../x',
  '"',
  'VmNetwork/',
  'VmNetwork/?blue:web',
];

/** Pairs of values: one that exists where the user does not see it, and one that does not exist. */
function pairs(): (readonly [other: string, none: string])[] {
  return [
    ...SHAPES.map((shape) => [shape.replace('X', OTHER), shape.replace('X', NONE)] as const),
    [HIDE, GONE],
    [`VmNetwork/${HIDE}`, `VmNetwork/${GONE}`],
    [`Host/${HIDE}`, `Host/${GONE}`],
    [`${HIDE}/${HIDE}`, `${GONE}/${GONE}`],
  ];
}

function same(text: string): string {
  return text
    .replaceAll(NONE, OTHER)
    .replaceAll(GONE, HIDE)
    .replace(/"job":\d+|revision \d+/g, 'a number');
}

/** A value that the schema takes, with only what it needs; objects of the model are given as they are. */
function sample(schema: Schema | undefined): unknown {
  const s = resolve(schema);
  if (s.const !== undefined) return s.const;
  if (s.enum) return s.enum[0];
  if (s.anyOf) return sample(s.anyOf[0]);
  switch (s.type) {
    case 'object':
      return Object.fromEntries((s.required ?? []).map((name) => [name, sample(s.properties?.[name])]));
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return Math.max(1, s.minimum ?? 1);
    case 'boolean':
      return true;
    default:
      return 'red:vm1';
  }
}

function resolve(schema: Schema | undefined): Schema {
  const name = schema?.$ref?.slice('#/components/schemas/'.length);
  return name === undefined ? (schema ?? {}) : resolve(schemas[name]);
}

/** The tops of a body's fields that take a text. */
function textFields(schema: Schema | undefined): string[] {
  const { properties = {} } = resolve(schema);
  const takesText = (s: Schema): boolean => {
    const r = resolve(s);
    return (r.type === 'string' && !r.enum) || (r.anyOf ?? []).some(takesText);
  };
  return Object.entries(properties).flatMap(([name, field]) => {
    const r = resolve(field);
    if (takesText(field)) return [name];
    return r.type === 'array' && takesText(r.items ?? {}) ? [`${name}[]`] : [];
  });
}

/** Objects of red that name others, with one reference after the other meaning something else. */
function bodiesOf(kind: KindName): ((value: string) => { readonly body: unknown; readonly field: string })[] {
  return objectsOf(tenantObjects('red'))
    .filter((object) => object.kind === kind)
    .flatMap((object) =>
      kindOf(kind)
        .references(object)
        .map(({ path }) => (value: string) => ({ field: path, body: put(object, stepsOfPath(path), value) })),
    );
}

function put(at: unknown, [step, ...rest]: readonly (string | number)[], value: string): unknown {
  if (step === undefined) return value;
  if (Array.isArray(at)) return at.map((item: unknown, i) => (i === step ? put(item, rest, value) : item));
  return { ...(at as object), [step]: put((at as Record<string, unknown>)[step], rest, value) };
}

/** The addresses that a route has for keys of the kind whose objects it is about, or for any names. */
function fill(route: Route, value: (parameter: string) => string): string {
  return route.path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(value(name)));
}

function kindOfRoute(route: Route): KindName | undefined {
  return KIND_NAMES.find(
    (kind) => route.path === kindPath(kind) || route.path.startsWith(`${kindPath(kind)}/`),
  );
}

/** The names in the address of an object of the kind: the other tenant's, or the administrator's. */
function addresses(kind: KindName): (readonly [other: readonly string[], none: readonly string[]])[] {
  const theirs = objectsOf(tenantObjects(OTHER)).filter((object) => object.kind === kind);
  const found: [string[], string[]][] = theirs.map((object: ModelObject) => {
    const name = objectName(object);
    return [name.split('/'), name.replaceAll(OTHER, NONE).split('/')];
  });
  const parts = KEY_PARTS[kind].map((part) => (part === 'parentKind' ? 'NetworkSite' : HIDE));
  const gone = parts.map((part) => (part === HIDE ? GONE : part));
  return [...found, [parts, gone]];
}

const isStream = ({ path }: Route) => path.endsWith('/watch');

describe('roles', () => {
  it(
    'open the routes that their permissions say, and no others',
    async () => {
      expect(routes.length).toBeGreaterThan(100);
      const seen = new Set<string>();
      for (const route of routes) {
        expect(route.permission, `${route.method} ${route.path}`).toBeDefined();
        for (const role of ROLES) {
          const isAllowed = may(role, route.permission);
          seen.add(`${role} ${isAllowed}`);
          // Whoever passes the door is asked for something that there is not; what could be done by it is not done.
          if (isAllowed && (isStream(route) || route.method !== 'GET')) continue;
          const { status, json } = await api.as(
            role,
            route.method,
            fill(route, () => GONE),
          );
          const code = (json as { findings?: { code: string }[] } | undefined)?.findings?.[0]?.code;
          const where = `${role}: ${route.method} ${route.path}`;
          if (isAllowed) expect(code, where).not.toBe('forbidden');
          else expect([status, code], where).toEqual([403, 'forbidden']);
        }
        if (route.permission === 'public' || isStream(route)) continue;
        const { status } = await api.as(
          'anonymous',
          route.method,
          fill(route, () => GONE),
        );
        expect(status, `${route.method} ${route.path}`).toBe(401);
      }
      // Every role is let in somewhere, and all but one are kept out somewhere.
      expect(seen).toEqual(
        new Set(ROLES.flatMap((r) => (r === ROLES[0] ? [`${r} true`] : [`${r} true`, `${r} false`]))),
      );
    },
    LONG,
  );
});

describe('tenants', () => {
  /** What a user of red is answered, with what does not exist written as what is not seen. */
  const answer = async (who: Asker, route: Route, url: string, body?: unknown) => {
    const { status, text } = await api.as(who, route.method, url, body);
    return `${status} ${same(text)}`;
  };
  const isOpen = (who: Asker, route: Route) =>
    may(who === 'self-service' ? who : 'tenant-administrator', route.permission);

  it(
    'see no difference in an address between what is another’s and what does not exist',
    async () => {
      let compared = 0;
      for (const route of routes.filter((r) => r.path.includes('{') && !isStream(r))) {
        const kind = kindOfRoute(route);
        const body = route.body && sample(route.body);
        const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
        const tuples: (readonly [readonly string[], readonly string[]])[] = [
          ...(kind && KEY_PARTS[kind].length === names.length ? addresses(kind) : []),
          ...pairs()
            .filter(([other]) => !other.includes('/'))
            .map(([other, none]) => [names.map(() => other), names.map(() => none)] as const),
        ];
        for (const who of TENANT) {
          if (!isOpen(who, route)) continue;
          for (const [other, none] of tuples) {
            const at = (values: readonly string[]) =>
              fill(route, (name) => values[names.indexOf(name)] ?? '');
            const where = `${who}: ${route.method} ${at(other)}`;
            expect(await answer(who, route, at(other), body), where).toBe(
              await answer(who, route, at(none), body),
            );
            compared += 1;
          }
        }
      }
      expect(compared).toBeGreaterThan(500);
    },
    LONG,
  );

  it(
    'see no difference in a query between what is another’s and what does not exist',
    async () => {
      for (const route of routes.filter(
        (r) => r.method === 'GET' && r.permission !== 'public' && !isStream(r),
      )) {
        if (route.path.includes('{')) continue;
        for (const { name } of route.parameters.filter((p) => p.in === 'query')) {
          for (const who of TENANT.filter((w) => isOpen(w, route))) {
            for (const [other, none] of pairs()) {
              const url = (value: string) => `${route.path}?${name}=${encodeURIComponent(value)}`;
              // Pages begin behind a text, wherever that is: there the two are different questions.
              if (name === 'after') continue;
              const where = `${who}: ${url(other)}`;
              expect(await answer(who, route, url(other)), where).toBe(await answer(who, route, url(none)));
            }
          }
        }
      }
    },
    LONG,
  );

  it(
    'see no difference in a text of a body between what is another’s and what does not exist',
    async () => {
      let compared = 0;
      for (const route of routes.filter((r) => r.body && r.permission !== 'public')) {
        const own = (name: string) => (name === 'name' ? 'red:vm1' : 'red:web');
        const url = fill(route, own);
        for (const field of textFields(route.body)) {
          // A password names nothing, and takes its time.
          if (['password', 'current'].includes(field)) continue;
          for (const who of TENANT.filter((w) => isOpen(w, route))) {
            for (const [other, none] of pairs()) {
              const name = field.replace('[]', '');
              const value = (text: string) => (field.endsWith('[]') ? [text] : text);
              const body = (text: string) => ({
                ...(sample(route.body) as object),
                ...('dryRun' in (resolve(route.body).properties ?? {}) ? { dryRun: true } : {}),
                [name]: value(text),
              });
              // A name of one's own, a message or a password is not a reference; what is made by it is one's own.
              const [a, b] = [
                await answer(who, route, url, body(other)),
                await answer(who, route, url, body(none)),
              ];
              if (a.startsWith('2') && b.startsWith('2')) continue;
              expect(a, `${who}: ${route.method} ${url} ${field}=${other}`).toBe(b);
              compared += 1;
            }
          }
        }
      }
      expect(compared).toBeGreaterThan(200);
    },
    LONG,
  );

  it(
    'see no difference in a reference of an object between what is another’s and what does not exist',
    async () => {
      let compared = 0;
      const apply = routes.find(({ path }) => path.endsWith('/apply'))!;
      for (const kind of KIND_NAMES) {
        const put = routes.find((r) => r.method === 'PUT' && r.path === objectPathOf(kind))!;
        for (const make of bodiesOf(kind)) {
          for (const [other, none] of pairs()) {
            const theirs = make(other);
            const nobodys = make(none);
            for (const who of TENANT) {
              const where = `${who}: ${kind} ${theirs.field} = ${other}`;
              const send = (body: unknown) =>
                answer(who, apply, `${apply.path}`, { objects: [body], dryRun: true });
              const a = await send(theirs.body);
              expect(a, where).toBe(await send(nobodys.body));
              expect(a.startsWith('2'), where).toBe(false);
              const url = fill(put, (name) => (name === 'name' ? 'vm1' : 'web'));
              expect(await answer(who, put, url, theirs.body), where).toBe(
                await answer(who, put, url, nobodys.body),
              );
              compared += 2;
            }
          }
        }
      }
      expect(compared).toBeGreaterThan(100);
    },
    LONG,
  );

  it(
    'cannot be told from what does not exist by a revision that it must have, nor by ids',
    async () => {
      const { revision } = api.controller;
      const blue = (await api.as('blue', 'GET', '/api/v1/tokens')).json as { items: { id: string }[] };
      const before = await api.as('tenant-administrator', 'DELETE', `/api/v1/tokens/${blue.items[0]?.id}`);
      const none = await api.as('tenant-administrator', 'DELETE', '/api/v1/tokens/0000000000000000');
      expect([before.status, none.status]).toEqual([404, 404]);
      for (const match of ['*', `"${revision}"`, '"1"']) {
        const ask = (tenant: string) =>
          api.as(
            'tenant-administrator',
            'PUT',
            `/api/v1/vm-networks/${tenant}:web`,
            { kind: 'VmNetwork', name: 'web', tenant, logicalNetwork: 'Provider', isolation: 'virtualized' },
            { 'if-match': match },
          );
        const [other, nobody] = [await ask(OTHER), await ask(NONE)];
        expect(`${other.status} ${same(other.text)}`).toBe(`${nobody.status} ${same(nobody.text)}`);
      }
    },
    LONG,
  );

  it(
    'answer malformed names with a refusal, whoever asks',
    async () => {
      for (const route of routes.filter((r) => r.path.includes('{') && r.method === 'GET' && !isStream(r))) {
        for (const who of ['operator', ...TENANT] as const) {
          for (const value of MALFORMED) {
            const url = fill(route, () => value);
            const { status } = await api.as(who, route.method, url);
            expect(status, `${who}: ${url}`).toBeGreaterThanOrEqual(400);
            expect(status, `${who}: ${url}`).toBeLessThan(500);
          }
        }
      }
    },
    LONG,
  );

  it(
    'see their own: what is refused above is refused for whose it is',
    async () => {
      const kinds = new Set<KindName>();
      for (const object of objectsOf(tenantObjects('red'))) {
        const names = objectName(object).split('/').map(encodeURIComponent).join('/');
        const url = `${kindPath(object.kind)}/${names}`;
        const { status, json, text } = await api.as('tenant-administrator', 'GET', url);
        expect(status, url).toBe(200);
        expect(text).not.toContain('blue');
        expect(text).not.toContain('host1');
        kinds.add(object.kind);
        // And may write it: as it is, so that nothing changes.
        if (object.kind === 'Tenant') continue;
        const again = await api.as('tenant-administrator', 'PUT', url, json);
        expect([again.status, url, again.text.length > 0]).toEqual([200, url, true]);
        const applied = await api.as('tenant-administrator', 'POST', '/api/v1/apply', { objects: [json] });
        expect(applied.status, applied.text).toBe(200);
      }
      expect(kinds.size).toBe(7);
    },
    LONG,
  );
});

function objectPathOf(kind: KindName): string {
  return `${kindPath(kind)}/${KEY_PARTS[kind].map((part) => `{${part}}`).join('/')}`;
}
