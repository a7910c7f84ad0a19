import { describe, expect, it } from 'vitest';
import { endOf } from './run-tool.ts';

const NODE = process.execPath;

describe('a program of the system', () => {
  it('is run to its end, with what it is given to read', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.exitCode = 3; console.error("why")';
    expect(await endOf(NODE, ['-e', script], { input: 'a secret' })).toEqual({
      code: 3,
      out: 'a secret',
      err: 'why\n',
    });
  });

  it('has no code where it does not run to its end, and says why', async () => {
    expect(await endOf('no-such-program', [])).toMatchObject({
      code: null,
      err: expect.stringContaining('ENOENT'),
    });
    expect(await endOf(NODE, ['a\0b'])).toMatchObject({ code: null, err: expect.stringContaining('null') });
    const hanging = await endOf(NODE, ['-e', 'setInterval(() => {}, 1000)'], { limit: 100 });
    expect(hanging.code).toBeNull();
    expect(hanging.err).not.toBe('');
  });

  it('may close what it does not read', async () => {
    const ended = await endOf(NODE, ['-e', 'process.stdin.destroy()'], { input: 'x'.repeat(1 << 20) });
    expect(ended.code).toBe(0);
  });
});
