/**
 * `npm run bench`: measures, and prints what it measured.
 *
 *     npm run bench                    all of them
 *     npm run bench -- apply change    some of them
 *     npm run bench -- --write         all of them, and writes docs/benchmarks.md
 *     npm run bench -- apply --write   one of them, and writes its section
 *     npm run bench -- --rounds 5      as often, where a benchmark has rounds that take long
 */
import { fork } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Benchmark, Figure } from './lib/figure.ts';
import { load, machine } from './lib/machine.ts';
import { pageOf, type Result, textOf } from './lib/report.ts';

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const CHILD = fileURLToPath(new URL('lib/child.ts', import.meta.url));

const known = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -'.ts'.length));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean', default: false }, rounds: { type: 'string', default: '' } },
});
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}. Usage: npm run bench -- [--write] [--rounds N] [${known.join(' ')}]`,
  );
  process.exit(1);
}

const date = new Date().toISOString().slice(0, 10);
const results: Result[] = [];
for (const name of positionals.length > 0 ? positionals : known) {
  const { benchmark } = (await import(`./${name}.ts`)) as { benchmark: Benchmark };
  const before = load();
  const start = performance.now();
  const figures = await inChild(name);
  const seconds = (performance.now() - start) / 1000;
  const result = { benchmark, figures, load: [before, load()] as const, seconds, date };
  results.push(result);
  console.log(textOf(result));
}
if (values.write) {
  writeFileSync(PAGE, pageOf(results, machine(), readFileSync(PAGE, 'utf8'), known));
  console.log('Written to docs/benchmarks.md.');
}

function inChild(name: string): Promise<readonly Figure[]> {
  const child = fork(CHILD, [name, values.rounds], { execArgv: ['--expose-gc', '--no-warnings'] });
  return new Promise((resolve, reject) => {
    let figures: readonly Figure[] | undefined;
    child.once('message', (message) => {
      figures = message as readonly Figure[];
    });
    child.once('exit', (code) => {
      if (figures && code === 0) resolve(figures);
      else reject(new Error(`the benchmark ${name} ended with exit code ${code}`));
    });
  });
}
