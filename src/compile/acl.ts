/**
 * Port ACLs: each once to every host that has a vNIC which they apply to. A vNIC names those that apply to it, in the
 * order of precedence: its own, then those of its VM subnet, then those of its VM network.
 */
import { ACL_NUMBER } from '../allocate/scopes.ts';
import { get, objects, type Reader } from '../model/facts.ts';
import { portAclKey } from '../model/kinds/port-acl.ts';
import { objectKey, type PortAcl } from '../model/kinds.ts';
import { hostsOfVm } from '../model/migration.ts';
import type { VnicPlace } from '../model/placement.ts';
import { scopeOf } from '../model/rule-scope.ts';
import { type AclRecord, type AclRule, hostScope } from '../policy/records.ts';
import { allocated, modelOf } from './facts.ts';
import { type CompileRead, type FeatureRule, put } from './feature.ts';

/** One host. A VM that comes or goes touches it only when it brings a network or an ACL, or takes one away. */
export const acl: FeatureRule = {
  name: 'acl',
  units: (_key, fact) => (fact.kind === 'VirtualMachine' ? hostsOfVm(fact) : []),
  *derive(host, read) {
    for (const key of [...aclKeysOf(modelOf(read), host)].sort()) {
      const record = recordOf(read, key);
      if (record) yield put(hostScope(host), record);
    }
  },
};

/** Of a network also those of the subnets that no vNIC of this host is on: they may come, and do no harm. */
function aclKeysOf(read: Reader, host: string): Set<string> {
  const keys = new Set(read.members('aclsOfHost', host));
  const add = (acls: readonly string[] = []) => {
    for (const key of acls) keys.add(key);
  };
  for (const name of read.members('networksOfHost', host)) {
    add(get(read, 'VmNetwork', name)?.acls);
    for (const subnet of objects(read, 'VmSubnet', 'subnets', name)) add(subnet.acls);
  }
  return keys;
}

function recordOf(read: CompileRead, key: string): AclRecord | undefined {
  const object = get(modelOf(read), 'PortAcl', key);
  const number = object && allocated(read, ACL_NUMBER, objectKey(object));
  if (!object || number === undefined) return undefined;
  return {
    kind: 'acl',
    id: portAclKey(object),
    number: Number(number),
    rules: rulesOf(object),
    ...object.default,
    origin: objectKey(object),
  };
}

function rulesOf({ rules }: PortAcl): AclRule[] {
  return rules
    .map((rule): AclRule => {
      const { name, direction, action, priority, stateful, log } = rule;
      return { name, direction, action, priority, ...scopeOf(rule), stateful, log };
    })
    .sort((a, b) => a.priority - b.priority);
}

/** The port ACLs that apply to a vNIC, each once; those that do not exist are a finding of validation. */
export function aclsOf(place: VnicPlace, own: readonly string[] = []): string[] {
  const subnet = place.type === 'virtual' ? place.subnet.acls : undefined;
  return [...new Set([...own, ...(subnet ?? []), ...(place.network.acls ?? [])])];
}
