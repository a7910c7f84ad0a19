import { addressGroup, get, members, objects } from '../facts.ts';
import { type Host, type HostGroup, objectKey } from '../kinds.ts';
import { groupPath, sitesOfHost } from '../uplinks.ts';
import { choices, namesOf } from '../words.ts';
import { checkAddress } from './addresses.ts';
import { at, type Check, others, repeated } from './check.ts';
import { checkMac } from './macs.ts';

/** A host group is not part of itself, neither directly nor through its parents. */
export const groupsNest: Check<HostGroup> = function* (group, read) {
  const path = groupPath(read, group.name);
  const last = get(read, 'HostGroup', path.at(-1) ?? '');
  // Only the groups on the circle are wrong, not those that lead to it.
  if (last?.parent !== group.name) return;
  yield {
    path: 'parent',
    code: 'group-cycle',
    message: `Host group "${group.name}" is part of itself: ${[...path, group.name].join(' in ')}.`,
    remedy: 'Take one of them out of its parent.',
  };
};

/** NICs have names and MAC addresses of their own; the management NIC is one of them. */
export const nicsDistinct: Check<Host> = function* (host, read) {
  yield* repeated('nics', 'name', host.nics, (nic) => nic.name, 'NIC');
  for (const [i, nic] of host.nics.entries()) {
    yield* checkMac(read, nic.mac, at('nics', i, 'mac'), objectKey(host));
  }
  const names = host.nics.map((nic) => nic.name);
  if (host.managementNic !== undefined && !names.includes(host.managementNic)) {
    yield {
      path: 'managementNic',
      code: 'nic-unknown',
      message: `Host "${host.name}" has no NIC "${host.managementNic}".`,
      remedy: names.length > 0 ? `Use ${choices(names)}.` : 'Add the NIC to nics.',
    };
  }
};

/** A fixed provider address is in a subnet of the site that the host stands in, and nobody else has it. */
export const providerAddressesFit: Check<Host> = function* (host, read) {
  yield* repeated(
    'providerAddresses',
    'logicalNetwork',
    host.providerAddresses,
    (p) => p.logicalNetwork,
    'Logical network',
  );
  for (const [i, { logicalNetwork, address }] of host.providerAddresses.entries()) {
    if (!get(read, 'LogicalNetwork', logicalNetwork)) continue;
    const path = at('providerAddresses', i, 'address');
    const sites = sitesOfHost(read, host, logicalNetwork);
    if (sites.length === 0) {
      yield {
        path,
        code: 'site-mismatch',
        message: `Logical network "${logicalNetwork}" has no site for host group "${host.group}", where host "${host.name}" stands.`,
        remedy: `Add the host group to a site of "${logicalNetwork}", or remove the provider address.`,
      };
      continue;
    }
    const holders = sites.flatMap((site) =>
      site.subnets.flatMap(({ prefix, gateway }) =>
        prefix === undefined
          ? []
          : [
              {
                prefix,
                words: `site "${site.name}" (${prefix})`,
                routers: gateway === undefined ? [] : [gateway],
              },
            ],
      ),
    );
    if (holders.length === 0) {
      yield {
        path,
        code: 'address-outside',
        message: `${address} is in no subnet: the site of "${logicalNetwork}" has none with a prefix.`,
        remedy: 'Add a subnet with a prefix to the site.',
      };
    }
    yield* checkAddress(path, address, holders);
    const users = [
      ...others(
        members(read, 'providerAddresses', addressGroup(logicalNetwork, address)),
        `${objectKey(host)}.${path}`,
      ),
      ...objects(read, 'VmNetwork', 'plainNetworks', logicalNetwork).flatMap((network) =>
        members(read, 'addresses', addressGroup(network.name, address)),
      ),
    ];
    if (users.length > 0) {
      yield {
        path,
        code: 'value-duplicate',
        message: `${address} is also the address of ${namesOf(users)}.`,
        remedy: 'Give one of them another address.',
      };
    }
  }
};
