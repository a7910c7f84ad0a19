import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PcapngWriter } from './pcapng.ts';

it('gives in pieces what it gives as a whole', () => {
  const step = fc.record({
    frame: fc.uint8Array({ maxLength: 60 }),
    comment: fc.string(),
    isTaken: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
      const [whole, inPieces] = [new PcapngWriter(), new PcapngWriter()];
      const pieces: Uint8Array[] = [];
      for (const writer of [whole, inPieces]) writer.interface('eth0');
      steps.forEach(({ frame, comment, isTaken }, i) => {
        for (const writer of [whole, inPieces]) writer.packet(0, BigInt(i), frame, comment);
        if (isTaken) pieces.push(inPieces.take());
      });
      pieces.push(inPieces.take());
      expect(new Uint8Array(Buffer.concat(pieces))).toEqual(whole.finish());
      expect(inPieces.take()).toHaveLength(0);
    }),
  );
});
