/** Multicast on Ethernet: the MAC address that belongs to a group. */
import { type IpAddress, ipToBigint, isIpv4, type Mac, macFromNumber } from '../packet/address.ts';

/** RFC 1112 section 6.4 (01:00:5e and 23 bits), RFC 2464 section 7 (33:33 and 32 bits). */
export function groupMac(group: IpAddress): Mac {
  const value = ipToBigint(group);
  return isIpv4(group)
    ? macFromNumber(0x01005e000000 + Number(value & 0x7fffffn))
    : macFromNumber(0x333300000000 + Number(value & 0xffffffffn));
}
