import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../packet/bytes.ts';
import { MessageSplitter } from './framing.ts';

const message = (body: Uint8Array) => {
  const bytes = new Uint8Array(8 + body.length);
  bytes.set([6, 2, bytes.length >> 8, bytes.length & 0xff]);
  bytes.set(body, 8);
  return bytes;
};

describe('messages of a connection', () => {
  it('are the same however their bytes are split', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    fc.assert(
      fc.property(bodies, cuts, (all, at) => {
        const messages = all.map(message);
        const bytes = Uint8Array.from(messages.flatMap((each) => [...each]));
        const splitter = new MessageSplitter();
        const places = [0, ...at.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
        const read = places.flatMap((from, i) => splitter.push(bytes.subarray(from, places[i + 1])));
        expect(read.map((each) => toHex(each))).toEqual(messages.map((each) => toHex(each)));
      }),
    );
  });

  it('may be as long as the header can say, and no shorter than the header', () => {
    const long = message(new Uint8Array(0xffff - 8));
    const splitter = new MessageSplitter();
    expect(splitter.push(long.subarray(0, 9))).toEqual([]);
    expect(splitter.push(long.subarray(9)).map((each) => each.length)).toEqual([0xffff]);
    expect(() => splitter.push(Uint8Array.of(6, 2, 0, 7, 0, 0, 0, 0))).toThrow(/switch-protocol.*7 bytes/);
  });
});
