/** What both ends of the stream hold to: its limits, and how a revision is cut into messages. */
import { create } from '@bufbuild/protobuf';
import type { PolicyChange } from '../policy/set.ts';
import { recordText } from '../policy/text.ts';
import { type Change, ChangeSchema } from './gen/policy_pb.ts';

/** Both sides name theirs; they talk when it is the same. */
export const PROTOCOL_VERSION = 1;

/** A message has at most this many changes ... */
export const MAX_CHANGES = 100;
/** ... and at most this many bytes of them, unless a single one is larger. */
const MAX_BYTES = 256 * 1024;
/** No controller message is larger; one that is, is not read. */
export const MAX_CONTROLLER_MESSAGE = 4 * 1024 * 1024;
/** No agent message is larger; one that is, is not read. */
export const MAX_AGENT_MESSAGE = 256 * 1024;

const utf8 = new TextEncoder();

/** Cuts changes into messages; at least one, the last marked. Encodes each only when it is asked for. */
export function* parts(
  changes: Iterable<PolicyChange>,
  maxChanges = MAX_CHANGES,
): Generator<{ changes: Change[]; last: boolean }> {
  let batch: Change[] = [];
  let bytes = 0;
  for (const { scope, key, record } of changes) {
    const change = create(ChangeSchema, {
      scope,
      key,
      ...(record && { record: utf8.encode(recordText(record)) }),
    });
    const size = scope.length + key.length + (change.record?.length ?? 0);
    if (batch.length === maxChanges || (batch.length > 0 && bytes + size > MAX_BYTES)) {
      yield { changes: batch, last: false };
      batch = [];
      bytes = 0;
    }
    batch.push(change);
    bytes += size;
  }
  yield { changes: batch, last: true };
}

/** A revision as protobuf carries it, as a number. Throws RangeError beyond 2^53, which no controller reaches. */
export function revisionOf(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`revision ${value} is out of range`);
  return Number(value);
}
