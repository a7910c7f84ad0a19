import { firstHost, type IpAddress, type Mac } from '../../packet/address.ts';
import { hasSlaacForm } from '../../packet/slaac.ts';
import type { ObjectKey } from '../definition.ts';
import { addressGroup, get, members, type Reader } from '../facts.ts';
import { prefixesOf } from '../kinds/vm-subnet.ts';
import { type HostSwitch, objectKey, type VirtualMachine } from '../kinds.ts';
import { hostsOfVm } from '../migration.ts';
import { hostVnicAddresses, isPlaced, placeVnic, poolsOfPlace, type VnicPlace } from '../placement.ts';
import { poolsOfRow, providerPlace, rowsOfSegment } from '../uplinks.ts';
import { choices, namesOf } from '../words.ts';
import { checkAddress, type Holder } from './addresses.ts';
import { at, type Check, type CheckResult, others, repeated } from './check.ts';
import { checkMac } from './macs.ts';

/** What the checks need to know of a vNIC, be it of a VM or of a host. */
interface Vnic {
  readonly object: ObjectKey;
  /** `vnics[0]` */
  readonly path: string;
  readonly host: string;
  readonly vmNetwork: string;
  readonly connected?: boolean;
  readonly subnet?: string;
  readonly classification?: string;
  readonly mac?: Mac;
  /** Fixed addresses and their paths. */
  readonly addresses: readonly { readonly path: string; readonly address: IpAddress }[];
}

/** Every vNIC of a VM can be connected as it asks; while it moves, on both hosts, and on the same segment. */
export const vmVnicsFit: Check<VirtualMachine> = function* (vm, read) {
  yield* repeated('vnics', 'name', vm.vnics, (v) => v.name, 'vNIC');
  // A VM without a host has no switch to be connected to yet; it is checked as a whole when it is placed.
  const [host, standby] = hostsOfVm(vm);
  if (host === undefined) return;
  for (const [i, v] of vm.vnics.entries()) {
    const path = at('vnics', i);
    const addresses = v.addresses.map((address, j) => ({ address, path: `${path}.${at('addresses', j)}` }));
    const vnic = { ...v, object: objectKey(vm), path, addresses };
    const here = [...checkVnic(read, { ...vnic, host })];
    yield* here;
    if (standby === undefined) continue;
    // What is wrong whatever the host has been said.
    const said = new Set(here.map(({ message }) => message));
    for (const result of checkVnic(read, { ...vnic, host: standby }))
      if (!said.has(result.message)) yield result;
    yield* sameSegment(read, { ...vnic, host }, standby);
  }
};

/** A VM keeps its addresses when it moves, so both hosts must have the same wire for it, not one of the same name. */
function* sameSegment(read: Reader, vnic: Vnic, standby: string): Generator<CheckResult> {
  const wish = { ...vnic, addresses: vnic.addresses.map(({ address }) => address) };
  const [here, there] = [placeVnic(read, vnic.host, wish), placeVnic(read, standby, wish)];
  if (!isPlaced(here) || !isPlaced(there) || here.type !== 'site' || there.type !== 'site') return;
  if (here.uplink.site.name === there.uplink.site.name && here.row.vlan === there.row.vlan) return;
  const place = ({ uplink, row }: typeof here) => `VLAN ${row.vlan} of site "${uplink.site.name}"`;
  yield {
    path: `${vnic.path}.vmNetwork`,
    code: 'migration-refused',
    message: `VM network "${vnic.vmNetwork}" is ${place(here)} on host "${vnic.host}", and ${place(there)} on host "${standby}": the VM would lose its addresses.`,
    remedy: 'Move it to a host of the same site, or connect it to a virtualized VM network.',
  };
}

/** A migration leads from one host to another, and the VM is on one of the two. */
export const migrationFits: Check<VirtualMachine> = function* ({ host, migration }) {
  if (!migration) return;
  const { source, destination } = migration;
  if (source !== destination && (host === source || host === destination)) return;
  yield {
    path: 'migration',
    code: 'field-conflict',
    message: `A VM on host "${host}" cannot be moving from "${source}" to "${destination}".`,
    remedy: 'Let "netloom vm migrate" write this field.',
  };
};

/** Every host vNIC can be connected as it asks; one of them at most inherits from the management NIC. */
export const hostVnicsFit: Check<HostSwitch> = function* (hostSwitch, read) {
  yield* repeated('hostVnics', 'name', hostSwitch.hostVnics, (v) => v.name, 'Host vNIC');
  for (const [i, v] of hostSwitch.hostVnics.entries()) {
    const path = at('hostVnics', i);
    const network = get(read, 'VmNetwork', v.vmNetwork);
    if (network?.isolation === 'virtualized') {
      yield {
        path: `${path}.vmNetwork`,
        code: 'isolation-not-allowed',
        message: `VM network "${network.name}" is virtualized; a host takes part in the logical network itself.`,
        remedy: `Use the VM network of the same name as a logical network (sameNameVmNetwork).`,
      };
      continue;
    }
    const field = v.inheritManagementNic ? 'inheritManagementNic' : 'address';
    const addresses = hostVnicAddresses(read, hostSwitch, v).map((address) => ({
      address,
      path: `${path}.${field}`,
    }));
    yield* checkVnic(read, {
      ...v,
      object: objectKey(hostSwitch),
      path,
      host: hostSwitch.host,
      addresses,
    });
  }
  yield* checkInheritance(hostSwitch, read);
};

function* checkInheritance(hostSwitch: HostSwitch, read: Reader): Generator<CheckResult> {
  const host = get(read, 'Host', hostSwitch.host);
  let heir: string | undefined;
  for (const [i, v] of hostSwitch.hostVnics.entries()) {
    if (!v.inheritManagementNic) continue;
    const path = at('hostVnics', i, 'inheritManagementNic');
    if (v.address !== undefined) {
      yield {
        path: at('hostVnics', i, 'address'),
        code: 'field-conflict',
        message: `Host vNIC "${v.name}" inherits the addresses of the management NIC, so it cannot have ${v.address} as well.`,
        remedy: 'Remove the address, or set inheritManagementNic: false.',
      };
    }
    if (heir !== undefined) {
      yield {
        path,
        code: 'value-duplicate',
        message: `Host vNIC "${heir}" inherits the settings of the management NIC already.`,
        remedy: 'Let one host vNIC inherit them.',
      };
    }
    heir ??= v.name;
    if (!host) continue;
    if (host.managementNic === undefined || !hostSwitch.nics.includes(host.managementNic)) {
      yield {
        path,
        code: 'nic-unknown',
        message:
          host.managementNic === undefined
            ? `Host "${host.name}" does not say which NIC is its management NIC.`
            : `The management NIC "${host.managementNic}" of host "${host.name}" is not among the NICs of this switch.`,
        remedy:
          'Set managementNic on the host to one of the NICs of this switch, or inheritManagementNic: false.',
      };
    }
  }
}

function* checkVnic(read: Reader, vnic: Vnic): Generator<CheckResult> {
  if (vnic.mac !== undefined) yield* checkMac(read, vnic.mac, `${vnic.path}.mac`, vnic.object);
  const place = placeVnic(read, vnic.host, { ...vnic, addresses: vnic.addresses.map((a) => a.address) });
  if (isPlaced(place)) {
    yield* checkClassification(read, vnic, place);
    yield* checkAddresses(read, vnic, place);
    if (place.type === 'virtual') yield* checkVirtual(read, vnic, place);
  } else if (place) {
    // A host vNIC calls its one address `address`.
    const path = place.path === 'addresses' ? vnic.addresses[0]?.path : undefined;
    yield { ...place, path: path ?? `${vnic.path}.${place.path}` };
  }
}

/** The classification is on offer at the switch that the vNIC is plugged into. */
function* checkClassification(read: Reader, vnic: Vnic, place: VnicPlace): Generator<CheckResult> {
  const logicalSwitch = get(read, 'LogicalSwitch', place.uplink.hostSwitch.logicalSwitch);
  if (vnic.classification === undefined || !logicalSwitch) return;
  if (!get(read, 'PortClassification', vnic.classification)) return;
  const offered = logicalSwitch.classifications.map((c) => c.classification);
  if (offered.includes(vnic.classification)) return;
  yield {
    path: `${vnic.path}.classification`,
    code: 'classification-not-offered',
    message: `Logical switch "${logicalSwitch.name}" of host "${vnic.host}" does not offer port classification "${vnic.classification}".`,
    remedy:
      offered.length > 0
        ? `Use ${choices(offered)}, or add it to the logical switch.`
        : 'Add it to the logical switch, with its virtual port profile.',
  };
}

/** Fixed addresses are in the subnet, free of other uses, and nobody else's. */
function* checkAddresses(read: Reader, vnic: Vnic, place: VnicPlace): Generator<CheckResult> {
  const holders = holdersOf(read, place);
  for (const { path, address } of vnic.addresses) {
    yield* checkAddress(path, address, holders);
    const users = others(
      members(read, 'addresses', addressGroup(vnic.vmNetwork, address)),
      `${vnic.object}.${path}`,
    );
    if (users.length > 0) {
      yield {
        path,
        code: 'value-duplicate',
        message: `${address} is also the address of ${namesOf(users)} on VM network "${vnic.vmNetwork}".`,
        remedy: 'Give one of them another address; on another virtualized VM network it could have the same.',
      };
    }
  }
}

/** The subnets that the addresses of a vNIC can be in. None where the site does not say. */
function holdersOf(read: Reader, place: VnicPlace): Holder[] {
  if (place.type === 'virtual') {
    const { name } = place.subnet;
    return prefixesOf(place.subnet).map((prefix) => {
      return { prefix, words: `subnet "${name}" (${prefix})`, routers: [firstHost(prefix)] };
    });
  }
  const { site } = place.uplink;
  const { untagged = [], tagged = [] } = place;
  return [...rowsOfSegment(site, place.row), ...untagged, ...tagged].flatMap((row) => {
    if (row.prefix === undefined) return [];
    const gateways = poolsOfRow(read, site, row).flatMap((pool) => pool.gateways.map((g) => g.address));
    const routers = row.gateway === undefined ? gateways : [row.gateway, ...gateways];
    return [{ prefix: row.prefix, words: `site "${site.name}" (${row.prefix})`, routers }];
  });
}

/** A vNIC of a virtualized network has an address or can be given one, and its host has a provider address. */
function* checkVirtual(
  read: Reader,
  vnic: Vnic,
  place: VnicPlace & { readonly type: 'virtual' },
): Generator<CheckResult> {
  const { network, subnet } = place;
  if (
    vnic.addresses.length === 0 &&
    subnet.ipv6AddressMode !== 'slaac' &&
    poolsOfPlace(read, place).length === 0
  ) {
    yield {
      path: `${vnic.path}.addresses`,
      code: 'pool-missing',
      message: `Subnet "${subnet.name}" of VM network "${network.name}" has no IP address pool to take an address from.`,
      remedy: 'Add an IpPool to the subnet, or give the vNIC fixed addresses.',
    };
  }
  for (const { path, address } of subnet.ipv6AddressMode === 'slaac' ? vnic.addresses : []) {
    if (!hasSlaacForm(address, address)) continue;
    yield {
      path,
      code: 'address-reserved',
      message: `${address} is made of a MAC address: on subnet "${subnet.name}" each machine makes the one of its own (ipv6AddressMode: slaac).`,
      remedy: 'Use another address of the subnet, or fix the MAC address of the vNIC instead.',
    };
  }
  if (!providerPlace(read, vnic.host, network.logicalNetwork)) {
    yield {
      path: `${vnic.path}.vmNetwork`,
      code: 'pool-missing',
      message: `Host "${vnic.host}" cannot have a provider address on logical network "${network.logicalNetwork}": site "${place.uplink.site.name}" has no pool, and the host has no fixed address in it.`,
      remedy: 'Add an IpPool to the site, or providerAddresses to the host.',
    };
  }
}
