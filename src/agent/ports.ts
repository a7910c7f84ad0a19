/** Which ports of the engine a policy record asks for. */
import { createHash } from 'node:crypto';
import type { Bandwidth, Policing } from '../flow/bandwidth.ts';
import { DEAD_VLAN, type InterfaceAddress, type PortSpec, type PortVlan } from '../flow/datapath.ts';
import { portOf } from '../pipeline/facts.ts';
import type {
  PolicyRecord,
  PortAddress,
  PortBandwidth,
  PortRecord,
  SwitchRecord,
} from '../policy/records.ts';

/** MTU of a fabric whose record does not say another, in bytes of IP packet. */
const FABRIC_MTU = 1500;

export interface WantedPort {
  /** What the port is for; see `portOf`. */
  readonly port: string;
  readonly switch: string;
  readonly spec: PortSpec;
}

export function portsOf(record: PolicyRecord): readonly WantedPort[] {
  switch (record.kind) {
    case 'switch':
      return record.uplink ? [uplinkPort(record, record.uplink)] : [];
    case 'port': {
      const port = portOf.vnic(record.id);
      const common = {
        name: interfaceName('v', record.id),
        id: record.id,
        vlan: vlanOf(record),
        ...limitsOf(record.bandwidth),
      };
      const spec: PortSpec =
        record.owner === 'vm'
          ? { type: 'vif', ...common }
          : {
              type: 'internal',
              ...common,
              mac: record.mac,
              addresses: record.addresses.map(interfaceAddress),
              mtu: record.mtu,
            };
      return [{ port, switch: record.switch, spec }];
    }
    case 'provider': {
      const { logicalNetwork, mac, encapsulation, pa, prefixLength, gateway, mtu } = record;
      const id = portOf.provider(logicalNetwork);
      const interfaceSpec: PortSpec = {
        type: 'internal',
        name: interfaceName('p', logicalNetwork),
        id,
        mac,
        vlan: { mode: 'access', tag: record.vlan },
        addresses: [{ address: pa, prefixLength, ...(gateway === undefined ? {} : { gateway }) }],
        // Said in any case: Open vSwitch would otherwise give it the least of all ports, and tunnels need all of it.
        mtu: mtu ?? FABRIC_MTU,
      };
      const tunnelSpec: PortSpec = {
        type: 'tunnel',
        name: interfaceName('t', logicalNetwork),
        encapsulation,
        local: pa,
        carrier: interfaceName('u', record.switch),
      };
      return [
        { port: id, switch: record.switch, spec: interfaceSpec },
        { port: portOf.tunnel(logicalNetwork), switch: record.switch, spec: tunnelSpec },
      ];
    }
    case 'domain':
    case 'subnet':
    case 'route':
    case 'lookup':
    case 'acl':
    case 'mirror':
      return [];
  }
}

/** As much of an address of a record as an interface has. */
function interfaceAddress({ address, prefixLength, gateway }: PortAddress): InterfaceAddress {
  return { address, prefixLength, ...(gateway === undefined ? {} : { gateway }) };
}

/**
 * A port on a virtual subnet or a private VLAN must never take part in the learning switch beside it. VLANs that leave
 * untagged besides the native one are no mode of a port: rules serve them (pipeline/hybrid.ts).
 */
function vlanOf({ attachment, security }: PortRecord): PortVlan {
  const priorityTags = security.priorityTagging ? ({ priorityTags: 'if-nonzero' } as const) : {};
  switch (attachment.type) {
    case 'vlan':
      return { mode: 'access', tag: attachment.vlan, ...priorityTags };
    case 'trunk': {
      const { native: tag, tagged } = attachment;
      // Never empty, because an empty list is every VLAN. A trunk takes untagged frames as VLAN 0.
      const trunks = [tag, ...tagged].sort((a, b) => a - b);
      return tag === 0
        ? { mode: 'trunk', trunks, ...priorityTags }
        : { mode: 'native-untagged', tag, trunks, ...priorityTags };
    }
    case 'private':
    case 'virtual':
    case 'monitor':
      return { mode: 'access', tag: DEAD_VLAN };
  }
}

/** What a TCP sender needs to come near the rate, and any frame in any case: kbit. */
const LEAST_BURST_KB = 600;

/**
 * A maximum holds wherever the frames go, so it polices what comes in. Minimum and weight are parts of the uplink, where
 * every port counts: one without a word about it has the weight 1.
 */
function limitsOf(wanted: PortBandwidth = {}): { bandwidth: Bandwidth; policing?: Policing } {
  const { minimumKbps, minimumWeight: weight, maximumKbps: rateKbps } = wanted;
  const bandwidth: Bandwidth = {
    ...(minimumKbps === undefined ? {} : { minimumKbps }),
    ...(weight === undefined ? {} : { weight }),
  };
  if (rateKbps === undefined) return { bandwidth };
  return { bandwidth, policing: { rateKbps, burstKb: Math.max(LEAST_BURST_KB, Math.ceil(rateKbps / 10)) } };
}

/**
 * Teaming of the model -> bond of the engine (ovs-vswitchd.conf.db(5), Port:bond_mode).
 *
 *     LACP                   balance-tcp, by flow; with hyper-v-port balance-slb, where a vNIC sticks to one member
 *     switch-independent     balance-slb: the members answer to different physical switches
 *
 * The model refuses the rest (model/checks/host-switches.ts, teamMaps).
 */
function uplinkPort(record: SwitchRecord, uplink: NonNullable<SwitchRecord['uplink']>): WantedPort {
  const spec: PortSpec = {
    type: 'uplink',
    name: interfaceName('u', record.name),
    nics: uplink.nics,
    mode: uplink.teaming === 'lacp' && uplink.balancing !== 'hyper-v-port' ? 'balance-tcp' : 'balance-slb',
    lacp: uplink.teaming === 'lacp' ? 'active' : 'off',
    vlan: { mode: 'trunk', trunks: [] },
    ...(uplink.capacityKbps === undefined ? {} : { capacityKbps: uplink.capacityKbps }),
  };
  return { port: portOf.uplink(record.name), switch: record.name, spec };
}

/** Whether a port bears a name that Netloom gave it; whatever else is on a switch is somebody else's. */
export function isInterfaceName(name: string): boolean {
  return /^nl[vptu][0-9a-f]{11}$/.test(name);
}

/** Linux allows 15 characters: a letter for what it is and a hash of what it serves. */
export function interfaceName(kind: 'v' | 'p' | 't' | 'u', what: string): string {
  return `nl${kind}${createHash('sha256').update(what).digest('hex').slice(0, 11)}`;
}
