/**
 * Who bears the addresses that the host is managed by: a NIC, as the machine was set up, or the host vNIC that inherits
 * from it, once the NIC belongs to a virtual switch. A NIC of a switch has no addresses of its own that anybody reaches.
 */
import { interfaceName } from '../../agent/ports.ts';
import { parseIp } from '../../packet/address.ts';
import type { PolicyRecord, PortRecord, SwitchRecord } from '../../policy/records.ts';
import { recordText } from '../../policy/text.ts';
import type { InterfaceSettings } from './network.ts';

/** The host vNIC that takes the settings over. */
export interface Heir {
  /** The NIC that it inherits from. */
  readonly nic: string;
  /** The interface of the host vNIC. */
  readonly device: string;
  /** For people: `host1/Management` */
  readonly name: string;
  /** All that decides whether the host can be reached by it: equal texts are the same attempt. */
  readonly signature: string;
}

/**
 * The host vNIC that bears, under this policy, what a NIC bears as the machine was set up; undefined where the NIC keeps it.
 * `settings`: of each interface by its name, as it is now, or as it was before a host vNIC took over.
 */
export function heirOf(
  records: Iterable<PolicyRecord>,
  settings: ReadonlyMap<string, InterfaceSettings>,
): Heir | undefined {
  const switches: SwitchRecord[] = [];
  const ports: PortRecord[] = [];
  for (const record of records) {
    if (record.kind === 'switch' && record.uplink) switches.push(record);
    if (record.kind === 'port' && record.owner === 'host') ports.push(record);
  }
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
  return undefined;
}
