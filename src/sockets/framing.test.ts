import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { write32 } from '../packet/bytes.ts';
import { type FrameBatch, newBatch } from '../softswitch/batch.ts';
import { FrameBuffer, FrameReader, LENGTH_BYTES, LONGEST_FRAME } from './framing.ts';

const anyFrame = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ minLength: 14, maxLength: 120 }) },
  { weight: 1, arbitrary: fc.integer({ min: 14, max: LONGEST_FRAME }).map((n) => new Uint8Array(n).fill(n)) },
);
const anyFrames = fc.array(anyFrame, { maxLength: 40 });

function framed(frames: readonly Uint8Array[]): Uint8Array {
  const parts = frames.flatMap((frame) => {
    const length = new Uint8Array(LENGTH_BYTES);
    write32(length, 0, frame.length);
    return [length, frame];
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** The frames, as copies, and the first problem. The four bytes before a frame are overwritten, as is allowed. */
function readAll(reader: FrameReader, pieces: readonly Uint8Array[]) {
  const frames: Uint8Array[] = [];
  let problem: string | undefined;
  const take = (batch: FrameBatch) => {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.at[i]!;
      batch.bytes.fill(0xee, at - batch.headroom, at);
      frames.push(batch.bytes.slice(at, at + batch.length[i]!));
    }
  };
  for (const piece of pieces) problem ??= reader.read(piece, take);
  return { frames, problem };
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((p) => p % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return sorted.slice(1).map((end, i) => bytes.slice(sorted[i]!, end));
}

describe('reading a stream', () => {
  it('gives the same frames wherever it is cut', () => {
    fc.assert(
      fc.property(anyFrames, fc.array(fc.nat(), { maxLength: 30 }), (frames, places) => {
        expect(readAll(new FrameReader(), cut(framed(frames), places))).toEqual({
          frames,
          problem: undefined,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same frames byte by byte', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 14, maxLength: 60 }), { maxLength: 10 }), (frames) => {
        const bytes = framed(frames);
        const pieces = [...bytes].map((_, i) => bytes.slice(i, i + 1));
        expect(readAll(new FrameReader(), pieces).frames).toEqual(frames);
      }),
    );
  });

  it('lends few batches for many frames', () => {
    let batches = 0;
    let frames = 0;
    const stream = framed(Array.from({ length: 1000 }, () => new Uint8Array(60)));
    const reader = new FrameReader();
    for (const piece of cut(stream, [32_001])) {
      reader.read(piece, (batch) => {
        batches++;
        frames += batch.count;
      });
    }
    expect([frames, batches]).toEqual([1000, 4]);
  });

  it('puts every frame where the switch is fastest with it, in one memory', () => {
    fc.assert(
      fc.property(anyFrames, fc.array(fc.nat(), { maxLength: 30 }), (frames, places) => {
        const reader = new FrameReader();
        const rooms = new Set<ArrayBufferLike>();
        for (const piece of cut(framed(frames), places)) {
          reader.read(piece, ({ bytes, at, count }) => {
            rooms.add(bytes.buffer);
            for (let i = 0; i < count; i++) expect((bytes.byteOffset + at[i]!) % 4).toBe(2);
          });
        }
        expect(rooms.size).toBeLessThan(2);
      }),
    );
  });

  it('leaves out what is too short to be a frame, and stays in step', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 }),
        fc.array(fc.nat()),
        (all, places) => {
          const reader = new FrameReader();
          const { frames } = readAll(reader, cut(framed(all), places));
          expect(frames).toEqual(all.filter((frame) => frame.length >= 14));
          expect(reader.runts).toBe(all.length - frames.length);
        },
      ),
    );
  });

  it('ends with a length that no frame has, after the frames before it', () => {
    fc.assert(
      fc.property(
        anyFrames,
        fc.integer({ min: LONGEST_FRAME + 1, max: 0xffff_ffff }),
        fc.array(fc.nat()),
        (frames, length, places) => {
          const hostile = new Uint8Array(LENGTH_BYTES + 100);
          write32(hostile, 0, length);
          const stream = new Uint8Array(Buffer.concat([framed(frames), hostile]));
          const read = readAll(new FrameReader(), cut(stream, places));
          expect(read.frames).toEqual(frames);
          expect(read.problem).toContain(`a frame of ${length} bytes`);
        },
      ),
    );
  });
});

describe('filling a buffer', () => {
  /** A batch of frames with `headroom` before each, and gaps where `gap` says so. */
  function batchOf(frames: readonly Uint8Array[], headroom: number, gap: (i: number) => number): FrameBatch {
    const total = frames.reduce((sum, frame, i) => sum + headroom + gap(i) + frame.length, 0);
    const batch = newBatch(new Uint8Array(total), Math.max(1, frames.length), headroom);
    let at = 0;
    frames.forEach((frame, i) => {
      at += gap(i) + headroom;
      batch.bytes.set(frame, at);
      batch.at[i] = at;
      batch.length[i] = frame.length;
      at += frame.length;
    });
    batch.count = frames.length;
    return batch;
  }

  it('gives what is read again, however the frames lie in the batch', () => {
    fc.assert(
      fc.property(
        anyFrames,
        fc.constantFrom(0, 2, 4, 64),
        fc.array(fc.nat(3), { maxLength: 40 }),
        (frames, headroom, gaps) => {
          const buffer = new FrameBuffer(1 << 22);
          const added = buffer.addBatch(
            batchOf(frames, headroom, (i) => gaps[i] ?? 0),
            0,
          );
          expect(added).toBe(frames.length);
          const { frames: read } = readAll(new FrameReader(), [buffer.bytes.subarray(0, buffer.used)]);
          expect(read).toEqual(frames);
        },
      ),
    );
  });

  it('stops at what has no room, and never before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 14, maxLength: 40 }), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(2, 4),
        fc.integer({ min: 0, max: 900 }),
        (frames, headroom, size) => {
          const buffer = new FrameBuffer(size);
          const added = buffer.addBatch(
            batchOf(frames, headroom, () => 0),
            0,
          );
          const expected = framed(frames.slice(0, added));
          expect(new Uint8Array(buffer.bytes.subarray(0, buffer.used))).toEqual(expected);
          const next = frames[added];
          if (next) expect(buffer.used + LENGTH_BYTES + next.length).toBeGreaterThan(size);
        },
      ),
    );
  });

  it('takes no frame that nobody would read', () => {
    const buffer = new FrameBuffer(1 << 20);
    const longer = new Uint8Array(LONGEST_FRAME + 4);
    expect(buffer.add(longer)).toBe(false);
    expect(
      buffer.addBatch(
        batchOf([new Uint8Array(60), longer], 4, () => 0),
        0,
      ),
    ).toBe(1);
    expect(buffer.add(new Uint8Array(LONGEST_FRAME))).toBe(true);
  });
});
