/** The controller's end of the stream: carries messages between the feed and Connect. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import type { Clock } from '../base/clock.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import type { AgentFeed } from './agent-feed.ts';
import type { PolicyFeed } from './feed.ts';
import {
  type AgentMessage,
  type ControllerMessage,
  ControllerMessageSchema,
  type Hello,
  PolicyService,
} from './gen/policy_pb.ts';
import { MAX_AGENT_MESSAGE } from './messages.ts';

export interface ServiceOptions {
  readonly clock: Clock;
  /** Milliseconds between heartbeats. */
  readonly heartbeatEvery?: number;
  /** An agent that says nothing for this many milliseconds is taken for gone; also the time to say Hello in. */
  readonly deadAfter?: number;
  /**
   * Why the one at the other end may not speak for this host; undefined: it may. The default lets everybody: for twins in
   * one process and for loopback.
   */
  readonly objection?: (host: string, context: HandlerContext) => Finding | undefined;
  /** Told of agents that are turned away and of streams that break a rule. */
  readonly onTrouble?: (host: string, trouble: Finding, context: HandlerContext) => void;
}

/** What nobody asked for and is read in a second, reports and others. An agent that is well says such a thing in seconds. */
const UNASKED_A_SECOND = 20;

/** Routes of the policy service, for any of Connect's transports. */
export function policyRoutes(feed: PolicyFeed, options: ServiceOptions): (router: ConnectRouter) => void {
  return (router) => {
    router.service(
      PolicyService,
      { sync: (requests, context) => serve(feed, requests, context, options) },
      { readMaxBytes: MAX_AGENT_MESSAGE },
    );
  };
}

/**
 * One stream. It ends by the context's signal: a generator that is parked in back pressure is never resumed once
 * the other end is gone, so nothing that matters may stand in a `finally` here.
 */
async function* serve(
  feed: PolicyFeed,
  requests: AsyncIterable<AgentMessage>,
  context: HandlerContext,
  options: ServiceOptions,
): AsyncGenerator<MessageInitShape<typeof ControllerMessageSchema>> {
  const inbox = requests[Symbol.asyncIterator]();
  const hello = await firstWord(inbox, options);
  let agent: AgentFeed;
  try {
    const objection = options.objection?.(hello.host, context);
    if (objection) throw new NetloomError([objection]);
    agent = feed.connect(hello);
  } catch (error) {
    const [trouble] = NetloomError.from(error).findings;
    options.onTrouble?.(hello.host, trouble, context);
    yield refusal(trouble);
    return;
  }
  const heard = watch(agent, context.signal, options);
  void listen(agent, inbox, heard, context, options);
  try {
    yield* agent;
  } catch (error) {
    agent.close();
    options.onTrouble?.(agent.host, NetloomError.from(error).findings[0], context);
    throw error;
  }
}

/** The Hello. Throws a ConnectError when something else comes first, or nothing in time. */
async function firstWord(inbox: AsyncIterator<AgentMessage>, options: ServiceOptions): Promise<Hello> {
  const late = Promise.withResolvers<never>();
  const cancel = options.clock.after(deadAfter(options), () => {
    late.reject(new ConnectError('no Hello came in time', Code.DeadlineExceeded));
  });
  try {
    const first = await Promise.race([inbox.next(), late.promise]);
    if (!first.done && first.value.body.case === 'hello') return first.value.body.value;
  } finally {
    cancel();
  }
  throw new ConnectError('the first message has to be a Hello', Code.InvalidArgument);
}

/** Sends heartbeats, and closes the agent's feed when its time is over. Returns what to call when it was heard. */
function watch(agent: AgentFeed, signal: AbortSignal, options: ServiceOptions): () => void {
  const { clock } = options;
  const every = options.heartbeatEvery ?? 5_000;
  let heard = clock.now();
  const beat = (): (() => void) =>
    clock.after(every, () => {
      if (clock.now() - heard >= deadAfter(options)) return agent.close();
      agent.heartbeat();
      cancel = beat();
    });
  let cancel = beat();
  const end = () => {
    cancel();
    agent.close();
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return () => {
    heard = clock.now();
  };
}

/** Reads what the agent says until it says no more. Never rejects. */
async function listen(
  agent: AgentFeed,
  inbox: AsyncIterator<AgentMessage>,
  heard: () => void,
  context: HandlerContext,
  { onTrouble, clock }: ServiceOptions,
): Promise<void> {
  const unasked = allowance(clock, UNASKED_A_SECOND);
  const end = (message: string) => {
    const remedy = 'The stream is ended; the agent starts it again.';
    onTrouble?.(agent.host, finding('protocol-violation', agent.host, message, remedy), context);
    agent.close();
  };
  const tooOften = () =>
    end(
      `The agent of ${agent.host} says more often than ${UNASKED_A_SECOND} times a second what nobody asked.`,
    );
  try {
    for (let next = await inbox.next(); !next.done; next = await inbox.next()) {
      heard();
      const { body } = next.value;
      switch (body.case) {
        case 'applied':
          if (!agent.takeAnswer() && !unasked()) return tooOften();
          agent.applied(body.value);
          break;
        case 'heartbeat':
          break;
        case 'report': {
          if (!agent.awaits(body.value.answers) && !unasked()) return tooOften();
          const trouble = agent.report(body.value);
          if (trouble) onTrouble?.(agent.host, trouble, context);
          break;
        }
        case 'counted': {
          // Nobody asked for it, or somebody did and the time is over: it costs as much as a report that nobody asked for.
          if (!agent.awaits(body.value.answers) && !unasked()) return tooOften();
          const trouble = agent.counted(body.value);
          if (trouble) onTrouble?.(agent.host, trouble, context);
          break;
        }
        case 'hello':
        case undefined: {
          const said = body.case ?? 'something that this controller does not know';
          end(`The agent of ${agent.host} said ${said} in the middle of a stream.`);
          return;
        }
      }
    }
  } catch {
    // The connection was lost, or carried what is no message; the agent comes back.
  }
  agent.close();
}

/** Whether something may be done once more: `rate` times in any one second, counted from the first time on. */
function allowance(clock: Clock, rate: number): () => boolean {
  let [begin, count] = [Number.NEGATIVE_INFINITY, 0];
  return () => {
    if (clock.now() - begin >= 1000) [begin, count] = [clock.now(), 0];
    count += 1;
    return count <= rate;
  };
}

function refusal({ code, message, remedy }: Finding): ControllerMessage {
  return create(ControllerMessageSchema, {
    sequence: 1n,
    body: { case: 'refused', value: { code, message, remedy } },
  });
}

function deadAfter(options: ServiceOptions): number {
  return options.deadAfter ?? 15_000;
}
