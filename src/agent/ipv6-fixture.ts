/** For tests of what the switch answers in IPv6: a subnet of both versions, a port on it, and questions of its guest. */
import {
  type Ipv6,
  ip,
  ipv6,
  linkLocalOf,
  type Mac,
  mac,
  multicastMacOf,
  prefix,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { DHCP6_VALUE, duidOf } from '../packet/dhcp6-options.ts';
import { type Option, optionOf } from '../packet/option.ts';
import type { PortRecord, SubnetRecord } from '../policy/records.ts';

export const GUEST: Mac = mac('00:1d:d8:b7:1c:01');
export const ROUTER: Mac = mac('02:4e:4c:00:13:89');
export const SERVER = ip('fe80::4e:4cff:fe00:fd');
const ALL_ROUTERS = ipv6('ff02::2');
const ALL_SERVERS = ipv6('ff02::1:2');

export const SUBNET: SubnetRecord = {
  kind: 'subnet',
  vsid: 5001,
  rdid: '0a000000-0000-4000-8000-00000000b10e',
  name: 'Blue/dual',
  prefixes: [
    { prefix: prefix('10.0.0.0/24'), gateway: ip('10.0.0.1') },
    { prefix: prefix('fd00::/64'), gateway: ip('fd00::1') },
  ],
  gatewayMac: ROUTER,
  mtu: 1458,
  origin: '',
};

export const SLAAC_SUBNET: SubnetRecord = {
  ...SUBNET,
  prefixes: [{ prefix: prefix('fd00::/64'), gateway: ip('fd00::1'), autonomous: true }],
};
/** What the guest makes of fd00::/64. */
export const MADE = ipv6('fd00::21d:d8ff:feb7:1c01');

export const PORT: PortRecord = {
  kind: 'port',
  id: 'blue1-eth0',
  name: 'blue1/eth0',
  owner: 'vm',
  switch: 'Fabric',
  mac: GUEST,
  addresses: [
    { address: ip('10.0.0.5'), prefixLength: 24, gateway: ip('10.0.0.1'), dns: [ip('10.0.0.3')] },
    {
      address: ip('fd00::5'),
      prefixLength: 64,
      gateway: ip('fd00::1'),
      dns: [ip('fd00::53')],
      dnsSuffix: 'blue.example',
    },
  ],
  attachment: { type: 'virtual', vsid: 5001 },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1458,
  dhcpServer: ip('192.0.2.253'),
  dhcpv6Server: SERVER,
  origin: '',
};

export const SLAAC_PORT: PortRecord = {
  ...PORT,
  addresses: [{ address: MADE, prefixLength: 64, gateway: ip('fd00::1'), dns: [] }],
};

export interface Question {
  readonly from?: Ipv6;
  readonly to?: Ipv6;
  readonly hopLimit?: number;
}

export function solicitation({ from = linkLocalOf(GUEST), to = ALL_ROUTERS, hopLimit = 255 }: Question = {}) {
  return frame(
    { layer: 'eth', src: GUEST, dst: multicastMacOf(to) },
    { layer: 'ipv6', src: from, dst: to, ttl: hopLimit },
    { layer: 'icmpv6', type: 133, ...(from === '::' ? {} : { sll: GUEST }) },
  );
}

export const GUEST_DUID = duidOf(GUEST);
export const XID = 0x123456;

/** A DHCPv6 message of the guest; `options` stand behind its client identifier. */
export function dhcpv6(
  type: number,
  options: readonly Option[] = [],
  question: Question & { src?: Mac } = {},
) {
  const { from = linkLocalOf(GUEST), to = ALL_SERVERS, src = GUEST } = question;
  return frame(
    { layer: 'eth', src, dst: multicastMacOf(to) },
    { layer: 'ipv6', src: from, dst: to, ttl: 1 },
    { layer: 'udp', sport: 546, dport: 547 },
    {
      layer: 'dhcp6',
      type,
      xid: XID,
      options: [optionOf(DHCP6_VALUE.clientId, GUEST_DUID), ...options],
    },
  );
}

export function association(...addresses: Ipv6[]): Option {
  return optionOf(DHCP6_VALUE.association, {
    iaid: 7,
    renew: 0,
    rebind: 0,
    addresses: addresses.map((address) => ({ address, preferred: 0, valid: 0 })),
  });
}
