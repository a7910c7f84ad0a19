/**
 * Lookup records, (VSID, CA, MAC) -> PA. Each costs a host two flows: who has the address, and where the MAC
 * address is. Nothing else in the pipeline grows with the machines of other hosts.
 */
import { checkLarger, output, setField } from '../flow/actions.ts';
import { matchOf } from '../flow/match.ts';
import { ipToBigint, isIpv4, macToNumber } from '../packet/address.ts';
import { portOf } from './facts.ts';
import { encapsulate, overlayOf, portNumber, subnetOf } from './overlay.ts';
import { FOUND, TARGET4, TARGET6, TOO_BIG_BIT, VSID } from './registers.ts';
import { type FeatureRule, nameOf, next, rule } from './rule.ts';

/** Of the frame inside a tunnel: an MTU counts without it. */
const ETHERNET_HEADER = 14;

/** Customer address -> MAC address, for ARP, ND and routing alike. */
export const neighbour: FeatureRule = {
  name: 'neighbour',
  units: (key, fact) => (fact.kind === 'lookup' ? [key] : []),
  *derive(unit, read) {
    const record = read.get(unit);
    if (record?.kind !== 'lookup') return;
    const overlay = overlayOf(read, record.rdid);
    // The gateway's address is the router's, whatever else claims it.
    if (!overlay || subnetOf(read, record.vsid)?.gateway === record.ca) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'lookup',
      thing: unit,
      origin: record.origin,
    } as const;
    const match = matchOf({
      [VSID]: record.vsid,
      [isIpv4(record.ca) ? TARGET4 : TARGET6]: ipToBigint(record.ca),
    });
    const words = `${record.ca} is ${nameOf(record.origin)}, ${record.mac}`;
    yield rule(at, 'neighbour', 100, match, [setField(FOUND, macToNumber(record.mac))], words);
  },
};

/** MAC address -> port of this switch, or the host that it is on. A vNIC with several addresses has one such rule. */
export const forward: FeatureRule = {
  name: 'forward',
  units: (_key, fact) => (fact.kind === 'lookup' ? [`${fact.vsid}/${fact.mac}`] : []),
  *derive(unit, read) {
    const [first] = read.members('lookupsOfMac', unit);
    const record = first === undefined ? undefined : read.get(first);
    if (record?.kind !== 'lookup') return;
    const overlay = overlayOf(read, record.rdid);
    const subnet = subnetOf(read, record.vsid);
    if (!overlay || !subnet) return;
    const at = {
      switch: overlay.provider.switch,
      feature: 'lookup',
      thing: `lookup/${unit}`,
      origin: record.origin,
    } as const;
    const match = matchOf({ [VSID]: record.vsid, eth_dst: record.mac });
    const number = portNumber(read, portOf.vnic(record.port));
    if (number !== undefined) {
      yield rule(at, 'forward', 100, match, [output(number)], `${nameOf(record.origin)} is on this host`);
    } else if (record.pa !== overlay.provider.pa && overlay.tunnel !== undefined) {
      const actions = [
        ...encapsulate(overlay.provider, record.vsid, record.pa),
        checkLarger(subnet.mtu + ETHERNET_HEADER, `reg0[${TOO_BIG_BIT}]`),
        next('fabric'),
      ];
      yield rule(at, 'forward', 100, match, actions, `${nameOf(record.origin)} is on the host ${record.pa}`);
    }
  },
};
