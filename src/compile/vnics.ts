/** vNICs of VMs and of hosts in one form, with what was handed out for them. */
import { addressOwner, hostVnicOwner, MAC, VNIC, vmVnicOwner } from '../allocate/scopes.ts';
import { type AddressSubnet, givingSubnets, subnetOfAddress, subnetsOfPlace } from '../allocate/subnets.ts';
import { get, type Reader } from '../model/facts.ts';
import { type Trunk, virtualMachineKey } from '../model/kinds/virtual-machine.ts';
import { type HostSwitch, objectKey, type VirtualMachine } from '../model/kinds.ts';
import { monitorsOf } from '../model/mirroring.ts';
import { hostVnicAddresses, isPlaced, placeVnic, type VnicPlace } from '../model/placement.ts';
import { type IpAddress, ip, isIpv4, type Mac, mac } from '../packet/address.ts';
import { slaacAddress } from '../packet/slaac.ts';
import type { Origin } from '../policy/records.ts';
import { allocated, modelOf } from './facts.ts';
import type { CompileRead } from './feature.ts';

/** A vNIC with everything that it needs to be connected. */
export interface Vnic {
  /** The vNIC id, a UUID. */
  readonly id: string;
  /** `blue1/eth0` */
  readonly name: string;
  readonly owner: 'vm' | 'host';
  readonly mac: Mac;
  readonly place: VnicPlace;
  readonly classification: string | undefined;
  /** VLANs that it carries as a trunk. */
  readonly trunk?: Trunk;
  /** It gets the copies of a mirror, and nothing else. */
  readonly isMonitor?: boolean;
  /** Port ACLs that it names itself. */
  readonly acls: readonly string[];
  /** Each with its subnet. */
  readonly addresses: readonly VnicAddress[];
  readonly origin: Origin;
}

export interface VnicAddress {
  readonly address: IpAddress;
  readonly subnet: AddressSubnet;
  /** Router and name servers that it has whatever the subnet says: taken over from a NIC. */
  readonly own?: { readonly gateway?: IpAddress; readonly dns?: readonly IpAddress[] };
}

/** What an operator says of a vNIC, be it of a VM or of a host. */
interface Wish {
  readonly vmNetwork: string;
  readonly connected?: boolean;
  readonly subnet?: string;
  readonly classification?: string;
  readonly acls?: readonly string[];
  readonly addresses: readonly IpAddress[];
  readonly trunk?: Trunk;
}

/** The vNICs of a VM as they are on one of its hosts. */
export function* vnicsOfVm(read: CompileRead, vm: VirtualMachine, host: string): Iterable<Vnic> {
  const name = virtualMachineKey(vm);
  const monitors = monitorsOf(modelOf(read), vm);
  for (const vnic of vm.vnics) {
    const owner = vmVnicOwner(name, vnic.name);
    const complete = complement(read, host, vnic, owner);
    if (!complete) continue;
    const named = { ...complete, name: `${name}/${vnic.name}`, owner: 'vm', origin: objectKey(vm) } as const;
    // Nobody can send to a vNIC that gets copies, so nobody has to know of addresses.
    yield monitors.has(vnic.name) ? { ...named, isMonitor: true, addresses: [] } : named;
  }
}

export function* vnicsOfHost(read: CompileRead, hostSwitch: HostSwitch): Iterable<Vnic> {
  const origin = objectKey(hostSwitch);
  for (const vnic of hostSwitch.hostVnics) {
    const wish = { ...vnic, addresses: hostVnicAddresses(modelOf(read), hostSwitch, vnic) };
    const complete = complement(read, hostSwitch.host, wish, hostVnicOwner(hostSwitch, vnic.name));
    if (!complete) continue;
    const own = vnic.inheritManagementNic ? managementSettings(modelOf(read), hostSwitch) : undefined;
    const addresses = own ? complete.addresses.map((each) => withOwn(each, own)) : complete.addresses;
    yield { ...complete, addresses, name: `${hostSwitch.host}/${vnic.name}`, owner: 'host', origin };
  }
}

type OwnSettings = NonNullable<VnicAddress['own']>;

/** Router and name servers of the NIC that the host is managed through, as far as the host says them. */
function managementSettings(read: Reader, hostSwitch: HostSwitch): OwnSettings {
  const { managementGateway: gateway, managementDns: dns } = get(read, 'Host', hostSwitch.host) ?? {};
  return { ...(gateway === undefined ? {} : { gateway }), ...(dns === undefined ? {} : { dns }) };
}

/** A router is one for addresses of its own IP version. */
function withOwn(address: VnicAddress, { gateway, ...own }: OwnSettings): VnicAddress {
  const fits = gateway !== undefined && isIpv4(gateway) === isIpv4(address.address);
  return { ...address, own: fits ? { gateway, ...own } : own };
}

/** Undefined while something is missing that the vNIC cannot do without. */
function complement(
  read: CompileRead,
  host: string,
  wish: Wish,
  owner: string,
): Omit<Vnic, 'name' | 'owner' | 'origin'> | undefined {
  const place = placeVnic(modelOf(read), host, wish);
  if (!isPlaced(place)) return undefined;
  const id = allocated(read, VNIC, owner);
  const macAddress = allocated(read, MAC, owner);
  if (id === undefined || macAddress === undefined) return undefined;
  return {
    id,
    mac: mac(macAddress),
    place,
    classification: wish.classification,
    ...(wish.trunk ? { trunk: wish.trunk } : {}),
    acls: wish.acls ?? [],
    addresses: addressesOf(read, place, wish, owner, mac(macAddress)),
  };
}

/** The fixed ones, those given by pools, and those that the machine makes itself. */
function addressesOf(
  read: CompileRead,
  place: VnicPlace,
  wish: Wish,
  owner: string,
  macAddress: Mac,
): VnicAddress[] {
  const subnets = subnetsOfPlace(modelOf(read), place);
  const [first] = subnets;
  if (!first) return [];
  const fixed = wish.addresses.map((address) => {
    return { address, subnet: subnetOfAddress(subnets, address) ?? first };
  });
  const given = givingSubnets(place, subnets, wish.addresses).flatMap((subnet) => {
    const address = allocated(read, subnet.scope, addressOwner(owner, undefined, 0));
    return address === undefined ? [] : [{ address: ip(address), subnet }];
  });
  const made = subnets.flatMap((subnet) =>
    subnet.autonomous && subnet.prefix !== undefined
      ? [{ address: slaacAddress(subnet.prefix, macAddress), subnet }]
      : [],
  );
  return [...fixed, ...given, ...made];
}
