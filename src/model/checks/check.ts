import type { Finding } from '../../base/error.ts';
import type { Reader } from '../facts.ts';
import type { Problem } from '../placement.ts';

/**
 * A check looks at one object, and at whatever else it has to through `read`, and says everything that is wrong with
 * that object. Paths are relative to the object. A check is silent about what does not exist: dangling references
 * are said once, by their own check.
 */
export type Check<T> = (object: T, read: Reader) => Iterable<CheckResult>;

/** A problem refuses the change unless it is only a warning. */
export interface CheckResult extends Problem {
  readonly severity?: Finding['severity'];
}

/** `nics[2].name`; a rest of '' is the item itself. */
export function at(list: string, index: number, rest = ''): string {
  return `${list}[${index}]${rest && `.${rest}`}`;
}

/** Items of a list that say the same as an earlier one in the same list. */
export function* repeated<T>(
  list: string,
  field: string,
  items: readonly T[],
  value: (item: T) => string | undefined,
  what: string,
): Generator<CheckResult> {
  const seen = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const v = value(item);
    if (v === undefined) continue;
    const first = seen.get(v);
    if (first === undefined) seen.set(v, i);
    else {
      yield {
        path: at(list, i, field),
        code: 'value-duplicate',
        message: `${what} "${v}" is already said at ${at(list, first, field)}.`,
        remedy: 'Remove one of the two, or change it.',
      };
    }
  }
}

/** The other members of a group that the object itself is in. */
export function others(members: readonly string[], own: string): string[] {
  return members.filter((member) => member !== own);
}
