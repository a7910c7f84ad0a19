/** What all ports over sockets have in common. */
import type { FrameBatch } from '../softswitch/batch.ts';
import type { Attachment } from '../softswitch/switch.ts';

/** Since the port was opened; frames and bytes as they are on the port, without what carries them. */
export interface Counters {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  /** Frames for the peer that it did not take in time, or that the socket refused. */
  dropped: number;
  /** Frames of the peer that are none: too short, or from somebody else. */
  refused: number;
}

export function newCounters(): Counters {
  return { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, dropped: 0, refused: 0 };
}

/** Plugs the socket into the switch: `(…ends) => sw.attach('vm1', undefined, …ends)`. */
export type Plug = (
  deliver: (frame: Uint8Array) => void,
  deliverBatch: (batch: FrameBatch) => void,
) => Attachment;

/** What somebody who watches a port may want to know, in words. */
export type Tell = (what: string) => void;

export interface StreamOptions {
  readonly tell?: Tell;
  /** ROOM bytes for frames that come in (framing.ts); several ports of one switch may share its frameMemory(). */
  readonly room?: Uint8Array;
}

export interface SocketPort {
  readonly counters: Readonly<Counters>;
  /** Somebody is at the other end, as far as can be known. */
  readonly isConnected: boolean;
  /** Frees the socket, and the place in the switch; a socket file of ours is gone then. */
  close(): Promise<void>;
}
