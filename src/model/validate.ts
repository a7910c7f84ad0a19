import { type Derivation, Deriver, type Rule } from '../base/derive.ts';
import type { Finding } from '../base/error.ts';
import type { Check } from './checks/check.ts';
import {
  networksOnce,
  nicsCapable,
  nicsTogether,
  nicsUsable,
  nicToSpare,
  teamAllowed,
  uplinkProfileFits,
} from './checks/host-switches.ts';
import { groupsNest, nicsDistinct, providerAddressesFit } from './checks/hosts.ts';
import {
  isolationAllowed,
  isolationFields,
  networkUsable,
  routingDomainUnique,
  siteRowsFit,
  siteSubnetsApart,
} from './checks/logical-networks.ts';
import {
  macRangeFits,
  poolPrefixExists,
  poolRangeFits,
  poolReservedFits,
  poolsApart,
} from './checks/pools.ts';
import { nameFree, referencesExist } from './checks/references.ts';
import {
  bandwidthFits,
  profileSitesDistinct,
  sriovWithoutTeam,
  switchListsDistinct,
} from './checks/switches.ts';
import { subnetOfVirtualized, subnetPrefixFits, vsidUnique } from './checks/vm-subnets.ts';
import { hostVnicsFit, vmVnicsFit } from './checks/vnics.ts';
import { KIND_NAMES, type KindName, type ObjectKey } from './definition.ts';
import { factsOf, INDEXES, type Reader } from './facts.ts';
import { isKind, type ModelObject, type ObjectOf, objectKey, splitObjectKey } from './kinds.ts';

/**
 * Validation: what is wrong with the objects, every finding at once. It is a derivation like the two compilers: one
 * rule per kind, one unit per object, and a change checks again only the objects that looked at what has changed.
 *
 * The table says what is checked of which kind, in this order; each check is explained where it is written. To add
 * one: write it in `checks/`, add it here, and add its example to `validate.test.ts`.
 */
const CHECKS: { readonly [K in KindName]: readonly Check<ObjectOf<K>>[] } = {
  HostGroup: [referencesExist, groupsNest],
  PhysicalNetwork: [referencesExist],
  LogicalNetwork: [referencesExist, networkUsable],
  NetworkSite: [referencesExist, siteRowsFit, siteSubnetsApart],
  Host: [referencesExist, nicsDistinct, providerAddressesFit],
  MacPool: [referencesExist, macRangeFits],
  VmNetwork: [referencesExist, nameFree, isolationAllowed, isolationFields, routingDomainUnique],
  VmSubnet: [referencesExist, subnetOfVirtualized, subnetPrefixFits, vsidUnique],
  IpPool: [referencesExist, poolPrefixExists, poolRangeFits, poolReservedFits, poolsApart],
  UplinkPortProfile: [referencesExist, profileSitesDistinct],
  VirtualPortProfile: [referencesExist, bandwidthFits],
  PortClassification: [referencesExist],
  LogicalSwitch: [referencesExist, switchListsDistinct, sriovWithoutTeam],
  HostSwitch: [
    referencesExist,
    nicsUsable,
    nicsTogether,
    nicsCapable,
    nicToSpare,
    teamAllowed,
    uplinkProfileFits,
    networksOnce,
    hostVnicsFit,
  ],
  VirtualMachine: [referencesExist, vmVnicsFit],
};

/** A finding about one object. */
export interface KeyedFinding {
  /** Unique among all findings; stays the same as long as the finding does. */
  readonly key: string;
  readonly object: ObjectKey;
  /** The field, relative to the object; empty for the object as a whole. */
  readonly field: string;
  readonly finding: Finding;
}

/** Facts (`facts.ts`) to findings. */
export const validation: Derivation<ModelObject, KeyedFinding> = {
  indexes: INDEXES,
  rules: KIND_NAMES.map((kind) => ruleOf(kind)),
  outputKey: (output) => output.key,
  same: (a, b) =>
    a.finding.message === b.finding.message &&
    a.finding.remedy === b.finding.remedy &&
    a.finding.severity === b.finding.severity,
};

function ruleOf<K extends KindName>(kind: K): Rule<ModelObject, KeyedFinding> {
  return {
    name: kind,
    units: (key, object) => (object.kind === kind ? [key] : []),
    *derive(unit, read) {
      const object = read.get(unit);
      if (isKind(object, kind)) yield* findingsOf(object, CHECKS[kind], read);
    },
  };
}

function* findingsOf<T extends ModelObject>(
  object: T,
  checks: readonly Check<T>[],
  read: Reader,
): Generator<KeyedFinding> {
  const key = objectKey(object);
  const count = new Map<string, number>();
  for (const check of checks) {
    for (const { path: field, code, message, remedy, severity = 'error' } of check(object, read)) {
      const path = pathOf(key, field);
      const identity = `${path} ${code}`;
      const nth = (count.get(identity) ?? 0) + 1;
      count.set(identity, nth);
      const finding: Finding = { code, severity, path, message, remedy };
      yield { key: nth === 1 ? identity : `${identity} ${nth}`, object: key, field, finding };
    }
  }
}

/** `Host/host1` and `nics[0].mac` make `Host/host1.nics[0].mac`. */
export function pathOf(object: string, field: string): string {
  return field ? `${object}.${field}` : object;
}

/** Sorts by kind in the order of KIND_NAMES, then by path. */
export function compareFindings(a: KeyedFinding, b: KeyedFinding): number {
  return rank(a) - rank(b) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

function rank({ object }: KeyedFinding): number {
  return KIND_NAMES.indexOf(splitObjectKey(object)?.kind ?? 'HostGroup');
}

/** Every finding about these objects, sorted. For one look; who validates again and again keeps a Deriver. */
export function validate(objects: Iterable<ModelObject>): KeyedFinding[] {
  const deriver = new Deriver(validation);
  deriver.apply(factsOf(objects));
  return [...deriver.outputs()].sort(compareFindings);
}
