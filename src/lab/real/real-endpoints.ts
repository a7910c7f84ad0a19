/** Who can be pinged in a lab, and by which interface: from the port records of the hosts. */
import { interfaceName } from '../../agent/ports.ts';
import type { PortRecord } from '../../policy/records.ts';
import type { Nameable } from '../endpoints.ts';

/** One vNIC, of a machine or of a host, wherever that is. */
export interface RealEndpoint extends Nameable {
  readonly host: string;
  /** Interface that has the addresses, in the machine or on the host. */
  readonly device: string;
}

/** What endpoints the ports of a host come to; `domains` are the routing domains of its virtual subnets, by VSID. */
export function realEndpoints(
  host: string,
  ports: readonly PortRecord[],
  domains: ReadonlyMap<number, string>,
): RealEndpoint[] {
  return ports.flatMap((port): RealEndpoint[] => {
    // One that gets copies takes no part in the network; one that is only expected is somewhere else yet.
    if (port.attachment.type === 'monitor' || port.migration === 'standby') return [];
    const nic = port.name.slice(port.name.lastIndexOf('/') + 1);
    const device = port.owner === 'host' ? interfaceName('v', port.id) : nic;
    const untagged = port.addresses.filter(({ vlan }) => vlan === undefined);
    const domain = port.attachment.type === 'virtual' ? domains.get(port.attachment.vsid) : undefined;
    const tagged = Map.groupBy(
      port.addresses.flatMap((address) =>
        address.vlan === undefined ? [] : { ...address, vlan: address.vlan },
      ),
      ({ vlan }) => vlan,
    );
    return [
      {
        name: port.name,
        host,
        device,
        port: { ...port, addresses: untagged },
        ...(domain === undefined ? {} : { domain }),
      },
      ...[...tagged].map(([vlan, addresses]) => ({
        name: `${port.name}.${vlan}`,
        host,
        device: `${device}.${vlan}`,
        port: { ...port, addresses, attachment: { type: 'vlan', vlan } as const },
      })),
    ];
  });
}
