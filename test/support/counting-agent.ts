/** An agent that answers every question of the controller by saying what it is told to have counted. */
import { create } from '@bufbuild/protobuf';
import { type HostCounters, writeCounted } from '../../src/stream/counted.ts';
import type { PolicyFeed } from '../../src/stream/feed.ts';
import { CountedSchema } from '../../src/stream/gen/policy_pb.ts';
import { hello } from './policy-stream.ts';

export const NOTHING_COUNTED: HostCounters = { ports: [], acls: [], drops: [], log: [], complete: true };

/** Connects it; the result ends it. `counters` may be bytes that are no answer. */
export function countingAgent(
  feed: PolicyFeed,
  host: string,
  counters: HostCounters | Uint8Array,
): () => void {
  const agent = feed.connect(hello(host));
  const counted = counters instanceof Uint8Array ? counters : writeCounted(counters);
  void (async () => {
    for await (const { body } of agent)
      if (body.case === 'check' && body.value.count)
        agent.counted(create(CountedSchema, { answers: body.value.id, counted }));
  })();
  return () => agent.close();
}
