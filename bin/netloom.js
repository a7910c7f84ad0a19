#!/usr/bin/env node
// The one entry point: the built program where there is one (the published package), the sources as they are
// in a checkout (Node strips the types). Plain JavaScript, so that an old Node can still say what it lacks.
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { userInfo } from 'node:os';
import { join } from 'node:path';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 7)) {
  console.error(
    `netloom needs Node.js 24.7 or newer; this is ${process.versions.node}. In a checkout, use "npx netloom".`,
  );
  process.exit(1);
}
// What is in there is run, so it is in a place of this user alone: left to itself, Node takes one in /tmp, where anybody
// may have been first.
try {
  module.enableCompileCache(join(userInfo().homedir, '.cache', 'netloom', 'compiled'));
} catch {
  // A user without a name has no home; then each start takes a little longer.
}
const built = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import(
  existsSync(built) ? built.href : new URL('../src/cli/main.ts', import.meta.url).href
);
process.exitCode = await main(process.argv.slice(2));
