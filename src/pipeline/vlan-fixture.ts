/** Machines on VLANs, for the tests of the pipeline: an access port, a trunk, a hybrid port, and one that gets copies. */
import { ip, mac } from '../packet/address.ts';
import type { Attachment, PortAddress, PortRecord } from '../policy/records.ts';
import { factKey, type PipelineFact, portOf } from './facts.ts';

interface Machine {
  readonly name: string;
  readonly attachment: Attachment;
  readonly addresses: readonly PortAddress[];
  readonly priorityTagging?: boolean;
  readonly guestSpecifiedAddresses?: boolean;
}

const own = (last: number): PortAddress => {
  return { address: ip(`10.20.0.${last}`), prefixLength: 24, dns: [] };
};

const MACHINES: readonly Machine[] = [
  { name: 'phone', attachment: { type: 'vlan', vlan: 20 }, addresses: [own(5)], priorityTagging: true },
  {
    name: 'router',
    attachment: { type: 'trunk', native: 20, tagged: [30, 40], untagged: [] },
    addresses: [
      own(6),
      { address: ip('10.30.0.6'), prefixLength: 24, dns: [], vlan: 30 },
      { address: ip('fd00:0:0:30::6'), prefixLength: 64, dns: [], vlan: 30 },
    ],
  },
  {
    name: 'firewall',
    attachment: { type: 'trunk', native: 0, tagged: [30, 32, 33], untagged: [] },
    addresses: [],
    priorityTagging: true,
    guestSpecifiedAddresses: true,
  },
  {
    name: 'server',
    attachment: { type: 'trunk', native: 50, tagged: [], untagged: [20, 30] },
    addresses: [{ address: ip('10.50.0.7'), prefixLength: 24, dns: [] }],
  },
  { name: 'probe', attachment: { type: 'monitor' }, addresses: [] },
];

/** On the switch of fixture.ts, with their bindings. */
export function vlanFacts(): [string, PipelineFact][] {
  return MACHINES.flatMap(({ name, attachment, addresses, ...security }, i): [string, PipelineFact][] => {
    const id = `${name}-eth0`;
    const port: PortRecord = {
      kind: 'port',
      id,
      name: `${name}/eth0`,
      owner: 'vm',
      switch: 'Fabric',
      mac: mac(`00:1d:d8:b7:1c:4${i}`),
      addresses,
      attachment,
      security: {
        macSpoofing: false,
        dhcpGuard: true,
        routerGuard: true,
        guestSpecifiedAddresses: false,
        ...security,
      },
      mtu: 1500,
      origin: `VirtualMachine/${name}`,
    };
    const binding: PipelineFact = { kind: 'binding', port: portOf.vnic(id), number: 21 + i };
    return [port, binding].map((fact) => [factKey(fact), fact]);
  });
}
