/** What changes of switches, uplinks, provider addresses, ACLs and routing domains do to the ports behind them. */
import type {
  AclRecord,
  FlowExport,
  PolicyRecord,
  PortRecord,
  ProviderRecord,
  SwitchRecord,
  Uplink,
} from '../../policy/records.ts';
import {
  type Effect,
  FAILOVER,
  GONE,
  type Interruption,
  LINK_FLAP,
  NEW,
  NEW_PROVIDER,
  NEW_UPLINK,
  NONE,
  worse,
} from './effect.ts';

type Ports = readonly PortRecord[];

/** `ports`: those of the host, as they are after the change. */
export function switchEffect(
  host: string,
  before: SwitchRecord | undefined,
  after: SwitchRecord | undefined,
  ports: () => Ports,
): Effect | undefined {
  const { name } = (after ?? before)!;
  const rest = { host, subject: `virtual switch ${name}`, guards: [] };
  if (!before || !after) {
    const nics = (after ?? before)!.uplink?.nics.join(', ');
    const management = nics !== undefined;
    if (after) {
      const text = nics === undefined ? `is made, ${after.type}` : `is made and takes ${nics}`;
      const interruption = nics === undefined ? NEW : NEW_UPLINK;
      return { ...rest, change: 'appears', text, interruption, vnics: [], management };
    }
    const text = nics === undefined ? 'is taken away' : `is taken away and gives ${nics} back`;
    return { ...rest, change: 'goes', text, interruption: GONE, vnics: [], management };
  }
  const texts: string[] = [];
  let interruption: Interruption = NONE;
  const note = (text: string, lost: Interruption) => {
    texts.push(text);
    interruption = worse(interruption, lost);
  };
  if (before.type !== after.type) note(`${before.type} -> ${after.type}`, NEW_UPLINK);
  const { uplink: had } = before;
  const { uplink: has } = after;
  if (had && has) uplinkChanges(had, has, note);
  else if (has) note(`takes ${has.nics.join(', ')}`, NEW_UPLINK);
  else if (had) note(`gives ${had.nics.join(', ')} back`, GONE);
  const [told, tells] = [exportText(before.flowExport), exportText(after.flowExport)];
  if (told !== tells) note(`flow export ${told} -> ${tells}`, NONE);
  if (texts.length === 0) return undefined;
  const behind = interruption.milliseconds === 0 ? [] : ports().filter((port) => port.switch === name);
  return {
    ...rest,
    change: 'changes',
    text: texts.join('; '),
    interruption,
    vnics: behind.map((port) => port.name),
    management: behind.some(({ owner }) => owner === 'host'),
  };
}

function exportText(flowExport: FlowExport | undefined): string {
  if (!flowExport) return 'off';
  const { type, collectors, sampling } = flowExport;
  return `${type} of 1 in ${sampling} to ${collectors.join(', ')}`;
}

function uplinkChanges(had: Uplink, has: Uplink, note: (text: string, lost: Interruption) => void): void {
  const [old, now] = [had.nics.join(', '), has.nics.join(', ')];
  if (old !== now) {
    const stays = had.nics.some((nic) => has.nics.includes(nic));
    note(`NICs ${old} -> ${now}`, stays ? FAILOVER : NEW_UPLINK);
  }
  if (had.teaming !== has.teaming) note(`teaming ${had.teaming} -> ${has.teaming}`, NEW_UPLINK);
  if (had.balancing !== has.balancing) note(`balancing ${had.balancing} -> ${has.balancing}`, FAILOVER);
  if (had.mtu !== has.mtu) note(`MTU of the NICs ${had.mtu} -> ${has.mtu}`, LINK_FLAP);
  if (had.capacityKbps !== has.capacityKbps) note('line rate, which minimums and weights share', NONE);
}

export function providerEffect(
  host: string,
  before: ProviderRecord | undefined,
  after: ProviderRecord | undefined,
  ports: () => Ports,
): Effect | undefined {
  const { logicalNetwork } = (after ?? before)!;
  const rest = { host, subject: `provider address on ${logicalNetwork}`, guards: [], management: false };
  if (!before) {
    const text = `${after!.pa} on ${after!.switch}, ${after!.encapsulation}`;
    return { ...rest, change: 'appears', text, interruption: NEW, vnics: [] };
  }
  if (!after) {
    const text = `${before.pa} is given back`;
    return { ...rest, change: 'goes', text, interruption: GONE, vnics: [] };
  }
  const fields = ['pa', 'prefixLength', 'gateway', 'mac', 'vlan', 'encapsulation', 'switch'] as const;
  const texts = fields.flatMap((field) =>
    before[field] === after[field]
      ? []
      : [`${FIELD_WORDS[field]} ${before[field] ?? 'none'} -> ${after[field] ?? 'none'}`],
  );
  if (texts.length === 0) return undefined;
  const virtual = ports().filter(({ attachment }) => attachment.type === 'virtual');
  return {
    ...rest,
    change: 'changes',
    text: texts.join('; '),
    interruption: NEW_PROVIDER,
    vnics: virtual.map(({ name }) => name),
  };
}

const FIELD_WORDS = {
  pa: 'address',
  prefixLength: 'prefix length',
  gateway: 'gateway',
  mac: 'MAC address',
  vlan: 'VLAN',
  encapsulation: 'encapsulation',
  switch: 'virtual switch',
} as const;

/** Connections that are under way are asked about with each packet, so what is no longer allowed ends at once. */
export function aclEffect(
  host: string,
  before: AclRecord | undefined,
  after: AclRecord | undefined,
): Effect | undefined {
  const rules = ({ rules: all = [] }: Partial<AclRecord>) =>
    new Map(all.map((rule) => [rule.name, JSON.stringify(rule)]));
  const [had, has] = [rules(before ?? {}), rules(after ?? {})];
  const fresh = [...has.keys()].filter((name) => !had.has(name));
  const gone = [...had.keys()].filter((name) => !has.has(name));
  const other = [...has].filter(([name, rule]) => had.has(name) && had.get(name) !== rule);
  const parts = [
    ...some('new', fresh),
    ...some(
      'changed',
      other.map(([name]) => name),
    ),
    ...some('gone', gone),
  ];
  const guards = (['inbound', 'outbound'] as const).flatMap((direction) =>
    before?.[direction] === after?.[direction]
      ? []
      : [
          {
            guard: `default of ${direction} packets`,
            before: before?.[direction] ?? 'none',
            after: after?.[direction] ?? 'none',
          },
        ],
  );
  if (parts.length === 0 && guards.length === 0) return undefined;
  return {
    host,
    subject: `ACL ${(after ?? before)!.id}`,
    change: before ? (after ? 'changes' : 'goes') : 'appears',
    text: parts.length > 0 ? `rules: ${parts.join('; ')}` : 'its defaults',
    interruption: { milliseconds: 0, why: 'Only what it no longer allows ends, and that at once.' },
    vnics: [],
    guards,
    management: false,
  };
}

/** What every host of a routing domain does. Where a machine is, its own host tells. */
export function domainEffect(
  before: PolicyRecord | undefined,
  after: PolicyRecord | undefined,
): Effect | undefined {
  const record = (after ?? before)!;
  const rest = { vnics: [], guards: [], management: false, interruption: before ? NONE : NEW };
  const change = before ? (after ? 'changes' : 'goes') : 'appears';
  switch (record.kind) {
    case 'subnet': {
      const prefixes = record.prefixes.map(({ prefix }) => prefix).join(', ');
      const mtu =
        before?.kind === 'subnet' && after?.kind === 'subnet' && before.mtu !== after.mtu
          ? `; MTU ${before.mtu} -> ${after.mtu}`
          : '';
      return { ...rest, subject: `subnet ${record.name}`, change, text: `${prefixes}${mtu}` };
    }
    case 'route': {
      const interruption = after ? NONE : { milliseconds: null, why: 'What is behind it is out of reach.' };
      return {
        ...rest,
        subject: `route to ${record.prefix}`,
        change,
        text: `by VSID ${record.vsid}`,
        interruption,
      };
    }
    default:
      return undefined;
  }
}

const NAMED_RULES = 5;

function some(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > NAMED_RULES ? ` and ${names.length - NAMED_RULES} more` : '';
  return [`${names.slice(0, NAMED_RULES).join(', ')}${more} ${what}`];
}
