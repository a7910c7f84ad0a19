/** How an agent is, for `netloom agent status`. */

import type { Finding } from '../../base/error.ts';
import type { DropCount } from '../../stream/counted.ts';
import type { Drift, SwitchFact } from '../../stream/report.ts';
import type { ManagementStatus } from '../inherit/management.ts';

export interface PortStatus {
  /** `blue1/eth0` */
  readonly name: string;
  /** vNIC id: the `iface-id` that a hypervisor plugs. */
  readonly id: string;
  readonly owner: 'vm' | 'host';
  readonly switch: string;
  /** OpenFlow port number; absent while the port could not be made. */
  readonly number?: number;
  /** Absent for vNICs of the host, which need no plugging. */
  readonly plugged?: boolean;
  readonly link?: boolean;
  /** The interface behind it. */
  readonly device?: string;
}

export interface AgentStatus {
  readonly host: string;
  /** Of Netloom. */
  readonly version: string;
  readonly pid: number;
  /** When the agent began, ISO 8601. */
  readonly since: string;
  readonly controller: {
    readonly url: string;
    readonly state: 'connected' | 'connecting' | 'waiting' | 'stopped' | 'not yet';
  };
  /** End of the certificate's life, ISO 8601; absent without one. */
  readonly certificateUntil?: string;
  readonly policy: {
    /** Empty before there is one. */
    readonly epoch: string;
    /** That the controller told last; 0 before there is one. */
    readonly revision: number;
    /** That is in force, and on the disk. */
    readonly inForce: number;
    readonly records: number;
    /** What the last revision came to. */
    readonly findings: readonly Finding[];
  };
  /** `Open vSwitch 3.1.0`; absent while it is not reached. */
  readonly engine?: string;
  readonly management?: ManagementStatus;
  readonly switches: readonly SwitchFact[];
  readonly ports: readonly PortStatus[];
  /** What rules have dropped: guests that lie, strangers on the fabric, port ACLs. */
  readonly dropped: readonly DropCount[];
  readonly drift: readonly Drift[];
  /** What is wrong at this moment, by what it concerns. */
  readonly troubles: readonly Finding[];
}
