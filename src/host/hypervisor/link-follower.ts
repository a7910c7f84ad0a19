/**
 * The link of a tap is to say whether the machine behind it runs there: while a VM moves, two hosts have its ports, and
 * frames go to the one whose link is up (docs/decisions/0016). QEMU opens the tap of an incoming migration early and closes
 * that of an outgoing one late, so somebody has to take the links down and up at the very moment. What QEMU tells, in order:
 *
 *     source                                          destination (-incoming)
 *     MIGRATION active                                status inmigrate       -> links down
 *     STOP while it migrates          -> links down
 *     MIGRATION completed                             RESUME                 -> links up
 *     RESUME, if it failed            -> links up
 *
 * A machine that is paused for another reason keeps its links: what comes for it waits in the tap.
 */
import type { QmpEvent } from './qmp.ts';

export interface LinkState {
  /** Whether the machine is being moved away. */
  readonly moving: boolean;
  readonly link: 'up' | 'down';
}

/** States of `query-status` in which the machine is not here: not yet, or not any more. */
const ELSEWHERE = new Set(['inmigrate', 'postmigrate', 'finish-migrate', 'shutdown']);
/**
 * States of a migration (`MIGRATION` event) in which it may still end with the machine elsewhere. Not `completed`: on the source
 * the machine has been stopped by then, and on the destination it runs.
 */
const MOVING = new Set(['setup', 'active', 'postcopy-active', 'pre-switchover', 'device']);

/** How the links are to be at first: `status` as `query-status`, `migration` as `query-migrate` has it. */
export function linkStateOf(status: string, migration: string | undefined): LinkState {
  return {
    moving: migration !== undefined && MOVING.has(migration),
    link: ELSEWHERE.has(status) ? 'down' : 'up',
  };
}

/** The state after an event; the same object when nothing has changed. */
export function afterEvent(state: LinkState, { event, data }: QmpEvent): LinkState {
  switch (event) {
    case 'MIGRATION': {
      const moving = MOVING.has(String(data.status));
      return moving === state.moving ? state : { ...state, moving };
    }
    case 'STOP':
      return state.moving && state.link === 'up' ? { ...state, link: 'down' } : state;
    case 'RESUME':
      return state.link === 'up' ? state : { ...state, link: 'up' };
    default:
      return state;
  }
}
