/** What a switch says against a request, as an error for a person. */
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import type { ErrorMessage, Message } from './codec/message.ts';
import type { Reply } from './exchanges.ts';

/** The first refusal among the replies, with the message that it is about; undefined when there is none. */
export function refusalIn(
  replies: readonly Reply[],
): { readonly index: number; readonly error: ErrorMessage } | undefined {
  for (const { index, message } of replies) if (message.type === 'error') return { index, error: message };
  return undefined;
}

/** `what`: names what was refused, as the beginning of a sentence: `The meter 3`. */
export function refused(what: string, error: ErrorMessage): NetloomError {
  return new NetloomError([
    finding('flow-invalid', '', `${what} is refused by Open vSwitch: ${error.name}.`, remedyOf(error.name)),
  ]);
}

/**
 * Throws NetloomError (flow-invalid) when the switch refused one of the messages, and (switch-protocol) when it said something
 * that cannot be understood: then what it said is not all, and nothing may be concluded from what is missing.
 */
export function throwIfRefused(replies: readonly Reply[], nameOf: (index: number) => string): void {
  throwIfMalformed(replies);
  const refusal = refusalIn(replies);
  if (refusal) throw refused(nameOf(refusal.index), refusal.error);
}

export function throwIfMalformed(replies: readonly Reply[]): void {
  for (const { message } of replies)
    if (message.type === 'malformed' || message.type === 'unknown') throw new NetloomError([odd(message)]);
}

function odd(message: Extract<Message, { type: 'malformed' | 'unknown' }>): Finding {
  const why = message.type === 'malformed' ? message.reason : 'nobody knows that type';
  return finding(
    'switch-protocol',
    '',
    `The answer of the switch, of type ${message.code}, cannot be understood: ${why}.`,
    'See whether it is Open vSwitch 3.x, and report it.',
  );
}

function remedyOf(name: string): string {
  if (/GROUP/.test(name)) return 'Is the group there, and right?';
  if (/METER/.test(name)) return 'Is the meter there, and right?';
  if (/TABLE_FULL|OUT_OF/.test(name)) return 'The switch has no room left.';
  return 'Nothing was changed. It is a defect of Netloom, or a feature that this Open vSwitch lacks: report it.';
}
