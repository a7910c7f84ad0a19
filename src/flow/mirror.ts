/**
 * Port mirroring, with the meaning that it has in Open vSwitch (ovs-vswitchd.conf.db(5), table Mirror): frames that
 * arrive or leave by chosen ports, and are in chosen VLANs, are sent somewhere else besides (SPAN, RSPAN).
 *
 * A frame is taken as it is at the moment that it becomes eligible: on arrival before any flow has changed it, on
 * leaving as it leaves. It comes to one destination once, however many reasons there are. (Open vSwitch does so up to
 * 3.1.0; later ones mirror a frame again that was mirrored and then changed.)
 */
import { type Finding, finding } from '../base/error.ts';

export interface Mirror {
  /** Unique in the switch. */
  readonly name: string;
  /** All ports, arriving and leaving; the two lists say nothing then. */
  readonly selectAll?: boolean;
  /** Names of ports; those that are not there select nothing. */
  readonly selectSrcPorts?: readonly string[];
  readonly selectDstPorts?: readonly string[];
  /** Absent or empty: all VLANs. 0..4095, as the switch counts them inside: an access port's frames are in its tag. */
  readonly selectVlans?: readonly number[];
  readonly output: MirrorOutput;
  /** Bytes of a frame that are mirrored, 14..65535; absent: all. A tunnel gets all of it in any case. */
  readonly snaplen?: number;
}

export type MirrorOutput =
  /**
   * The name of a port, which is reserved for mirrors: NORMAL sends nothing to it, and what comes in by it is dropped.
   * A mirror whose port is not there does nothing.
   */
  | { readonly port: string }
  /** All ports that carry the VLAN, 1..4095; on trunks with this tag in place of the frame's own. */
  | { readonly vlan: number };

export interface MirrorStats {
  readonly mirror: Mirror;
  /** Frames that the mirror took, and their bytes as they came in. */
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** As many as Open vSwitch has (MAX_MIRRORS). */
export const MOST_MIRRORS = 32;

export function mirrorFindings(mirrors: readonly Mirror[]): Finding[] {
  const findings: Finding[] = [];
  const refuse = (path: string, message: string, remedy: string) =>
    findings.push(finding('port-invalid', path, message, remedy));
  if (mirrors.length > MOST_MIRRORS) {
    refuse('mirrors', `There are ${mirrors.length} mirrors.`, `A switch has ${MOST_MIRRORS} at most.`);
  }
  const names = new Set<string>();
  for (const { name, selectVlans = [], output, snaplen } of mirrors) {
    if (name === '' || names.has(name))
      refuse(name, 'The name is empty or taken.', 'Give it one of its own.');
    names.add(name);
    for (const vlan of selectVlans) {
      if (!isVlan(vlan, 0)) refuse(`${name}.selectVlans`, `${vlan} is not a VLAN id.`, 'Use 0..4095.');
    }
    if ('vlan' in output && !isVlan(output.vlan, 1)) {
      refuse(`${name}.output`, `${output.vlan} is not a VLAN id.`, 'Use 1..4095.');
    }
    if (snaplen !== undefined && !(Number.isInteger(snaplen) && snaplen >= 14 && snaplen <= 0xffff)) {
      refuse(`${name}.snaplen`, `${snaplen} bytes of a frame.`, 'Use 14..65535.');
    }
  }
  return findings;
}

function isVlan(vlan: number, least: number): boolean {
  return Number.isInteger(vlan) && vlan >= least && vlan <= 4095;
}
