/** Cuts the bytes of an OpenFlow connection into messages (OpenFlow 1.5.1, 7.1.1: bytes 2 and 3 are the length). */
import { finding, NetloomError } from '../../base/error.ts';

const HEADER = 8;
const NOTHING = new Uint8Array(0);

/**
 * Takes bytes as they come and gives whole messages, however they were split. What is kept is less than one message, which is
 * 65,535 bytes at most. After it has thrown, the stream cannot be understood any more: close it.
 */
export class MessageSplitter {
  #rest: Uint8Array = NOTHING;

  /** The messages that are whole now, as views; throws NetloomError (switch-protocol) at a length that cannot be. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    const messages: Uint8Array[] = [];
    let start = 0;
    while (bytes.length - start >= HEADER) {
      const length = bytes[start + 2]! * 256 + bytes[start + 3]!;
      if (length < HEADER) throw new NetloomError([impossible(length)]);
      if (bytes.length - start < length) break;
      messages.push(bytes.subarray(start, start + length));
      start += length;
    }
    // A copy, so that a few bytes do not keep a large chunk alive.
    this.#rest = start === bytes.length ? NOTHING : bytes.slice(start);
    return messages;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function impossible(length: number) {
  return finding(
    'switch-protocol',
    '',
    `The switch says that a message has ${length} bytes; a header alone has ${HEADER}.`,
    'Is the socket that of an Open vSwitch bridge? The connection is made anew.',
  );
}
