/** The table `neighbour`: customer address -> MAC address, for ARP, ND and routing alike. Routers: subnet.ts. */
import { setField } from '../flow/actions.ts';
import type { ExplainedFlow } from '../flow/flow.ts';
import { matchOf } from '../flow/match.ts';
import { type IpAddress, ipToBigint, isIpv4, linkLocalOf, macToNumber } from '../packet/address.ts';
import { overlayOf, subnetOf } from './overlay.ts';
import { FOUND, TARGET4, TARGET6, VSID } from './registers.ts';
import { type FeatureRule, nameOf, type RuleContext, rule } from './rule.ts';

/** What is wanted is in TARGET4 or in TARGET6, never in both; so which goes first means nothing, and one has to. */
const PRIORITY = { 4: 100, 6: 110 } as const;

/** Who has the address on the subnet: `found` goes into the register FOUND. */
export function foundAt(
  at: RuleContext,
  vsid: number,
  address: IpAddress,
  found: bigint | number,
  words: string,
): ExplainedFlow {
  const [priority, target] = isIpv4(address) ? [PRIORITY[4], TARGET4] : [PRIORITY[6], TARGET6];
  const match = matchOf({ [VSID]: vsid, [target]: ipToBigint(address) });
  return rule(at, 'neighbour', priority, match, [setField(FOUND, found)], words);
}

export const neighbour: FeatureRule = {
  name: 'neighbour',
  units: (key, fact) => (fact.kind === 'lookup' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'lookup') return;
    const { rdid, vsid, ca, mac, origin } = record;
    const overlay = overlayOf(read, rdid);
    // The gateway's address is the router's, whatever else claims it.
    if (!overlay || subnetOf(read, vsid)?.prefixes.some(({ gateway }) => gateway === ca)) return;
    const at = { switch: overlay.provider.switch, feature: 'lookup', thing: unit, origin } as const;
    yield foundAt(at, vsid, ca, macToNumber(mac), `${ca} is ${nameOf(origin)}, ${mac}`);
  },
};

/** The link-local address of each machine with IPv6, which its neighbours on the subnet may ask for as well. */
export const linkLocalNeighbour: FeatureRule = {
  name: 'link-local-neighbour',
  units: (_key, fact) => (fact.kind === 'lookup' && !isIpv4(fact.ca) ? [`${fact.vsid}/${fact.mac}`] : []),
  *derive(unit, read) {
    const [first] = read.members('lookupsOfMac', unit);
    const record = first === undefined ? undefined : read.get(first);
    if (record?.kind !== 'lookup') return;
    const { rdid, vsid, mac, origin } = record;
    const overlay = overlayOf(read, rdid);
    const address = linkLocalOf(mac);
    // What is the router's, or recorded, has its rule already.
    if (!overlay || subnetOf(read, vsid)?.gatewayMac === mac || read.get(`lookup/${vsid}/${address}`)) return;
    const thing = `lookup/${unit}`;
    const at = { switch: overlay.provider.switch, feature: 'lookup', thing, origin } as const;
    const words = `${address} is the link-local address of ${nameOf(origin)}`;
    yield foundAt(at, vsid, address, macToNumber(mac), words);
  },
};
