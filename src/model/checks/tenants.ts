import { target } from '../definition.ts';
import { get, members } from '../facts.ts';
import { COUNTABLES, countableWords } from '../kinds/tenant.ts';
import { isTenantRole } from '../kinds/user.ts';
import {
  kindOf,
  type ModelObject,
  objectKey,
  type Tenant,
  type User,
  type VirtualMachine,
  type VmNetwork,
} from '../kinds.ts';
import { isOpenTo, tenantOf } from '../tenancy.ts';
import { at, type Check, repeated } from './check.ts';

/** The tenant has no more of anything than it may. Said of the tenant, which the objects all belong to. */
export const quotasKept: Check<Tenant> = function* (tenant, read) {
  yield* repeated('logicalNetworks', '', tenant.logicalNetworks, (name) => name, 'Logical network');
  yield* repeated(
    'portClassifications',
    '',
    tenant.portClassifications,
    (name) => name,
    'Port classification',
  );
  for (const countable of COUNTABLES) {
    const used = members(read, 'countables', `${tenant.name}/${countable}`).length;
    const quota = tenant.quotas[countable];
    if (used <= quota) continue;
    yield {
      path: `quotas.${countable}`,
      code: 'quota-exceeded',
      message: `Tenant "${tenant.name}" would have ${used} ${countableWords(countable)}; its quota is ${quota}.`,
      remedy: 'Delete some that are not needed any more, or ask the administrator for a higher quota.',
    };
  }
};

/** A tenant's own networks are virtualized, on logical networks that are open to it. */
export const tenantNetworkFits: Check<VmNetwork> = function* (network, read) {
  const tenant = network.tenant === undefined ? undefined : get(read, 'Tenant', network.tenant);
  if (!tenant) return;
  if (network.isolation !== 'virtualized') {
    yield {
      path: 'isolation',
      code: 'isolation-not-allowed',
      message: `VM network "${network.name}" is the tenant "${tenant.name}"’s, and isolation ${network.isolation} is the administrator’s.`,
      remedy: 'Use isolation: virtualized.',
    };
  }
  if (!get(read, 'LogicalNetwork', network.logicalNetwork)) return;
  if (!tenant.logicalNetworks.includes(network.logicalNetwork)) {
    yield {
      path: 'logicalNetwork',
      code: 'network-not-open',
      message: `Logical network "${network.logicalNetwork}" is not open to the tenant "${tenant.name}".`,
      remedy: 'Use one that is open, or add it to logicalNetworks of the tenant.',
    };
  }
};

/** What belongs to a tenant is used by the same tenant's objects, and by nobody's. */
export const tenantsApart: Check<ModelObject> = function* (object, read) {
  const own = tenantOf(objectKey(object));
  for (const reference of kindOf(object.kind).references(object)) {
    const other = tenantOf(target(reference));
    if (other === undefined || other === own || !read.get(target(reference))) continue;
    const { title } = kindOf(reference.kind);
    const who = own === undefined ? 'this object is nobody’s' : `this object is the tenant "${own}"’s`;
    yield {
      path: reference.path,
      code: 'tenant-mismatch',
      message: `The ${title} "${reference.key}" belongs to the tenant "${other}", and ${who}.`,
      remedy: 'Use one of the same tenant.',
    };
  }
};

/** A machine of a tenant connects to the tenant's own networks, and to those that are open to it. */
export const tenantVnicsFit: Check<VirtualMachine> = function* (vm, read) {
  const tenant = vm.tenant === undefined ? undefined : get(read, 'Tenant', vm.tenant);
  if (!tenant) return;
  for (const [i, vnic] of vm.vnics.entries()) {
    const network = get(read, 'VmNetwork', vnic.vmNetwork);
    if (!network || network.tenant !== undefined || isOpenTo(tenant, network)) continue;
    yield {
      path: at('vnics', i, 'vmNetwork'),
      code: 'network-not-open',
      message: `VM network "${vnic.vmNetwork}" is not open to the tenant "${tenant.name}".`,
      remedy:
        'Use a network of the tenant, or the network of the same name of a logical network that is open to it.',
    };
  }
};

/** The roles of a tenant have one, and the others have none. */
export const roleFits: Check<User> = function* (user) {
  if (isTenantRole(user.role) === (user.tenant !== undefined)) return;
  yield {
    path: 'role',
    code: 'field-conflict',
    message:
      user.tenant === undefined
        ? `The role ${user.role} is one of a tenant, and user "${user.name}" has no tenant.`
        : `User "${user.name}" belongs to the tenant "${user.tenant}", and the role ${user.role} is not one of a tenant.`,
    remedy: 'Use tenant-administrator or self-service with a tenant, and the other roles without.',
  };
};

/** Names under which the journal has what no user did. */
const NOT_USERS: readonly string[] = ['operator', 'netloom'];

/** Nobody can be taken for the operator of the machine, or for the program itself, in the journal. */
export const userNameFits: Check<User> = function* ({ tenant, name }) {
  if (tenant !== undefined || !NOT_USERS.includes(name.toLowerCase())) return;
  yield {
    path: 'name',
    code: 'name-duplicate',
    message: `"${name}" is how the journal calls ${name.toLowerCase() === 'operator' ? 'whoever has the token of the machine' : 'what Netloom does by itself'}.`,
    remedy: 'Give the user another name.',
  };
};
