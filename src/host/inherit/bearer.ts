/**
 * Who bears the addresses that the host is managed by: a NIC, as the machine was set up, or the host vNIC that inherits
 * from it, once the NIC belongs to a virtual switch. A NIC of a switch has no addresses of its own that anybody reaches.
 */
import { interfaceName } from '../../agent/ports.ts';
import { parseIp } from '../../packet/address.ts';
import type { PolicyRecord, PortRecord, SwitchRecord } from '../../policy/records.ts';
import { recordText } from '../../policy/text.ts';
import type { InterfaceSettings } from './network.ts';

/** What bears the settings of a NIC that belongs to a switch: a host vNIC that takes them over, or still the NIC. */
export interface Heir {
  /** The NIC that had them as the machine was set up. */
  readonly nic: string;
  /** The interface of the host vNIC; the NIC itself where no host vNIC takes over. */
  readonly device: string;
  /** For people: that of the host vNIC, `host1/Management`, or of the switch that takes the NIC. */
  readonly name: string;
  /** All that decides whether the host can be reached by it: equal texts are the same attempt. */
  readonly signature: string;
}

/**
 * What bears, under this policy, the settings of a NIC that a switch takes; undefined where no switch takes one that has addresses.
 * A switch that takes it without a host vNIC to inherit from it cuts the host off, unless somebody has seen to it in another way.
 * `settings`: of each interface by its name, as it is now, or as it was before a host vNIC took over. `bearer`: the interface that
 * bears now; where several could, it is that one, so the order of the records moves nothing.
 */
export function heirOf(
  records: Iterable<PolicyRecord>,
  settings: ReadonlyMap<string, InterfaceSettings>,
  bearer?: string,
): Heir | undefined {
  const switches: SwitchRecord[] = [];
  const ports: PortRecord[] = [];
  for (const record of records) {
    if (record.kind === 'switch' && record.uplink) switches.push(record);
    if (record.kind === 'port' && record.owner === 'host') ports.push(record);
  }
  const rank = ({ id }: PortRecord) => Number(interfaceName('v', id) !== bearer);
  ports.sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  for (const port of ports) {
    const ofSwitch = switches.find(({ name }) => name === port.switch);
    const own = new Set(port.addresses.map(({ address }) => address));
    const bears = (name: string) =>
      settings.get(name)?.addresses.some(({ address }) => {
        const parsed = parseIp(address);
        return parsed !== undefined && own.has(parsed);
      }) ?? false;
    const nic = ofSwitch?.uplink?.nics.find(bears);
    if (!ofSwitch || nic === undefined) continue;
    const signature = `${recordText(ofSwitch)}\n${recordText(port)}`;
    return { nic, device: interfaceName('v', port.id), name: port.name, signature };
  }
  const hasAddresses = (name: string) => (settings.get(name)?.addresses.length ?? 0) > 0;
  const taking = switches
    .filter(({ uplink }) => uplink?.nics.some(hasAddresses))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const nic = taking[0]?.uplink?.nics.find(hasAddresses);
  if (!taking[0] || nic === undefined) return undefined;
  return { nic, device: nic, name: taking[0].name, signature: taking.map(recordText).join('\n') };
}

/** Whether a record may be about what the host is managed by: a switch that takes NICs, or a host vNIC with addresses. */
export function concernsManagement(record: PolicyRecord): boolean {
  if (record.kind === 'switch') return record.uplink !== undefined;
  return record.kind === 'port' && record.owner === 'host' && record.addresses.length > 0;
}
