/**
 * Frames on their way into a stream. What is delivered in one turn of the event loop leaves in one write: a system call
 * costs more than a hundred frames. Memory is bounded: of a peer that does not read, two buffers are kept waiting, and
 * further frames are dropped, as a switch does whose queue is full.
 */
import type { Socket } from 'node:net';
import type { FrameBatch } from '../softswitch/batch.ts';
import { FrameBuffer, LONGEST_FRAME } from './framing.ts';
import type { Counters } from './port.ts';

/** Bytes of one buffer: somewhat more than the kernel takes of us before somebody has to read, and small enough for caches. */
const BUFFER = 256 * 1024;

export class FrameWriter {
  readonly #socket: Socket;
  readonly #counters: Counters;
  /** What the kernel has not taken in full; not to be touched. */
  #sending: FrameBuffer | undefined;
  #filling = new FrameBuffer(BUFFER);
  #spare: FrameBuffer | undefined;
  #isAsked = false;

  constructor(socket: Socket, counters: Counters) {
    this.#socket = socket;
    this.#counters = counters;
  }

  add(frame: Uint8Array): void {
    if (!this.#filling.add(frame) && !(this.#makeRoom() && this.#filling.add(frame))) {
      this.#counters.dropped++;
      return;
    }
    this.#counters.sent++;
    this.#counters.sentBytes += frame.length;
    this.#ask();
  }

  addBatch(batch: FrameBatch): void {
    const { count, length } = batch;
    const counters = this.#counters;
    for (let next = 0; next < count; ) {
      const added = this.#filling.addBatch(batch, next);
      for (let i = next; i < next + added; i++) counters.sentBytes += length[i]!;
      counters.sent += added;
      next += added;
      if (next === count) break;
      if (length[next]! > LONGEST_FRAME) {
        counters.dropped++;
        next++;
      } else if (!this.#makeRoom()) {
        counters.dropped += count - next;
        break;
      }
    }
    this.#ask();
  }

  /** Writes what is there now rather than at the end of the turn. */
  #makeRoom(): boolean {
    if (this.#sending || this.#filling.used === 0) return false;
    this.#write();
    return this.#filling.used === 0;
  }

  #ask(): void {
    if (this.#isAsked || this.#sending) return;
    this.#isAsked = true;
    queueMicrotask(this.#atEndOfTurn);
  }

  readonly #atEndOfTurn = (): void => {
    this.#isAsked = false;
    if (!this.#sending) this.#write();
  };

  #write(): void {
    const buffer = this.#filling;
    const socket = this.#socket;
    if (buffer.used === 0 || !socket.writable) return;
    socket.write(buffer.bytes.subarray(0, buffer.used), this.#written);
    if (socket.writableLength === 0) {
      // The kernel has taken it all.
      buffer.used = 0;
      return;
    }
    this.#sending = buffer;
    this.#filling = this.#spare ?? new FrameBuffer(BUFFER);
    this.#spare = undefined;
  }

  readonly #written = (): void => {
    // Also called, later, for what the kernel took at once.
    if (!this.#sending || this.#socket.writableLength > 0) return;
    this.#spare = this.#sending;
    this.#spare.used = 0;
    this.#sending = undefined;
    this.#write();
  };
}
