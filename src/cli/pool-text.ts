/** An IP pool on the terminal: how full it is, and who has which address. */
import type { JsonObject } from '../base/json.ts';
import type { ChangeSummary } from '../controller/change.ts';
import type { PoolAddress } from '../controller/pool.ts';
import { moment } from './moment.ts';
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

export function poolText(pool: JsonObject, addresses: readonly PoolAddress[], colours: Colours): string {
  const rows = addresses.map(({ address, state, owner = '', until = '' }) => [
    address,
    state,
    owner,
    until && moment(until),
  ]);
  const { from, to, status } = pool;
  const counts = typeof status === 'object' && status !== null && !Array.isArray(status) ? status : {};
  const counted = Object.entries(counts)
    .filter(([name]) => COUNTS.includes(name))
    .map(([name, value]) => `${value} ${name === 'size' ? 'to give out' : name}`);
  return `${from} to ${to}: ${counted.join(', ')}\n${
    rows.length > 0 ? `\n${table(['ADDRESS', 'STATE', 'OWNER', 'KEPT UNTIL'], rows, colours)}` : ''
  }`;
}

const COUNTS = ['size', 'free', 'used', 'inactive', 'reserved', 'vip'];

export function releaseText(pool: string, { revision, dryRun, released = [] }: ChangeSummary): string {
  if (released.length === 0) return `${pool} has no inactive addresses.\n`;
  const which = released.join(', ');
  if (dryRun) return `Dry run, nothing was changed: ${which} would be released.\n`;
  return `Revision ${revision}: ${which} released.\n`;
}
