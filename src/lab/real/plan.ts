/**
 * What a described data centre comes to on one machine. Pure: objects in, names and cables out.
 *
 *     host (namespace, own Open vSwitch, agent)          fabric (namespace, one Open vSwitch)
 *        nic1 ------------------ veth ------------------ node1.nic1   port of the switch of its physical network
 *        lab0 ------------------ veth ------------------ mgmt (namespace): bridge, relay to the controller
 *
 * A physical network is a switch that knows VLANs; networks that are joined have a link between their switches.
 */
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import type { KindName } from '../../model/definition.ts';
import { isKind, type ModelObject, type ObjectOf } from '../../model/kinds.ts';
import { vlansIn } from '../../model/range.ts';
import {
  cableName,
  INTERFACE_NAME_LENGTH,
  isInterfaceName,
  MANAGEMENT_NIC,
  namespaceName,
  plainName,
} from './names.ts';
import type { LabHost } from './vm-driver.ts';

export interface LabPlan {
  readonly name: string;
  /** Everything that the lab keeps on disk; sockets too. */
  readonly directory: string;
  /** Namespaces. */
  readonly fabric: string;
  readonly management: string;
  readonly networks: readonly PhysicalSwitch[];
  /** Links between physical switches, by the names of the networks; they make no loop. */
  readonly links: readonly (readonly [string, string])[];
  readonly hosts: readonly HostPlan[];
}

export interface PhysicalSwitch {
  /** Name of the physical network. */
  readonly network: string;
  /** Name of its bridge. */
  readonly bridge: string;
  /** VLANs that its ports carry; empty = all. */
  readonly vlans: readonly number[];
}

export interface HostPlan extends LabHost {
  readonly directory: string;
  /** The port of the management bridge that `lab0` is cabled to. */
  readonly managementPort: string;
  readonly nics: readonly NicPlan[];
}

export interface NicPlan {
  readonly name: string;
  readonly mac: string;
  /** Bytes of IP packet. */
  readonly mtu: number;
  /** The far end of its cable, beside the physical switches. */
  readonly port: string;
  /** Physical network that it is cabled to. Absent: the cable hangs loose. */
  readonly network?: string;
  /** The team whose ports the physical switch takes together, if the other side agrees by LACP. */
  readonly team?: string;
}

/** Throws `lab-unfit` with everything that a lab cannot make. */
export function planOf(name: string, directory: string, objects: readonly ModelObject[]): LabPlan {
  const networks = objectsOfKind(objects, 'PhysicalNetwork');
  const byName = new Map(networks.map((network) => [network.name, network]));
  const hosts = objectsOfKind(objects, 'Host').map((host, index): HostPlan => {
    const own = `${directory}/hosts/${plainName(host.name, 32)}`;
    return {
      name: host.name,
      namespace: namespaceName(name, 'host', host.name),
      directory: own,
      runDirectory: `${own}/ovs`,
      managementAddress: managementAddress(index),
      managementPort: plainName(host.name, INTERFACE_NAME_LENGTH),
      nics: host.nics.map((nic): NicPlan => {
        const network = nic.physicalNetwork === undefined ? undefined : byName.get(nic.physicalNetwork);
        const team = network && teamOf(objects, host.name, nic.name);
        return {
          name: nic.name,
          mac: nic.mac,
          mtu: network?.mtu ?? 1500,
          port: cableName(host.name, nic.name),
          ...(network ? { network: network.name } : {}),
          ...(team === undefined ? {} : { team }),
        };
      }),
    };
  });
  const plan: LabPlan = {
    name,
    directory,
    fabric: namespaceName(name, 'fabric'),
    management: namespaceName(name, 'mgmt'),
    networks: networks.map((network) => ({
      network: network.name,
      bridge: plainName(network.name, INTERFACE_NAME_LENGTH),
      vlans: vlansIn(network.vlans ?? []),
    })),
    links: spanningLinks(networks),
    hosts,
  };
  const [first, ...rest] = unfit(plan);
  if (first) throw new NetloomError([first, ...rest]);
  return plan;
}

/** What cannot be made as it is described. */
function unfit(plan: LabPlan): Finding[] {
  const findings: Finding[] = [];
  const say = (path: string, message: string, remedy: string) =>
    findings.push(finding('lab-unfit', path, message, remedy));
  const taken = ['lo', MANAGEMENT_NIC, 'nlplug0'];
  for (const host of plan.hosts) {
    for (const { name } of host.nics) {
      if (!isInterfaceName(name) || taken.includes(name))
        say(
          `Host/${host.name}`,
          `An interface of Linux cannot be called ${JSON.stringify(name)}.`,
          `Take up to ${INTERFACE_NAME_LENGTH} letters, digits, ".", "_" and "-", and none of ${taken.join(', ')}.`,
        );
    }
  }
  // The longest socket: a bridge's management socket beside ovs-vswitchd's own (sockaddr_un has 108 bytes).
  const longest = Math.max(0, ...plan.hosts.map(({ runDirectory }) => runDirectory.length));
  if (longest + '/nlb01234567890.snoop'.length > 107)
    say(
      'directory',
      `The directory ${plan.directory} makes the paths of sockets too long.`,
      'Give the lab or the host a shorter name.',
    );
  const names = [...plan.hosts.map((host) => host.namespace), ...plan.networks.map((each) => each.bridge)];
  const twice = names.find((each, i) => names.indexOf(each) !== i);
  if (twice) say('', `Two of the names come to ${twice}.`, 'Change one of them.');
  return findings;
}

/** 198.18.0.2 and on: addresses for tests between networks (RFC 2544), which nobody uses elsewhere. */
function managementAddress(index: number): string {
  const number = index + 2;
  return `198.18.${number >> 8}.${number & 255}`;
}

/** The host switch whose team the NIC is a member of, where the physical switch is to speak LACP with it. */
function teamOf(objects: readonly ModelObject[], host: string, nic: string): string | undefined {
  for (const used of objectsOfKind(objects, 'HostSwitch')) {
    if (used.host !== host || !used.nics.includes(nic)) continue;
    const profile = objectsOfKind(objects, 'UplinkPortProfile').find((p) => p.name === used.uplinkProfile);
    if (profile?.teamingMode === 'lacp' && used.nics.length > 1) return cableName(host, used.logicalSwitch);
  }
  return undefined;
}

/** One link for each join that reaches something new, so that there is never a loop. */
function spanningLinks(
  networks: readonly { readonly name: string; readonly joinedWith: readonly string[] }[],
): (readonly [string, string])[] {
  const group = new Map(networks.map(({ name }) => [name, name]));
  const links: (readonly [string, string])[] = [];
  for (const { name, joinedWith } of networks) {
    for (const other of joinedWith) {
      const [a, b] = [group.get(name), group.get(other)];
      if (a === undefined || b === undefined || a === b) continue;
      links.push([name, other]);
      for (const [each, of] of group) if (of === b) group.set(each, a);
    }
  }
  return links;
}

function objectsOfKind<K extends KindName>(objects: readonly ModelObject[], kind: K): ObjectOf<K>[] {
  return objects.filter((object) => isKind(object, kind));
}
