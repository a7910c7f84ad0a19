#!/usr/bin/env node
// The one entry point: the built program where there is one (the published package), the sources as they are
// in a checkout (Node strips the types). Plain JavaScript, so that an old Node can still say what it lacks.
import { existsSync } from 'node:fs';
import * as module from 'node:module';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 7)) {
  console.error(
    `netloom needs Node.js 24.7 or newer; this is ${process.versions.node}. In a checkout, use "npx netloom".`,
  );
  process.exit(1);
}
module.enableCompileCache?.();
const built = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import(
  existsSync(built) ? built.href : new URL('../src/cli/main.ts', import.meta.url).href
);
process.exitCode = await main(process.argv.slice(2));
