/**
 * What an agent found on its host. The controller takes it for what a stranger says: checked, cut to size, and about no
 * other host than the one whose stream it came by.
 */
import * as z from 'zod';
import { type Finding, warning } from '../base/error.ts';
import { findingsSchema } from './findings.ts';
import { oneLine } from './line.ts';

/** A NIC of the machine, as the machine has it. */
export interface NicFact {
  readonly name: string;
  /** Canonical; absent where the machine does not say. */
  readonly mac?: string;
  /** Mbit/s; absent where the machine does not say, as without a link. */
  readonly speedMbps?: number;
  /** Whether there is a signal. */
  readonly link: boolean;
  /** `ixgbe`, `virtio_net`; absent where the machine does not say. */
  readonly driver?: string;
  /** Bytes of IP packet. */
  readonly mtu?: number;
  /** What it does in place of the processor (host/nics/offloads.ts): `checksum`, `tso` … Absent where nobody can tell. */
  readonly offloads?: readonly string[];
  /** What is at the other end of the cable, as it says itself (LLDP); absent where nothing says so. */
  readonly neighbour?: NeighbourFact;
}

/** A device that a NIC is cabled to. */
export interface NeighbourFact {
  /** Its name among devices, mostly a MAC address. */
  readonly chassis: string;
  readonly port: string;
  /** What its administrator calls it. */
  readonly system?: string;
}

/** A vNIC of a VM that is to be on the host. */
export interface VnicFact {
  /** vNIC id. */
  readonly id: string;
  /** A hypervisor has plugged an interface in for it. */
  readonly plugged: boolean;
  /** The link of that interface is up: the VM runs here (docs/decisions/0016). */
  readonly link: boolean;
}

/** A virtual switch that is there. */
export interface SwitchFact {
  readonly name: string;
  readonly ports: number;
  readonly flows: number;
}

const DRIFTS = [
  'switch-missing',
  'switch-extra',
  'port-missing',
  'port-extra',
  'port-changed',
  'flow-missing',
  'flow-extra',
  'flow-changed',
  'meter-missing',
  'meter-changed',
  'mirror-missing',
  'mirror-extra',
  'mirror-changed',
  'flow-export-changed',
  /** What a newer agent calls by a name that is not known here. */
  'other',
] as const;

/** One way in which the host is not as the policy wants it. */
export interface Drift {
  readonly what: (typeof DRIFTS)[number];
  readonly switch: string;
  /** What the port is for that it is about (pipeline/facts.ts, `portOf`); absent for a switch or a rule without one. */
  readonly port?: string;
  /** The object that it belongs to, `VirtualMachine/blue1`; empty where it belongs to none. */
  readonly object: string;
  /** In words: "The port of blue1/eth0 is gone." */
  readonly words: string;
  /** How many of the same kind and object are told in these words, 1 or more. */
  readonly count: number;
}

export interface HostReport {
  /** Of Netloom. */
  readonly version: string;
  /** What switches frames there: `softswitch`, `Open vSwitch 3.5.0`. */
  readonly engine: string;
  readonly nics: readonly NicFact[];
  readonly switches: readonly SwitchFact[];
  /** Absent where the engine does not say what is plugged in. */
  readonly vnics?: readonly VnicFact[];
  readonly drift: readonly Drift[];
  /** What was not as it should be before a repair, and is now. */
  readonly repaired: readonly Drift[];
  /** What kept the agent from looking or from repairing. */
  readonly findings: readonly Finding[];
}

/** More drift than this is not told one by one. */
export const MAX_DRIFT = 200;
const MAX_NICS = 64;
const MAX_OFFLOADS = 16;
/** Of what a program calls something, not a person. */
const MAX_WORD = 64;
const MAX_SWITCHES = 64;
const MAX_VNICS = 2048;
const MAX_TEXT = 500;
const MAX_COUNT = 1e9;
/** Below what an agent may send (MAX_AGENT_MESSAGE). */
const MAX_BYTES = 192 * 1024;

const text = oneLine(MAX_TEXT);
const word = oneLine(MAX_WORD);
const number = z.number().min(0).max(MAX_COUNT).transform(Math.floor);

function list<T>(item: z.ZodType<T>, most: number) {
  return z.array(item).transform((items) => items.slice(0, most));
}

// Unknown members are passed over and not refused: they open nothing, and the agents are upgraded first.
const drift = z.object({
  what: z.enum(DRIFTS).catch('other'),
  switch: text,
  port: text.exactOptional(),
  object: text,
  words: text,
  count: number,
});

const schema: z.ZodType<HostReport> = z.object({
  version: text,
  engine: text,
  nics: list(
    z.object({
      name: text,
      mac: text.exactOptional(),
      speedMbps: number.exactOptional(),
      link: z.boolean(),
      driver: word.exactOptional(),
      mtu: number.exactOptional(),
      offloads: list(word, MAX_OFFLOADS).exactOptional(),
      neighbour: z.object({ chassis: text, port: text, system: text.exactOptional() }).exactOptional(),
    }),
    MAX_NICS,
  ),
  switches: list(z.object({ name: text, ports: number, flows: number }), MAX_SWITCHES),
  vnics: list(z.object({ id: text, plugged: z.boolean(), link: z.boolean() }), MAX_VNICS).exactOptional(),
  drift: list(drift, MAX_DRIFT),
  repaired: list(drift, MAX_DRIFT),
  findings: findingsSchema,
});

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * As JSON, cut to what the other side takes: lists that are too long for a message lose their second half. Equal reports
 * are equal bytes.
 */
export function writeReport(report: HostReport): Uint8Array {
  let cut = schema.parse(report);
  let bytes = encoder.encode(JSON.stringify(cut));
  while (bytes.length > MAX_BYTES) {
    cut = halved(cut);
    bytes = encoder.encode(JSON.stringify(cut));
  }
  return bytes;
}

/** Of everything half, but for the vNICs: one that is missing would be taken for one that is not there. */
function halved(report: HostReport): HostReport {
  const half = <T>(list: readonly T[]) => list.slice(0, list.length >> 1);
  const { nics, switches, vnics, drift, repaired, findings } = report;
  const isMore = [nics, switches, drift, repaired, findings].some((list) => list.length > 0);
  return {
    ...report,
    nics: half(nics),
    switches: half(switches),
    ...(vnics ? { vnics: isMore ? vnics : half(vnics) } : {}),
    drift: half(drift),
    repaired: half(repaired),
    findings: half(findings),
  };
}

/** Never throws: the warning says that it cannot be read. */
export function readReport(bytes: Uint8Array): HostReport | Finding {
  try {
    return schema.parse(JSON.parse(decoder.decode(bytes)));
  } catch {
    return warning(
      'protocol-violation',
      '',
      'The agent sent a report that cannot be read.',
      "What it said before stands. Look into the agent's log.",
    );
  }
}

export function isReport(read: HostReport | Finding): read is HostReport {
  return 'drift' in read;
}
