/**
 * Keeps the documents true: what stands between `<!-- generated: NAME ARGUMENTS -->` and `<!-- end -->` is output of the
 * program itself, put there anew.
 *
 *     npm run docs                              writes every block of README.md and docs/*.md
 *     npm run docs -- flows classify            prints one block, here the flows of a table
 *
 * test/docs/docs.test.ts fails when a block is not what it would be now. What blocks there are: generate/blocks.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { render } from './generate/blocks.ts';
import { generatedDocuments, replaceBlocks } from './generate/markdown.ts';

const [name, ...args] = process.argv.slice(2);
if (name !== undefined) {
  console.log(await render({ name, args }));
} else {
  for (const file of generatedDocuments()) {
    const before = readFileSync(file, 'utf8');
    const after = await replaceBlocks(before, render);
    if (after !== before) {
      writeFileSync(file, after);
      console.log(`${file} has changed`);
    }
  }
}
