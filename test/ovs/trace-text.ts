/** What `ofproto/trace --names` prints, read back: the rules that a frame met, and what came of it. */
import { FIELD_NAMES, type FieldName } from '../../src/flow/fields.ts';
import { entriesOf } from '../../src/flow/match.ts';
import { parseMatch } from '../../src/flow/parse.ts';
import { formatMatch } from '../../src/flow/text.ts';

export interface TraceText {
  /** Rules met, in order: `7 priority=100 cookie=0x4e4c… MATCH`, or `7 nothing`. */
  readonly path: readonly string[];
  /** Names of ordinary ports that it was sent to, sorted. */
  readonly outputs: readonly string[];
  /** Outer headers of what went into tunnels, sorted. */
  readonly tunnels: readonly TunnelHeader[];
  /** How often an action sent it to the controller; not what Open vSwitch itself has to say about a TTL that is used up. */
  readonly packetIns: number;
  /** The fields as the pipeline left them, and which bits were printed. */
  readonly final: ReadonlyMap<FieldName, { readonly value: bigint; readonly mask: bigint }>;
  /** Whether the final flow has a tunnel destination; without it, Open vSwitch prints no field of a tunnel. */
  readonly hasTunnel: boolean;
}

export interface TunnelHeader {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly tos: number;
  readonly ttl: number;
  /** Flags and offset. */
  readonly fragment: number;
  readonly key: bigint;
}

/**
 * `ports`: name -> number; the other bridges that a frame passes do not count. `length` is that of the frame without
 * padding: a trace goes both ways at check_pkt_larger, first as if the frame were larger, and this is to say which.
 */
export function readTrace(both: string, ports: ReadonlyMap<string, number>, length: number): TraceText {
  const text = withoutOtherWay(both, length);
  const numbered = (flow: string) =>
    flow.replace(/in_port=([^,]+)/, (_, name) => `in_port=${ports.get(name) ?? name}`);
  const actions = /^Datapath actions: (.*)$/m.exec(text)?.[1] ?? '';
  const outputs = [...actions.matchAll(/(?<=^|[,(])([\w-]+)(?=$|[,)])/g)].map((m) => m[1]!);
  const flow = /^Flow: (.*)$/m.exec(text)?.[1] ?? '';
  const changed = /^Final flow: (.*)$/m.exec(text)?.[1] ?? 'unchanged';
  const final = finalFields(numbered(changed === 'unchanged' ? flow : changed));
  return {
    path: pathOf(text, numbered),
    outputs: outputs.filter((name) => ports.has(name)).sort(),
    tunnels: tunnelsOf(actions),
    packetIns: [...actions.matchAll(/controller\(reason=1,/g)].length,
    final,
    hasTunnel: (final.get('tun_dst')?.value ?? 0n) !== 0n || (final.get('tun_ipv6_dst')?.value ?? 0n) !== 0n,
  };
}

/** Leaves out the way at check_pkt_larger that a frame of this length does not go: there, the last action of its list. */
function withoutOtherWay(text: string, length: number): string {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.trim().startsWith('check_pkt_larger('));
  if (at < 0) return text;
  const larger = lines[at + 1]!;
  const other = lines.indexOf(larger, at + 2);
  const end = lines.indexOf('', other);
  const isLarger = length > Number(/\((\d+)\)/.exec(lines[at]!)?.[1]);
  const [from, to] = isLarger ? [other, end] : [at + 1, other];
  const way = isLarger ? '$1' : '$2';
  return [...lines.slice(0, from), ...lines.slice(to)]
    .join('\n')
    .replace(/check_pkt_len\(size=\d+,gt\((.*)\),le\((.*)\)\)/, way);
}

/** Rules without a cookie are not of the pipeline: those of the bridge that a tunnel's packets leave by. */
function pathOf(text: string, numbered: (flow: string) => string): string[] {
  const path: string[] = [];
  for (const line of text.split('\n')) {
    const rule = /^ *(\d+)\. (?:(.*), )?priority (\d+), cookie (0x[0-9a-f]+)$/.exec(line);
    const miss = /^ *(\d+)\. No match\.$/.exec(line);
    if (rule) path.push(step(Number(rule[1]), Number(rule[3]), rule[4]!, numbered(rule[2] ?? '')));
    else if (miss) path.push(`${miss[1]} nothing`);
  }
  return path;
}

function step(table: number, priority: number, cookie: string, match: string): string {
  return pathStep(table, priority, BigInt(cookie), formatMatch(parseMatch(match)));
}

export function pathStep(table: number, priority: number, cookie: bigint, match: string): string {
  return `${table} priority=${priority} cookie=0x${cookie.toString(16)} ${match}`;
}

function tunnelsOf(actions: string): TunnelHeader[] {
  const outer =
    /ipv4\(src=([\d.]+),dst=([\d.]+),proto=(\d+),tos=([^,]+),ttl=(\d+),frag=(0x[0-9a-f]+)\).*?(?:key|vni)=(0x[0-9a-f]+)/g;
  return [...actions.matchAll(outer)]
    .map(([, source, destination, protocol, tos, ttl, fragment, key]) => ({
      source: source!,
      destination: destination!,
      protocol: Number(protocol),
      tos: Number(tos),
      ttl: Number(ttl),
      fragment: Number(fragment),
      key: BigInt(key!),
    }))
    .sort(byDestination);
}

export function byDestination(a: TunnelHeader, b: TunnelHeader): number {
  return a.destination < b.destination ? -1 : a.destination > b.destination ? 1 : Number(a.key - b.key);
}

const OURS: ReadonlySet<string> = new Set<string>(FIELD_NAMES);
const OTHER_NAMES =
  /^(dl_(src|dst|type|vlan|vlan_pcp)|nw_(src|dst|tos|ttl|proto|frag)|tp_(src|dst)|arp|rarp|ip|icmp6?|tcp6?|udp6?|sctp6?|ipv6)$/;

/** Leaves out what is no field of ours, and fields that do not exist in such a frame though they are printed. */
function finalFields(flow: string): Map<FieldName, { value: bigint; mask: bigint }> {
  const printed = flow.split(',');
  const hasPorts = /^(tcp|udp)/.test(printed.find((p) => !p.includes('=')) ?? '');
  const nd = ['135', '136'].find(
    (t) => printed.includes(`icmp_type=${t}`) && printed.includes('icmp_code=0'),
  );
  const ours = printed.filter((part) => {
    const name = part.split('=')[0] ?? '';
    if (name === 'nd_sll') return nd === '135';
    if (name === 'nd_tll') return nd === '136';
    if (name.startsWith('nd_')) return nd !== undefined;
    if (name.startsWith('tp_')) return hasPorts;
    return OURS.has(name) || OTHER_NAMES.test(name);
  });
  return new Map(entriesOf(parseMatch(ours.join(','))));
}
