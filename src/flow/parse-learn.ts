/** Reads `learn(…)` (ovs-actions(7), "learn"). */
import { fieldOf, fullMask } from './fields.ts';
import type { FieldBits, Learn, LearnSpec } from './flow.ts';
import {
  arrow,
  type KeyValue,
  KNOWN_FIELDS,
  maybeBits,
  quote,
  readBits,
  readKeyValues,
  readNumber,
  readWide,
  refuse,
  unreadable,
} from './parse-tools.ts';
import { DEFAULT_PRIORITY } from './text-actions.ts';
import { parseMasked, parseValue } from './values.ts';

/** Table 1 and the default priority where the text names none. Throws NetloomError (flow-invalid). */
export function readLearn(inside: string): Learn {
  const parts = readKeyValues(inside);
  const text = (key: string) => parts.findLast((part) => part.key === key)?.value;
  const number = (key: string, fallback: number, limit = 0xffff) => {
    const value = text(key);
    return value === undefined ? fallback : readNumber(key, value, limit);
  };
  return {
    table: number('table', 1, 254),
    priority: number('priority', DEFAULT_PRIORITY),
    idleTimeout: number('idle_timeout', 0),
    hardTimeout: number('hard_timeout', 0),
    finIdleTimeout: number('fin_idle_timeout', 0),
    finHardTimeout: number('fin_hard_timeout', 0),
    cookie: readWide('cookie', text('cookie') ?? '0', 64),
    limit: number('limit', 0, 0xffffffff),
    sendFlowRemoved: text('send_flow_rem') !== undefined,
    deleteLearned: text('delete_learned') !== undefined,
    specs: parts.filter(({ key }) => !SETTINGS.has(key)).map(readSpec),
  };
}

const SETTINGS = new Set([
  'table',
  'priority',
  'idle_timeout',
  'hard_timeout',
  'fin_idle_timeout',
  'fin_hard_timeout',
  'cookie',
  'limit',
  'send_flow_rem',
  'delete_learned',
]);

function readSpec({ key, value }: KeyValue): LearnSpec {
  if (key === 'output') return { type: 'output', from: readBits(value) };
  if (key === 'load') {
    const [from, place] = arrow(value);
    const to = readBits(place);
    return { type: 'load', to, from: readSource(from, to, key) };
  }
  const to = maybeBits(key) ?? refuse('actions', `learn has no ${quote(key)}.`, KNOWN_FIELDS);
  return { type: 'match', to, from: value === '' ? to : readSource(value, to, key) };
}

/** Bits of a field, or a value: in the form of the field where it fills it, a number otherwise. */
function readSource(text: string, to: FieldBits, key: string): FieldBits | bigint {
  const bits = maybeBits(text);
  if (bits) return bits;
  const width = to.to - to.from + 1;
  if (key === 'load' || !isWhole(to)) return readWide(key, text, width);
  if (to.field === 'ct_state') return parseValue(to.field, text) ?? unreadable(key, text);
  const masked = parseMasked(to.field, text);
  return masked?.mask === fullMask(to.field) ? masked.value : unreadable(key, text);
}

function isWhole({ field, from, to }: FieldBits): boolean {
  return from === 0 && to === fieldOf(field).bits - 1;
}
