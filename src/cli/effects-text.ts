/** What a change does to traffic, on the terminal: what is interrupted first, then the guards, then the rest. */
import type { Effect } from '../controller/plan/effect.ts';
import { count, table } from './table.ts';
import type { Colours } from './terminal.ts';

/** How many are shown one by one; the rest is counted. */
const SHOWN = 40;
/** Characters of a change that still go on one line. */
const WIDE = 80;

/** `total`: how many there are, those that the server does not name included. */
export function effectsText(effects: readonly Effect[], total: number, colours: Colours): string {
  if (effects.length === 0) return '';
  const { red, yellow, dim } = colours;
  const rows = effects.slice(0, SHOWN).map((effect) => {
    const { milliseconds } = effect.interruption;
    const length = lengthText(effect);
    const colour = milliseconds === 0 ? dim : milliseconds === null ? red : yellow;
    return [`  ${effect.host ?? 'all of it'}`, effect.subject, narrow(effect.text), colour(length)];
  });
  const rest = total - rows.length;
  const hurt = effects.slice(SHOWN).filter(({ interruption }) => interruption.milliseconds !== 0).length;
  const more =
    rest > 0
      ? dim(
          `  and ${count(rest, 'more effect')}, ${hurt === 0 ? 'none' : hurt} with an interruption; -o json has them\n`,
        )
      : '';
  return [
    '\nWhat it does to traffic\n',
    table(['  HOST', 'WHAT', 'CHANGE', 'INTERRUPTED'], rows, colours),
    more,
    guardLines(effects),
    reasons(effects, colours),
    ...managementLines(effects, colours),
  ].join('');
}

/** What has several parts and would make the table wide has a line for each. */
function narrow(text: string): string {
  return text.length > WIDE ? text.replaceAll('; ', ';\n') : text;
}

/** `no`, `about 200 ms`, `about 1 s, 3 vNICs`, `until somebody acts` */
function lengthText({ change, interruption: { milliseconds }, vnics }: Effect): string {
  if (milliseconds === 0) return 'no';
  const time =
    milliseconds === null
      ? change === 'goes'
        ? 'for good'
        : 'until somebody acts'
      : `about ${milliseconds < 1000 ? `${milliseconds} ms` : `${milliseconds / 1000} s`}`;
  return vnics.length > 1 ? `${time}, ${vnics.length} vNICs` : time;
}

function guardLines(effects: readonly Effect[]): string {
  const lines = effects.flatMap(({ host, subject, guards }) =>
    guards.map(({ guard, before, after }) => `  ${host}: ${subject}: ${guard}: ${before} -> ${after}\n`),
  );
  if (lines.length === 0) return '';
  const more = lines.length > SHOWN ? `  and ${lines.length - SHOWN} more\n` : '';
  return `\nGuards\n${lines.slice(0, SHOWN).join('')}${more}`;
}

/** Each reason once, for the interruptions that are shown. */
function reasons(effects: readonly Effect[], { dim }: Colours): string {
  const shown = effects.filter(
    ({ change, interruption }) => interruption.milliseconds !== 0 && change !== 'goes',
  );
  const lines = new Set(
    shown.map((effect) => `  ${lengthText({ ...effect, vnics: [] })}: ${effect.interruption.why}\n`),
  );
  return lines.size === 0 ? '' : `\n${dim([...lines].join(''))}`;
}

function managementLines(effects: readonly Effect[], { yellow }: Colours): string[] {
  const hosts = new Set(effects.flatMap(({ management, host }) => (management && host ? [host] : [])));
  const first = [...hosts].slice(0, 10).join(', ');
  const more = hosts.size > 10 ? ` and ${hosts.size - 10} more` : '';
  if (hosts.size === 0) return [];
  return [
    `\n${yellow('Management:')} the hosts themselves may be out of reach meanwhile, since their own vNICs or NICs are behind what changes: ${first}${more}.\n`,
  ];
}
