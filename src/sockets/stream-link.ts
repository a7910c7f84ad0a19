/** What a port over a stream has besides its socket: the place in the switch, and the one peer that has it. */
import type { OnReadOpts, Socket } from 'node:net';
import type { FrameBatch } from '../softswitch/batch.ts';
import type { Attachment } from '../softswitch/switch.ts';
import { FrameWriter } from './frame-writer.ts';
import { FrameReader } from './framing.ts';
import {
  type Counters,
  newCounters,
  type Plug,
  type SocketPort,
  type StreamOptions,
  type Tell,
} from './port.ts';
import { reading } from './read-room.ts';
import { codeOf } from './unix-listener.ts';

interface Peer {
  readonly socket: Socket;
  readonly reader: FrameReader;
  readonly writer: FrameWriter;
  /** Why it was sent away. */
  problem: string | undefined;
}

export class StreamLink {
  readonly counters: Counters = newCounters();
  /** The peer's socket is to read with it. */
  readonly onread: OnReadOpts = reading((piece) => this.#read(piece));
  readonly #tell: Tell;
  readonly #room: Uint8Array | undefined;
  readonly #attachment: Attachment;
  readonly #take = (batch: FrameBatch) => this.#receive(batch);
  #peer: Peer | undefined;
  #isEnded = false;

  constructor(plug: Plug, { tell = () => {}, room }: StreamOptions) {
    this.#tell = tell;
    this.#room = room;
    this.#attachment = plug(
      (frame) => this.#peer?.writer.add(frame),
      (batch) => this.#peer?.writer.addBatch(batch),
    );
    this.#attachment.setLink(false);
  }

  /** Whether there is place for a peer; says so when there is not. */
  isFree(): boolean {
    if (this.#peer) this.#tell('a second peer was turned away: a port has one');
    return !this.#peer && !this.#isEnded;
  }

  /** From now on this is the peer; its socket has read nothing yet. */
  take(socket: Socket): void {
    const peer: Peer = {
      socket,
      reader: new FrameReader(this.#room),
      writer: new FrameWriter(socket, this.counters),
      problem: undefined,
    };
    this.#peer = peer;
    socket.on('error', (error) => {
      peer.problem ??= codeOf(error) ?? error.message;
    });
    socket.once('close', () => {
      this.#peer = undefined;
      if (this.#isEnded) return;
      this.#attachment.setLink(false);
      this.#tell(`disconnected${peer.problem === undefined ? '' : `: ${peer.problem}`}`);
    });
    this.#attachment.setLink(true);
    this.#tell('connected');
  }

  #read(piece: Uint8Array): void {
    const peer = this.#peer;
    if (!peer || this.#isEnded) return;
    const { reader } = peer;
    peer.problem = reader.read(piece, this.#take);
    this.counters.refused += reader.runts;
    reader.runts = 0;
    if (peer.problem !== undefined) peer.socket.destroy();
  }

  #receive(batch: FrameBatch): void {
    let bytes = 0;
    for (let i = 0; i < batch.count; i++) bytes += batch.length[i]!;
    this.counters.received += batch.count;
    this.counters.receivedBytes += bytes;
    this.#attachment.receiveBatch(batch);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#peer?.socket.destroy();
    this.#attachment.detach();
  }

  port(close: () => Promise<void>): SocketPort {
    const hasPeer = () => this.#peer !== undefined;
    return {
      counters: this.counters,
      get isConnected() {
        return hasPeer();
      },
      close,
    };
  }
}
