/**
 * Lists of actions. Adding one: a writer and a reader in the module of its group, a line in `writeAction` and one in the
 * group's table.
 */
import type { Action } from '../../../../flow/flow.ts';
import { type Reader, WireError } from '../reader.ts';
import { NICIRA } from '../types.ts';
import type { Writer } from '../writer.ts';
import { NICIRA_CONNECTION, writeConnection, writeConnectionClear } from './connection.ts';
import {
  NICIRA_FLOW,
  STANDARD_FLOW,
  writeClone,
  writeFinTimeout,
  writeGroupAction,
  writeMeterAction,
  writeResubmit,
} from './flow.ts';
import { type ActionTable, EXPERIMENTER } from './form.ts';
import { NICIRA_HASHES, writeBundle, writeMultipath } from './hash.ts';
import { NICIRA_LEARN, writeLearn } from './learn.ts';
import {
  NICIRA_OUTPUTS,
  STANDARD_OUTPUTS,
  writeController,
  writeOutput,
  writeOutputField,
} from './output.ts';
import {
  NICIRA_REWRITES,
  STANDARD_REWRITES,
  writeCheckLarger,
  writeDecTtl,
  writeMove,
  writePopVlan,
  writePushVlan,
  writeSet,
} from './rewrite.ts';

/** Deeper than any flow of ours; a list that goes further down is not known. */
const DEEPEST = 32;

export function writeActions(writer: Writer, actions: readonly Action[]): void {
  for (const action of actions) writeAction(writer, action);
}

function writeAction(writer: Writer, action: Action): void {
  switch (action.type) {
    case 'output':
      writeOutput(writer, action.port);
      break;
    case 'controller':
      writeController(writer, action);
      break;
    case 'output_field':
      writeOutputField(writer, action);
      break;
    case 'set':
      writeSet(writer, action);
      break;
    case 'move':
      writeMove(writer, action);
      break;
    case 'push_vlan':
      writePushVlan(writer, action);
      break;
    case 'strip_vlan':
      writePopVlan(writer);
      break;
    case 'dec_ttl':
      writeDecTtl(writer);
      break;
    case 'check_pkt_larger':
      writeCheckLarger(writer, action);
      break;
    case 'resubmit':
      writeResubmit(writer, action);
      break;
    case 'group':
      writeGroupAction(writer, action);
      break;
    case 'meter':
      writeMeterAction(writer, action);
      break;
    case 'clone':
      writeClone(writer, action, writeActions);
      break;
    case 'fin_timeout':
      writeFinTimeout(writer, action);
      break;
    case 'multipath':
      writeMultipath(writer, action);
      break;
    case 'bundle':
      writeBundle(writer, action);
      break;
    case 'ct':
      writeConnection(writer, action, writeActions);
      break;
    case 'ct_clear':
      writeConnectionClear(writer);
      break;
    case 'learn':
      writeLearn(writer, action);
      break;
    case 'goto_table':
      throw new WireError('goto_table is no action but an instruction: it stands at the end of a flow');
    case 'drop':
      // Nothing is what a frame goes to that no action takes up.
      break;
    default:
      action satisfies never;
  }
}

const STANDARD: ActionTable = new Map([...STANDARD_OUTPUTS, ...STANDARD_REWRITES, ...STANDARD_FLOW]);
const NICIRAS: ActionTable = new Map([
  ...NICIRA_OUTPUTS,
  ...NICIRA_REWRITES,
  ...NICIRA_FLOW,
  ...NICIRA_HASHES,
  ...NICIRA_CONNECTION,
  ...NICIRA_LEARN,
]);

/** Actions in their order; those that are not known stand in `unknown`, in hexadecimal. */
export interface ReadActions {
  readonly actions: readonly Action[];
  readonly unknown: string;
}

/** Reads until the end of the list. */
export function readActions(list: Reader, depth = 0): ReadActions {
  const actions: Action[] = [];
  let unknown = '';
  while (list.left > 0) {
    const start = list.position;
    const body = list.element(2, 8);
    const action = depth > DEEPEST ? undefined : readAction(body, depth);
    if (action) actions.push(action);
    else unknown += list.hexSince(start);
  }
  return { actions, unknown };
}

/** Undefined for one that is not known, or says too little for its type. */
function readAction(body: Reader, depth: number): Action | undefined {
  const nested = (list: Reader) => {
    const read = readActions(list, depth + 1);
    return read.unknown === '' ? read.actions : undefined;
  };
  const type = body.u16();
  body.skip(2);
  try {
    if (type !== EXPERIMENTER) return STANDARD.get(type)?.(body, nested);
    if (body.left < 6 || body.u32() !== NICIRA) return undefined;
    return NICIRAS.get(body.u16())?.(body, nested);
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined;
    throw thrown;
  }
}
