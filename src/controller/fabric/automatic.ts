/**
 * Logical networks that are made by themselves. A host that is added with a NIC on a physical network that no logical
 * network comes to could not be used for anything; so one is made, under the name of the physical network, with a VM
 * network of the same name and a site for the host's group. What is left to the operator is the switch.
 *
 *     NIC --> physical network <-- NICs of host switches --> uplink port profile --> sites of logical networks
 *                    |                   (or a logical network of the same name)
 *                    none of these, on it and on those joined with it: a logical network is made
 *
 * It is part of the change that adds the host: a dry run shows it, and undo takes it back. Nothing is made in a change
 * that describes logical networks itself: whoever does that describes all of them.
 */
import { type Finding, warning } from '../../base/error.ts';
import type { KindName, ObjectKey } from '../../model/definition.ts';
import { SETTINGS_NAME } from '../../model/kinds/fabric-settings.ts';
import type { Nic } from '../../model/kinds/host.ts';
import {
  type Host,
  isKind,
  KINDS,
  type ModelObject,
  type NetworkSite,
  type ObjectOf,
  objectKey,
} from '../../model/kinds.ts';
import type { Edit, NetworkView } from '../network.ts';

export interface Automatic {
  readonly edits: readonly Edit[];
  /** Warnings that say what was made, and why. */
  readonly findings: readonly Finding[];
}

const NOTHING: Automatic = { edits: [], findings: [] };

/** What the edits bring along. `network`: as it was before them. */
export function automaticNetworks(network: NetworkView, edits: readonly Edit[]): Automatic {
  const hosts = edits.flatMap(({ object }) => (isKind(object, 'Host') ? [object] : []));
  const describesNetworks = edits.some(({ object }) => isKind(object, 'LogicalNetwork'));
  if (hosts.length === 0 || describesNetworks) return NOTHING;
  const after = new After(network, edits);
  const settings = after.get('FabricSettings', SETTINGS_NAME);
  if (settings?.autoCreateLogicalNetworks === false) return NOTHING;
  const reached = after.reachedNetworks();
  const made: Edit[] = [];
  const findings: Finding[] = [];
  for (const host of hosts) {
    for (const nic of freshNics(network, host)) {
      const physical = nic.physicalNetwork!;
      if (reached.has(physical) || !after.get('PhysicalNetwork', physical)) continue;
      // Joined physical networks are one, so they get one between them.
      const named = [...after.joined(physical)].find((name) => after.get('LogicalNetwork', name));
      const result = networkFor(after, host, nic, named ?? physical);
      after.add(result.edits);
      made.push(...result.edits);
      findings.push(...result.findings);
    }
  }
  return { edits: made, findings };
}

/** NICs that the host has not had, or that were cabled to something else. */
function freshNics(network: NetworkView, host: Host): Nic[] {
  const before = network.get(objectKey(host))?.object;
  const old = isKind(before, 'Host') ? before.nics : [];
  const had = new Map(old.map(({ name, physicalNetwork }) => [name, physicalNetwork]));
  return host.nics.filter(
    ({ name, physicalNetwork }) => physicalNetwork !== undefined && had.get(name) !== physicalNetwork,
  );
}

/** The logical network of a physical network, or its site where the host stands; nothing where both are there. */
function networkFor(after: After, host: Host, nic: Nic, physical: string): Automatic {
  const path = `${objectKey(host)}.nics`;
  const why = `NIC "${nic.name}" of host "${host.name}" is on physical network "${nic.physicalNetwork}", which no logical network comes to`;
  const siteObject = KINDS.NetworkSite.schema.parse({
    kind: 'NetworkSite',
    name: host.group,
    logicalNetwork: physical,
    hostGroups: [host.group],
    subnets: [{ vlan: 0 }],
    description: `Made when host ${host.name} was added`,
  });
  const site: Edit = { key: objectKey(siteObject), object: siteObject };
  if (after.get('LogicalNetwork', physical)) {
    const sites = after.sitesOf(physical);
    if (
      !sites.every(isPlain) ||
      after.standsIn(host, sites) ||
      after.get('NetworkSite', `${physical}/${host.group}`)
    )
      return NOTHING;
    const message = `Logical network "${physical}" got a site for host group "${host.group}": ${why} there.`;
    return { edits: [site], findings: [warning('network-created', path, message, SITE_REMEDY)] };
  }
  if (after.get('VmNetwork', physical)) {
    const message = `${why}, and none was made: there is a VM network "${physical}" already.`;
    return {
      edits: [],
      findings: [warning('network-created', path, message, 'Make a logical network for it by hand.')],
    };
  }
  const object = KINDS.LogicalNetwork.schema.parse({
    kind: 'LogicalNetwork',
    name: physical,
    sameNameVmNetwork: true,
    description: `Made when host ${host.name} was added`,
  });
  const message = `Logical network "${physical}" was made, with a VM network of the same name: ${why}.`;
  return {
    edits: [{ key: objectKey(object), object }, site],
    findings: [warning('network-created', path, message, SITE_REMEDY)],
  };
}

const SITE_REMEDY =
  'List its site in the uplink port profile of a host switch to use it. To have none made: autoCreateLogicalNetworks: false in the fabric settings.';

/** A site as it is made here: the untagged network, and no addresses of ours. */
function isPlain({ subnets }: NetworkSite): boolean {
  return subnets.every(({ vlan, prefix }) => vlan === 0 && prefix === undefined);
}

/** The objects as they are once the edits are made. */
class After {
  readonly #network: NetworkView;
  readonly #edited = new Map<ObjectKey, ModelObject | undefined>();

  constructor(network: NetworkView, edits: readonly Edit[]) {
    this.#network = network;
    this.add(edits);
  }

  add(edits: readonly Edit[]): void {
    for (const { key, object } of edits) this.#edited.set(key, object);
  }

  get<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined {
    const key: ObjectKey = `${kind}/${name}`;
    const object = this.#edited.has(key) ? this.#edited.get(key) : this.#network.fact(key);
    return isKind(object, kind) ? object : undefined;
  }

  list<K extends KindName>(kind: K): ObjectOf<K>[] {
    const keys = new Set<ObjectKey>([
      ...this.#network.list(kind).map(({ key }) => key),
      ...[...this.#edited.keys()].filter((key) => key.startsWith(`${kind}/`)),
    ]);
    return [...keys].flatMap((key) => this.get(kind, key.slice(kind.length + 1)) ?? []);
  }

  /** Physical networks that a logical network comes to by a host switch, and all that are joined with them. */
  reachedNetworks(): Set<string> {
    const reached = new Set<string>();
    for (const { host, nics, uplinkProfile } of this.list('HostSwitch')) {
      if (!this.get('UplinkPortProfile', uplinkProfile)?.sites.length) continue;
      for (const nic of this.get('Host', host)?.nics ?? []) {
        if (nic.physicalNetwork === undefined || !nics.includes(nic.name)) continue;
        for (const each of this.joined(nic.physicalNetwork)) reached.add(each);
      }
    }
    return reached;
  }

  /** The physical network and all that links join to it. */
  joined(start: string): ReadonlySet<string> {
    const all = this.list('PhysicalNetwork');
    const seen = new Set([start]);
    // A set is walked in the order of insertion, including what is added on the way.
    for (const at of seen) {
      for (const { name, joinedWith } of all) {
        if (name === at) for (const other of joinedWith) seen.add(other);
        if (joinedWith.includes(at)) seen.add(name);
      }
    }
    return seen;
  }

  sitesOf(logicalNetwork: string): NetworkSite[] {
    return this.list('NetworkSite').filter((site) => site.logicalNetwork === logicalNetwork);
  }

  standsIn(host: Host, sites: readonly NetworkSite[]): boolean {
    const groups = new Set<string>();
    for (let group: string | undefined = host.group; group !== undefined && !groups.has(group); ) {
      groups.add(group);
      group = this.get('HostGroup', group)?.parent;
    }
    return sites.some(({ hostGroups }) => hostGroups.some((group) => groups.has(group)));
  }
}
