/**
 * Views to layers, for what link partners, groups and services say. Here a layer is taken only when writing it gives
 * the bytes of the header again; the answer is undefined for a header with something that no field holds.
 */
import type { BfdView } from './bfd.ts';
import { sameBytes } from './bytes.ts';
import type { Dhcp6View } from './dhcp6.ts';
import type { GeneveView } from './geneve.ts';
import { headerOf } from './headers.ts';
import { IGMP, IGMP_TYPE, type IgmpView } from './igmp.ts';
import type { LacpView } from './lacp.ts';
import type {
  BfdLayer,
  Dhcp6Layer,
  GeneveLayer,
  IgmpLayer,
  LacpLayer,
  Layer,
  LlcLayer,
  LldpLayer,
  MldLayer,
  SnapLayer,
} from './layer.ts';
import { LLC_SAP, LLC_UNNUMBERED, type LlcView, type SnapView } from './llc.ts';
import type { LldpView } from './lldp.ts';
import { MLD, MLD_TYPE, type MldView } from './mld.ts';
import { unless } from './unless.ts';
import type { View } from './view.ts';

/** Whether writing the layer gives the bytes of the header, the two at `checksum` aside. */
function isWhole(layer: Layer, view: View, checksum?: number): boolean {
  const header = headerOf(layer);
  if (header.size !== view.headerLength) return false;
  const bytes = new Uint8Array(header.size);
  header.write({ bytes, at: 0, end: view.end - view.offset, next: undefined, ip: undefined });
  // A copy; the `slice` of a Buffer would be none.
  const original = Uint8Array.from(view.bytes.subarray(view.offset, view.payloadOffset));
  if (checksum !== undefined) original.fill(0, checksum, checksum + 2);
  return sameBytes(bytes, original);
}

/** Every LLC header has a layer. */
export function llcLayer(v: LlcView, isBeforeSnap: boolean): LlcLayer {
  return {
    layer: 'llc',
    ...unless('dsap', v.dsap, isBeforeSnap ? LLC_SAP.SNAP : 0),
    ...unless('ssap', v.ssap, isBeforeSnap ? LLC_SAP.SNAP : 0),
    ...unless('control', v.control, LLC_UNNUMBERED),
  };
}

/** Every SNAP header has a layer. */
export function snapLayer(v: SnapView): SnapLayer {
  return { layer: 'snap', ...unless('organization', v.organization, 0), proto: v.protocol };
}

/** Undefined also without the "end", which the layer has. */
export function lldpLayer(v: LldpView): LldpLayer | undefined {
  return v.hasEnd ? { layer: 'lldp', options: v.options() } : undefined;
}

export function lacpLayer(v: LacpView): LacpLayer | undefined {
  const [actor, partner] = [v.actor(), v.partner()];
  const layer: LacpLayer = {
    layer: 'lacp',
    ...unless('version', v.version, 1),
    actor: actor.system,
    actorpriority: actor.systemPriority,
    actorkey: actor.key,
    actorportpriority: actor.portPriority,
    actorport: actor.port,
    actorstate: actor.state,
    partner: partner.system,
    partnerpriority: partner.systemPriority,
    partnerkey: partner.key,
    partnerportpriority: partner.portPriority,
    partnerport: partner.port,
    partnerstate: partner.state,
    ...unless('maxdelay', v.maxDelay, 0),
  };
  return isWhole(layer, v) ? layer : undefined;
}

export function igmpLayer(v: IgmpView): IgmpLayer | undefined {
  const isReport3 = v.type === IGMP_TYPE.REPORT3;
  const layer: IgmpLayer = {
    layer: 'igmp',
    type: v.type,
    ...unless('maxresp', v.maxResponse, 0),
    ...(isReport3 ? { records: v.options() } : { group: v.group! }),
    ...queryFields(v),
    ...unless('checksum', v.checksum, v.expectedChecksum()),
  };
  return isWhole(layer, v, IGMP.CHECKSUM) ? layer : undefined;
}

/** `ip`: where the IPv6 header begins. */
export function mldLayer(v: MldView, ip: number): MldLayer | undefined {
  const isReport2 = v.type === MLD_TYPE.REPORT2;
  const layer: MldLayer = {
    layer: 'mld',
    type: v.type,
    ...unless('code', v.code, 0),
    ...unless('maxresp', v.maxResponse, 0),
    ...(isReport2 ? { records: v.options() } : { group: v.group! }),
    ...queryFields(v),
    ...unless('checksum', v.checksum, v.expectedChecksum(ip)),
  };
  return isWhole(layer, v, MLD.CHECKSUM) ? layer : undefined;
}

interface SourceQuery<A> {
  readonly suppress: boolean | undefined;
  readonly robustness: number | undefined;
  readonly intervalCode: number | undefined;
  sources(): readonly A[];
}

/** What only the version of a query that has sources has; nothing for all else. */
function queryFields<A>(v: SourceQuery<A>): {
  readonly suppress?: boolean;
  readonly qrv?: number;
  readonly qqic?: number;
  readonly sources?: readonly A[];
} {
  if (v.intervalCode === undefined) return {};
  const sources = v.sources();
  return {
    ...(v.suppress ? { suppress: true } : {}),
    qrv: v.robustness ?? 0,
    qqic: v.intervalCode,
    ...(sources.length > 0 ? { sources } : {}),
  };
}

export function geneveLayer(v: GeneveView): GeneveLayer | undefined {
  const options = v.options();
  const layer: GeneveLayer = {
    layer: 'geneve',
    vni: v.vni,
    ...unless('control', v.control, false),
    ...unless('critical', v.critical, false),
    proto: v.protocolType,
    ...(options.length > 0 ? { options } : {}),
  };
  return isWhole(layer, v) ? layer : undefined;
}

/** Every message has a layer. */
export function dhcp6Layer(v: Dhcp6View): Dhcp6Layer {
  const options = v.options();
  return { layer: 'dhcp6', type: v.type, xid: v.xid, ...(options.length > 0 ? { options } : {}) };
}

/** Every packet has a layer. */
export function bfdLayer(v: BfdView): BfdLayer {
  const auth = v.authentication();
  return {
    layer: 'bfd',
    state: v.state,
    ...unless('diag', v.diagnostic, 0),
    ...unless('flags', v.flags, 0),
    multiplier: v.multiplier,
    mine: v.myDiscriminator,
    yours: v.yourDiscriminator,
    tx: v.desiredTx,
    rx: v.requiredRx,
    ...unless('echo', v.requiredEchoRx, 0),
    ...(auth.length > 0 ? { auth } : {}),
  };
}
