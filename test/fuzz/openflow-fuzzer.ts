/**
 * Structured fuzzing of src/ovs/openflow/codec: good messages with lengths, counts and bytes changed.
 *
 *   - nothing throws, and the answer is a message;
 *   - nothing outside the message has any influence: each is read twice, in surroundings of 0x00 and of 0xff;
 *   - what was read can be written, and is read again as the same, unless parts of it are not known.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { decode } from '../../src/ovs/openflow/codec/decode.ts';
import { encode } from '../../src/ovs/openflow/codec/encode.ts';
import type { Message } from '../../src/ovs/openflow/codec/message.ts';
import { arbitraryMessage } from '../support/openflow-arbitraries.ts';
import { change, randomOf } from './change.ts';

export interface Mistaken {
  readonly input: Uint8Array;
  readonly what: string;
}

/** Bytes before and behind a message. */
const MARGIN = 16;

/** What is wrong with how a message is taken; undefined: nothing. */
export function check(input: Uint8Array): string | undefined {
  try {
    const [zeros, ones] = [0x00, 0xff].map((fill) => {
      const room = new Uint8Array(input.length + 2 * MARGIN).fill(fill);
      room.set(input, MARGIN);
      return decode(room.subarray(MARGIN, MARGIN + input.length));
    });
    const text = textOf(zeros);
    if (text !== textOf(ones)) return 'bytes outside have an influence';
    return zeros === undefined ? undefined : again(zeros.xid, zeros.message, text);
  } catch (thrown) {
    return `it throws ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
  }
}

/** Writes it and reads it. */
function again(xid: number, message: Message, text: string): string | undefined {
  // Of a part that is not known, only matches are written again; of what contradicts itself, nothing.
  if (message.type === 'malformed' || text.includes('"unknown":"') || text.includes('"unknown":{'))
    return undefined;
  const read = decode(encode(xid, message));
  return isDeepStrictEqual(read.message, message) ? undefined : `it becomes ${textOf(read.message)}`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, v) => {
    if (typeof v === 'bigint') return `${v}n`;
    return v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v;
  });
}

/** The first of so many changed inputs that is taken wrongly. The same seed gives the same inputs. */
export function fuzz(runs: number, seed: number): Mistaken | undefined {
  const seeds = fc
    .sample(arbitraryMessage(), { numRuns: 400, seed })
    .map((message): Uint8Array => encode(1, message));
  const random = randomOf(seed);
  for (let run = 0; run < runs; run++) {
    let input: Uint8Array = seeds[random() % seeds.length]!.slice();
    for (let edits = random() % 5; edits >= 0; edits--) input = change(input, seeds, random);
    // Otherwise most would end at their header.
    if (input.length >= 8 && random() % 16 !== 0) {
      input[0] = 6;
      input[2] = input.length >>> 8;
      input[3] = input.length;
    }
    const what = check(input);
    if (what !== undefined) return { input, what };
  }
  return undefined;
}
