import { type Derivation, Deriver, type Rule } from '../base/derive.ts';
import type { Finding } from '../base/error.ts';
import { bandwidthCounted, bandwidthFits, minimumsFit } from './checks/bandwidth.ts';
import type { Check } from './checks/check.ts';
import {
  networksOnce,
  nicsCapable,
  nicsTogether,
  nicsUsable,
  nicToSpare,
  switchTypeFits,
  teamAllowed,
  teamMaps,
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
  poolSparesSlaac,
  poolsApart,
} from './checks/pools.ts';
import { rulesDecided, rulesFit } from './checks/port-acls.ts';
import { nameFree, referencesExist } from './checks/references.ts';
import { profileSitesDistinct, sriovWithoutTeam, switchListsDistinct } from './checks/switches.ts';
import {
  quotasKept,
  roleFits,
  tenantNetworkFits,
  tenantsApart,
  tenantVnicsFit,
  userNameFits,
} from './checks/tenants.ts';
import { subnetIpv6Fits, subnetOfVirtualized, subnetPrefixFits, vsidUnique } from './checks/vm-subnets.ts';
import { mirrorsFit, trunksFit } from './checks/vnic-modes.ts';
import { hostVnicsFit, migrationFits, vmVnicsFit } from './checks/vnics.ts';
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
  FabricSettings: [referencesExist],
  HostGroup: [referencesExist, groupsNest],
  PhysicalNetwork: [referencesExist],
  LogicalNetwork: [referencesExist, networkUsable],
  Tenant: [referencesExist, quotasKept],
  User: [referencesExist, roleFits, userNameFits],
  NetworkSite: [referencesExist, siteRowsFit, siteSubnetsApart],
  Host: [referencesExist, nicsDistinct, providerAddressesFit],
  MacPool: [referencesExist, macRangeFits],
  PortAcl: [referencesExist, tenantsApart, rulesFit, rulesDecided],
  VmNetwork: [
    referencesExist,
    tenantsApart,
    tenantNetworkFits,
    nameFree,
    isolationAllowed,
    isolationFields,
    routingDomainUnique,
  ],
  VmSubnet: [
    referencesExist,
    tenantsApart,
    subnetOfVirtualized,
    subnetPrefixFits,
    subnetIpv6Fits,
    vsidUnique,
  ],
  IpPool: [
    referencesExist,
    tenantsApart,
    poolPrefixExists,
    poolRangeFits,
    poolReservedFits,
    poolSparesSlaac,
    poolsApart,
  ],
  UplinkPortProfile: [referencesExist, profileSitesDistinct],
  VirtualPortProfile: [referencesExist, bandwidthFits],
  PortClassification: [referencesExist],
  LogicalSwitch: [referencesExist, switchListsDistinct, sriovWithoutTeam, bandwidthCounted],
  HostSwitch: [
    referencesExist,
    switchTypeFits,
    nicsUsable,
    nicsTogether,
    nicsCapable,
    nicToSpare,
    teamAllowed,
    uplinkProfileFits,
    networksOnce,
    teamMaps,
    minimumsFit,
    hostVnicsFit,
  ],
  VirtualMachine: [
    referencesExist,
    tenantsApart,
    tenantVnicsFit,
    migrationFits,
    vmVnicsFit,
    trunksFit,
    mirrorsFit,
  ],
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
