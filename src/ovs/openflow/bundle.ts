/**
 * Changes of flows and groups, all of them or none (OpenFlow 1.5.1, 7.3.9).
 *
 *     open, add, add, add, barrier   -->
 *                                    <--   errors, if there are any; barrier-reply
 *     commit, or discard; barrier    -->
 *                                    <--   errors, if there are any; barrier-reply
 *
 * A message that Open vSwitch does not understand is not added, and the others stay in the bundle; so nothing is committed before it
 * has taken all of them. Everything is encoded before the bundle is opened, and the commit is sent in the same moment in which
 * the barrier is answered: Open vSwitch throws away a bundle that stays open for ten seconds, and then refuses the commit.
 */
import type { Message } from './codec/message.ts';
import type { Exchange } from './connection.ts';
import { refusalIn, throwIfMalformed } from './refusal.ts';

/** A message that stood in the way of all. */
export interface Refused {
  /** Which one of the messages; undefined: the bundle as a whole. */
  readonly index: number | undefined;
  readonly error: Extract<Message, { type: 'error' }>;
}

const FLAGS = { atomic: true, ordered: true };

/** Carries out the messages in their order and as one. `bundle`: a number that no other bundle of the connection has. */
export async function commitBundle(
  exchange: Exchange,
  bundle: number,
  messages: readonly Message[],
): Promise<Refused | undefined> {
  const control = (action: 'open' | 'commit' | 'discard'): Message => ({
    type: 'bundle-control',
    bundle,
    action,
    reply: false,
    flags: FLAGS,
  });
  const adds = messages.map((message): Message => ({ type: 'bundle-add', bundle, flags: FLAGS, message }));
  const replies = await exchange([control('open'), ...adds], (said) => [
    control(refusalIn(said) ? 'discard' : 'commit'),
  ]);
  throwIfMalformed(replies);
  const refusal = refusalIn(replies);
  if (!refusal) return undefined;
  const { index, error } = refusal;
  return { index: index >= 1 && index <= messages.length ? index - 1 : undefined, error };
}
