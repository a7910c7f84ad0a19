/** How far hosts are as they should be, for people. */
import type { HostCompliance } from '../controller/fabric/compliance.ts';
import type { Level } from '../controller/fabric/compliance-level.ts';
import type { Remediated } from '../controller/fabric/remediate.ts';
import { moment } from './moment.ts';
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

const WORDS: Readonly<Record<Level, string>> = {
  full: 'fully compliant',
  partial: 'partially compliant',
  none: 'not compliant',
  unknown: 'unknown',
};

function level(value: Level, { green, yellow, red, dim }: Colours): string {
  const colour = { full: green, partial: yellow, none: red, unknown: dim }[value];
  return colour(WORDS[value]);
}

/** A line for each host, and below them what is not as it should be. */
export function complianceText(hosts: readonly HostCompliance[], colours: Colours): string {
  if (hosts.length === 0) return 'There are no hosts.\n';
  const rows = hosts.map(({ host, level: is, parts, checkedAt }) => {
    const good = parts.filter((part) => part.level === 'full').length;
    return [
      host,
      level(is, colours),
      `${good} of ${parts.length}`,
      checkedAt === undefined ? 'never' : moment(checkedAt),
    ];
  });
  const below = hosts
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ host, reasons }) => `\n${colours.bold(host)}\n${reasons.map((each) => `  ${each}\n`).join('')}`);
  return `${table(['HOST', 'COMPLIANCE', 'PARTS', 'LOOKED AT'], rows, colours)}${below.join('')}`;
}

/** One host, part by part. */
export function partsText(
  { host, level: is, parts, reasons, checkedAt }: HostCompliance,
  colours: Colours,
): string {
  const head = `${colours.bold(host)}: ${level(is, colours)}${checkedAt === undefined ? '' : ` (looked at ${moment(checkedAt)})`}\n`;
  const told = new Set(
    parts.flatMap((part) => part.reasons.map((each) => `${part.object}, ${part.part}: ${each}`)),
  );
  const whole = reasons.filter((each) => !told.has(each)).map((each) => `  ${each}\n`);
  const rows = parts.map((part) => [
    part.object,
    part.part,
    level(part.level, colours),
    part.level === 'unknown' ? '' : [...part.reasons, ...(part.note ? [part.note] : [])].join('\n'),
  ]);
  const shown = table(['OBJECT', 'PART', 'COMPLIANCE', 'WHY'], rows, colours);
  return `${head}${whole.join('')}${shown && `\n${shown}`}`;
}

/** What was repaired, host by host. */
export function repairedText(hosts: readonly Remediated[], { bold }: Colours): string {
  return hosts
    .filter(({ repaired }) => repaired.length > 0)
    .map(({ host, repaired }) => `${bold(host)}\n${repaired.map((each) => `  repaired: ${each}\n`).join('')}`)
    .join('');
}
