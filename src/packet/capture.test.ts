import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, write16, write32 } from './bytes.ts';
import { readCapture } from './capture.ts';
import { PcapngWriter } from './pcapng.ts';

const TIME = 1_767_225_600_123_456_789n;

/** A file of the writer, and what it has to hold. */
const anyFile = fc
  .record({
    names: fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { minLength: 1, maxLength: 3 }),
    packets: fc.array(
      fc.record({
        on: fc.nat(2),
        time: fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }),
        bytes: fc.uint8Array({ maxLength: 70 }),
        comment: fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { nil: undefined }),
      }),
      { maxLength: 6 },
    ),
  })
  .map(({ names, packets }) => {
    const writer = new PcapngWriter();
    const ids = names.map((name) => writer.interface(name));
    const placed = packets.map((packet) => ({ ...packet, on: packet.on % ids.length }));
    for (const { on, time, bytes, comment } of placed) writer.packet(on, time, bytes, comment);
    return { names, packets: placed, file: writer.finish() };
  });

/** The same file with the other byte order: every number of the fixed parts and the options turned over. */
function bigEndian(parts: readonly (number | Uint8Array | readonly [number])[]): Uint8Array {
  const pieces = parts.map((part) => {
    if (part instanceof Uint8Array) return part;
    const room = new Uint8Array(typeof part === 'number' ? 4 : 2);
    if (typeof part === 'number') write32(room, 0, part);
    else write16(room, 0, part[0]);
    return room;
  });
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

describe('readCapture', () => {
  it('reads what the writer wrote: interfaces, times, frames, comments', () => {
    fc.assert(
      fc.property(anyFile, ({ names, packets, file }) => {
        const read = readCapture(file);
        expect(read.problem).toBeUndefined();
        expect(read.interfaces).toEqual(names.map((name) => ({ name, linkType: 1 })));
        expect(
          read.packets.map((p) => [p.interface, p.timeNs, toHex(p.frame), p.length, p.comments]),
        ).toEqual(
          packets.map((p) => [
            p.on,
            p.time,
            toHex(p.bytes),
            p.bytes.length,
            p.comment === undefined ? [] : [p.comment],
          ]),
        );
      }),
    );
  });

  it('of a file that is cut short gives what stands before the cut, and says where it is', () => {
    fc.assert(
      fc.property(anyFile, fc.nat(), ({ packets, file }, cut) => {
        const length = cut % file.length;
        const read = readCapture(file.subarray(0, length));
        expect(read.packets.length).toBeLessThanOrEqual(packets.length);
        for (const [i, packet] of read.packets.entries()) {
          expect(toHex(packet.frame)).toBe(toHex(packets[i]!.bytes));
        }
        if (read.packets.length < packets.length) {
          const at = Number(/^at byte (\d+): /.exec(read.problem ?? '')?.[1] ?? length);
          expect(at).toBeLessThanOrEqual(length);
        }
      }),
    );
  });

  it('takes any bytes', () => {
    const damaged = fc
      .tuple(anyFile, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }))
      .map(([{ file }, edits]) => {
        for (const [at, value] of edits) file[at % file.length] = value;
        return file;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (file) => {
        for (const { frame, interface: id } of readCapture(file).packets) {
          expect(frame.length).toBeLessThanOrEqual(file.length);
          expect(readCapture(file).interfaces[id]).toBeDefined();
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('reads big-endian pcapng with other resolutions, several sections, simple packets, and unknown blocks', () => {
    const section = [0x0a0d0d0a, 28, 0x1a2b3c4d, [1], [0], 0xffffffff, 0xffffffff, 28] as const;
    const file = bigEndian([
      ...section,
      // Interface: name "a", resolution 2^-10, offset 100 s, and an option that nobody knows.
      ...[1, 56, [1], [0], 0, [2], [1], Uint8Array.of(0x61, 0, 0, 0)],
      ...[[9], [1], Uint8Array.of(0x8a, 0, 0, 0), [14], [8], 0, 100, [99], [0], [0], [0], 56],
      // A name resolution block.
      ...[4, 16, 0, 16],
      // Enhanced packet, time 1536 / 1024 s, captured 3 of 9 bytes, two comments.
      ...[6, 56, 0, 0, 1536, 3, 9, Uint8Array.of(1, 2, 3, 0), [1], [2], Uint8Array.of(0x68, 0x69, 0, 0)],
      ...[[1], [1], Uint8Array.of(0x21, 0, 0, 0), [0], [0], 56],
      ...section,
      // Interface without options, snap length 2: microseconds.
      ...[1, 20, [113], [0], 2, 20],
      ...[3, 20, 5, Uint8Array.of(7, 8, 0, 0), 20],
      ...[6, 32, 0, 0, 5, 0, 0, 32],
    ] as (number | Uint8Array | readonly [number])[]);
    expect(readCapture(file)).toEqual({
      interfaces: [
        { name: 'a', linkType: 1 },
        { name: '', linkType: 113 },
      ],
      packets: [
        {
          interface: 0,
          timeNs: 101_500_000_000n,
          frame: Uint8Array.of(1, 2, 3),
          length: 9,
          comments: ['hi', '!'],
        },
        { interface: 1, timeNs: 0n, frame: Uint8Array.of(7, 8), length: 5, comments: [] },
        { interface: 1, timeNs: 5000n, frame: new Uint8Array(0), length: 0, comments: [] },
      ],
      problem: undefined,
    });
  });

  it.each([
    ['big-endian, microseconds', 0xa1b2c3d4, false, 123_456n, 123_456_000n],
    ['little-endian, microseconds', 0xa1b2c3d4, true, 123_456n, 123_456_000n],
    ['big-endian, nanoseconds', 0xa1b23c4d, false, 123_456_789n, 123_456_789n],
    ['little-endian, nanoseconds', 0xa1b23c4d, true, 123_456_789n, 123_456_789n],
  ])('reads pcap, %s', (_what, magic, little, fraction, nanoseconds) => {
    const file = new Uint8Array(24 + 16 + 3);
    const view = new DataView(file.buffer);
    view.setUint32(0, magic, little);
    view.setUint32(20, 1, little);
    [Number(TIME / 1_000_000_000n), Number(fraction), 3, 60].forEach((value, i) => {
      view.setUint32(24 + 4 * i, value, little);
    });
    file.set([1, 2, 3], 40);
    const read = readCapture(file);
    expect(read.problem).toBeUndefined();
    expect(read.interfaces).toEqual([{ name: '', linkType: 1 }]);
    const timeNs = (TIME / 1_000_000_000n) * 1_000_000_000n + nanoseconds;
    expect(read.packets).toEqual([
      { interface: 0, timeNs, frame: Uint8Array.of(1, 2, 3), length: 60, comments: [] },
    ]);
    expect(readCapture(file.subarray(0, 42)).problem).toBe('at byte 24: the packet is cut short');
  });

  it('says of another file that it is none', () => {
    expect(readCapture(new TextEncoder().encode('{"frames": []}')).problem).toContain(
      'no pcapng or pcap file',
    );
    expect(readCapture(new Uint8Array(0)).problem).toContain('no pcapng or pcap file');
  });
});
