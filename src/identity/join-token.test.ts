import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetloomError } from '../base/error.ts';
import {
  hashJoinSecret,
  type JoinToken,
  makeJoinSecret,
  readJoinToken,
  sameJoinSecret,
  writeJoinToken,
} from './join-token.ts';

const TOKEN: JoinToken = {
  url: 'https://[2001:db8::1]:7301',
  authority: 'ab'.repeat(32),
  host: 'Host 1_ü',
  ...makeJoinSecret(),
};

/** What a text is read as, or the code that it is refused with. Anything else that is thrown fails the test. */
function read(text: string): JoinToken | string {
  try {
    return readJoinToken(text);
  } catch (thrown) {
    if (!(thrown instanceof NetloomError)) throw thrown;
    expect(thrown.message).not.toContain(TOKEN.secret);
    return thrown.code;
  }
}

describe('a join token', () => {
  it('says what it was made with, also with white space around it', () => {
    expect(read(writeJoinToken(TOKEN))).toEqual(TOKEN);
    expect(read(`\n ${writeJoinToken(TOKEN)}\r\n`)).toEqual(TOKEN);
    expect(writeJoinToken(TOKEN)).toMatch(/^nlj_[A-Za-z0-9_-]+$/);
  });

  it('is refused when a part is missing or wrong', () => {
    const wrong: Partial<JoinToken>[] = [
      { url: 'http://192.0.2.1:7301' },
      { url: 'nowhere' },
      { authority: 'ab' },
      { host: '' },
      { host: 'x'.repeat(64) },
      { id: 'x' },
      { secret: 'short' },
    ];
    for (const part of wrong) expect(read(writeJoinToken({ ...TOKEN, ...part }))).toBe('value-invalid');
    const whole = writeJoinToken(TOKEN);
    for (let length = 0; length < whole.length; length++)
      expect(read(whole.slice(0, length))).toBe('value-invalid');
  });

  it('is read or refused, whatever it is', () => {
    const texts = fc
      .oneof(fc.string(), fc.json())
      .map((text) => `nlj_${Buffer.from(text).toString('base64url')}`);
    fc.assert(
      fc.property(fc.oneof(texts, fc.string()), (text) => {
        expect(read(text)).toBe('value-invalid');
      }),
    );
  });

  it('has a secret of 256 bits, and only its hash is needed to know it again', () => {
    const { secret } = makeJoinSecret();
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(sameJoinSecret(secret, hashJoinSecret(secret))).toBe(true);
    for (const other of ['', makeJoinSecret().secret])
      expect(sameJoinSecret(other, hashJoinSecret(secret))).toBe(false);
    expect(sameJoinSecret('', '')).toBe(false);
  });
});
