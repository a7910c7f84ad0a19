import { afterEach, describe, expect, it } from 'vitest';
import { ECHO } from './fixture.ts';
import type { Probe } from './probe.ts';
import { openTenants, type Tenants } from './tenants-fixture.ts';

let api: Tenants;
afterEach(() => api.close());

const findings = (json: unknown) =>
  (json as { findings: { code: string; path: string; message: string }[] }).findings;

describe('a user of a tenant', () => {
  it('leaves the tenant out of names, and is told whole keys', async () => {
    api = await openTenants();
    const made = await api.as('tenant-administrator', 'POST', '/api/v1/apply', {
      objects: [
        { kind: 'VmNetwork', name: 'db', logicalNetwork: 'Provider', isolation: 'virtualized' },
        { kind: 'VmSubnet', name: 'back', vmNetwork: 'db', prefix: '10.1.0.0/24' },
        { kind: 'IpPool', name: 'p', vmNetwork: 'db', subnet: 'back', from: '10.1.0.100', to: '10.1.0.130' },
        { kind: 'VirtualMachine', name: 'vm3', vnics: [{ vmNetwork: 'db' }, { vmNetwork: 'Office' }] },
      ],
    });
    expect(made.status, made.text).toBe(200);
    expect(made.json).toMatchObject({
      hosts: [],
      objects: [
        { key: 'VmNetwork/red:db' },
        { key: 'VmSubnet/red:db/back' },
        { key: 'IpPool/VmSubnet/red:db/back/p' },
        { key: 'VirtualMachine/red:vm3' },
      ],
    });
    const { json } = await api.as('self-service', 'GET', '/api/v1/virtual-machines/vm3');
    expect(json).toMatchObject({
      tenant: 'red',
      name: 'vm3',
      vnics: [{ vmNetwork: 'red:db' }, { vmNetwork: 'Office' }],
      status: { vnics: [{ connected: false }, { connected: false }] },
    });
    const log = await api.controller.history({ limit: 1 });
    expect(log[0]?.author).toBe('red:boss');
  });

  it('is told of a ping what its own machine sees, and nothing of others or of the fabric', async () => {
    const probe: Probe = {
      ...ECHO,
      endpoints: () => [{ name: 'red:vm1/eth0', host: 'host1', mac: '', addresses: [], network: '' }],
      ping: async (from, to) => {
        const lost = { sent: 1, received: 0, verdict: 'lost', answeredBy: 'blue:vm2/eth0' } as const;
        const dropped = { at: 'host1', reason: 'blue:vm3', origin: 'VirtualMachine/blue:vm3' };
        return { from, to: to.includes(':') ? to : 'blue:vm1/eth0', address: '10.7.0.9', ...lost, dropped };
      },
    };
    api = await openTenants({ probe });
    for (const [to, told] of [
      ['10.7.0.9', '10.7.0.9'],
      ['vm1', 'red:vm1'],
    ]) {
      const answer = await api.as('tenant-administrator', 'POST', '/api/v1/ping', { from: 'vm1', to });
      expect([answer.status, answer.json], answer.text).toMatchObject([200, { to: told, verdict: 'lost' }]);
      expect(answer.text).not.toMatch(/blue|host1/);
    }
    // The administrator is told all of it.
    const whole = await api.as('administrator', 'POST', '/api/v1/ping', { from: 'red:vm1', to: '10.7.0.9' });
    expect(whole.json).toMatchObject({ to: 'blue:vm1/eth0', dropped: { at: 'host1' } });
  });

  it('has machines placed by the administrator, and does not see where', async () => {
    api = await openTenants();
    const vm = { kind: 'VirtualMachine', name: 'vm1', vnics: [{ vmNetwork: 'web' }, { vmNetwork: 'web' }] };
    const changed = await api.as('self-service', 'PUT', '/api/v1/virtual-machines/vm1', vm);
    expect(changed.status, changed.text).toBe(200);
    // It stays where it is, and both vNICs are connected there.
    expect(api.controller.network.get('VirtualMachine/red:vm1')?.object).toMatchObject({ host: 'host1' });
    expect(changed.json).toMatchObject({ status: { vnics: [{ connected: true }, { connected: true }] } });
    expect(changed.text).not.toContain('host1');
    const guess = await api.as('self-service', 'PUT', '/api/v1/virtual-machines/vm1', {
      ...vm,
      host: 'host1',
    });
    expect([guess.status, findings(guess.json)]).toMatchObject([403, [{ code: 'field-forbidden' }]]);
  });

  it('cannot set what is the administrator’s, and may send back what it was shown', async () => {
    api = await openTenants();
    for (const [field, body] of Object.entries({
      routingDomainId: {
        kind: 'VmNetwork',
        name: 'x',
        logicalNetwork: 'Provider',
        isolation: 'virtualized',
        routingDomainId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      },
      vsid: { kind: 'VmSubnet', name: 'x', vmNetwork: 'web', prefix: '10.2.0.0/24', vsid: 5000 },
      mac: {
        kind: 'VirtualMachine',
        name: 'x',
        vnics: [{ vmNetwork: 'web', mac: '02:00:00:00:00:01' }],
      },
    })) {
      const { status, json } = await api.as('tenant-administrator', 'POST', '/api/v1/apply', {
        objects: [body],
      });
      expect([status, findings(json)[0]?.code, findings(json)[0]?.path.endsWith(field)]).toEqual([
        403,
        'field-forbidden',
        true,
      ]);
    }
    for (const url of ['/api/v1/virtual-machines/vm1', '/api/v1/vm-networks/web', '/api/v1/port-acls/acl']) {
      const { json } = await api.as('tenant-administrator', 'GET', url);
      const again = await api.as('tenant-administrator', 'PUT', url, json);
      expect([again.status, again.json], again.text).toEqual([200, json]);
    }
  });

  it('has quotas, exact also within one change', async () => {
    api = await openTenants();
    const networks = Array.from({ length: 16 }, (_, n) => ({
      kind: 'VmNetwork',
      name: `n${n}`,
      logicalNetwork: 'Provider',
      isolation: 'virtualized',
    }));
    const apply = (objects: object[]) => api.as('tenant-administrator', 'POST', '/api/v1/apply', { objects });
    const many = await apply(networks);
    expect([many.status, findings(many.json)]).toMatchObject([
      409,
      [{ code: 'quota-exceeded', message: 'Tenant "red" would have 17 VM networks; its quota is 16.' }],
    ]);
    expect((await apply(networks.slice(1))).status).toBe(200);
    expect((await apply(networks.slice(0, 1))).status).toBe(409);
    // The other tenant has its own.
    expect((await api.as('blue', 'POST', '/api/v1/vm-networks', networks[0])).status).toBe(201);
  });

  it('manages the users of its tenant, and gives no role that it has not', async () => {
    api = await openTenants();
    const user = (role: string) => ({ kind: 'User', name: 'new', role });
    const post = async (who: 'tenant-administrator' | 'self-service', role: string) =>
      (await api.as(who, 'POST', '/api/v1/users', user(role))).status;
    expect(await post('self-service', 'self-service')).toBe(403);
    expect(await post('tenant-administrator', 'administrator')).toBe(422);
    expect(await post('tenant-administrator', 'self-service')).toBe(201);
    const list = (await api.as('tenant-administrator', 'GET', '/api/v1/users')).json as {
      items: { name: string }[];
    };
    expect(list.items.map(({ name }) => name)).toEqual(['boss', 'new', 'self']);
    const own = (await api.as('self-service', 'GET', '/api/v1/users')).json as { items: { name: string }[] };
    expect(own.items.map(({ name }) => name)).toEqual(['self']);
  });

  it('has request ids of its own', async () => {
    api = await openTenants();
    const network = { kind: 'VmNetwork', name: 'new', logicalNetwork: 'Provider', isolation: 'virtualized' };
    const apply = async (who: 'blue' | 'tenant-administrator') =>
      (await api.as(who, 'POST', '/api/v1/apply', { objects: [network], requestId: 'r' })).json;
    expect(await apply('blue')).toMatchObject({ objects: [{ key: 'VmNetwork/blue:new' }] });
    const own = await apply('tenant-administrator');
    expect(own).toMatchObject({ objects: [{ key: 'VmNetwork/red:new' }] });
    expect(own).not.toHaveProperty('repeated');
    expect(await apply('tenant-administrator')).toMatchObject({ repeated: true });
  });

  it('is not told by a refusal who else there is', async () => {
    api = await openTenants();
    const vm = {
      kind: 'VirtualMachine',
      name: 'vm1',
      vnics: [{ vmNetwork: 'web' }, { vmNetwork: 'Office', addresses: ['10.7.0.50'] }],
    };
    const put = (who: 'blue' | 'tenant-administrator') =>
      api.as(who, 'PUT', '/api/v1/virtual-machines/vm1', vm);
    expect((await put('blue')).status).toBe(200);
    const refused = await put('tenant-administrator');
    // The administrator is told who it is.
    const placed = {
      ...vm,
      tenant: 'red',
      host: 'host1',
      vnics: [{ ...vm.vnics[0], vmNetwork: 'red:web' }, vm.vnics[1]],
    };
    const told = await api.as('operator', 'PUT', '/api/v1/virtual-machines/red:vm1', placed);
    expect([refused.status, findings(refused.json)[0]?.code]).toEqual([409, 'value-duplicate']);
    expect(told.text).toContain('VirtualMachine/blue:vm1');
    expect(refused.text).not.toContain('blue');
  });
});
