/** What a tenant sees does not depend on what another one does: invariant 50 of the reliability list. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openTenants, type Tenants } from './tenants-fixture.ts';

/** Every list that there is, from the live document: a new one is looked at here without a line more. */
async function listsOf(api: Tenants): Promise<string[]> {
  const { paths } = (await api.as('operator', 'GET', '/api/openapi.json')).json as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(paths)
    .filter(([path, methods]) => methods.get && !path.includes('{') && !path.endsWith('/watch'))
    .map(([path]) => path);
}

/** Everything that red is answered. */
async function viewOfRed(api: Tenants, lists: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const who of ['tenant-administrator', 'self-service'] as const) {
    for (const url of lists) {
      const { status, text } = await api.as(who, 'GET', url);
      answers.push(`${who} ${url}: ${status} ${text}`);
    }
  }
  return answers;
}

const name = fc.constantFrom('web', 'db', 'x');
/** What blue may try. Some of it is refused: refusals must not be seen either. */
const action = fc.oneof(
  fc.record({ do: fc.constant('network' as const), name }),
  fc.record({ do: fc.constant('subnet' as const), name, octet: fc.nat(5) }),
  fc.record({ do: fc.constant('machine' as const), name, network: name, count: fc.nat(3) }),
  fc.record({ do: fc.constant('shared' as const), host: fc.integer({ min: 10, max: 60 }) }),
  fc.record({ do: fc.constant('user' as const), name }),
  fc.record({ do: fc.constant('delete' as const), name }),
  fc.record({ do: fc.constant('meddle' as const), name }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

async function act(api: Tenants, step: Action): Promise<number> {
  const apply = async (...objects: object[]) =>
    (await api.as('blue', 'POST', '/api/v1/apply', { objects })).status;
  switch (step.do) {
    case 'network':
      return apply({
        kind: 'VmNetwork',
        name: step.name,
        logicalNetwork: 'Provider',
        isolation: 'virtualized',
      });
    case 'subnet':
      return apply({ kind: 'VmSubnet', name: 's', vmNetwork: step.name, prefix: `10.${step.octet}.0.0/16` });
    case 'machine': {
      const vnics = Array.from({ length: step.count }, () => ({ vmNetwork: step.network }));
      return apply({ kind: 'VirtualMachine', name: step.name, vnics });
    }
    case 'shared': {
      const vnics = [{ vmNetwork: 'web' }, { vmNetwork: 'Office', addresses: [`10.7.0.${step.host}`] }];
      return apply({ kind: 'VirtualMachine', name: 'vm1', vnics });
    }
    case 'user':
      return apply({ kind: 'User', name: step.name, role: 'self-service' });
    case 'delete':
      return (await api.as('blue', 'POST', '/api/v1/delete', { objects: [`VmNetwork/${step.name}`] })).status;
    case 'meddle':
      return (await api.as('blue', 'DELETE', `/api/v1/vm-networks/red:${step.name}`)).status;
  }
}

describe('a tenant', () => {
  it('is answered the same bytes, whatever another one does', async () => {
    const api = await openTenants();
    const lists = await listsOf(api);
    expect(lists.length).toBeGreaterThan(25);
    const before = await viewOfRed(api, lists);
    // Of all of this, red sees something: an empty view would never change.
    expect(before.join()).toContain('red:vm1');
    expect(before.join()).not.toContain('blue');
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 8 }), async (steps) => {
        for (const step of steps) statuses.add(await act(api, step));
        expect(await viewOfRed(api, lists)).toEqual(before);
      }),
      { numRuns: 12 },
    );
    expect([...statuses]).toEqual(expect.arrayContaining([200]));
    // And the test sees what is to be seen.
    const made = { kind: 'VmNetwork', name: 'new', logicalNetwork: 'Provider', isolation: 'virtualized' };
    expect((await api.as('tenant-administrator', 'POST', '/api/v1/vm-networks', made)).status).toBe(201);
    expect(await viewOfRed(api, lists)).not.toEqual(before);
    await api.close();
  });

  it('watches its own commits and no others', async () => {
    const api = await openTenants();
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const stream = await fetch(`${url}/api/v1/watch`, {
      headers: { authorization: `Bearer ${api.tokenOf('tenant-administrator')}` },
    });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    const until = async (text: string) => {
      while (!seen.includes(text)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the stream ended before ${text}`);
        seen += value;
      }
    };
    await until('event: ready');
    const network = (name: string) => ({
      kind: 'VmNetwork',
      name,
      logicalNetwork: 'Provider',
      isolation: 'virtualized',
    });
    for (const n of ['a', 'b']) {
      expect((await api.as('blue', 'POST', '/api/v1/vm-networks', network(n))).status).toBe(201);
    }
    expect((await api.as('self-service', 'POST', '/api/v1/vm-networks', network('c'))).status).toBe(403);
    expect((await api.as('tenant-administrator', 'POST', '/api/v1/vm-networks', network('own'))).status).toBe(
      201,
    );
    await until('VmNetwork/red:own');
    expect(seen).not.toContain('blue');
    expect(seen.match(/event: commit/g)).toHaveLength(1);
    // Whoever is no longer who they were is told no more.
    const user = { kind: 'User', name: 'boss', tenant: 'red', role: 'tenant-administrator', disabled: true };
    expect((await api.as('operator', 'PUT', '/api/v1/users/red:boss', user)).status).toBe(200);
    api.clock.advance(5_000);
    while (!(await reader.read()).done);
    expect((await api.as('tenant-administrator', 'GET', '/api/v1/whoami')).status).toBe(401);
    await api.close();
  });
});
