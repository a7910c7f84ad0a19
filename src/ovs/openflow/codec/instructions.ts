/**
 * Instructions: what a flow does with its actions (OpenFlow 1.5, 7.2.5). Of theirs we have two: do these now
 * (apply-actions), and go on in a later table (goto-table), which our language has as the last of the actions.
 */
import type { Action, Flow } from '../../../flow/flow.ts';
import { METER } from './actions/flow.ts';
import { readActions, writeActions } from './actions/list.ts';
import { SET_QUEUE, writeQueue } from './actions/output.ts';
import type { ReadMatch } from './match.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

const GOTO_TABLE = 1;
const APPLY_ACTIONS = 4;

/** `queue`: set_queue in front of the actions, but behind a meter, which is always the first. */
export function writeInstructions(writer: Writer, actions: readonly Action[], queue?: number): void {
  const last = actions.at(-1);
  const applied = last?.type === 'goto_table' ? actions.slice(0, -1) : actions;
  if (applied.length > 0 || queue !== undefined) {
    const start = writer.length;
    writer.u16(APPLY_ACTIONS);
    writer.zeros(6);
    const meters = queue !== undefined && applied[0]?.type === 'meter' ? 1 : 0;
    writeActions(writer, applied.slice(0, meters));
    if (queue !== undefined) writeQueue(writer, queue);
    writeActions(writer, applied.slice(meters));
    writer.lengthAt(start + 2, start);
  }
  if (last?.type === 'goto_table') {
    const start = writer.length;
    writer.u16(GOTO_TABLE);
    writer.zeros(2);
    writer.u8(last.table);
    writer.pad8(start);
    writer.lengthAt(start + 2, start);
  }
}

export interface ReadInstructions {
  readonly actions: readonly Action[];
  readonly queue: number | undefined;
  /** Actions and instructions that have no name here, in hexadecimal. */
  readonly unknown: string;
}

/** Reads until the end of the list. */
export function readInstructions(list: Reader): ReadInstructions {
  const actions: Action[] = [];
  const after: Action[] = [];
  let queue: number | undefined;
  let unknown = '';
  const take = (read: { actions: readonly Action[]; unknown: string }) => {
    actions.push(...read.actions);
    unknown += read.unknown;
  };
  while (list.left > 0) {
    const start = list.position;
    const body = list.element(2, 8);
    const type = body.u16();
    body.skip(2);
    if (type === GOTO_TABLE && after.length === 0) {
      after.push({ type: 'goto_table', table: body.u8() });
    } else if (type === APPLY_ACTIONS && actions.length === 0) {
      body.skip(4);
      if (isNext(body, METER)) take(readActions(body.element(2, 8)));
      if (isNext(body, SET_QUEUE)) queue = readQueue(body.element(2, 8));
      take(readActions(body));
    } else {
      unknown += list.hexSince(start);
    }
  }
  return { actions: [...actions, ...after], queue, unknown };
}

function isNext(list: Reader, type: number): boolean {
  return list.left >= 8 && list.peek16() === type;
}

function readQueue(action: Reader): number {
  action.skip(4);
  return action.u32();
}

/** What was read of a flow, as a flow. Timeouts of 0 are none. */
export function flowFrom(
  head: Pick<Flow, 'table' | 'priority' | 'cookie'>,
  timeouts: { readonly idle: number; readonly hard: number },
  { match, unknown }: ReadMatch,
  instructions: Pick<ReadInstructions, 'actions' | 'unknown'>,
): Flow {
  const isKnown = unknown === '' && instructions.unknown === '';
  return {
    ...head,
    match,
    actions: instructions.actions,
    ...(timeouts.idle === 0 ? {} : { idleTimeout: timeouts.idle }),
    ...(timeouts.hard === 0 ? {} : { hardTimeout: timeouts.hard }),
    ...(isKnown ? {} : { unknown: { match: unknown, actions: instructions.unknown } }),
  };
}
