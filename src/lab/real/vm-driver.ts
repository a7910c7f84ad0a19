/**
 * What plays the hypervisor of a lab: it makes machines and plugs their NICs into the quarantine bridge of their host
 * (`nlplug0`), where Netloom finds them by `external_ids:iface-id`. A driver remembers nothing: every command of
 * `netloom lab` is a process of its own, so what a driver needs to know again is in the machine's directory, or can be
 * seen on the host.
 */
import type { PortRecord } from '../../policy/records.ts';

/** A host of the lab, as far as a hypervisor is concerned. */
export interface LabHost {
  readonly name: string;
  /** Network namespace. */
  readonly namespace: string;
  /** Run directory of its Open vSwitch: `db.sock` is in there. */
  readonly runDirectory: string;
  /** Its address in the management network; hypervisors reach each other by it. */
  readonly managementAddress: string;
}

/** A NIC of a machine. */
export interface MachineNic {
  /** Within the machine: `eth0`. */
  readonly name: string;
  /** Interface on the host that the NIC comes out at; unique in the lab, at most 15 characters. */
  readonly tap: string;
  /** `legacy`: an emulated card that can boot by PXE. */
  readonly adapter: 'synthetic' | 'legacy';
  /** What the controller says of it: iface-id, MAC, MTU, addresses. */
  readonly port: PortRecord;
}

/** A machine as it is to be. */
export interface LabMachine {
  /** Key of its VirtualMachine: `web`, or `red:web` where it is the tenant red's. */
  readonly key: string;
  readonly host: string;
  readonly nics: readonly MachineNic[];
}

export interface VmDriver {
  /** Makes the machine with all its NICs plugged in, and starts it. One that is there is first taken away. */
  create(machine: LabMachine, host: LabHost): Promise<void>;
  /** Takes it away, with what it left on the host. One that is not there is fine. */
  destroy(machine: LabMachine, host: LabHost): Promise<void>;
  /** The machine goes on, with all that it knows, on another host. */
  move(machine: LabMachine, from: LabHost, to: LabHost): Promise<void>;
  /** Whether it is up and has the addresses that it should have. */
  ready(machine: LabMachine): Promise<boolean>;
  /** Why it does not run any more although nobody has taken it away; undefined as long as it runs. */
  whyEnded(machine: LabMachine): string | undefined;
  /** Whether it can be asked to do `command`, and the program with its arguments that does it there. */
  inside(machine: LabMachine, command: readonly string[]): readonly string[];
}
