/** Tells the operator of agents that are turned away: on the terminal, and in the list of refusals. */
import type { Refusals } from '../access/refusals.ts';
import type { Clock } from '../base/clock.ts';
import { describeFinding } from '../base/error.ts';
import { originOf } from '../base/origin.ts';
import type { AgentTrouble } from '../controller/agents/listener.ts';
import type { Terminal } from './terminal.ts';

/** The same trouble of the same host is printed once in so many milliseconds; `netloom refusals` counts them all. */
const SAY_AGAIN_MS = 10 * 60_000;
const MOST_SAID = 1_000;

export function troubleTeller(
  refusals: Refusals,
  terminal: Pick<Terminal, 'err'>,
  clock: Clock,
): (trouble: AgentTrouble) => void {
  const said = new Map<string, number>();
  return ({ host, finding, from, certified, others = [] }) => {
    const as = host === '' ? 'an agent' : `the agent of ${host}`;
    const by = certified === undefined || certified === host ? '' : `, with the certificate of ${certified}`;
    refusals.note({ code: finding.code, user: undefined, from, request: `${as}${by}` });
    // One that is nobody is known by where it comes from, and not by what it says.
    const who = host === '' && certified === undefined ? [originOf(from)] : [host, certified ?? ''];
    const key = JSON.stringify([finding.code, ...who]);
    const now = clock.now();
    if (now - (said.get(key) ?? Number.NEGATIVE_INFINITY) < SAY_AGAIN_MS) return;
    if (said.size >= MOST_SAID) said.clear();
    said.set(key, now);
    const beside = others.length > 0 ? ` (the other one is at ${others.join(', ')})` : '';
    terminal.err(`From ${from || 'an agent'}${beside}: ${describeFinding(finding)}\n`);
  };
}
