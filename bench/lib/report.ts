/** Figures as text: a table for the terminal, and the page docs/benchmarks.md. */
import Table from 'cli-table3';
import type { Benchmark, Figure, Goal } from './figure.ts';
import type { Machine } from './machine.ts';
import { median, pairwise, quantile } from './statistics.ts';

export interface Result {
  readonly benchmark: Benchmark;
  readonly figures: readonly Figure[];
  /** Load of the machine, averaged over a minute, before and after. */
  readonly load: readonly [before: number, after: number];
  readonly seconds: number;
  /** The day, as 2026-01-31. */
  readonly date: string;
}

const HEAD = ['figure', 'unit', 'median', 'min … max', 'p99', 'compared with', 'ratio', 'goals'];
/** A p99 of fewer samples is only their maximum. */
const ENOUGH_FOR_P99 = 100;

export function textOf({ benchmark, figures, load, seconds }: Result): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [] } });
  for (const figure of figures) table.push(cells(figure));
  return [
    `${benchmark.name}: ${benchmark.what}\n`,
    `${table.toString()}\n`,
    `  load ${load[0].toFixed(2)} before, ${load[1].toFixed(2)} after; took ${seconds.toFixed(0)} s\n`,
  ].join('');
}

/** The page with these results, and those of `before` that were not measured again; sections in order of names. */
export function pageOf(
  results: readonly Result[],
  machine: Machine,
  before: string,
  known: readonly string[],
): string {
  const sections = new Map<string, string>();
  for (const section of before.split(/^(?=## )/m).slice(1)) {
    const name = /^## (\S+)/.exec(section)?.[1] ?? '';
    if (known.includes(name)) sections.set(name, section.trimEnd());
  }
  for (const result of results) sections.set(result.benchmark.name, sectionOf(result));
  const sorted = [...sections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, section]) => section);
  return `${PREFACE}
- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memory}
- Node.js ${machine.node}, ${machine.system}

${sorted.join('\n\n')}
`;
}

function sectionOf({ benchmark, figures, load, date }: Result): string {
  return [
    `## ${benchmark.name}`,
    '',
    benchmark.what,
    '',
    ...benchmark.method.map((line) => `- ${line}`),
    `- Measured on ${date}. Load of the machine: ${load[0].toFixed(2)} before, ${load[1].toFixed(2)} after.`,
    '',
    `| ${HEAD.join(' | ')} |`,
    `|${HEAD.map((_, i) => (i === 0 || i === 5 || i === 7 ? ' --- |' : ' ---: |')).join('')}`,
    ...figures.map((figure) => `| ${cells(figure).join(' | ')} |`),
  ].join('\n');
}

const PREFACE = `# Benchmarks

Measured by \`npm run bench -- --write\`, which writes this page; \`npm run bench -- NAME\` runs one, and with \`--write\`
puts it here. No test measures time: figures depend on the machine, so they are looked at by people. Each benchmark runs in a process of its own. Whatever
has a peer is measured in turn with it in one run, and the ratio, the median of the pairs with the least and the greatest,
is what can be compared between machines; absolute figures cannot. "The same at both sizes" is a ratio of at most 1.25. The goals
for memory are those of the finished product. Peers that are not there are left out, and it says which: for OVN, which need not be
installed, unpack Debian’s ovn-central, ovn-host and ovn-common ("apt-get download", "dpkg -x") and set OVN_ROOT to that directory.
`;

function cells(figure: Figure): string[] {
  const { name, unit, samples, peer, goals = [] } = figure;
  const ratios = peer ? pairwise(samples, peer.samples) : [];
  const spread = samples.length > 1 ? `${show(Math.min(...samples))} … ${show(Math.max(...samples))}` : '';
  return [
    name,
    unit,
    show(median(samples)),
    spread,
    samples.length >= ENOUGH_FOR_P99 ? show(quantile(samples, 0.99)) : '',
    peer ? `${peer.name}: ${show(median(peer.samples))}` : '',
    ratios.length > 0 ? ratioText(ratios) : '',
    goals.map((goal) => goalText(figure, goal)).join('; '),
  ];
}

/** Of many short samples the extremes are accidents: the 5th and the 95th percentile tell more. */
function ratioText(ratios: readonly number[]): string {
  const [from, to] = ratios.length < ENOUGH_FOR_P99 ? [0, 1] : [0.05, 0.95];
  return `${show(median(ratios))} (${show(quantile(ratios, from))} … ${show(quantile(ratios, to))})`;
}

function goalText(figure: Figure, goal: Goal): string {
  const { of, atMost, atLeast } = goal;
  const limits = [
    ...(atMost === undefined ? [] : [`≤ ${show(atMost)}`]),
    ...(atLeast === undefined ? [] : [`≥ ${show(atLeast)}`]),
  ];
  const unit = of === 'ratio' ? '' : ` ${figure.unit}`;
  return `${of} ${limits.join(', ')}${unit}: ${isMet(figure, goal) ? 'met' : 'NOT met'}`;
}

function isMet({ samples, peer }: Figure, { of, atMost, atLeast }: Goal): boolean {
  const value =
    of === 'median'
      ? median(samples)
      : of === 'p99'
        ? quantile(samples, 0.99)
        : median(pairwise(samples, peer?.samples ?? []));
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}

/** Three significant digits, thousands separated. */
function show(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Number(value.toPrecision(3)).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
