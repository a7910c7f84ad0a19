/** What the agent of a real host needs below it: an engine, and what is plugged into it. */
import type { Engine } from '../agent/engine.ts';
import type { Finding } from '../base/error.ts';
import type { VnicFact } from '../stream/report.ts';

/** A vNIC of a VM, with the interface that is plugged in for it. */
export interface PluggedVnic extends VnicFact {
  /** Absent while there is none. */
  readonly device?: string;
}

export interface HostEngine extends Engine {
  /** Every vNIC of a VM that is wanted on the host. */
  vnics(): Promise<readonly PluggedVnic[]>;
  /** What is not as it should be and cannot be made so on this machine. */
  findings(): readonly Finding[];
  /** Ends the connections. What is there goes on as it is. */
  close(): Promise<void>;
}
