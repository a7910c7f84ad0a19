/** Tables without lines, as command lines show them. */
import Table from 'cli-table3';
import type { Colours } from './terminal.ts';

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '   ',
};

/** The rows under their titles; an empty text without rows. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  colours: Colours,
): string {
  if (rows.length === 0) return '';
  const made = new Table({
    chars: NO_LINES,
    head: titles.map((title) => colours.dim(title)),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows) made.push([...row]);
  const lines = made.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** `3 objects`, `1 object` */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
