/**
 * `npm run kernel`: compiles src/softswitch/kernel/assembly, and writes wasm-module.ts beside it, which is committed, so that nobody needs a
 * compiler who only wants to run or install this. A test compiles once more and compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { SHAPE } from '../../src/softswitch/cache/frame-key.ts';
import * as layout from '../../src/softswitch/kernel/layout.ts';

const SOURCE = new URL('../../src/softswitch/kernel/assembly/index.ts', import.meta.url);
const MODULE = new URL('../../src/softswitch/kernel/wasm-module.ts', import.meta.url);

/** The constants of layout.ts as AssemblyScript: LIST.AT is LIST_AT there. */
function constants(): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries({ ...layout, SHAPE })) {
    if (typeof value === 'number') lines.push(`export const ${name}: i32 = ${value};`);
    if (typeof value !== 'object') continue;
    for (const [key, word] of Object.entries(value))
      lines.push(`export const ${name}_${key}: i32 = ${word};`);
  }
  return `${lines.join('\n')}\n`;
}

/** The compiled kernel. */
export async function compileKernel(): Promise<Uint8Array> {
  const { default: asc } = await import('assemblyscript/asc');
  const files = new Map([
    ['index.ts', readFileSync(SOURCE, 'utf8')],
    ['layout.ts', constants()],
  ]);
  let binary: Uint8Array | undefined;
  const options =
    '--outFile kernel.wasm --optimizeLevel 3 --shrinkLevel 0 --runtime stub --importMemory --noAssert';
  const { error, stderr } = await asc.main(['index.ts', ...options.split(' '), '--enable', 'simd'], {
    readFile: (name) => files.get(name) ?? null,
    writeFile: (_, contents) => {
      binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`${error?.message}\n${stderr}`);
  return binary;
}

if (import.meta.main) {
  const binary = await compileKernel();
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  const text = lines.map((line) => `  '${line}',`).join('\n');
  writeFileSync(
    MODULE,
    `/** Written by \`npm run kernel\` from assembly/index.ts: a WebAssembly module in base64. */\nexport const WASM_MODULE = [\n${text}\n].join('');\n`,
  );
  console.log(`${binary.length} bytes`);
}
