import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODES } from '../../src/base/codes.ts';

const PAGE = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const sections = PAGE.split(/^### /m)
  .slice(1)
  .map((section) => {
    const [code = '', ...rest] = section.split('\n');
    return { code, text: rest.join('\n') };
  });

describe('docs/errors.md', () => {
  it('has a heading for each code, and for nothing else', () => {
    expect(sections.map((s) => s.code).sort()).toEqual(Object.keys(CODES).sort());
  });

  it('says title and status as the table does, the cause, and what to do', () => {
    for (const { code, text } of sections) {
      const { title, status } = CODES[code as keyof typeof CODES];
      const [first, cause, remedy] = text.trim().split('\n\n');
      expect(first).toBe(`${title} (${status}).`);
      expect(cause, code).toBeTruthy();
      expect(remedy, code).toMatch(/^What to do: /);
    }
  });
});
