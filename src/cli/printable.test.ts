import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { printable } from './printable.ts';

describe('printable', () => {
  it('shows what a terminal would do', () => {
    expect(printable('\u001b[2J\u001b]0;title\u0007')).toBe('\\u001b[2J\\u001b]0;title\\u0007');
    expect(printable('a\rb\u009b2Jc\u202ed\u007f')).toBe('a\\u000db\\u009b2Jc\\u202ed\\u007f');
    // Text that is hidden is worse than one in red.
    expect(printable('\u001b[8mhidden')).toBe('\\u001b[8mhidden');
    expect(printable('\u001b[31;8mhidden')).toBe('\\u001b[31;8mhidden');
  });

  it('leaves text alone, and the colours of this program', () => {
    const { bold, dim, red, green, yellow } = pc.createColors(true);
    for (const text of ['naïve 東京 ✔\tx\n', bold('a'), dim(red('b')), green(yellow('c'))]) {
      expect(printable(text)).toBe(text);
    }
  });

  it('lets no control character by, and changes nothing twice', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const bad = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u202e]|\u001b(?!\[\d\d?m)/;
    const unit = fc.oneof(
      fc.constantFrom('\u001b', '[', '3', '1', 'm', '\u009b'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(unit), (parts) => {
        const shown = printable(parts.join(''));
        expect(shown).not.toMatch(bad);
        expect(printable(shown)).toBe(shown);
      }),
    );
  });

  it('keeps JSON what it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(printable(JSON.stringify({ text })))).toEqual({ text });
      }),
    );
  });
});
