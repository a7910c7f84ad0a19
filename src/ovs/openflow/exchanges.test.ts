import { describe, expect, it } from 'vitest';
import { decode } from './codec/decode.ts';
import type { ErrorMessage, Message } from './codec/message.ts';
import { Exchanges } from './exchanges.ts';

const ECHO: Message = { type: 'echo-request', data: new Uint8Array(0) };
const answer = (text: string): Message => ({ type: 'echo-reply', data: Buffer.from(text) });
const error: ErrorMessage = { type: 'error', errorType: 5, code: 1, name: 'X', data: new Uint8Array(0) };

/** What was sent, as `type xid`. */
function rig() {
  const sent: string[] = [];
  const exchanges = new Exchanges((messages) => {
    for (const bytes of messages) {
      const { xid, message } = decode(bytes);
      sent.push(`${message.type} ${xid}`);
    }
  });
  const says = (xid: number, message: Message) => exchanges.take({ version: 6, xid, message });
  return { exchanges, sent, says, barrier: (xid: number) => says(xid, { type: 'barrier-reply' }) };
}

describe('an exchange', () => {
  it('is everything that is said to its messages until the barrier is answered', async () => {
    const { exchanges, sent, says, barrier } = rig();
    const first = exchanges.begin([ECHO, ECHO], 5);
    const second = exchanges.begin([ECHO], 10);
    expect(sent).toEqual([
      'echo-request 1',
      'echo-request 2',
      'barrier-request 3',
      'echo-request 4',
      'barrier-request 5',
    ]);
    expect(exchanges.dueAt).toBe(5);
    expect(says(4, answer('b'))).toBe(true);
    expect(says(1, answer('a'))).toBe(true);
    expect(says(2, error)).toBe(true);
    expect(says(1, answer('c'))).toBe(true);
    expect(barrier(5)).toBe(true);
    expect(barrier(3)).toBe(true);
    expect(await second).toEqual([{ index: 0, message: answer('b') }]);
    expect(await first).toEqual([
      { index: 0, message: answer('a') },
      { index: 1, message: error },
      { index: 0, message: answer('c') },
    ]);
    expect(exchanges.dueAt).toBeUndefined();
  });

  it('goes on with what follows from what was said, and hears what is said late to its beginning', async () => {
    const { exchanges, sent, says, barrier } = rig();
    const over = exchanges.begin([ECHO, ECHO], 10, (replies) => {
      expect(replies).toEqual([]);
      return [ECHO];
    });
    barrier(3);
    expect(sent.slice(3)).toEqual(['echo-request 4', 'barrier-request 5']);
    says(2, error);
    barrier(5);
    expect(await over).toEqual([{ index: 1, message: error }]);
  });

  it('takes nothing that is nobody’s, and ends with the connection', async () => {
    const { exchanges, says } = rig();
    const over = exchanges.begin([ECHO], 10);
    expect([says(0, error), says(7, error)]).toEqual([false, false]);
    exchanges.end(new Error('gone'));
    await expect(over).rejects.toThrow('gone');
    expect(says(1, error)).toBe(false);
  });
});
