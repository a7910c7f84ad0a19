/** Which changes of the database ask for a look at what taps, mirrors, host interfaces and uplinks need. */
import type { Row, TableName } from '../ovsdb/columns.ts';
import type { RowChange } from '../ovsdb/replica.ts';
import { sameValue } from '../ovsdb/values.ts';
import { MARK } from './names.ts';

/** A change of a column that only says how things are going (statistics, links) is none. */
export function isNews(change: RowChange): boolean {
  switch (change.table) {
    case 'Interface': {
      const { before, after } = change;
      const row = after ?? before;
      if (!row) return false;
      if (row.external_ids.has(MARK.ifaceId) || before?.external_ids.has(MARK.ifaceId))
        return differs<'Interface'>(before, after, [
          'external_ids',
          'error',
          'ofport',
          'ifindex',
          'admin_state',
        ]);
      return differs<'Interface'>(before, after, ['ifindex', 'error', 'mtu']);
    }
    case 'Port':
      return differs<'Port'>(change.before, change.after, ['interfaces', 'external_ids']);
    case 'Bridge':
      return differs<'Bridge'>(change.before, change.after, ['ports', 'mirrors']);
    default:
      return false;
  }
}

/** Whether one of these NICs has come, gone or got another number, or the ports of one of these bridges are others. */
export function isNewsOfNics(
  change: RowChange,
  nics: ReadonlySet<string>,
  bridges: ReadonlySet<string>,
): boolean {
  switch (change.table) {
    case 'Interface': {
      const { before, after } = change;
      const row = after ?? before;
      return row !== undefined && nics.has(row.name) && differs<'Interface'>(before, after, ['ofport']);
    }
    case 'Bridge': {
      const { before, after } = change;
      const row = after ?? before;
      return row !== undefined && bridges.has(row.name) && differs<'Bridge'>(before, after, ['ports']);
    }
    default:
      return false;
  }
}

/**
 * Whether the device behind an interface is another one of the same name. The userspace datapath goes on listening to the
 * one that is gone.
 */
export function isReplaced({ before, after }: Extract<RowChange, { readonly table: 'Interface' }>): boolean {
  if (!before || !after || after.type === 'internal' || after.type !== before.type) return false;
  return before.ifindex !== null && (after.ifindex ?? 0) > 0 && before.ifindex !== after.ifindex;
}

function differs<T extends TableName>(
  before: Row<T> | undefined,
  after: Row<T> | undefined,
  columns: readonly (keyof Row<T>)[],
): boolean {
  if (!before || !after) return true;
  return columns.some((column) => !sameValue(before[column], after[column]));
}
