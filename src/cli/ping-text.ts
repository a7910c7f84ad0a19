/** Results of pings on the terminal. */
import type { PingView } from '../api/probe.ts';
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

export function pingTable(pings: readonly PingView[], colours: Colours): string {
  const rows = pings.map((ping) => {
    const { from, to, address, sent, received, rtt, verdict } = ping;
    const mark =
      verdict === 'answered'
        ? colours.green('✔')
        : verdict === 'lost'
          ? colours.red('✘')
          : colours.yellow('~');
    // IPv4 goes without saying.
    const goal = address.includes(':') && to !== address ? `${to} (${address})` : to;
    return [mark, from, goal, `${received}/${sent}`, rtt ? `${rtt.avg.toFixed(2)} ms` : '', lossText(ping)];
  });
  return table(['', 'FROM', 'TO', 'ANSWERED', 'TIME', 'WHY NOT'], rows, colours);
}

/** Where an unanswered frame ended, and why; empty when all were answered. */
export function lossText({ dropped }: PingView): string {
  if (!dropped) return '';
  const { at, reason, origin } = dropped;
  return `${reason} (at ${at}${origin ? `; from ${origin}` : ''})`;
}
