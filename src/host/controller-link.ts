/** What the agent of a host needs of its controller. */
import type { Transport } from '@connectrpc/connect';

/** The way to the controller. */
export interface ControllerLink {
  readonly url: string;
  readonly transport: Transport;
  /** Whether a new connection comes about now, within seconds. Never rejects. */
  reachable(): Promise<boolean>;
  /** End of the certificate's life in milliseconds since 1970; undefined without one. */
  certificateUntil(): number | undefined;
}
