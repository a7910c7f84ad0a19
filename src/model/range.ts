import { type IpAddress, ipToBigint, isIpv4, parseIp } from '../packet/address.ts';
import type { PortRange } from '../packet/port-range.ts';

/** Ranges as people write them: one value, or `first-last`, both included. */

/** Both of one family, `from` not above `to`. */
export interface AddressRange {
  readonly from: IpAddress;
  readonly to: IpAddress;
}

/** Undefined for anything else than an address or two addresses of one family, the lower first. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [first = '', last = first, ...more] = text.split('-');
  const [from, to] = [parseIp(first), parseIp(last)];
  if (!from || !to || more.length > 0) return undefined;
  return isOrdered(from, to) ? { from, to } : undefined;
}

/** Whether both are of one family and `from` is not above `to`. */
export function isOrdered(from: IpAddress, to: IpAddress): boolean {
  return isIpv4(from) === isIpv4(to) && ipToBigint(from) <= ipToBigint(to);
}

export function inRange(range: AddressRange, address: IpAddress): boolean {
  return isOrdered(range.from, address) && isOrdered(address, range.to);
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return isOrdered(a.from, b.to) && isOrdered(b.from, a.to);
}

/** 0 <= from <= to <= 4094 */
export interface VlanRange {
  readonly from: number;
  readonly to: number;
}

const VLANS = /^(0|[1-9]\d{0,3})(?:-(0|[1-9]\d{0,3}))?$/;

export function parseVlanRange(text: string): VlanRange | undefined {
  const match = VLANS.exec(text);
  if (!match) return undefined;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return from <= to && to <= 4094 ? { from, to } : undefined;
}

/** The VLANs that are listed, each once, sorted. */
export function vlansIn(listed: readonly (number | string)[]): number[] {
  const vlans = new Set<number>();
  for (const entry of listed) {
    const { from, to } = parseVlanRange(String(entry)) ?? { from: 1, to: 0 };
    for (let vlan = from; vlan <= to; vlan++) vlans.add(vlan);
  }
  return [...vlans].sort((a, b) => a - b);
}

/** Whether the VLAN is among those listed; without a list every VLAN is. */
export function carriesVlan(listed: readonly (number | string)[] | undefined, vlan: number): boolean {
  if (!listed) return true;
  return listed.some((entry) => {
    const range = parseVlanRange(String(entry));
    return range !== undefined && range.from <= vlan && vlan <= range.to;
  });
}

const PORTS = /^(0|[1-9]\d{0,4})(?:-(0|[1-9]\d{0,4}))?$/;

/** Undefined for anything else than a port or two, the lower first. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = PORTS.exec(text);
  if (!match) return undefined;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return from <= to && to <= 65_535 ? { from, to } : undefined;
}
