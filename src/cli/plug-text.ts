/** How the vNICs of a VM are plugged in, in the words of the hypervisors that people have. Pure. */
import { z } from 'zod';
import type { JsonObject } from '../base/json.ts';

/** What there is to know about a vNIC to plug it in. */
export interface PlugInfo {
  readonly name: string;
  /** The vNIC id: `external_ids:iface-id` of the interface. */
  readonly id: string;
  readonly mac: string;
  /** Bytes of IP packet; what the guest is to use. */
  readonly mtu: number;
  readonly adapter: 'synthetic' | 'legacy';
  readonly addresses: readonly string[];
}

export interface VmPlugInfo {
  readonly vm: string;
  /** Where it is to run; absent: it is not placed. */
  readonly host?: string;
  /** Where it moves to. */
  readonly destination?: string;
  /** Bridge of the host that taps are added to; Netloom takes them from there. */
  readonly bridge: string;
  readonly vnics: readonly PlugInfo[];
  /** vNICs that cannot be plugged in: not connected, or something is missing for them. */
  readonly unconnected: readonly string[];
}

/** Where taps wait until Netloom binds them; nothing passes there (docs/hypervisors.md). */
const BRIDGE = 'nlplug0';

const answer = z.object({
  name: z.string(),
  tenant: z.string().optional(),
  host: z.string().optional(),
  migration: z.object({ source: z.string(), destination: z.string() }).optional(),
  vnics: z.array(
    z.object({ name: z.string(), adapter: z.enum(['synthetic', 'legacy']).default('synthetic') }),
  ),
  status: z.object({
    vnics: z.array(
      z.object({
        name: z.string(),
        id: z.string().optional(),
        mac: z.string().optional(),
        mtu: z.number().optional(),
        addresses: z.array(z.string()).default([]),
        connected: z.boolean(),
      }),
    ),
  }),
});

/** From a VirtualMachine as the API gives it. */
export function plugInfoOf(object: JsonObject): VmPlugInfo {
  const { name, tenant, host, migration, vnics, status } = answer.parse(object);
  const adapters = new Map(vnics.map((vnic) => [vnic.name, vnic.adapter]));
  const known = status.vnics.flatMap(({ name: vnic, id, mac, mtu, addresses, connected }): PlugInfo[] =>
    connected && id !== undefined && mac !== undefined && mtu !== undefined
      ? [{ name: vnic, id, mac, mtu, adapter: adapters.get(vnic) ?? 'synthetic', addresses }]
      : [],
  );
  const names = new Set(known.map((vnic) => vnic.name));
  return {
    vm: tenant === undefined ? name : `${tenant}:${name}`,
    ...(host === undefined ? {} : { host }),
    ...(migration && migration.destination !== host ? { destination: migration.destination } : {}),
    bridge: BRIDGE,
    vnics: known,
    unconnected: vnics.map((vnic) => vnic.name).filter((vnic) => !names.has(vnic)),
  };
}

/** What the vNIC is plugged in by, for one who has no name of his own for it. At most 15 characters. */
export function tapOf({ id }: PlugInfo): string {
  return `tap-${id.slice(0, 8)}`;
}

/** `<interface>` of a libvirt domain (formatdomain, "Network interfaces"). */
export function libvirtXml(info: VmPlugInfo): string {
  return info.vnics
    .map(
      ({ name, id, mac, mtu, adapter }) => `<!-- ${remark(`${info.vm}/${name}`)} -->
<interface type='bridge'>
  <mac address='${mac}'/>
  <source bridge='${info.bridge}'/>
  <virtualport type='openvswitch'>
    <parameters interfaceid='${id}'/>
  </virtualport>
  <model type='${adapter === 'legacy' ? 'e1000' : 'virtio'}'/>
  <mtu size='${mtu}'/>
</interface>
`,
    )
    .join('');
}

/**
 * Commands for one who starts QEMU by himself. While the VM moves, they are for the destination, where the taps stay down
 * until it runs there (`netloom hypervisor follow`).
 */
export function tapCommands(info: VmPlugInfo): string {
  return info.vnics
    .map((vnic) => {
      const tap = tapOf(vnic);
      return `ip tuntap add dev ${tap} mode tap
ip link set dev ${tap} mtu ${vnic.mtu}${info.destination === undefined ? ' up' : ''}
${vsctlLine(info, vnic, tap)}
`;
    })
    .join('');
}

function vsctlLine({ bridge }: VmPlugInfo, { id, mac }: PlugInfo, tap: string): string {
  return `ovs-vsctl --may-exist add-port ${bridge} ${tap} -- set Interface ${tap} external_ids:iface-id=${id} 'external_ids:attached-mac="${mac}"'`;
}

/** Arguments of QEMU for those taps. */
export function qemuOptions(info: VmPlugInfo): string {
  return info.vnics
    .map((vnic, i) => {
      const device = vnic.adapter === 'legacy' ? 'e1000' : 'virtio-net-pci';
      const mtu = vnic.adapter === 'legacy' ? '' : `,host_mtu=${vnic.mtu}`;
      return `-netdev tap,id=net${i},ifname=${tapOf(vnic)},script=no,downscript=no -device ${device},netdev=net${i},mac=${vnic.mac}${mtu}\n`;
    })
    .join('');
}

/** Commands for Incus: a NIC on the bridge, and, once the VM runs, the name that Netloom knows it by. */
export function incusCommands(info: VmPlugInfo): string {
  const vm = word(info.vm.replace(':', '-'));
  return info.vnics
    .map(
      ({
        name,
        id,
        mac,
        mtu,
      }) => `incus config device add ${vm} ${word(name)} nic nictype=bridged parent=${info.bridge} hwaddr=${mac} mtu=${mtu}
ovs-vsctl set Interface "$(incus config get ${vm} ${word(`volatile.${name}.host_name`)})" external_ids:iface-id=${id}
`,
    )
    .join('');
}

/** A word as a shell takes it. */
function word(text: string): string {
  return /^[\w.:-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Text within an XML comment, where two hyphens end it. */
function remark(text: string): string {
  return text.replaceAll('--', '- -').replaceAll('>', ' ');
}
