/** What the second compiler works from: the host's policy records, and where their ports are in the engine. */
import type { Index } from '../base/derive.ts';
import type { IpAddress } from '../packet/address.ts';
import { type LookupRecord, type PolicyRecord, recordKey } from '../policy/records.ts';

/** A port of the engine, by what it is for. Without its binding a port has no flows: nothing passes. */
export interface Binding {
  readonly kind: 'binding';
  /** See `bindingKey`. */
  readonly port: string;
  /** OpenFlow port number. */
  readonly number: number;
}

export type PipelineFact = PolicyRecord | Binding;

/** Names of ports: a vNIC by its id, and the others by what they serve. */
export const portOf = {
  vnic: (id: string) => `vnic/${id}`,
  uplink: (switchName: string) => `uplink/${switchName}`,
  provider: (logicalNetwork: string) => `provider/${logicalNetwork}`,
  tunnel: (logicalNetwork: string) => `tunnel/${logicalNetwork}`,
} as const;

export function factKey(fact: PipelineFact): string {
  return fact.kind === 'binding' ? `binding/${fact.port}` : recordKey(fact);
}

/** Provider addresses of the hosts that may have the machine: one, or two while it moves. */
export function hostsOf({ pa, standby }: LookupRecord): readonly IpAddress[] {
  return standby === undefined ? [pa] : [pa, standby];
}

export const INDEXES = {
  /** VSID -> lookup records by `lookup/...` key of one MAC address; group `<vsid>/<mac>`. */
  lookupsOfMac: (key, fact) => (fact.kind === 'lookup' ? [[`${fact.vsid}/${fact.mac}`, key]] : []),
  /** VSID -> ports of this host that are on it. */
  portsOfSubnet: (key, fact) =>
    fact.kind === 'port' && fact.attachment.type === 'virtual' ? [[`${fact.attachment.vsid}`, key]] : [],
  /** VLAN and switch, `<VLAN>/<switch>` -> ports of private VLANs of which it is the primary or a secondary one. */
  portsOfPrivateVlan: (key, fact) =>
    fact.kind === 'port' && fact.attachment.type === 'private'
      ? [fact.attachment.primary, ...fact.attachment.secondaries].map((v) => [`${v}/${fact.switch}`, key])
      : [],
  /** VLAN and switch -> ports and provider interfaces whose frames come in that VLAN. */
  portsOfVlan: (key, fact) => vlansFrom(fact).map((vlan) => [vlan, key]),
  /** VLAN and switch -> ports to which the VLAN goes without a tag, besides their native one. */
  hybridsOfVlan: (key, fact) =>
    fact.kind === 'port' && fact.attachment.type === 'trunk'
      ? fact.attachment.untagged.map((vlan) => [`${vlan}/${fact.switch}`, key])
      : [],
  /** VSID -> provider addresses of the hosts that have a vNIC on it, this host's own included. */
  hostsOfSubnet: (_key, fact) =>
    fact.kind === 'lookup' ? hostsOf(fact).map((pa) => [`${fact.vsid}`, pa]) : [],
  /** RDID -> provider addresses of the hosts that have a vNIC on one of its subnets, this host's own included. */
  hostsOfDomain: (_key, fact) => (fact.kind === 'lookup' ? hostsOf(fact).map((pa) => [fact.rdid, pa]) : []),
  /** id of a port ACL -> switches with a port that names it. */
  switchesOfAcl: (_key, fact) =>
    fact.kind === 'port' ? (fact.acls ?? []).map((id) => [id, fact.switch]) : [],
  /** RDID -> its subnets. */
  subnetsOfDomain: (key, fact) => (fact.kind === 'subnet' ? [[fact.rdid, key]] : []),
} satisfies Record<string, Index<PipelineFact>>;

/** VLANs with the switch, `<VLAN>/<switch>`, that frames of this thing are in. */
function vlansFrom(fact: PipelineFact): string[] {
  if (fact.kind === 'provider') return [`${fact.vlan}/${fact.switch}`];
  if (fact.kind !== 'port') return [];
  const { attachment } = fact;
  switch (attachment.type) {
    case 'vlan':
      return [`${attachment.vlan}/${fact.switch}`];
    case 'trunk':
      return [attachment.native, ...attachment.tagged].map((vlan) => `${vlan}/${fact.switch}`);
    case 'private':
    case 'virtual':
    case 'monitor':
      return [];
  }
}
