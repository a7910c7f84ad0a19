/** A walk as text, for a terminal. */
import type { Walk, WalkStep } from './walk.ts';

export interface WalkTextOptions {
  /** Emphasises what it is given; default: leaves it as it is. */
  readonly bold?: (text: string) => string;
  readonly dim?: (text: string) => string;
}

export function formatWalk(walk: Walk, options: WalkTextOptions = {}): string {
  const bold = options.bold ?? ((text) => text);
  const dim = options.dim ?? ((text) => text);
  const lines = [bold(`${walk.from} -> ${walk.to} (${walk.address})`), ''];
  let way: WalkStep['way'] = 'there';
  /** As it was shown last; a step that leaves it alone does not show it again. */
  let frame: string | undefined;
  for (const step of walk.steps) {
    if (step.way !== way) {
      way = step.way;
      lines.push('', bold('and back'), '');
    }
    lines.push(...stepLines(step, frame, bold, dim));
    frame = step.after ?? step.before ?? frame;
  }
  lines.push('', bold(outcomeText(walk)));
  return `${lines.join('\n')}\n`;
}

function stepLines(
  step: WalkStep,
  shown: string | undefined,
  bold: (text: string) => string,
  dim: (text: string) => string,
): string[] {
  const number = `${step.number}.`.padStart(4);
  const lines = [`${number} ${bold(step.what)}`];
  if (step.before && step.before !== shown) lines.push(dim(`       frame        ${step.before}`));
  for (const rule of step.rules) {
    lines.push(
      `       ${rule.table.padEnd(12)} ${rule.words}${rule.origin ? dim(`  [${rule.origin}]`) : ''}`,
    );
    if (rule.writes.length > 0) lines.push(dim(`       ${''.padEnd(12)} writes ${rule.writes.join(' ')}`));
  }
  if (step.after)
    lines.push(dim(`       ${step.place === 'tunnel' ? 'becomes' : 'after  '}      ${step.after}`));
  if (step.outputs.length > 0) lines.push(`       leaves by    ${step.outputs.join(', ')}`);
  return lines;
}

function outcomeText(walk: Walk): string {
  const { dropped } = walk;
  if (!dropped) return `Answered: ${walk.steps.length} steps there and back.`;
  if (walk.outcome === 'answered-by-another') return `${walk.to} is never reached: ${dropped.reason}.`;
  const where = walk.outcome === 'delivered' ? 'It arrived, but the answer was lost' : 'Dropped';
  return `${where} at ${dropped.at}: ${dropped.reason}.${dropped.origin ? ` The rule came from ${dropped.origin}.` : ''}`;
}
