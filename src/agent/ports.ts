/** Which ports of the engine a policy record asks for. */
import { createHash } from 'node:crypto';
import { DEAD_VLAN, type PortSpec, type PortVlan } from '../flow/datapath.ts';
import { portOf } from '../pipeline/facts.ts';
import type { Attachment, PolicyRecord, SwitchRecord } from '../policy/records.ts';

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
      const common = { name: interfaceName('v', record.id), id: record.id, vlan: vlanOf(record.attachment) };
      const spec: PortSpec =
        record.owner === 'vm'
          ? { type: 'vif', ...common }
          : { type: 'internal', ...common, mac: record.mac, addresses: record.addresses, mtu: record.mtu };
      return [{ port, switch: record.switch, spec }];
    }
    case 'provider': {
      const { logicalNetwork, mac, encapsulation, pa, prefixLength, gateway } = record;
      const id = portOf.provider(logicalNetwork);
      const interfaceSpec: PortSpec = {
        type: 'internal',
        name: interfaceName('p', logicalNetwork),
        id,
        mac,
        vlan: { mode: 'access', tag: record.vlan },
        addresses: [{ address: pa, prefixLength, ...(gateway === undefined ? {} : { gateway }) }],
      };
      const tunnelSpec: PortSpec = {
        type: 'tunnel',
        name: interfaceName('t', logicalNetwork),
        encapsulation,
        local: pa,
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
      return [];
  }
}

/** A port on a virtual subnet or a private VLAN must never take part in the learning switch beside it. */
function vlanOf(attachment: Attachment): PortVlan {
  return { mode: 'access', tag: attachment.type === 'vlan' ? attachment.vlan : DEAD_VLAN };
}

/**
 * Teaming of the model -> bond of the engine (ovs-vswitchd.conf.db(5), Port:bond_mode).
 *
 *     LACP, static                   balance-tcp (static: without LACP it is balance-slb, which needs no help)
 *     switch-independent             balance-slb: the members answer to different physical switches
 */
function uplinkPort(record: SwitchRecord, uplink: NonNullable<SwitchRecord['uplink']>): WantedPort {
  const spec: PortSpec = {
    type: 'uplink',
    name: interfaceName('u', record.name),
    nics: uplink.nics,
    mode: uplink.teaming === 'lacp' ? 'balance-tcp' : 'balance-slb',
    lacp: uplink.teaming === 'lacp' ? 'active' : 'off',
    vlan: { mode: 'trunk', trunks: [] },
  };
  return { port: portOf.uplink(record.name), switch: record.name, spec };
}

/** Linux allows 15 characters: a letter for what it is and a hash of what it serves. */
export function interfaceName(kind: 'v' | 'p' | 't' | 'u', what: string): string {
  return `nl${kind}${createHash('sha256').update(what).digest('hex').slice(0, 11)}`;
}
