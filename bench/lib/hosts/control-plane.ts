/** What a control plane is asked for when it is measured; ours and OVN's answer alike. */

export interface ControlPlane {
  /** So many vNICs at once, from `first` on, in force on every host; they are plugged in evenly. */
  load(first: number, count: number): Promise<void>;
  /** One vNIC more: settles when every host of its network has it in force. */
  add(i: number): Promise<void>;
  /** And one less. */
  remove(i: number): Promise<void>;
  /** Flows on each host. */
  flows(): Promise<readonly number[]>;
  readonly processes: Processes;
  close(): Promise<void>;
}

/** Process ids. */
export interface Processes {
  /** The controller; where it is several programs, all of them. */
  readonly centre: readonly number[];
  /** What it has on the hosts: one on each. */
  readonly agents: readonly number[];
  /** Open vSwitch on the hosts: ovsdb-server and ovs-vswitchd. */
  readonly switches: readonly number[];
}
