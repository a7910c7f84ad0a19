/** Markdown as far as the documents need it: generated blocks, headings, links, code. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Files that may have generated blocks: README.md and docs/*.md. */
export function generatedDocuments(): string[] {
  const names = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith('.md'));
  return ['README.md', ...names.sort().map((name) => `docs/${name}`)]
    .map((name) => ROOT + name)
    .filter(existsSync);
}

/** `<!-- generated: walk blue-red blue1 blue2 1-3 -->` */
export interface BlockCall {
  readonly name: string;
  readonly args: readonly string[];
}

/** Both marks stand at the beginning of a line. */
const BLOCK = /^<!-- generated: (.*?) -->\n[\s\S]*?^<!-- end -->/gm;
const OPENING = /^<!-- generated:/gm;

/** The blocks that a text has, in order. Throws for one that has no end, or holds another. */
export function blocksOf(text: string): BlockCall[] {
  const calls = [...text.matchAll(BLOCK)].map((found) => callOf(found[1]!));
  const openings = [...text.matchAll(OPENING)].length;
  if (openings !== calls.length) throw new Error(`${openings} generated blocks begin, ${calls.length} end`);
  return calls;
}

/** The text with every block's content replaced by what `render` gives for it. */
export async function replaceBlocks(
  text: string,
  render: (call: BlockCall) => Promise<string>,
): Promise<string> {
  const contents: string[] = [];
  // One after another: what one prints may not depend on what another has left behind, nor on which is faster.
  for (const call of blocksOf(text)) contents.push(await render(call));
  let next = 0;
  return text.replace(
    BLOCK,
    (_block, call: string) => `<!-- generated: ${call} -->\n\n${contents[next++]}\n\n<!-- end -->`,
  );
}

/** Words, or `"several words"`. */
function callOf(text: string): BlockCall {
  const [name = '', ...args] = [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
  return { name, args };
}

/** A fenced block. */
export function fenced(text: string, language = 'text'): string {
  return `\`\`\`${language}\n${text.replace(/\n+$/, '')}\n\`\`\``;
}

/** A table; cells are Markdown. Columns of equal width, at least 3, as the formatter has them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Columns of equal width, for what stands in a fence. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
