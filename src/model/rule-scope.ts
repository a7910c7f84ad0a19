/** Which packets a rule of a port ACL is about, as sets: what checks compare, and what hosts are told. */
import { type Prefix, prefixContains, prefixOverlaps, prefixParts } from '../packet/address.ts';
import type { PortRange } from '../packet/port-range.ts';
import type { PortAclRule } from './kinds/port-acl.ts';
import { parsePortRange } from './range.ts';

/** Absent: any. */
export interface RuleScope {
  readonly family?: 4 | 6;
  /** IP protocol, 1..255. */
  readonly protocol?: number;
  readonly local?: Prefix;
  readonly localPorts?: PortRange;
  readonly remote?: Prefix;
  readonly remotePorts?: PortRange;
  /** 0..255, with protocol 1 or 58. */
  readonly icmpType?: number;
}

/** IANA, protocol numbers. */
const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 } as const;

const ALL_PORTS: PortRange = { from: 0, to: 65_535 };

/** Of a rule without contradictions (checks/port-acls.ts); of others, some scope that makes sense. */
export function scopeOf(rule: PortAclRule): RuleScope {
  const { protocol, localAddress, remoteAddress, icmpType } = rule;
  const family = familyOf(rule);
  const localPorts = portsOf(rule.localPorts);
  const remotePorts = portsOf(rule.remotePorts);
  return {
    ...(family === undefined ? {} : { family }),
    ...(protocol === 'any'
      ? {}
      : { protocol: typeof protocol === 'number' ? protocol : PROTOCOLS[protocol] }),
    ...(localAddress === undefined ? {} : { local: localAddress }),
    ...(localPorts ? { localPorts } : {}),
    ...(remoteAddress === undefined ? {} : { remote: remoteAddress }),
    ...(remotePorts ? { remotePorts } : {}),
    ...(icmpType === undefined ? {} : { icmpType }),
  };
}

function familyOf({ protocol, localAddress, remoteAddress }: PortAclRule): 4 | 6 | undefined {
  if (protocol === 'icmp') return 4;
  if (protocol === 'icmpv6') return 6;
  const address = localAddress ?? remoteAddress;
  if (address === undefined) return undefined;
  return prefixParts(address).family;
}

/** A range that leaves nothing out says nothing. */
function portsOf(ports: number | string | undefined): PortRange | undefined {
  const range = ports === undefined ? undefined : parsePortRange(String(ports));
  return range && (range.from > ALL_PORTS.from || range.to < ALL_PORTS.to) ? range : undefined;
}

/** Whether every packet that `b` is about is one that `a` is about, too. */
export function scopeCovers(a: RuleScope, b: RuleScope): boolean {
  const same = <T>(x: T | undefined, y: T | undefined) => x === undefined || x === y;
  const wider = (x: Prefix | undefined, y: Prefix | undefined) =>
    x === undefined || (y !== undefined && prefixCovers(x, y));
  const longer = (x: PortRange = ALL_PORTS, y: PortRange = ALL_PORTS) => x.from <= y.from && y.to <= x.to;
  return (
    same(a.family, b.family) &&
    same(a.protocol, b.protocol) &&
    same(a.icmpType, b.icmpType) &&
    wider(a.local, b.local) &&
    wider(a.remote, b.remote) &&
    longer(a.localPorts, b.localPorts) &&
    longer(a.remotePorts, b.remotePorts)
  );
}

function prefixCovers(outer: Prefix, inner: Prefix): boolean {
  const [a, b] = [prefixParts(outer), prefixParts(inner)];
  return a.length <= b.length && prefixContains(outer, b.address);
}

/** Whether there is a packet that both are about. */
export function scopesOverlap(a: RuleScope, b: RuleScope): boolean {
  const same = <T>(x: T | undefined, y: T | undefined) => x === undefined || y === undefined || x === y;
  const meet = (x: Prefix | undefined, y: Prefix | undefined) =>
    x === undefined || y === undefined || prefixOverlaps(x, y);
  const cross = (x: PortRange = ALL_PORTS, y: PortRange = ALL_PORTS) => x.from <= y.to && y.from <= x.to;
  return (
    same(a.family, b.family) &&
    same(a.protocol, b.protocol) &&
    same(a.icmpType, b.icmpType) &&
    meet(a.local, b.local) &&
    meet(a.remote, b.remote) &&
    cross(a.localPorts, b.localPorts) &&
    cross(a.remotePorts, b.remotePorts)
  );
}
