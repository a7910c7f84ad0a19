/**
 * What a guest of a lab is told about its NICs, as a table in its RAM disk (`/etc/netloom/nics`): a line a NIC, or a VLAN on
 * the trunk of one. What the network gives by itself (DHCP, router advertisements) is left to the network, as it would be
 * for any machine. Pure.
 *
 *     eth0    02:00:00:00:00:01  1450  dhcp
 *     eth1    02:00:00:00:00:02  1500  static  172.16.20.5/24,172.16.20.1
 *     eth1.30 -                  1500  static  10.30.0.5/24
 */
import { isIpv4 } from '../../../packet/address.ts';
import type { PortAddress } from '../../../policy/records.ts';
import { settingsOf } from '../guest-settings.ts';
import type { MachineNic } from '../vm-driver.ts';

export type GuestNic = Pick<MachineNic, 'name' | 'port'>;

/** The table. Names are those of the model, which are an interface's. */
export function guestTable(nics: readonly GuestNic[]): string {
  return nics
    .flatMap(linesOf)
    .map((line) => `${line.join(' ')}\n`)
    .join('');
}

function linesOf({ name, port }: GuestNic): string[][] {
  const { dhcp, dhcpv6, fixed, vlans } = settingsOf(port);
  // busybox has no DHCPv6 client: the address is set by hand, and the router is still found by what it advertises.
  const routed = dhcpv6
    ? port.addresses.flatMap((a) => (isIpv4(a.address) || a.vlan !== undefined ? [] : [withoutRouter(a)]))
    : [];
  const mtu = String(port.mtu);
  return [
    [name, port.mac, mtu, dhcp ? 'dhcp' : 'static', ...routed, ...fixed.map(word)],
    ...[...vlans].map(([vlan, addresses]) => [`${name}.${vlan}`, '-', mtu, 'static', ...addresses.map(word)]),
  ];
}

function word(address: PortAddress): string {
  return `${withoutRouter(address)}${address.gateway === undefined ? '' : `,${address.gateway}`}`;
}

function withoutRouter({ address, prefixLength }: PortAddress): string {
  return `${address}/${prefixLength}`;
}
