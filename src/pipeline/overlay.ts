/** The place of a routing domain on this host: its switch, its provider address, its tunnel. */
import type { Read } from '../base/derive.ts';
import { checkLarger, multipath, setField } from '../flow/actions.ts';
import type { Action, Masked } from '../flow/flow.ts';
import { type IpAddress, isIpv4 } from '../packet/address.ts';
import type { DomainRecord, ProviderRecord, SubnetRecord } from '../policy/records.ts';
import { type PipelineFact, portOf } from './facts.ts';
import { TOO_BIG_BIT } from './registers.ts';
import { next } from './rule.ts';

export interface Overlay {
  readonly domain: DomainRecord;
  readonly provider: ProviderRecord;
  /** OpenFlow port of the tunnel; absent until the engine has it. */
  readonly tunnel?: number;
}

/** Undefined while this host lacks a part of it: then nothing of the domain passes. */
export function overlayOf(read: Read<PipelineFact>, rdid: string): Overlay | undefined {
  const domain = read.get(`domain/${rdid}`);
  if (domain?.kind !== 'domain') return undefined;
  const provider = read.get(`provider/${domain.logicalNetwork}`);
  if (provider?.kind !== 'provider') return undefined;
  const tunnel = portNumber(read, portOf.tunnel(domain.logicalNetwork));
  return { domain, provider, ...(tunnel === undefined ? {} : { tunnel }) };
}

export function subnetOf(read: Read<PipelineFact>, vsid: number): SubnetRecord | undefined {
  const subnet = read.get(`subnet/${vsid}`);
  return subnet?.kind === 'subnet' ? subnet : undefined;
}

export function portNumber(read: Read<PipelineFact>, port: string): number | undefined {
  const binding = read.get(`binding/${port}`);
  return binding?.kind === 'binding' ? binding.number : undefined;
}

/** The tunnel key on the wire: NVGRE puts the VSID above an 8-bit FlowID (RFC 7637 section 3.2), the others do not. */
export function tunnelKey(provider: ProviderRecord, vsid: number): Masked {
  return provider.encapsulation === 'nvgre'
    ? { value: BigInt(vsid) << 8n, mask: 0xffffffffffffff00n }
    : { value: BigInt(vsid), mask: 0xffffffffffffffffn };
}

/** Of the frame inside a tunnel: an MTU counts without it. */
const ETHERNET_HEADER = 14;

/** Carries a frame of the subnet to the host `pa`, if it fits the tunnel; else its sender hears of it. */
export function sendTo(provider: ProviderRecord, subnet: SubnetRecord, pa: IpAddress): Action[] {
  return [
    ...encapsulate(provider, subnet.vsid, pa),
    checkLarger(subnet.mtu + ETHERNET_HEADER, `reg0[${TOO_BIG_BIT}]`),
    next('fabric'),
  ];
}

/** Sets what the tunnel port needs to know to carry a frame of `vsid` to the host `pa`. */
export function encapsulate(provider: ProviderRecord, vsid: number, pa: ProviderRecord['pa']): Action[] {
  return [
    setField('tun_id', tunnelKey(provider, vsid).value),
    // The FlowID spreads the flows of one VSID over equal-cost paths, and keeps each flow on one.
    ...(provider.encapsulation === 'nvgre' ? [multipath(256, 'tun_id[0..7]')] : []),
    setField(isIpv4(pa) ? 'tun_dst' : 'tun_ipv6_dst', pa),
  ];
}
