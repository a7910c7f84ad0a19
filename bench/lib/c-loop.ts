/** The loop in C (loop.c): what a machine needs at least for the work on the bytes of a frame. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LOOP = fileURLToPath(new URL('loop.c', import.meta.url));

export interface CLoop {
  /** Frames a second of processor time; `size` with the frame check sequence. */
  run(size: number): number;
  remove(): void;
}

/** Undefined, and said so, where there is no compiler. */
export function compileLoop(): CLoop | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-loop-'));
  const program = join(directory, 'loop');
  const remove = () => rmSync(directory, { recursive: true });
  try {
    execFileSync('gcc', ['-O2', '-w', LOOP, '-o', program]);
  } catch (error) {
    console.error(`softswitch: no comparison with C: gcc: ${String(error).split('\n')[0]}`);
    remove();
    return undefined;
  }
  const run = (size: number) => {
    const text = execFileSync(program, [String(size), '65536', '0.3', 'batch'], { encoding: 'utf8' });
    return Number(/median ([\d.]+) Mpps/.exec(text)?.[1]) * 1e6;
  };
  return { run, remove };
}
