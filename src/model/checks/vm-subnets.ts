import { prefixContains, prefixOverlaps } from '../../packet/address.ts';
import { get, members, objects } from '../facts.ts';
import { DHCP_SERVER } from '../kinds/vm-subnet.ts';
import { objectKey, type VmSubnet } from '../kinds.ts';
import { checkPrefix } from './addresses.ts';
import { type Check, namesOf, others } from './check.ts';

/** A VM subnet is part of a virtualized VM network. */
export const subnetOfVirtualized: Check<VmSubnet> = function* (subnet, read) {
  const network = get(read, 'VmNetwork', subnet.vmNetwork);
  if (!network || network.isolation === 'virtualized') return;
  yield {
    path: 'vmNetwork',
    code: 'isolation-not-allowed',
    message: `VM network "${network.name}" is not virtualized (isolation ${network.isolation}); its subnets are those of the sites of "${network.logicalNetwork}".`,
    remedy: 'Add the subnet to the network site instead, or use a virtualized VM network.',
  };
};

/** The prefix is a possible one, and does not overlap that of another subnet of the same VM network. */
export const subnetPrefixFits: Check<VmSubnet> = function* (subnet, read) {
  yield* checkPrefix('prefix', subnet.prefix);
  if (prefixContains(subnet.prefix, DHCP_SERVER)) {
    yield {
      path: 'prefix',
      code: 'value-invalid',
      message: `${subnet.prefix} contains ${DHCP_SERVER}, from which guests are given their addresses.`,
      remedy: 'Use other addresses.',
    };
  }
  const own = objectKey(subnet);
  const rivals = objects(read, 'VmSubnet', 'subnets', subnet.vmNetwork).filter(
    (other) => objectKey(other) !== own && prefixOverlaps(other.prefix, subnet.prefix),
  );
  if (rivals.length > 0) {
    yield {
      path: 'prefix',
      code: 'overlap',
      message: `${subnet.prefix} overlaps ${namesOf(rivals.map((r) => `${r.name} (${r.prefix})`))} of the same VM network.`,
      remedy: 'Use a prefix that overlaps none of the others; another VM network may have the same one.',
    };
  }
};

/** No two VM subnets have the same VSID, whatever their VM networks: frames are told apart by nothing else. */
export const vsidUnique: Check<VmSubnet> = function* (subnet, read) {
  if (subnet.vsid === undefined) return;
  const rivals = others(members(read, 'vsids', String(subnet.vsid)), objectKey(subnet));
  if (rivals.length === 0) return;
  yield {
    path: 'vsid',
    code: 'value-duplicate',
    message: `VSID ${subnet.vsid} is also that of ${namesOf(rivals)}.`,
    remedy: 'Leave it out to have one chosen, or use another from 4096 to 16777214.',
  };
};
