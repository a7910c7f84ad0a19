/** A terminal that keeps what is written, for tests. */
import pc from 'picocolors';
import type { Terminal } from './terminal.ts';

export interface TestTerminal extends Terminal {
  /** What was written to each. */
  readonly written: { out: string; err: string };
}

export function testTerminal(env: Terminal['env'] = {}, input = ''): TestTerminal {
  const written = { out: '', err: '' };
  const lines = input.split('\n').filter((line) => line !== '');
  return {
    written,
    out(text) {
      written.out += text;
    },
    err(text) {
      written.err += text;
    },
    isWatched: false,
    redraw() {},
    env,
    colours: pc.createColors(false),
    errorColours: pc.createColors(false),
    readInput: async () => Buffer.from(input),
    readSecret: async () => lines.shift(),
    interrupted: async () => {},
    onStatusRequest: () => () => {},
  };
}
