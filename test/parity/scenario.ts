/** What both switches are given: ports, a program, and what happens then. */
import type { Group, Meter, PortVlan } from '../../src/flow/datapath.ts';
import type { Flow } from '../../src/flow/flow.ts';

/** Ports 1..PORTS, named p1 … */
export const PORTS = 5;
export const PORT_NUMBERS: readonly number[] = Array.from({ length: PORTS }, (_, i) => i + 1);

export const portName = (port: number): string => `p${port}`;

export interface Scenario {
  /** Of port 1, 2 …: for NORMAL. */
  readonly vlans: readonly PortVlan[];
  readonly flows: readonly Flow[];
  readonly groups: readonly Group[];
  readonly meters: readonly Meter[];
  readonly steps: readonly Step[];
  /** What Open vSwitch learns must be in effect with the next frame, or the like: its datapath flow cache stays out. */
  readonly slowPath: boolean;
}

export type Step =
  /** Frames that come in one after the other. */
  | { readonly type: 'frames'; readonly port: number; readonly frames: readonly Uint8Array[] }
  | { readonly type: 'wait'; readonly milliseconds: number };

/** What a switch did with a scenario, as text that can be compared. */
export interface Outcome {
  /** For each step, what came out of each port: hexadecimal, in order. */
  readonly delivered: readonly (readonly (readonly string[])[])[];
  readonly packetIns: readonly string[];
  /** Flows that are there in the end, and their counters. */
  readonly flows: ReadonlyMap<string, string>;
  readonly groups: ReadonlyMap<string, string>;
  readonly meters: ReadonlyMap<string, string>;
  /** Learnt addresses with port, VLAN and age. */
  readonly macs: readonly string[];
  readonly connections: readonly string[];
}

export function frameCount(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + (step.type === 'frames' ? step.frames.length : 0), 0);
}

/** Connections that have a second left at least: what is over, Open vSwitch sweeps out some time later. */
export function alive(connections: readonly string[]): string[] {
  return connections.filter((line) => line !== '' && !/,timeout=0(,|$)/.test(line)).sort();
}
