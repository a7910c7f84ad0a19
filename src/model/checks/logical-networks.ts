import { prefixContains, prefixOverlaps } from '../../packet/address.ts';
import { get, members, objects, vlanGroup } from '../facts.ts';
import { isImplied } from '../implied.ts';
import type { SiteSubnet } from '../kinds/network-site.ts';
import { type LogicalNetwork, type NetworkSite, objectKey, type VmNetwork } from '../kinds.ts';
import { namesOf } from '../words.ts';
import { checkPrefix } from './addresses.ts';
import { at, type Check, type CheckResult, others, repeated } from './check.ts';

/** Something can connect to the logical network. */
export const networkUsable: Check<LogicalNetwork> = function* (network, read) {
  if (network.networkVirtualization || network.sameNameVmNetwork) return;
  if (members(read, 'vmNetworks', network.name).length > 0) return;
  yield {
    path: '',
    code: 'network-unused',
    severity: 'warning',
    message: `Nothing can connect to logical network "${network.name}": it allows no network virtualization, makes no VM network of its own name, and no VM network is made on it.`,
    remedy: 'Set sameNameVmNetwork: true or networkVirtualization: true, or add a VM network.',
  };
};

/** The rows of a site are possible: prefixes, routers and VLANs that fit, no two the same. */
export const siteRowsFit: Check<NetworkSite> = function* (site, read) {
  yield* repeated('hostGroups', '', site.hostGroups, (group) => group, 'Host group');
  // The secondary VLANs of one primary share its subnets.
  const inPrimary = (row: SiteSubnet) =>
    row.secondaryVlan === undefined ? '' : ` in VLAN ${row.secondaryVlan}`;
  const subnetOf = (row: SiteSubnet) => row.prefix && `${row.prefix}${inPrimary(row)}`;
  yield* repeated('subnets', 'prefix', site.subnets, subnetOf, 'Subnet');
  yield* privateVlansFit(site);
  const network = get(read, 'LogicalNetwork', site.logicalNetwork);
  for (const [i, row] of site.subnets.entries()) {
    if (row.secondaryVlan === undefined && network?.type === 'pvlan') {
      yield {
        path: at('subnets', i),
        code: 'field-missing',
        message: `Logical network "${network.name}" is one of private VLANs (pvlan), and the row has no secondary VLAN.`,
        remedy: 'Set secondaryVlan, or make the logical network one of type vlan or connected.',
      };
    }
    if (row.secondaryVlan !== undefined && network !== undefined && network.type !== 'pvlan') {
      yield {
        path: at('subnets', i, 'secondaryVlan'),
        code: 'field-conflict',
        message: `Logical network "${network.name}" is of type ${network.type}; only private VLANs (pvlan) have a secondary VLAN.`,
        remedy: 'Remove secondaryVlan, or make the logical network one of type pvlan.',
      };
    }
    if (row.prefix !== undefined) yield* checkPrefix(at('subnets', i, 'prefix'), row.prefix);
    if (row.gateway === undefined) continue;
    if (row.prefix === undefined) {
      yield {
        path: at('subnets', i, 'gateway'),
        code: 'field-conflict',
        message: `There is a gateway ${row.gateway}, but no prefix that it belongs to.`,
        remedy: 'Set prefix too, or remove the gateway.',
      };
    } else if (!prefixContains(row.prefix, row.gateway)) {
      yield {
        path: at('subnets', i, 'gateway'),
        code: 'address-outside',
        message: `Gateway ${row.gateway} is not in ${row.prefix}.`,
        remedy: 'Use an address of the subnet.',
      };
    }
  }
};

/** A VLAN is primary, or secondary in one primary VLAN and of one type; else it would join what it is to keep apart. */
function* privateVlansFit(site: NetworkSite): Generator<CheckResult> {
  for (const [i, { vlan, secondaryVlan, secondaryType, prefix }] of site.subnets.entries()) {
    if (secondaryVlan === undefined) {
      const twin = site.subnets.find((o) => o.prefix === prefix && o.secondaryVlan !== undefined);
      if (secondaryType !== undefined) {
        yield {
          path: at('subnets', i, 'secondaryType'),
          code: 'field-conflict',
          message: 'There is a type of secondary VLAN, but no secondary VLAN.',
          remedy: 'Set secondaryVlan too, or remove secondaryType.',
        };
      }
      if (twin && prefix !== undefined) {
        yield {
          path: at('subnets', i, 'prefix'),
          code: 'value-duplicate',
          message: `Subnet "${prefix}" is also that of a private VLAN.`,
          remedy: 'Remove one of the two, or change it.',
        };
      }
      continue;
    }
    const others = site.subnets.filter((other) => other.secondaryVlan === secondaryVlan);
    const isPrimary = secondaryVlan === 0 || site.subnets.some((other) => other.vlan === secondaryVlan);
    if (isPrimary || others.some((other) => other.vlan !== vlan)) {
      yield {
        path: at('subnets', i, 'secondaryVlan'),
        code: 'field-conflict',
        message: `VLAN ${secondaryVlan} is ${isPrimary ? 'a VLAN of its own' : 'in another primary VLAN too'}; a secondary VLAN belongs to one primary VLAN, and is nothing else.`,
        remedy: 'Use a VLAN that the site has no other use for.',
      };
    }
    if (others.some((other) => (other.secondaryType ?? 'isolated') !== (secondaryType ?? 'isolated'))) {
      yield {
        path: at('subnets', i, 'secondaryType'),
        code: 'field-conflict',
        message: `Secondary VLAN ${secondaryVlan} is isolated in one row and a community in another.`,
        remedy: 'Say the same in all rows of the VLAN, or use another VLAN.',
      };
    }
  }
}

/**
 * Subnets of one logical network are routable to one another, so they do not overlap. One and the same subnet in
 * two sites is fine: it is there in both places.
 */
export const siteSubnetsApart: Check<NetworkSite> = function* (site, read) {
  const own = site.subnets.map((row, i) => ({ path: at('subnets', i, 'prefix'), prefix: row.prefix, site }));
  const foreign = objects(read, 'NetworkSite', 'sites', site.logicalNetwork)
    .filter((other) => other.name !== site.name)
    .flatMap((other) => other.subnets.map((row) => ({ path: '', prefix: row.prefix, site: other })));
  for (const [i, row] of own.entries()) {
    const other = [...own.slice(0, i), ...foreign].find(
      (o) =>
        row.prefix !== undefined &&
        o.prefix !== undefined &&
        o.prefix !== row.prefix &&
        prefixOverlaps(o.prefix, row.prefix),
    );
    if (!other) continue;
    yield {
      path: row.path,
      code: 'overlap',
      message: `${row.prefix} overlaps ${other.prefix} of site "${other.site.name}" on the same logical network.`,
      remedy: 'Use prefixes that do not overlap, or the same prefix where it is the same subnet.',
    };
  }
};

/** The isolation of a VM network is one that its logical network allows. */
export const isolationAllowed: Check<VmNetwork> = function* (network, read) {
  if (isImplied(network)) return;
  const logical = get(read, 'LogicalNetwork', network.logicalNetwork);
  if (!logical) return;
  const own = objectKey(network);
  switch (network.isolation) {
    case 'none': {
      const rivals = others(members(read, 'plainNetworks', logical.name), own);
      if (rivals.length > 0) {
        yield {
          path: 'isolation',
          code: 'isolation-not-allowed',
          message: `Logical network "${logical.name}" already has a VM network without isolation: ${namesOf(rivals)}. There can be one only.`,
          remedy: 'Use that one, or another isolation.',
        };
      }
      return;
    }
    case 'virtualized':
      if (!logical.networkVirtualization) {
        yield {
          path: 'isolation',
          code: 'isolation-not-allowed',
          message: `Logical network "${logical.name}" does not allow network virtualization.`,
          remedy: `Set networkVirtualization: true on "${logical.name}", or use another logical network.`,
        };
      }
      return;
    case 'vlan':
    case 'pvlan':
      if (logical.type !== network.isolation) {
        yield {
          path: 'isolation',
          code: 'isolation-not-allowed',
          message: `Logical network "${logical.name}" is of type ${logical.type}, so no VM network on it can have the isolation ${network.isolation}.`,
          remedy: `Make the logical network one of type ${network.isolation}, or use another isolation.`,
        };
      }
  }
};

/** The fields that belong to an isolation are there with it, and only with it. */
export const isolationFields: Check<VmNetwork> = function* (network, read) {
  const byVlan = network.isolation === 'vlan' || network.isolation === 'pvlan';
  if (network.routingDomainId !== undefined && network.isolation !== 'virtualized') {
    yield {
      path: 'routingDomainId',
      code: 'field-conflict',
      message: `A VM network with isolation ${network.isolation} has no routing domain.`,
      remedy: 'Remove routingDomainId, or set isolation: virtualized.',
    };
  }
  if (byVlan && network.vlan === undefined) {
    yield {
      path: 'vlan',
      code: 'field-missing',
      message: `A VM network with isolation ${network.isolation} needs its VLAN.`,
      remedy: 'Set vlan to one of the VLANs of the sites.',
    };
  }
  if (network.secondaryVlan !== undefined && network.isolation !== 'pvlan') {
    yield {
      path: 'secondaryVlan',
      code: 'field-conflict',
      message: `A VM network with isolation ${network.isolation} has no secondary VLAN.`,
      remedy: 'Remove secondaryVlan, or set isolation: pvlan.',
    };
  }
  if (network.vlan === undefined) return;
  if (!byVlan) {
    yield {
      path: 'vlan',
      code: 'field-conflict',
      message: `A VM network with isolation ${network.isolation} has no VLAN of its own.`,
      remedy: 'Remove vlan, or set isolation: vlan.',
    };
    return;
  }
  const sites = objects(read, 'NetworkSite', 'sites', network.logicalNetwork);
  if (sites.length > 0 && !sites.some((site) => site.subnets.some((row) => row.vlan === network.vlan))) {
    yield {
      path: 'vlan',
      code: 'subnet-missing',
      message: `No site of logical network "${network.logicalNetwork}" has VLAN ${network.vlan}.`,
      remedy: 'Add a row with that VLAN to a site, or use a VLAN that is there.',
    };
  } else if (
    sites.length > 0 &&
    network.isolation === 'pvlan' &&
    !sites.some((site) => hasRow(site, network))
  ) {
    const secondary =
      network.secondaryVlan === undefined ? 'a secondary VLAN' : `VLAN ${network.secondaryVlan}`;
    yield {
      path: network.secondaryVlan === undefined ? 'vlan' : 'secondaryVlan',
      code: 'subnet-missing',
      message: `No site of logical network "${network.logicalNetwork}" has ${secondary} within the primary VLAN ${network.vlan}.`,
      remedy: 'Add a row with both VLANs to a site, or use those of a row that is there.',
    };
  }
  const rivals = others(
    members(read, 'vlanNetworks', vlanGroup(network.logicalNetwork, network.vlan)),
    objectKey(network),
  );
  if (network.isolation === 'vlan' && rivals.length > 0) {
    yield {
      path: 'vlan',
      code: 'value-duplicate',
      message: `VLAN ${network.vlan} is already that of ${namesOf(rivals)}; the two would not be isolated.`,
      remedy: 'Use another VLAN, or that VM network.',
    };
  }
};

/** Whether the site has a row with the private VLANs of the network. */
function hasRow(site: NetworkSite, { vlan, secondaryVlan }: VmNetwork): boolean {
  return site.subnets.some(
    (row) =>
      row.vlan === vlan &&
      row.secondaryVlan !== undefined &&
      (secondaryVlan === undefined || row.secondaryVlan === secondaryVlan),
  );
}

/** No two routing domains have the same id. */
export const routingDomainUnique: Check<VmNetwork> = function* (network, read) {
  if (network.routingDomainId === undefined) return;
  const rivals = others(members(read, 'routingDomains', network.routingDomainId), objectKey(network));
  if (rivals.length === 0) return;
  yield {
    path: 'routingDomainId',
    code: 'value-duplicate',
    message: `Routing domain id ${network.routingDomainId} is also that of ${namesOf(rivals)}.`,
    remedy: 'Leave it out to have one made, or use another UUID.',
  };
};
