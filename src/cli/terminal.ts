/** The outside of the command line: what it reads and writes. Tests give it another one. */
import pc from 'picocolors';
import { printable } from './printable.ts';
import { secretReader } from './secret-reader.ts';

export type Colours = ReturnType<typeof pc.createColors>;

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether somebody watches standard error as it is written. */
  readonly isWatched: boolean;
  /** Shows a line on standard error in the place of the one before; only where somebody watches. Without a line: none. */
  redraw(line?: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For what goes to `out`; they do nothing where it is not shown in colour. */
  readonly colours: Colours;
  /** For what goes to `err`. */
  readonly errorColours: Colours;
  /** Standard input, up to one byte more than the limit, so that it shows when there is more. */
  readInput(limit: number): Promise<Uint8Array>;
  /** A line that is not shown while it is typed; from standard input where nobody types. Undefined: there is none. */
  readSecret(prompt: string): Promise<string | undefined>;
  /** Resolves when the user or the system wants the program to end. */
  interrupted(): Promise<void>;
  /** Calls `tell` whenever somebody asks how it goes (SIGUSR1), until the answer is called. */
  onStatusRequest(tell: () => void): () => void;
}

export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process;
  // Whoever reads has gone, as in "netloom get vm | head": nothing is left to do.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  // A server whose log nobody takes any more still serves.
  stderr.on('error', () => {});
  return {
    out: (text) => void stdout.write(printable(text)),
    err: (text) => void stderr.write(printable(text)),
    isWatched: stderr.isTTY === true && env.TERM !== 'dumb',
    redraw(line = '') {
      if (!this.isWatched) return;
      // To the beginning of the line, and clear it to its end (ECMA-48: CR, EL). What does not fit would stay behind.
      stderr.write(`\r\x1b[K${printable(line.slice(0, (stderr.columns || 80) - 1))}`);
    },
    env,
    colours: pc.createColors(inColour(stdout.isTTY, env)),
    errorColours: pc.createColors(inColour(stderr.isTTY, env)),
    async readInput(limit) {
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        size += chunk.byteLength;
        if (size > limit) break;
      }
      return Buffer.concat(chunks).subarray(0, limit + 1);
    },
    readSecret: secretReader(stdin, stderr),
    interrupted: () =>
      new Promise((resolve) => {
        // The second time it does what it would have done without us: end at once.
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      }),
    onStatusRequest(tell) {
      process.on('SIGUSR1', tell);
      return () => void process.off('SIGUSR1', tell);
    },
  };
}

/** https://no-color.org */
function inColour(isTerminal: boolean | undefined, env: Terminal['env']): boolean {
  return isTerminal === true && !env.NO_COLOR && env.TERM !== 'dumb';
}
