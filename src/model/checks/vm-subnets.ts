import { type Prefix, prefixContains, prefixOverlaps, prefixParts } from '../../packet/address.ts';
import { SLAAC_LENGTH } from '../../packet/slaac.ts';
import { get, members, objects, type Reader } from '../facts.ts';
import { DHCP_SERVER, prefixesOf } from '../kinds/vm-subnet.ts';
import { objectKey, type VmSubnet } from '../kinds.ts';
import { namesOf } from '../words.ts';
import { checkPrefix } from './addresses.ts';
import { type Check, type CheckResult, others } from './check.ts';

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

/** Each prefix is a possible one, and does not overlap that of another subnet of the same VM network. */
export const subnetPrefixFits: Check<VmSubnet> = function* (subnet, read) {
  yield* prefixFits(subnet, read, 'prefix', subnet.prefix);
  if (subnet.ipv6Prefix !== undefined) yield* prefixFits(subnet, read, 'ipv6Prefix', subnet.ipv6Prefix);
};

function* prefixFits(
  subnet: VmSubnet,
  read: Reader,
  path: 'prefix' | 'ipv6Prefix',
  prefix: Prefix,
): Generator<CheckResult> {
  yield* checkPrefix(path, prefix);
  if (prefixContains(prefix, DHCP_SERVER)) {
    yield {
      path,
      code: 'value-invalid',
      message: `${prefix} contains ${DHCP_SERVER}, from which guests are given their addresses.`,
      remedy: 'Use other addresses.',
    };
  }
  const own = objectKey(subnet);
  const rivals = objects(read, 'VmSubnet', 'subnets', subnet.vmNetwork).flatMap((other) =>
    objectKey(other) === own
      ? []
      : prefixesOf(other)
          .filter((taken) => prefixOverlaps(taken, prefix))
          .map((taken) => `${other.name} (${taken})`),
  );
  if (rivals.length > 0) {
    yield {
      path,
      code: 'overlap',
      message: `${prefix} overlaps ${namesOf(rivals)} of the same VM network.`,
      remedy: 'Use a prefix that overlaps none of the others; another VM network may have the same one.',
    };
  }
}

/** IPv6 stands beside IPv4, or alone; what is said of IPv6 needs an IPv6 prefix. */
export const subnetIpv6Fits: Check<VmSubnet> = function* ({ prefix, ipv6Prefix, ipv6AddressMode }) {
  if (ipv6Prefix !== undefined && prefixParts(ipv6Prefix).family !== 6) {
    yield {
      path: 'ipv6Prefix',
      code: 'value-invalid',
      message: `${ipv6Prefix} is an IPv4 prefix.`,
      remedy: 'Give the IPv4 prefix as `prefix` and the IPv6 prefix as `ipv6Prefix`.',
    };
  } else if (ipv6Prefix !== undefined && prefixParts(prefix).family === 6) {
    yield {
      path: 'ipv6Prefix',
      code: 'field-conflict',
      message: `The subnet has the IPv6 prefix ${prefix} already.`,
      remedy:
        'Remove ipv6Prefix, or give the IPv4 prefix of the subnet as `prefix`; a second IPv6 prefix is a subnet of its own.',
    };
  }
  if (ipv6AddressMode === undefined) return;
  const six = ipv6Prefix ?? prefix;
  const { family, length } = prefixParts(six);
  if (family !== 6) {
    yield {
      path: 'ipv6AddressMode',
      code: 'field-conflict',
      message: 'The subnet has no IPv6 prefix.',
      remedy: 'Add ipv6Prefix, or remove ipv6AddressMode.',
    };
  } else if (ipv6AddressMode === 'slaac' && length !== SLAAC_LENGTH) {
    yield {
      path: 'ipv6AddressMode',
      code: 'field-conflict',
      message: `Machines cannot make addresses of ${six}: that takes a prefix of ${SLAAC_LENGTH} bits (RFC 4862).`,
      remedy: `Use a prefix of length ${SLAAC_LENGTH}, or ipv6AddressMode: managed.`,
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
