/** Policy records for people: a table for each kind, in the words of Hyper-V Network Virtualization where it has some. */
import type { HostPolicyView } from '../api/policy.ts';
import { KIND_ORDER } from '../policy/order.ts';
import type { Attachment, PolicyRecord, PortSecurity, RecordKind } from '../policy/records.ts';
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

type Of<K extends RecordKind> = Extract<PolicyRecord, { kind: K }>;
type Column<R> = readonly [title: string, cell: (record: R) => string | number | undefined];

interface Section<R> {
  readonly title: string;
  readonly narrow: readonly Column<R>[];
  readonly wide: readonly Column<R>[];
}

const SECTIONS: { readonly [K in RecordKind]: Section<Of<K>> } = {
  switch: {
    title: 'Virtual switches',
    narrow: [
      ['NAME', (r) => r.name],
      ['TYPE', (r) => r.type],
      ['NICS', (r) => r.uplink?.nics.join(', ')],
      ['TEAMING', (r) => (r.uplink && r.uplink.nics.length > 1 ? r.uplink.teaming : '')],
    ],
    wide: [
      ['BALANCING', (r) => r.uplink?.balancing],
      ['MTU', (r) => r.uplink?.mtu],
      ['FLOW EXPORT', (r) => r.flowExport && `${r.flowExport.type} to ${r.flowExport.collectors.join(', ')}`],
    ],
  },
  provider: {
    title: 'Provider addresses',
    narrow: [
      ['LOGICAL NETWORK', (r) => r.logicalNetwork],
      ['PROVIDER ADDRESS', (r) => `${r.pa}/${r.prefixLength}`],
      ['MAC', (r) => r.mac],
      ['VLAN', (r) => r.vlan],
      ['ENCAPSULATION', (r) => r.encapsulation],
    ],
    wide: [
      ['GATEWAY', (r) => r.gateway],
      ['SWITCH', (r) => r.switch],
      ['MTU', (r) => r.mtu],
    ],
  },
  domain: {
    title: 'Routing domains',
    narrow: [
      ['RDID', (r) => r.rdid],
      ['NAME', (r) => r.name],
      ['LOGICAL NETWORK', (r) => r.logicalNetwork],
    ],
    wide: [['NUMBER', (r) => r.number]],
  },
  subnet: {
    title: 'Virtual subnets',
    narrow: [
      ['VSID', (r) => r.vsid],
      ['NAME', (r) => r.name],
      ['PREFIX', (r) => r.prefixes.map(({ prefix }) => prefix).join(', ')],
      ['ROUTER', (r) => r.prefixes.map(({ gateway }) => gateway).join(', ')],
    ],
    wide: [
      ['RDID', (r) => r.rdid],
      ['ROUTER MAC', (r) => r.gatewayMac],
      ['MTU', (r) => r.mtu],
    ],
  },
  lookup: {
    title: 'Lookup records',
    narrow: [
      ['VSID', (r) => r.vsid],
      ['CUSTOMER ADDRESS', (r) => r.ca],
      ['MAC', (r) => r.mac],
      ['PROVIDER ADDRESS', (r) => r.pa],
      ['RULE', () => 'encap'],
    ],
    wide: [
      ['STANDBY', (r) => r.standby],
      ['RDID', (r) => r.rdid],
      ['VNIC', (r) => r.port],
    ],
  },
  route: {
    title: 'Customer routes',
    narrow: [
      ['RDID', (r) => r.rdid],
      ['VSID', (r) => r.vsid],
      ['PREFIX', (r) => r.prefix],
      ['NEXT HOP', (r) => r.nextHop],
    ],
    wide: [],
  },
  mirror: {
    title: 'Mirrors',
    narrow: [
      ['SOURCE', (r) => r.source],
      ['DIRECTION', (r) => r.direction],
      ['TO', (r) => ('vlan' in r.output ? `VLAN ${r.output.vlan}` : r.output.port)],
    ],
    wide: [['SWITCH', (r) => r.switch]],
  },
  acl: {
    title: 'Port ACLs',
    narrow: [
      ['ID', (r) => r.id],
      ['RULES', (r) => r.rules.length],
      ['INBOUND', (r) => r.inbound],
      ['OUTBOUND', (r) => r.outbound],
    ],
    wide: [['NUMBER', (r) => r.number]],
  },
  port: {
    title: 'vNICs',
    narrow: [
      ['NAME', (r) => r.name],
      ['MAC', (r) => r.mac],
      ['ADDRESSES', (r) => r.addresses.map((a) => `${a.address}/${a.prefixLength}`).join(', ')],
      ['ON', (r) => attachmentText(r.attachment)],
    ],
    wide: [
      ['SWITCH', (r) => r.switch],
      ['MTU', (r) => r.mtu],
      ['ALLOWED', (r) => securityText(r.security)],
      ['ACLS', (r) => r.acls?.join(', ')],
      ['MIGRATION', (r) => r.migration],
      ['ID', (r) => r.id],
    ],
  },
};

const IN_ORDER = new Intl.Collator('en', { numeric: true });

/** A line about the host, then a table for each kind that it has records of; `wide` with every column. */
export function policyText(policy: HostPolicyView, wide: boolean, colours: Colours): string {
  const { host, revision, connected, inForce, records } = policy;
  const state = inForce ? 'in force' : connected ? 'not in force' : 'its agent is not connected';
  const head = `${colours.bold(host)}: revision ${revision}, ${state}\n`;
  const kinds = KIND_ORDER.map((kind) => sectionText(kind, records, wide, colours));
  return [head, ...kinds.filter((text) => text !== '')].join('\n');
}

function sectionText<K extends RecordKind>(
  kind: K,
  records: HostPolicyView['records'],
  wide: boolean,
  colours: Colours,
): string {
  const mine = records.map(({ record }) => record).filter((record): record is Of<K> => record.kind === kind);
  if (mine.length === 0) return '';
  const { title, narrow, wide: more } = SECTIONS[kind];
  const from: Column<Of<K>> = ['FROM', ({ origin }) => origin];
  const columns = wide ? [...narrow, ...more, from] : narrow;
  const rows = mine.map((record) => columns.map(([, cell]) => String(cell(record) ?? '')));
  // By what is shown, so that the order does not come of ids that nobody chose.
  rows.sort((a, b) => IN_ORDER.compare(a.join('\t'), b.join('\t')));
  return `${title}\n${table(
    columns.map(([name]) => name),
    rows,
    colours,
  )}`;
}

function attachmentText(attachment: Attachment): string {
  switch (attachment.type) {
    case 'vlan':
      return attachment.vlan === 0 ? 'untagged' : `VLAN ${attachment.vlan}`;
    case 'private':
      return `private VLAN ${attachment.primary}, ${attachment.secondaries.join(', ')} (${attachment.mode})`;
    case 'trunk':
      return `trunk ${[attachment.native, ...attachment.untagged].join(', ')} untagged, ${attachment.tagged.join(', ')} tagged`;
    case 'monitor':
      return 'copies of a mirror';
    case 'virtual':
      return `VSID ${attachment.vsid}`;
  }
}

const ALLOWED: readonly (readonly [keyof PortSecurity, string, boolean])[] = [
  ['macSpoofing', 'other MACs', true],
  ['guestSpecifiedAddresses', 'own addresses', true],
  ['priorityTagging', 'priority tags', true],
  ['dhcpGuard', 'DHCP server', false],
  ['routerGuard', 'router', false],
];

/** What the machine may do besides sending from its own addresses. */
function securityText(security: PortSecurity): string {
  return ALLOWED.filter(([field, , when]) => (security[field] ?? false) === when)
    .map(([, words]) => words)
    .join(', ');
}
