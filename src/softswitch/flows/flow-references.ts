/** What actions name outside of their flow: groups and meters, which have to be there (OpenFlow 1.3, 6.4 and 6.7). */
import { type Finding, finding } from '../../base/error.ts';
import type { Action } from '../../flow/flow.ts';

/** Those that a switch has. */
export interface Referable {
  readonly groups: { has(id: number): boolean };
  readonly meters: { has(id: number): boolean };
}

export function referenceFindings(actions: readonly Action[], { groups, meters }: Referable): Finding[] {
  return flatten(actions).flatMap((action) => {
    if (action.type === 'group' && !groups.has(action.group)) {
      return [missing(`There is no group ${action.group}.`, 'Add it first, with setGroup.')];
    }
    if (action.type === 'meter' && !meters.has(action.meter)) {
      return [missing(`There is no meter ${action.meter}.`, 'Add it first, with setMeter.')];
    }
    return [];
  });
}

/** A group or a meter, as one text. */
export type Reference = `group ${number}` | `meter ${number}`;

/** What the actions name, each once. */
export function referencesOf(actions: readonly Action[]): ReadonlySet<Reference> {
  const references = new Set<Reference>();
  for (const action of flatten(actions)) {
    if (action.type === 'group') references.add(`group ${action.group}`);
    else if (action.type === 'meter') references.add(`meter ${action.meter}`);
  }
  return references;
}

/** With those that stand inside of others. */
function flatten(actions: readonly Action[]): Action[] {
  return actions.flatMap((action) =>
    action.type === 'clone' || action.type === 'ct' ? [action, ...flatten(action.actions)] : [action],
  );
}

function missing(message: string, remedy: string): Finding {
  return finding('flow-invalid', 'actions', message, remedy);
}
