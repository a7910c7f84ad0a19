/**
 * What can look into the network that runs below the controller: send frames, follow one, say which flows are in
 * force. The lab is one; the API is given one and does not ask what is behind it.
 */

import type { IpAddress } from '../packet/address.ts';

/** One end that can be pinged: a vNIC of a VM or of a host. */
export interface EndpointView {
  /** `blue1/eth0`, `cloud-pm-cn01/Management` */
  readonly name: string;
  readonly host: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** Where it is connected, in words. */
  readonly network: string;
}

export interface PingView {
  readonly from: string;
  readonly to: string;
  /** What was pinged. */
  readonly address: string;
  readonly sent: number;
  readonly received: number;
  /** Milliseconds; absent when nothing was answered. */
  readonly rtt?: { readonly min: number; readonly avg: number; readonly max: number };
  readonly verdict: 'answered' | 'partial' | 'lost';
  /** Where an unanswered frame ended, and why. */
  readonly dropped?: {
    readonly at: string;
    readonly reason: string;
    readonly rule?: string;
    readonly origin?: string;
  };
}

/** One frame followed from end to end; `steps` is shown as it is. */
export interface WalkView {
  readonly from: string;
  readonly to: string;
  readonly outcome: string;
  readonly steps: readonly object[];
}

/** Flows of one virtual switch, each in the notation of ovs-ofctl with the words that explain it. */
export interface SwitchFlows {
  readonly switch: string;
  readonly flows: readonly { readonly flow: string; readonly words: string; readonly origin: string }[];
}

interface VersionChoice {
  /** Version of IP. */
  readonly version?: 4 | 6;
}

export interface Probe {
  /** Everything that can be named in a ping or a walk. */
  endpoints(): readonly EndpointView[];
  /**
   * Rejects with `not-found` for a name that there is not. Without a version, IPv6 is tried where IPv4 gets no answer
   * between two names.
   */
  ping(from: string, to: string, options?: VersionChoice & { readonly count?: number }): Promise<PingView>;
  walk(from: string, to: string, options?: VersionChoice): Promise<WalkView>;
  /** Gives a guest an address by hand, as its own administrator would; how it is then. */
  configure?(endpoint: string, address: IpAddress, prefixLength: number): Promise<EndpointView>;
  /** Undefined for a host that is not below this probe. */
  flows?(host: string): readonly SwitchFlows[] | undefined;
}
