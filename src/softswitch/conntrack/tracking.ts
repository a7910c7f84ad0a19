/** What connection tracking has found out about a packet; the packet takes it along (`struct pkt_metadata`). */
import type { ConnectionKey } from './connection-key.ts';
import type { Connection } from './connection-table.ts';

/** Not changed afterwards: the next step makes a new one. */
export interface Tracking {
  /** Bits of CT_STATE. */
  readonly state: number;
  readonly zone: number;
  readonly mark: number;
  readonly label: bigint;
  /** As the packet that opened the connection looked when it came in; undefined for a packet that belongs to none. */
  readonly original: ConnectionKey | undefined;
  /** The connection, as long as nothing has changed addresses or ports since. */
  readonly connection: Connection | undefined;
  readonly isReply: boolean;
  readonly isRelated: boolean;
}
