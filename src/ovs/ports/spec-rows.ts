/**
 * A port of the Datapath contract <-> rows of the database of Open vSwitch.
 *
 *     internal   Port + Interface of type internal
 *     tunnel     Port + Interface of type gre, vxlan or geneve, in the VLAN that no frame is in (decision 0007)
 *     uplink     one NIC: Port + Interface of that NIC
 *                several: Port + Interface of type patch, and a bridge of its own with the other end and the bond
 *                (decision 0021: a bond has no port number, and nothing can be sent out by it)
 *     vif        registry.ts: it is there before its tap is
 *
 * What no column has room for stands in `external_ids` as JSON. specOf(rowsOf(spec)) is the spec again; what somebody
 * changed by hand comes back as another spec.
 */
import * as z from 'zod';
import { DEAD_VLAN, type InterfaceAddress, type PortSpec } from '../../flow/datapath.ts';
import type { IpAddress } from '../../packet/address.ts';
import type { Row } from '../ovsdb/columns.ts';
import { bridgeSettings } from './bridge-rows.ts';
import { MARK, teamNames } from './names.ts';
import type { WantedBridge, WantedInterface, WantedMap, WantedPort } from './rows.ts';
import { vlanColumns, vlanOf } from './vlan.ts';

export type FixedSpec = Exclude<PortSpec, { readonly type: 'vif' }>;
type Spec<T extends PortSpec['type']> = Extract<PortSpec, { readonly type: T }>;

/** What a spec does not say, and its rows depend on. */
export interface Surroundings {
  readonly datapathType: string;
  /** How a NIC is used. Default: as the kernel's device. */
  nicUse?(nic: string): NicUse;
}

/** Columns of the Interface of a NIC: its type, and what was found out about it. */
export interface NicUse {
  readonly type: string;
  readonly external_ids: WantedMap;
}

export interface SpecRows {
  /** On the bridge of the switch. */
  readonly port: WantedPort;
  /** Of an uplink of several NICs. */
  readonly team?: WantedBridge;
}

export function rowsOf(spec: FixedSpec, number: number, around: Surroundings): SpecRows {
  switch (spec.type) {
    case 'internal':
      return { port: internalPort(spec, number) };
    case 'tunnel':
      return { port: tunnelPort(spec, number) };
    case 'uplink':
      return spec.nics.length > 1 ? team(spec, number, around) : { port: nicPort(spec, number, around) };
  }
}

function internalPort(spec: Spec<'internal'>, number: number): WantedPort {
  const { id, addresses, policing, bandwidth, mac, mtu } = spec;
  return {
    name: spec.name,
    columns: {
      ...NO_BOND,
      ...withMarks(spec, vlanColumns(spec.vlan), { id, addresses, policing, bandwidth }),
    },
    interfaces: [
      {
        name: spec.name,
        columns: { type: 'internal', mac, mtu_request: mtu ?? null, ofport_request: number, options: {} },
      },
    ],
  };
}

function tunnelPort(spec: Spec<'tunnel'>, number: number): WantedPort {
  const { encapsulation, local, tos, ttl, dontFragment, carrier } = spec;
  const options: WantedMap = {
    remote_ip: 'flow',
    key: 'flow',
    local_ip: local,
    ...(tos === undefined ? {} : { tos: String(tos) }),
    ...(ttl === undefined ? {} : { ttl: String(ttl) }),
    ...(dontFragment === undefined ? {} : { df_default: String(dontFragment) }),
  };
  const type = TUNNELS[encapsulation];
  return {
    name: spec.name,
    columns: { ...NO_BOND, ...withMarks(spec, vlanColumns({ mode: 'access', tag: DEAD_VLAN }), { carrier }) },
    interfaces: [{ name: spec.name, columns: { type, ofport_request: number, options } }],
  };
}

function nicPort(spec: Spec<'uplink'>, number: number, around: Surroundings): WantedPort {
  const { nics, mode, lacp, policing, capacityKbps } = spec;
  return {
    name: spec.name,
    columns: {
      ...withMarks(spec, vlanColumns(spec.vlan), { nics, policing, capacityKbps }),
      bond_mode: mode,
      lacp,
    },
    interfaces: nics.map((nic) => nicInterface(nic, number, around)),
  };
}

function team(spec: Spec<'uplink'>, number: number, around: Surroundings): SpecRows {
  const { nics, mode, lacp, policing, capacityKbps } = spec;
  const { bridge, bond, joint } = teamNames(spec.name);
  const trunk = vlanColumns({ mode: 'trunk', trunks: [] });
  const empty = bridgeSettings(bridge, { datapathType: around.datapathType, team: spec.name });
  return {
    port: {
      name: spec.name,
      columns: { ...NO_BOND, ...withMarks(spec, vlanColumns(spec.vlan), { nics, policing, capacityKbps }) },
      interfaces: [patch(spec.name, joint, number)],
    },
    team: {
      ...empty,
      ports: [
        ...empty.ports,
        {
          name: bond,
          columns: { ...trunk, bond_mode: mode, lacp, external_ids: { [MARK.port]: bond } },
          interfaces: nics.map((nic) => nicInterface(nic, null, around)),
        },
        {
          name: joint,
          columns: { ...trunk, ...NO_BOND, external_ids: { [MARK.port]: joint } },
          interfaces: [patch(joint, spec.name, null)],
        },
      ],
    },
  };
}

function patch(name: string, peer: string, number: number | null): WantedInterface {
  return { name, columns: { type: 'patch', options: { peer }, ofport_request: number } };
}

function nicInterface(name: string, number: number | null, { nicUse }: Surroundings): WantedInterface {
  return { name, columns: { ...(nicUse?.(name) ?? { type: '' }), ofport_request: number } };
}

const NO_BOND = { bond_mode: null, lacp: null } as const;

type Limits = Pick<Spec<'internal'>, 'policing' | 'bandwidth'>;
/** What no column has room for. */
interface Rest extends Partial<Pick<Spec<'uplink'>, 'nics' | 'capacityKbps'>>, Limits {
  readonly id?: string;
  readonly addresses?: readonly InterfaceAddress[] | undefined;
  readonly carrier?: string | undefined;
}

function withMarks<C extends { readonly other_config: WantedMap }>(
  { name }: FixedSpec,
  columns: C,
  rest: { readonly [K in keyof Rest]: Rest[K] | undefined },
): C & { readonly external_ids: WantedMap } {
  return { ...columns, external_ids: { [MARK.port]: name, [MARK.spec]: JSON.stringify(rest) } };
}

const TUNNELS = { nvgre: 'gre', vxlan: 'vxlan', geneve: 'geneve' } as const;

// ------------------------------------------------------------------------------------------------- reading

/** A port as it stands in the database. */
export interface PresentPort {
  readonly port: Row<'Port'>;
  readonly interfaces: readonly Row<'Interface'>[];
  /** The bond, and what is in it, where the uplink is a patch to the bridge of a team. */
  readonly bond?: { readonly port: Row<'Port'>; readonly interfaces: readonly Row<'Interface'>[] };
}

/** Undefined for a port that is none of these types: somebody else's, or one that was changed beyond recognition. */
export function specOf({ port, interfaces, bond }: PresentPort): FixedSpec | undefined {
  const [first] = interfaces;
  if (!first) return undefined;
  const rest = readRest(port.external_ids.get(MARK.spec));
  const { name } = port;
  const vlan = vlanOf(port);
  switch (first.type) {
    case 'internal': {
      const { id = '', addresses, policing, bandwidth } = rest;
      const { mac, mtu_request: mtu } = first;
      return {
        type: 'internal',
        name,
        id,
        mac: mac ?? '',
        vlan,
        ...(addresses === undefined ? {} : { addresses }),
        ...(mtu === null ? {} : { mtu }),
        ...(policing === undefined ? {} : { policing }),
        ...(bandwidth === undefined ? {} : { bandwidth }),
      };
    }
    case 'gre':
    case 'vxlan':
    case 'geneve':
      return tunnelOf(name, first.type, first.options, rest);
    case 'patch':
    case '':
    case 'system':
    case 'afxdp':
    case 'afxdp-nonpmd': {
      const members = first.type === 'patch' ? bond : { port, interfaces };
      const { policing, capacityKbps, nics = [] } = rest;
      const place = (nic: string) => (nics.includes(nic) ? nics.indexOf(nic) : nics.length);
      return {
        type: 'uplink',
        name,
        nics: (members?.interfaces ?? [])
          .map((nic) => nic.name)
          .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1)),
        mode: bondMode(members?.port.bond_mode),
        lacp: lacpOf(members?.port.lacp),
        vlan,
        ...(policing === undefined ? {} : { policing }),
        ...(capacityKbps === undefined ? {} : { capacityKbps }),
      };
    }
    default:
      return undefined;
  }
}

function tunnelOf(
  name: string,
  type: 'gre' | 'vxlan' | 'geneve',
  options: ReadonlyMap<string, string>,
  { carrier }: Rest,
): FixedSpec {
  const [tos, ttl, fragment] = [options.get('tos'), options.get('ttl'), options.get('df_default')];
  return {
    type: 'tunnel',
    name,
    encapsulation: type === 'gre' ? 'nvgre' : type,
    local: options.get('local_ip') ?? '',
    ...(tos === undefined ? {} : { tos: tos === 'inherit' ? tos : Number(tos) }),
    ...(ttl === undefined ? {} : { ttl: ttl === 'inherit' ? ttl : Number(ttl) }),
    ...(fragment === undefined ? {} : { dontFragment: fragment === 'true' }),
    ...(carrier === undefined ? {} : { carrier }),
  };
}

/** Without a mode Open vSwitch takes active-backup, and without a word about LACP none. */
function bondMode(mode: string | null | undefined): Spec<'uplink'>['mode'] {
  return mode === 'balance-slb' || mode === 'balance-tcp' ? mode : 'active-backup';
}

function lacpOf(lacp: string | null | undefined): Spec<'uplink'>['lacp'] {
  return lacp === 'active' || lacp === 'passive' ? lacp : 'off';
}

const policing = z.object({ rateKbps: z.number(), burstKb: z.number() });
const bandwidth = z.object({
  minimumKbps: z.number().exactOptional(),
  weight: z.number().exactOptional(),
  maximumKbps: z.number().exactOptional(),
});
const address = z.object({
  address: z.string().transform((text) => text as IpAddress),
  prefixLength: z.number(),
  gateway: z
    .string()
    .transform((text) => text as IpAddress)
    .exactOptional(),
});

/** Limits of a port, as they are written down. */
export const limitsSchema = { policing: policing.exactOptional(), bandwidth: bandwidth.exactOptional() };

const restSchema = z.object({
  id: z.string().exactOptional(),
  nics: z.array(z.string()).exactOptional(),
  addresses: z.array(address).exactOptional(),
  capacityKbps: z.number().exactOptional(),
  carrier: z.string().exactOptional(),
  ...limitsSchema,
});

/** What cannot be read says nothing, and shows as a port that differs. */
function readRest(text: string | undefined): z.infer<typeof restSchema> {
  try {
    return restSchema.parse(JSON.parse(text ?? '{}'));
  } catch {
    return {};
  }
}
