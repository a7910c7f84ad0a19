/**
 * What an agent has counted on its host, and what its port ACLs have reported. The controller takes it for what a
 * stranger says: checked and cut to size; that it is about the host's own ports is checked where the records are known.
 */
import * as z from 'zod';
import { oneLine } from './line.ts';

/** What went one way through a port, since the port is there. */
export interface Tally {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly errors: bigint;
  /** Frames that were whole and went no further: no room, too fast, nobody there. */
  readonly drops: bigint;
}

export interface PortCounter {
  /** What the port is for (pipeline/facts.ts, `portOf`). */
  readonly port: string;
  /** One of the NICs of an uplink; absent for other ports. */
  readonly nic?: string;
  readonly link: boolean;
  /** What came into the virtual switch: what a machine sent. */
  readonly received: Tally;
  /** What left the virtual switch: what a machine got. */
  readonly sent: Tally;
}

/** How often a rule, or the default of a port ACL, has decided on this host since its flows were made. */
export interface AclCount {
  readonly acl: string;
  /** Name of the rule; `default` where no rule was about it. */
  readonly rule: string;
  readonly direction: 'inbound' | 'outbound';
  readonly verdict: 'allow' | 'deny';
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** A rule of a port ACL with `log` has decided about a frame. */
export interface AclEntry {
  /** Milliseconds since 1970, by the clock of the host. */
  readonly time: number;
  /** vNIC id. */
  readonly port: string;
  readonly acl: string;
  readonly rule: string;
  readonly direction: 'inbound' | 'outbound';
  readonly verdict: 'allow' | 'deny';
  /** In the one-line notation. */
  readonly frame: string;
}

/** A rule that drops, and has, since its flows were made. */
export interface DropCount {
  readonly switch: string;
  /** The object that the rule comes from, `VirtualMachine/blue1`; empty for rules that each switch has. */
  readonly object: string;
  /** What the rule says: "a guest may not be a DHCP server". */
  readonly words: string;
  /** 1 or more. */
  readonly packets: number;
}

export interface HostCounters {
  readonly ports: readonly PortCounter[];
  readonly acls: readonly AclCount[];
  /** What was dropped most often comes first. */
  readonly drops: readonly DropCount[];
  /** The newest decisions, the newest last. */
  readonly log: readonly AclEntry[];
  /** False: there is more than one answer holds, or what switches frames does not answer. */
  readonly complete: boolean;
}

/** What one answer holds at most. */
export const MOST = { ports: 1100, acls: 1000, drops: 200, log: 200 } as const;
const MAX_TEXT = 300;
/** Below what an agent may send (MAX_AGENT_MESSAGE). */
const MAX_BYTES = 240 * 1024;
/** The last moment that a Date can hold. */
const MAX_TIME = 8.64e15;

const text = oneLine(MAX_TEXT);
/** A count may be larger than the numbers of JSON: 64 bits, in decimal. */
const count = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt);
const tally = z
  .tuple([count, count, count, count])
  .transform(([packets, bytes, errors, drops]): Tally => ({ packets, bytes, errors, drops }));
const decision = {
  acl: text,
  rule: text,
  direction: z.enum(['inbound', 'outbound']),
  verdict: z.enum(['allow', 'deny']),
};

function list<T>(item: z.ZodType<T>, most: number) {
  return z.array(item).transform((items): readonly T[] => items.slice(0, most));
}

// Unknown members are passed over, as in a report.
const schema: z.ZodType<HostCounters> = z.object({
  ports: list(
    z.object({ port: text, nic: text.exactOptional(), link: z.boolean(), received: tally, sent: tally }),
    MOST.ports,
  ),
  acls: list(z.object({ ...decision, packets: count, bytes: count }), MOST.acls),
  drops: list(z.object({ switch: text, object: text, words: text, packets: z.int().min(1) }), MOST.drops),
  log: list(
    z.object({ time: z.number().min(0).max(MAX_TIME), port: text, ...decision, frame: text }),
    MOST.log,
  ),
  complete: z.boolean(),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** As JSON, cut to what the other side takes; what is too long for a message loses half of its longest list. */
export function writeCounted(counters: HostCounters): Uint8Array {
  let cut: HostCounters = {
    ports: counters.ports.slice(0, MOST.ports),
    acls: counters.acls.slice(0, MOST.acls),
    drops: counters.drops.slice(0, MOST.drops),
    log: counters.log.slice(-MOST.log),
    complete: counters.complete && isShort(counters),
  };
  let bytes = encode(cut);
  while (bytes.length > MAX_BYTES) {
    cut = shortened(cut);
    bytes = encode(cut);
  }
  return bytes;
}

/** Undefined for what cannot be read. */
export function readCounted(bytes: Uint8Array): HostCounters | undefined {
  try {
    return schema.parse(JSON.parse(decoder.decode(bytes)));
  } catch {
    return undefined;
  }
}

/** The log says what it says of the newest; that older entries are gone is no news. */
function isShort({ ports, acls, drops }: HostCounters): boolean {
  return ports.length <= MOST.ports && acls.length <= MOST.acls && drops.length <= MOST.drops;
}

function encode({ ports, ...rest }: HostCounters): Uint8Array {
  const wire = {
    ...rest,
    ports: ports.map((port) => ({ ...port, received: inOrder(port.received), sent: inOrder(port.sent) })),
  };
  return encoder.encode(
    JSON.stringify(wire, (_key, value: unknown) => {
      if (typeof value === 'bigint') return `${value}`;
      return typeof value === 'string' ? value.slice(0, MAX_TEXT) : value;
    }),
  );
}

function inOrder({ packets, bytes, errors, drops }: Tally): readonly bigint[] {
  return [packets, bytes, errors, drops];
}

function shortened(counters: HostCounters): HostCounters {
  const { ports, acls, drops, log } = counters;
  const half = <T>(items: readonly T[]) => items.slice(0, items.length >> 1);
  // The log goes first, its oldest entries; then rules; ports last.
  if (log.length > 20) return { ...counters, log: log.slice(log.length >> 1) };
  const cut = { ...counters, complete: false };
  if (drops.length > 20) return { ...cut, drops: half(drops) };
  return acls.length > 20 ? { ...cut, acls: half(acls) } : { ...cut, ports: half(ports), acls: half(acls) };
}
