/**
 * Objects that are always there: the virtual port profiles and port classifications that SCVMM ships, under its names and
 * with its weights. A logical switch offers those that it lists. The operator may write an object of the same name, which
 * stands in its place; when that is deleted, the one that is built in is back.
 */
import type { ObjectKey } from './definition.ts';
import { type PortClassification, portClassification } from './kinds/port-classification.ts';
import { type VirtualPortProfile, virtualPortProfile } from './kinds/virtual-port-profile.ts';
import { type ModelObject, objectKey } from './kinds.ts';

interface Shipped {
  /** Of the classification, and of the profile where that has no name of its own. */
  readonly name: string;
  readonly profile?: string;
  readonly description: string;
  readonly offload?: Partial<VirtualPortProfile['offload']>;
  readonly security?: Partial<VirtualPortProfile['security']>;
  readonly bandwidth?: VirtualPortProfile['bandwidth'];
}

const SHIPPED: readonly Shipped[] = [
  {
    name: 'High bandwidth',
    description: 'A large share of the uplink: weight 5.',
    offload: { vmq: true },
    bandwidth: { minimumWeight: 5 },
  },
  {
    name: 'Medium bandwidth',
    description: 'A middling share of the uplink: weight 3.',
    offload: { vmq: true },
    bandwidth: { minimumWeight: 3 },
  },
  {
    name: 'Low bandwidth',
    description: 'A small share of the uplink: weight 1.',
    offload: { vmq: true },
    bandwidth: { minimumWeight: 1 },
  },
  {
    name: 'Live migration workload',
    profile: 'Live migration',
    description: 'For host vNICs that machines migrate over: weight 40.',
    offload: { vmq: true },
    bandwidth: { minimumWeight: 40 },
  },
  {
    name: 'Host management',
    description: 'For host vNICs that hosts are managed by: weight 10.',
    bandwidth: { minimumWeight: 10 },
  },
  {
    name: 'Host cluster workload',
    profile: 'Host cluster',
    description: 'For host vNICs of a cluster’s own traffic: weight 10.',
    offload: { vmq: true },
    bandwidth: { minimumWeight: 10 },
  },
  {
    name: 'iSCSI workload',
    profile: 'iSCSI',
    description: 'For vNICs that storage is reached by: weight 10.',
    offload: { vmq: true },
    bandwidth: { minimumWeight: 10 },
  },
  {
    name: 'SR-IOV',
    description: 'For vNICs that use the NIC directly; the switch cannot guard or share out what they send.',
    offload: { sriov: true },
  },
  {
    name: 'Network load balancing',
    description: 'For machines that share a MAC address and answer for one another.',
    security: { macSpoofing: true, guestSpecifiedAddresses: true },
    bandwidth: { minimumWeight: 3 },
  },
  {
    name: 'Guest dynamic IP',
    description: 'For machines that choose their own IP addresses.',
    security: { guestSpecifiedAddresses: true },
    bandwidth: { minimumWeight: 1 },
  },
];

const BUILT_IN: ReadonlyMap<ObjectKey, ModelObject> = new Map(
  SHIPPED.flatMap(
    ({ name, profile = name, description, ...says }): (VirtualPortProfile | PortClassification)[] => [
      {
        ...virtualPortProfile.schema.parse({
          kind: 'VirtualPortProfile',
          name: profile,
          description,
          ...says,
        }),
        builtIn: true as const,
      },
      {
        ...portClassification.schema.parse({ kind: 'PortClassification', name, description }),
        builtIn: true as const,
      },
    ],
  ).map((object) => [objectKey(object), object]),
);

/** The object of this key that is there without anybody's doing. */
export function builtInAt(key: ObjectKey): ModelObject | undefined {
  return BUILT_IN.get(key);
}

/** The keys of all that is built in. */
export function builtInKeys(): Iterable<ObjectKey> {
  return BUILT_IN.keys();
}
