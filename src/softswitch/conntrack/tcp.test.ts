import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../packet/address.ts';
import { frame } from '../../packet/build.ts';
import { TCP_FLAG } from '../../packet/tcp.ts';
import type { Segment } from './state.ts';
import {
  beginsTcp,
  beginTcp,
  isPlainAck,
  isPlainTcp,
  isTcpEstablished,
  TCP_WORDS,
  tcpStateName,
  updatePlainTcp,
  updateTcp,
} from './tcp.ts';
import { TIMEOUT } from './timeouts.ts';

const { FIN, SYN, RST, PSH, ACK } = TCP_FLAG;
const L4 = 34;

interface Fields {
  readonly flags: number;
  readonly seq: number;
  readonly ack?: number;
  readonly window?: number;
  readonly length?: number;
  /** Window scale option. */
  readonly scale?: number;
}

function segment({ flags, seq, ack = 0, window = 1000, length = 0, scale }: Fields): Segment {
  const options = scale === undefined ? {} : { options: new Uint8Array([3, 3, scale, 1]) };
  const bytes = frame(
    { layer: 'eth' },
    { layer: 'ipv4', src: ipv4('10.0.0.1'), dst: ipv4('10.0.0.2') },
    { layer: 'tcp', flags, seq: seq >>> 0, ack: ack >>> 0, window, ...options },
    { layer: 'data', bytes: new Uint8Array(length) },
  );
  return { bytes, l4: L4, end: bytes.length };
}

class Watched {
  readonly peers = new Int32Array(TCP_WORDS);

  constructor(first: Fields) {
    beginTcp(this.peers, 0, segment(first));
  }

  sends(fields: Fields): string {
    return updateTcp(this.peers, 0, segment(fields), false).verdict;
  }

  answers(fields: Fields): string {
    return updateTcp(this.peers, 0, segment(fields), true).verdict;
  }

  get state(): string {
    return tcpStateName(this.peers, 0);
  }
}

/** After the handshake: the opener is at 101, the other end at 501. */
function established(): Watched {
  const watched = new Watched({ flags: SYN, seq: 100 });
  expect(watched.answers({ flags: SYN | ACK, seq: 500, ack: 101 })).toBe('established');
  expect(watched.sends({ flags: ACK, seq: 101, ack: 501 })).toBe('established');
  return watched;
}

describe('the state of a TCP connection', () => {
  it('goes through the handshake', () => {
    const watched = new Watched({ flags: SYN, seq: 100 });
    expect(watched.state).toBe('SYN_SENT');
    expect(watched.sends({ flags: SYN, seq: 100 })).toBe('new');
    watched.answers({ flags: SYN | ACK, seq: 500, ack: 101 });
    expect(isTcpEstablished(watched.peers, 0)).toBe(false);
    watched.sends({ flags: ACK, seq: 101, ack: 501 });
    expect(isTcpEstablished(watched.peers, 0)).toBe(true);
    expect(watched.state).toBe('ESTABLISHED');
  });

  it('goes through the end, and begins again', () => {
    const watched = established();
    watched.sends({ flags: FIN | ACK, seq: 101, ack: 501 });
    expect(watched.state).toBe('CLOSING');
    watched.answers({ flags: FIN | ACK, seq: 501, ack: 102 });
    watched.sends({ flags: ACK, seq: 102, ack: 502 });
    expect(watched.state).toBe('TIME_WAIT');
    expect(watched.sends({ flags: SYN, seq: 9000 })).toBe('again');
  });

  it('lives as long as its state says', () => {
    const { peers } = established();
    const timeout = (fields: Fields) => updateTcp(peers, 0, segment(fields), false).timeout;
    expect(timeout({ flags: ACK, seq: 101, ack: 501 })).toBe(TIMEOUT.TCP_ESTABLISHED);
    expect(timeout({ flags: FIN | ACK, seq: 101, ack: 501 })).toBe(TIMEOUT.TCP_CLOSING);
  });

  it('takes what is in the window, and a retransmission, but nothing far outside', () => {
    const watched = established();
    expect(watched.sends({ flags: ACK | PSH, seq: 101, ack: 501, length: 900 })).toBe('established');
    expect(watched.sends({ flags: ACK | PSH, seq: 101, ack: 501, length: 900 })).toBe('established');
    expect(watched.sends({ flags: ACK | PSH, seq: 101 + 5000, ack: 501, length: 10 })).toBe('invalid');
    expect(watched.sends({ flags: ACK | PSH, seq: 101 - 5000, ack: 501, length: 10 })).toBe('invalid');
    expect(watched.sends({ flags: ACK, seq: 1001, ack: 501 - 100_000 })).toBe('invalid');
  });

  it('scales windows only where both ends announced it', () => {
    const far = (scale: number | undefined) => {
      const watched = new Watched({ flags: SYN, seq: 100, scale: 7, window: 1000 });
      watched.answers({
        flags: SYN | ACK,
        seq: 500,
        ack: 101,
        window: 1000,
        ...(scale === undefined ? {} : { scale }),
      });
      watched.sends({ flags: ACK, seq: 101, ack: 501, window: 1000 });
      watched.answers({ flags: ACK, seq: 501, ack: 101, window: 1000 });
      return watched.sends({ flags: ACK, seq: 101 + 100_000, ack: 501, length: 10 });
    };
    expect(far(7)).toBe('established');
    expect(far(undefined)).toBe('invalid');
  });

  it('wants a reset to be exact', () => {
    expect(established().answers({ flags: RST, seq: 600 })).toBe('invalid');
    const watched = established();
    expect(watched.answers({ flags: RST, seq: 501 })).toBe('established');
    expect(watched.state).toBe('TIME_WAIT');
  });

  it.each([
    ['a SYN', SYN, true],
    ['what may be in the middle of a connection', ACK, true],
    ['no SYN with ACK', SYN | ACK, false],
    ['no SYN with FIN', SYN | FIN, false],
    ['no FIN without ACK', FIN, false],
    ['nothing without flags', 0, false],
  ])('begins with %s', (_, flags, begins) => {
    expect(beginsTcp(segment({ flags, seq: 1 }))).toBe(begins);
  });

  it('is left as it is by a plain segment that is invalid, once it is established', () => {
    const fields = fc.record({
      flags: fc.nat(255),
      seq: fc.oneof(fc.integer(), fc.integer({ min: 0, max: 3000 })),
      ack: fc.oneof(fc.integer(), fc.integer({ min: 400, max: 3000 })),
      window: fc.nat(0xffff),
      length: fc.nat(50),
    });
    let invalid = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(fields, fc.boolean()), { maxLength: 20 }), (sent) => {
        const { peers } = established();
        for (const [next, isReply] of sent) {
          if (!isTcpEstablished(peers, 0)) break;
          const before = peers.slice();
          const made = segment(next);
          const { verdict } = updateTcp(peers, 0, made, isReply);
          const { flags, seq, ack = 0, window = 1000, length = 0 } = next;
          if (isPlainAck(flags)) {
            const again = before.slice();
            const isValid = updatePlainTcp(again, 0, isReply, seq | 0, ack | 0, window, length);
            expect([isValid, again]).toEqual([verdict === 'established', peers]);
          }
          if (!isPlainTcp(made)) continue;
          // The cache relies on both.
          if (verdict === 'invalid') {
            invalid++;
            expect(peers).toEqual(before);
          }
          expect(isTcpEstablished(peers, 0)).toBe(true);
        }
      }),
    );
    expect(invalid).toBeGreaterThan(0);
  });
});
