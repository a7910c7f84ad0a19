/** The documents are true: generated blocks, links, files and scripts that are named. See docs/README.md. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { render } from '../../docs/generate/blocks.ts';
import { blocksOf, generatedDocuments, ROOT, replaceBlocks } from '../../docs/generate/markdown.ts';
import { TABLES } from '../../src/pipeline/tables.ts';
import { anchorsOf, filesNamedIn, linksOf, scriptsNamedIn } from './markdown.ts';

const NOT_OURS = ['node_modules', 'dist', '.git'];
const roots = readdirSync(ROOT).filter((name) => !NOT_OURS.includes(name));

/** Every file of the repository, from its root. */
const files = roots.flatMap((root) => {
  const found = readdirSync(join(ROOT, root, '..'), { withFileTypes: true }).find((e) => e.name === root);
  if (!found?.isDirectory()) return [root];
  return readdirSync(join(ROOT, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
});
const pages = files
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

describe('the list of documents', () => {
  it('has every page', () => {
    const list = linksOf(pages.find(({ file }) => file === 'docs/README.md')!.text).join('\n');
    const own = pages.map(({ file }) => file).filter((file) => /^docs\/[^/]+\.md$/.test(file));
    for (const file of own.filter((each) => each !== 'docs/README.md'))
      expect(list).toContain(file.slice('docs/'.length));
  });
});

describe('generated blocks', () => {
  const documents = generatedDocuments().map((path) => [relative(ROOT, path)]);

  it.each(documents)('of %s are what the program prints now', async (file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const fresh = await replaceBlocks(text, render);
    expect(fresh, `run "npm run docs", and read what has changed in ${file}`).toBe(text);
  });

  it('show each step of a walk that is shown in parts', () => {
    const parts = new Map<string, string[]>();
    for (const { text } of pages) {
      for (const { name, args } of blocksOf(text)) {
        const [example, from, to, steps] = args;
        if (name === 'walk' && steps !== undefined)
          parts.set(`${example} ${from} ${to}`, [...(parts.get(`${example} ${from} ${to}`) ?? []), steps]);
      }
    }
    const ranges = parts.get('blue-red blue1 blue2') ?? [];
    expect(ranges.at(-1)).toMatch(/-end$/);
    let next = 1;
    for (const range of ranges) {
      const [first, last] = range.split('-');
      expect(Number(first), `steps before ${range}`).toBe(next);
      next = Number(last) + 1;
    }
  });

  it('show the rules of every table of the pipeline', () => {
    const { text } = pages.find(({ file }) => file === 'docs/pipeline.md')!;
    const shown = blocksOf(text).flatMap(({ name, args }) => (name === 'flows' ? args : []));
    expect(shown).toEqual(TABLES.map((table) => table.name));
  });

  it('are replaced where they are, and a block without an end is noticed', async () => {
    const text = 'a\n<!-- generated: x "1 2" 3 -->\nold\n<!-- end -->\nb\n';
    expect(blocksOf(text)).toEqual([{ name: 'x', args: ['1 2', '3'] }]);
    const fresh = await replaceBlocks(text, async ({ args }) => args.join(' $& '));
    expect(fresh).toBe('a\n<!-- generated: x "1 2" 3 -->\n\n1 2 $& 3\n\n<!-- end -->\nb\n');
    expect(() => blocksOf(text.replace('<!-- end -->', ''))).toThrow(/1 generated blocks begin, 0 end/);
    await expect(render({ name: 'no-such', args: [] })).rejects.toThrow(/no block no-such/);
    await expect(render({ name: 'walk', args: ['blue-red', 'blue1', '10.0.0.99', '3-9'] })).rejects.toThrow(
      /3 steps/,
    );
  });
});

describe('references', () => {
  it('of links lead to a file, and to a heading that it has', () => {
    const broken = pages.flatMap(({ file, text }) =>
      linksOf(text)
        .filter((link) => !leads(file, text, link))
        .map((link) => `${file}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it('to files name files that exist', () => {
    const unknown = pages.flatMap(({ file, text }) =>
      filesNamedIn(text, roots)
        .filter((name) => !exists(name))
        .map((name) => `${file}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('to scripts name scripts of package.json', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const unknown = pages.flatMap(({ file, text }) =>
      scriptsNamedIn(text)
        .filter((name) => !(name in scripts))
        .map((name) => `${file}: npm run ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('that lead nowhere would be found (the tests can fail)', () => {
    const text =
      '# A `b` (c)\n## A\n## A\n[x](#a-b-c) [y](no.md) `[z](w)` https://x.y\n```\n[q](r)\n# D\n```\n';
    expect([...anchorsOf(text)]).toEqual(['a-b-c', 'a', 'a-1']);
    expect(linksOf(text)).toEqual(['#a-b-c', 'no.md']);
    expect(leads('README.md', text, '#a-b-c')).toBe(true);
    expect(leads('README.md', text, '#d')).toBe(false);
    expect(leads('docs/README.md', text, 'pipeline.md#no-such-table')).toBe(false);
    expect(leads('docs/README.md', text, 'pipeline.md#12-forward')).toBe(true);
    const named = '`src/no.ts` `text.ts` `src/flow/` `*.ts` `a/<b>.ts` `10.0.0.0/24` `npm run nothing`';
    expect(filesNamedIn(named, roots)).toEqual(['src/no.ts', 'text.ts', 'src/flow/']);
    expect(['src/no.ts', 'text.ts', 'src/flow/', 'src/nothing/'].map(exists)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(scriptsNamedIn(named)).toEqual(['nothing']);
    expect(pages.length).toBeGreaterThan(10);
  });
});

function leads(file: string, text: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : join(dirname(file), decodeURI(path));
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  return anchorsOf(path === '' ? text : readFileSync(join(ROOT, target), 'utf8')).has(anchor);
}

/** A path from the root, or the end of one: `pipeline/cookies.ts`, `cookies.ts`. */
function exists(name: string): boolean {
  return existsSync(join(ROOT, name)) || files.some((file) => file.endsWith(`/${name}`));
}
