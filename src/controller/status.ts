/**
 * What Netloom knows about an object beyond what the operator said: what was handed out for it, where it is, who uses
 * it, what deserves attention. Shown, never stored and never read back.
 */
import { hostVnicOwner, RDID, VNIC, VSID, vmVnicOwner } from '../allocate/scopes.ts';
import type { Finding } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import { COUNTABLES } from '../model/kinds/tenant.ts';
import { virtualMachineKey } from '../model/kinds/virtual-machine.ts';
import { vmNetworkKey } from '../model/kinds/vm-network.ts';
import { subnetKey } from '../model/kinds/vm-subnet.ts';
import {
  type Host,
  type HostSwitch,
  type ModelObject,
  objectKey,
  type VirtualMachine,
  type VmNetwork,
  type VmSubnet,
} from '../model/kinds.ts';
import { type Attachment, hostScope, type PolicyRecord } from '../policy/records.ts';
import type { HostStatus } from '../stream/feed.ts';
import { certificatesIn, ownerOf, stateOf } from './agents/records.ts';
import { bindingsOf, takeoverOf } from './fabric/bindings.ts';
import { complianceOf } from './fabric/compliance.ts';
import { fabricsOf } from './fabric/of-host.ts';
import type { NetworkView } from './network.ts';
import { statusOfPool } from './pool.ts';
import type { Secrets } from './secrets.ts';

/** How many of an object's users are named; all are counted. */
const NAMED_USERS = 100;

/** One vNIC of a VM or of a host, as it is. */
interface VnicStatus {
  readonly name: string;
  /** The vNIC id: `external_ids:iface-id` of the interface that it is plugged in by. */
  readonly id?: string;
  readonly mac?: string;
  readonly addresses?: readonly string[];
  readonly switch?: string;
  readonly vsid?: number;
  readonly vlan?: number;
  readonly mtu?: number;
  /** False while something that it needs is missing; the findings say what. */
  readonly connected: boolean;
}

/** What there is besides the network. */
export interface Around {
  readonly hosts: ReadonlyMap<string, HostStatus>;
  readonly secrets: Pick<Secrets, 'of'>;
  /** By which addresses are given back: milliseconds since 1970 that never jump. */
  readonly time: number;
  /** By which certificates are over. */
  readonly wall: number;
}

/** The status of an object. `warnings` are those about this object. */
export function statusOf(
  network: NetworkView,
  object: ModelObject,
  warnings: readonly Finding[],
  around: Around,
): JsonObject {
  const users = network.referrers(objectKey(object));
  const status = {
    ...ofKind(network, object, around),
    compliance: complianceOf(network, object, around.hosts),
    ...(users.length > 0 ? { users: users.slice(0, NAMED_USERS), userCount: users.length } : {}),
    ...(warnings.length > 0 ? { warnings: warnings.map((w) => ({ ...w })) } : {}),
  };
  // Members without a value are dropped by the way through JSON; what is left is JSON.
  return JSON.parse(JSON.stringify(status)) as JsonObject;
}

function ofKind(network: NetworkView, object: ModelObject, around: Around): object {
  switch (object.kind) {
    case 'Host':
      return statusOfHost(network, object, around);
    case 'HostSwitch':
      return {
        hostVnics: vnicsOfHostSwitch(network, object),
        bindings: bindingsOf(network, object),
        takesOver: takeoverOf(network, object),
      };
    case 'VirtualMachine':
      return { vnics: vnicsOfMachine(network, object) };
    case 'VmNetwork':
      return statusOfVmNetwork(network, object);
    case 'VmSubnet':
      return statusOfSubnet(network, object);
    case 'IpPool':
    case 'MacPool':
      return statusOfPool(network, objectKey(object), object, around.time);
    case 'VirtualPortProfile':
    case 'PortClassification':
      return { builtIn: object.builtIn };
    case 'Tenant':
      return { used: usedBy(network, object.name) };
    case 'LogicalNetwork':
      return {
        sites: network.members('sites', object.name),
        vmNetworks: network.members('vmNetworks', object.name),
      };
    default:
      return {};
  }
}

function statusOfHost(network: NetworkView, host: Host, around: Around): object {
  const providers = fabricsOf(network, host.name).map((record) => {
    const { logicalNetwork, pa, prefixLength, mac, vlan, encapsulation } = record;
    return { logicalNetwork, address: pa, prefixLength, mac, vlan, encapsulation, switch: record.switch };
  });
  return {
    agent: agentStatus(around.hosts.get(host.name)),
    certificate: certificateStatus(host.name, around),
    providerAddresses: providers,
    virtualMachines: network.members('virtualMachines', host.name).length,
  };
}

/** Of the latest certificate of the host's agent; undefined where it never joined, as in a lab within this process. */
function certificateStatus(host: string, { wall, secrets }: Around): object | undefined {
  const all = certificatesIn(host, secrets.of(ownerOf(host)));
  const [latest] = all;
  if (!latest) return undefined;
  const { serial, expires, used } = latest;
  return {
    state: stateOf(latest, all, wall),
    serial,
    expires: new Date(expires).toISOString(),
    ...(used === null ? {} : { lastUsed: new Date(used).toISOString() }),
  };
}

/** How far a host's agent is, for people and programs alike. */
export function agentStatus(agent: HostStatus | undefined): object {
  if (!agent) return { connected: false };
  const { connected, touched, outcome, refused, report, since } = agent;
  return {
    connected,
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
    /** The newest revision that concerns the host. */
    wanted: touched,
    ...(outcome ? { applied: outcome.revision, ok: outcome.ok, findings: outcome.findings } : {}),
    ...(refused ? { refused } : {}),
    /** What the machine has, as its agent found it. */
    ...(report
      ? { version: report.version, engine: report.engine, nics: report.nics, switches: report.switches }
      : {}),
  };
}

function vnicsOfMachine(network: NetworkView, vm: VirtualMachine): VnicStatus[] {
  const owner = virtualMachineKey(vm);
  return vm.vnics.map(({ name }) => vnicStatus(network, vm.host, name, vmVnicOwner(owner, name)));
}

function vnicsOfHostSwitch(network: NetworkView, hostSwitch: HostSwitch): VnicStatus[] {
  return hostSwitch.hostVnics.map(({ name }) =>
    vnicStatus(network, hostSwitch.host, name, hostVnicOwner(hostSwitch, name)),
  );
}

function vnicStatus(network: NetworkView, host: string | undefined, name: string, owner: string): VnicStatus {
  const id = network.allocation(VNIC, owner);
  const port = id === undefined || host === undefined ? undefined : recordOf(network, host, `port/${id}`);
  if (id === undefined || port?.kind !== 'port') {
    return { name, connected: false, ...(id === undefined ? {} : { id }) };
  }
  const { mac, attachment, mtu } = port;
  return {
    name,
    connected: true,
    id,
    mac,
    addresses: port.addresses.map(({ address }) => address),
    switch: port.switch,
    ...networkStatus(attachment),
    mtu,
  };
}

function networkStatus(attachment: Attachment): Pick<VnicStatus, 'vsid' | 'vlan'> {
  switch (attachment.type) {
    case 'virtual':
      return { vsid: attachment.vsid };
    case 'vlan':
      return { vlan: attachment.vlan };
    case 'private':
      return { vlan: attachment.primary };
    case 'trunk':
      return { vlan: attachment.native };
    case 'monitor':
      return {};
  }
}

function statusOfVmNetwork(network: NetworkView, object: VmNetwork): object {
  const key = vmNetworkKey(object);
  return {
    routingDomainId: network.allocation(RDID, `VmNetwork/${key}`),
    subnets: network.members('subnets', key),
    impliedBy: object.impliedBy,
  };
}

function statusOfSubnet(network: NetworkView, subnet: VmSubnet): object {
  const vsid = network.allocation(VSID, objectKey(subnet));
  const rdid = network.allocation(RDID, `VmNetwork/${subnet.vmNetwork}`);
  const record =
    rdid !== undefined && vsid !== undefined
      ? network.record(`domain/${rdid}`, `subnet/${vsid}`)?.record
      : undefined;
  return {
    vsid: vsid === undefined ? undefined : Number(vsid),
    ...(record?.kind === 'subnet'
      ? {
          gateways: record.prefixes.map(({ gateway }) => gateway),
          gatewayMac: record.gatewayMac,
          mtu: record.mtu,
        }
      : {}),
    pools: network.members('pools', `VmSubnet/${subnetKey(subnet.vmNetwork, subnet.name)}`),
  };
}

/** How much a tenant has of each countable thing. */
function usedBy(network: NetworkView, tenant: string): object {
  return Object.fromEntries(
    COUNTABLES.map((countable) => [
      countable,
      network.members('countables', `${tenant}/${countable}`).length,
    ]),
  );
}

function recordOf(network: NetworkView, host: string, key: string): PolicyRecord | undefined {
  return network.record(hostScope(host), key)?.record;
}
