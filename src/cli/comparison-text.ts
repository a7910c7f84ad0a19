/** Where like hosts differ, for people. */
import type { Comparison } from '../controller/fabric/compare.ts';
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

/** A table for each group of hosts: what most have, and who has what instead. */
export function comparisonText(comparisons: readonly Comparison[], colours: Colours): string {
  if (comparisons.length === 0) return 'No host group has two hosts to compare.\n';
  return comparisons.map((each) => oneText(each, colours)).join('\n');
}

function oneText({ of, hosts, differences }: Comparison, colours: Colours): string {
  const head = `${colours.bold(of)}: ${hosts.length} hosts`;
  if (differences.length === 0) return `${head}, all alike.\n`;
  const rows = differences.map(({ aspect, usual, values }) => [
    aspect,
    usual ?? '',
    values
      .filter(({ value }) => value !== usual)
      .map(({ value, hosts: who }) => `${who.join(', ')}: ${value}`)
      .join('\n'),
  ]);
  return `${head}\n\n${table(['WHAT', 'MOST HAVE', 'OTHERS'], rows, colours)}`;
}
