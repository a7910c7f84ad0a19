import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PcapStream } from './pcap-stream.ts';

function fileOf(frames: readonly Uint8Array[], little: boolean): Uint8Array {
  const bytes = new Uint8Array(24 + frames.reduce((sum, frame) => sum + 16 + frame.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4, little);
  let at = 24;
  for (const [i, frame] of frames.entries()) {
    for (const [o, value] of [1000 + i, 500_000, frame.length, frame.length].entries())
      view.setUint32(at + o * 4, value, little);
    bytes.set(frame, at + 16);
    at += 16 + frame.length;
  }
  return bytes;
}

describe('a capture file as it is written', () => {
  it('gives the same frames in whatever pieces it comes, in both byte orders', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        (frames, little, size) => {
          const file = fileOf(frames, little);
          const stream = new PcapStream();
          const read = [];
          for (let at = 0; at < file.length; at += size)
            read.push(...stream.push(file.subarray(at, at + size)));
          expect(read).toEqual(frames.map((frame, i) => ({ time: 1000.5 + i, frame })));
        },
      ),
    );
  });
});
