import { type KindName, target } from '../definition.ts';
import { get } from '../facts.ts';
import { isImplied } from '../implied.ts';
import { kindOf, type ModelObject, objectKey, type VmNetwork } from '../kinds.ts';
import type { Check } from './check.ts';

/** What a key of the form `parent/name` begins with. */
const PARENTS: Partial<Record<KindName, KindName>> = { NetworkSite: 'LogicalNetwork', VmSubnet: 'VmNetwork' };

/** Every object that is named exists. */
export const referencesExist: Check<ModelObject> = function* (object, read) {
  for (const reference of kindOf(object.kind).references(object)) {
    if (read.get(target(reference))) continue;
    // A site of a logical network that does not exist is one mistake, not two.
    const parent = PARENTS[reference.kind];
    if (parent && !read.get(`${parent}/${reference.key.slice(0, reference.key.indexOf('/'))}`)) continue;
    const { title } = kindOf(reference.kind);
    yield {
      path: reference.path,
      code: 'reference-missing',
      message: `There is no ${title} "${reference.key}".`,
      remedy: `Correct the name, or add the ${title} in the same change.`,
    };
  }
};

/** Nobody writes an object that exists already because another one implies it. */
export const nameFree: Check<VmNetwork> = function* (network, read) {
  const origin = get(read, 'LogicalNetwork', network.name);
  if (!origin?.sameNameVmNetwork || isImplied(network) || network.tenant !== undefined) return;
  yield {
    path: 'name',
    code: 'name-duplicate',
    message: `VM network "${network.name}" exists already: ${objectKey(origin)} makes one of its own name.`,
    remedy:
      'Leave this object out, give it another name, or set sameNameVmNetwork: false on the logical network.',
  };
};
