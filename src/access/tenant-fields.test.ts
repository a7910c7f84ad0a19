import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../base/json.ts';
import { KIND_NAMES, type KindName } from '../model/definition.ts';
import { KINDS } from '../model/kinds.ts';
import { mayWrite } from './roles.ts';
import { fieldsKnown, tenantDocument, tenantWrite } from './tenant-fields.ts';

/** The names of the fields that a kind's objects have, and of those of their vNICs. */
function fieldsOf(kind: KindName): { own: string[]; vnic: string[] } {
  const schema = z.toJSONSchema(KINDS[kind].schema, { io: 'input', unrepresentable: 'any' }) as {
    properties: Record<string, { items?: { properties?: Record<string, unknown> } }>;
  };
  const vnics = schema.properties.vnics?.items?.properties ?? {};
  return { own: Object.keys(schema.properties), vnic: Object.keys(vnics) };
}

describe('the fields of what a tenant writes', () => {
  it('are each decided: whether its users set it, see it, or neither', () => {
    const kinds = KIND_NAMES.filter((kind) => mayWrite('tenant-administrator', kind));
    expect(kinds).toHaveLength(6);
    for (const kind of kinds) expect(fieldsKnown(kind).sort(), kind).toEqual(fieldsOf(kind).own.sort());
    expect(fieldsKnown('vNIC').sort()).toEqual(fieldsOf('VirtualMachine').vnic.sort());
  });
});

describe('a document', () => {
  const vm: JsonObject = {
    kind: 'VirtualMachine',
    name: 'a',
    host: 'h1',
    vnics: [{ name: 'eth0', vmNetwork: 'red:web', mac: '02:00:00:00:00:01', trunk: {} }],
    meta: { id: 'x', revision: 3 },
    status: { vnics: [{ name: 'eth0', switch: 'S', connected: true }], users: ['x'], warnings: [] },
  };

  it('of a machine says nothing of hosts and switches', () => {
    expect(tenantDocument('VirtualMachine', vm, true)).toEqual({
      kind: 'VirtualMachine',
      name: 'a',
      vnics: [{ name: 'eth0', vmNetwork: 'red:web', mac: '02:00:00:00:00:01' }],
      meta: { id: 'x', revision: 3 },
      status: { vnics: [{ name: 'eth0', connected: true }] },
    });
  });

  it('of the administrator says nothing of who uses it', () => {
    const network = { kind: 'LogicalNetwork', name: 'N', status: { vmNetworks: ['VmNetwork/blue:web'] } };
    expect(tenantDocument('LogicalNetwork', network, false).status).toEqual({});
  });

  it('that is sent back keeps what the administrator set', () => {
    const { meta: _meta, status: _status, ...held } = vm;
    const sent = tenantDocument('VirtualMachine', vm, true);
    const read = { kind: 'VirtualMachine', name: 'a', vnics: sent.vnics ?? [] };
    expect(tenantWrite('VirtualMachine', { sent, read, held })).toEqual({ fields: held, forbidden: [] });
  });

  it('that leaves out a port ACL of the administrator keeps it, in front of its own', () => {
    const network = { kind: 'VmNetwork', name: 'web', acls: ['guard', 'red:a'] };
    const sent = { kind: 'VmNetwork', name: 'web', acls: ['red:b'] };
    const { fields } = tenantWrite('VmNetwork', { sent, read: sent, held: network });
    expect(fields.acls).toEqual(['guard', 'red:b']);
    const free = tenantWrite('VmNetwork', { sent, read: sent, held: { ...network, acls: ['red:a'] } });
    expect(free.fields.acls).toEqual(['red:b']);
  });

  it('refuses a hidden field even where it is right', () => {
    const sent = { kind: 'VirtualMachine', name: 'a', host: 'h1', vnics: [] };
    expect(tenantWrite('VirtualMachine', { sent, read: sent, held: vm }).forbidden).toEqual(['host']);
    expect(tenantWrite('VirtualMachine', { sent, read: sent, held: undefined }).forbidden).toEqual(['host']);
  });
});
