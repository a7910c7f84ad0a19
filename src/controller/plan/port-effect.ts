/** What a change of a port does to the vNIC behind it. */
import type { Attachment, PortRecord, PortSecurity } from '../../policy/records.ts';
import {
  type Effect,
  GONE,
  type GuardChange,
  type Interruption,
  MOVED,
  NEW,
  NONE,
  READDRESSED,
  RELEARNT,
  REPLUGGED,
  worse,
} from './effect.ts';

/**
 * A port of one host before and after. `elsewhere`: the host where the same vNIC is plugged in by the same change, or was
 * until then.
 */
export function portEffect(
  host: string,
  before: PortRecord | undefined,
  after: PortRecord | undefined,
  elsewhere: string | undefined,
): Effect | undefined {
  if (before && after) return changed(host, before, after);
  const port = (after ?? before)!;
  const subject = subjectOf(port);
  const management = port.owner === 'host';
  const rest = { host, subject, guards: [], management };
  if (elsewhere !== undefined) {
    // Of the two hosts of a move, the one that is left tells of the interruption; in a migration there is none.
    const text = after ? `comes from ${elsewhere}` : `moves to ${elsewhere}`;
    const isMigrated = port.migration !== undefined;
    if (isMigrated)
      return { ...rest, change: 'moves', text: `${text}, migrated`, interruption: NONE, vnics: [] };
    if (after) return { ...rest, change: 'moves', text, interruption: NEW, vnics: [] };
    return { ...rest, change: 'moves', text, interruption: MOVED, vnics: [port.name] };
  }
  if (port.migration !== undefined) {
    if (after)
      return {
        ...rest,
        change: 'appears',
        text: 'is made ready for its migration',
        interruption: NEW,
        vnics: [],
      };
    return {
      ...rest,
      change: 'goes',
      text: 'is left behind by its migration',
      interruption: NONE,
      vnics: [],
    };
  }
  const where = `${networkOf(port.attachment)} of ${port.switch}`;
  if (after) {
    const text = `is connected to ${where}${addressText(port)}`;
    return { ...rest, change: 'appears', text, interruption: NEW, vnics: [] };
  }
  const text = `is no longer connected to ${where}`;
  return { ...rest, change: 'goes', text, interruption: GONE, vnics: [port.name] };
}

function changed(host: string, before: PortRecord, after: PortRecord): Effect | undefined {
  const texts: string[] = [];
  let interruption: Interruption = NONE;
  const note = (text: string, lost: Interruption = NONE) => {
    texts.push(text);
    interruption = worse(interruption, lost);
  };
  // Whether the guest gets what is new by itself: host vNICs are set by the agent.
  const isTold = after.owner === 'host' || after.dhcpServer !== undefined || after.dhcpv6Server !== undefined;
  const readdressed = isTold ? REPLUGGED : READDRESSED;
  if (before.mac !== after.mac) note(`MAC address ${before.mac} -> ${after.mac}`, REPLUGGED);
  if (before.switch !== after.switch) note(`virtual switch ${before.switch} -> ${after.switch}`, REPLUGGED);
  const addresses = [addressesOf(before), addressesOf(after)] as const;
  const [had, has] = [networkOf(before.attachment), networkOf(after.attachment)];
  if (had !== has) note(`${had} -> ${has}`, RELEARNT);
  if (addresses[0] !== addresses[1]) {
    const stays = before.addresses.every(({ address }) => after.addresses.some((a) => a.address === address));
    const lost = stays && before.addresses.length > 0 ? NONE : readdressed;
    note(`addresses ${addresses[0] || 'none'} -> ${addresses[1] || 'none'}`, lost);
  } else if (!same(before.addresses, after.addresses))
    note('routers or DNS, which guests learn with their next lease');
  if (before.mtu !== after.mtu)
    note(`MTU ${before.mtu} -> ${after.mtu}, which guests learn with their next lease`);
  if (before.migration !== after.migration) note(migrationText(after));
  const guards = guardChanges(before, after);
  if (guards.length > 0) note('guards change');
  if (!same(before.bandwidth, after.bandwidth)) note('bandwidth changes');
  if (before.dhcpServer !== after.dhcpServer || before.dhcpv6Server !== after.dhcpv6Server)
    note('DHCP changes');
  if (texts.length === 0 && same(withoutWords(before), withoutWords(after))) return undefined;
  if (texts.length === 0) note('its settings change');
  return {
    host,
    subject: subjectOf(after),
    change: 'changes',
    text: texts.join('; '),
    interruption,
    vnics: interruption.milliseconds === 0 ? [] : [after.name],
    guards,
    management: after.owner === 'host' && interruption.milliseconds !== 0,
  };
}

function subjectOf({ owner, name }: PortRecord): string {
  return `${owner === 'host' ? 'host vNIC' : 'vNIC'} ${name}`;
}

/** Where frames of the port belong, in words. */
function networkOf(attachment: Attachment): string {
  switch (attachment.type) {
    case 'vlan':
      return attachment.vlan === 0 ? 'the untagged network' : `VLAN ${attachment.vlan}`;
    case 'private':
      return `private VLAN ${attachment.primary} (${attachment.mode} ${attachment.secondaries.join(', ')})`;
    case 'virtual':
      return `VSID ${attachment.vsid}`;
    case 'trunk': {
      const { native, tagged, untagged } = attachment;
      const more = untagged.length > 0 ? `, untagged ${untagged.join(', ')}` : '';
      return `trunk (native ${native}, tagged ${tagged.join(', ') || 'none'}${more})`;
    }
    case 'monitor':
      return 'the copies of a mirror';
  }
}

function addressesOf({ addresses }: PortRecord): string {
  return addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join(', ');
}

function addressText(port: PortRecord): string {
  const addresses = addressesOf(port);
  return addresses ? ` with ${addresses}` : '';
}

function migrationText({ migration }: PortRecord): string {
  if (migration === undefined) return 'its migration ends here';
  return migration === 'active' ? 'the machine is here during its migration' : 'is ready for its migration';
}

const SECURITY: readonly (readonly [keyof PortSecurity, guard: string, on: string, off: string])[] = [
  ['macSpoofing', 'other MAC addresses', 'allowed', 'forbidden'],
  ['dhcpGuard', 'DHCP guard', 'on', 'off'],
  ['routerGuard', 'router guard', 'on', 'off'],
  ['guestSpecifiedAddresses', 'addresses of its own choice', 'allowed', 'forbidden'],
  ['priorityTagging', 'priority in tags', 'kept', 'removed'],
];

function guardChanges(before: PortRecord, after: PortRecord): GuardChange[] {
  const changes: GuardChange[] = [];
  for (const [field, guard, on, off] of SECURITY) {
    const [had, has] = [before.security[field] === true, after.security[field] === true];
    if (had !== has) changes.push({ guard, before: had ? on : off, after: has ? on : off });
  }
  if (!same(before.acls, after.acls)) {
    const text = ({ acls = [] }: PortRecord) => acls.join(', ') || 'none';
    changes.push({ guard: 'ACLs', before: text(before), after: text(after) });
  }
  return changes;
}

/** What decides anything: names and origins are for people. */
function withoutWords({ name: _name, origin: _origin, ...rest }: PortRecord): object {
  return rest;
}

function same(a: object | undefined, b: object | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
