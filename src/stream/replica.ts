/**
 * The agent's side of the stream, without a network: the policy that it holds, and what each message does to it.
 *
 * A message either takes the policy to its next revision as a whole, or leaves it as it is. Whatever does not fit
 * (a gap, a part that does not belong, a hash that is not ours) leads to a new stream, which begins with a Hello that
 * says what is held; there is no other way of recovery, so there is only one to get right.
 */
import { create } from '@bufbuild/protobuf';
import { CODES, type ErrorCode } from '../base/codes.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { ordered } from '../policy/order.ts';
import { parseChange } from '../policy/parse.ts';
import { type PolicyChange, type PolicyDelta, PolicySet, type PolicyView } from '../policy/set.ts';
import {
  type Change,
  type ControllerMessage,
  type Delta,
  type Heartbeat,
  type Hello,
  HelloSchema,
  type Refused,
  type Snapshot,
  type Welcome,
} from './gen/policy_pb.ts';
import { PROTOCOL_VERSION, revisionOf } from './messages.ts';

/** A policy with its place in time. */
export interface Held {
  readonly epoch: string;
  readonly revision: number;
  readonly policy: PolicySet;
}

/** What a message came to. */
export type Received =
  /** Nothing to do: a duplicate, a part of more, a sign of life. */
  | { readonly type: 'nothing' }
  /** The controller has accepted the Hello. */
  | { readonly type: 'welcome' }
  /** All of the policy, new. */
  | { readonly type: 'snapshot'; readonly revision: number; readonly epoch: string }
  | { readonly type: 'delta'; readonly delta: PolicyDelta; readonly from: number; readonly to: number }
  /** The policy is that of a newer revision too. */
  | { readonly type: 'bookmark'; readonly revision: number }
  /** The controller wants to know how the host is. */
  | { readonly type: 'check'; readonly id: bigint; readonly repair: boolean }
  /** The controller wants to know what the host has counted. */
  | { readonly type: 'count'; readonly id: bigint }
  /** The revision cannot be understood, or is not to be believed; the policy stays. End the stream. */
  | { readonly type: 'rejected'; readonly revision: number; readonly findings: readonly Finding[] }
  /** The controller turns this agent away. End the stream. */
  | { readonly type: 'refused'; readonly finding: Finding }
  /** The stream has lost its thread. End it, and begin another. */
  | { readonly type: 'lost'; readonly finding: Finding };

/** Parts of one revision that have arrived. */
interface Assembly {
  readonly what: 'snapshot' | 'delta';
  readonly to: number;
  readonly changes: PolicyChange[];
}

const NOTHING: Received = { type: 'nothing' };

export class Replica {
  #epoch: string;
  #revision: number;
  #policy: PolicySet;
  /** What is held turned out not to be what it should be. */
  #distrusted = false;
  // Of the current stream:
  #sequence = 0n;
  #streamEpoch: string | undefined;
  #assembly: Assembly | undefined;

  /** `held`: what an earlier life of the agent left; belongs to the replica from now on. */
  constructor(held?: Held) {
    this.#epoch = held?.epoch ?? '';
    this.#revision = held?.revision ?? 0;
    this.#policy = held?.policy ?? new PolicySet();
  }

  /** Empty before the first policy came. */
  get epoch(): string {
    return this.#epoch;
  }

  /** 0 before the first policy came. */
  get revision(): number {
    return this.#revision;
  }

  get policy(): PolicyView {
    return this.#policy;
  }

  /** Begins a new stream: what to say first. Forgets what the stream before had not finished. */
  hello(host: string, bootNonce: string): Hello {
    this.#sequence = 0n;
    this.#streamEpoch = undefined;
    this.#assembly = undefined;
    return create(HelloSchema, {
      host,
      bootNonce,
      protocolVersion: PROTOCOL_VERSION,
      epoch: this.#epoch,
      revision: BigInt(this.#revision),
      wantSnapshot: this.#distrusted,
    });
  }

  /** Never throws. After `rejected`, `refused` and `lost` the next thing to do is hello(). */
  receive(message: ControllerMessage): Received {
    if (message.sequence <= this.#sequence) return NOTHING;
    if (message.sequence !== this.#sequence + 1n) {
      return lost(`Message ${message.sequence} came after message ${this.#sequence}.`);
    }
    this.#sequence = message.sequence;
    const { body } = message;
    if (body.case === 'refused') return refused(body.value);
    if (body.case === 'welcome') return this.#welcome(body.value);
    if (this.#streamEpoch === undefined) return lost('The controller did not begin with a welcome.');
    try {
      switch (body.case) {
        case 'snapshot':
          return this.#snapshot(body.value, this.#streamEpoch);
        case 'delta':
          return this.#delta(body.value, this.#streamEpoch);
        case 'heartbeat':
          return this.#heartbeat(body.value, this.#streamEpoch);
        case 'check':
          if (this.#assembly) return lost('A revision was interrupted by a question.');
          if (body.value.count) return { type: 'count', id: body.value.id };
          return { type: 'check', id: body.value.id, repair: body.value.repair };
        case undefined:
          return lost('The controller sent a message of a kind that this agent does not know.');
      }
    } catch (error) {
      // A revision that no number can hold.
      return lost(NetloomError.from(error).message);
    }
  }

  #welcome({ epoch, protocolVersion }: Welcome): Received {
    if (this.#streamEpoch !== undefined) return lost('The controller said welcome twice.');
    if (epoch === '') return lost('The controller is in no epoch.');
    if (protocolVersion !== PROTOCOL_VERSION) {
      return {
        type: 'refused',
        finding: finding(
          'protocol-version',
          '',
          `The controller speaks version ${protocolVersion} of the policy protocol, this agent ${PROTOCOL_VERSION}.`,
          'Bring both to the same version of Netloom.',
        ),
      };
    }
    this.#streamEpoch = epoch;
    return { type: 'welcome' };
  }

  #snapshot(message: Snapshot, epoch: string): Received {
    const to = revisionOf(message.revision);
    if (epoch === this.#epoch && to < this.#revision) {
      return lost(`A snapshot of revision ${to} came, but revision ${this.#revision} is held.`);
    }
    const assembled = this.#assemble('snapshot', to, message);
    if (assembled.type !== 'complete') return assembled;
    const policy = new PolicySet();
    policy.apply(assembled);
    if (policy.hash() !== message.hash) return this.#distrust(to);
    this.#policy = policy;
    this.#epoch = epoch;
    this.#revision = to;
    this.#distrusted = false;
    return { type: 'snapshot', revision: to, epoch };
  }

  #delta(message: Delta, epoch: string): Received {
    const [from, to] = [revisionOf(message.from), revisionOf(message.to)];
    if (epoch !== this.#epoch || from !== this.#revision || to < from) {
      return lost(`A delta from revision ${from} to ${to} came, but revision ${this.#revision} is held.`);
    }
    const assembled = this.#assemble('delta', to, message);
    if (assembled.type !== 'complete') return assembled;
    const delta = { changes: ordered(assembled.changes) };
    if (message.hash !== '') {
      const after = this.#policy.copy();
      after.apply(delta);
      if (after.hash() !== message.hash) return this.#distrust(to);
    }
    this.#policy.apply(delta);
    this.#revision = to;
    return delta.changes.length > 0 ? { type: 'delta', delta, from, to } : { type: 'bookmark', revision: to };
  }

  #heartbeat(message: Heartbeat, epoch: string): Received {
    const [from, to] = [revisionOf(message.from), revisionOf(message.to)];
    if (this.#assembly) return lost('A revision was interrupted by a heartbeat.');
    if (epoch !== this.#epoch || from !== this.#revision || to < from) {
      return lost(`A bookmark from revision ${from} to ${to} came, but revision ${this.#revision} is held.`);
    }
    if (to === from) return NOTHING;
    this.#revision = to;
    return { type: 'bookmark', revision: to };
  }

  /** Takes in one part; with the last one, all the changes. */
  #assemble(
    what: Assembly['what'],
    to: number,
    part: { changes: readonly Change[]; last: boolean },
  ): Received | { readonly type: 'complete'; readonly changes: readonly PolicyChange[] } {
    const assembly = this.#assembly ?? { what, to, changes: [] };
    if (assembly.what !== what || assembly.to !== to) {
      return lost(`A part of revision ${to} came before all parts of revision ${assembly.to} were there.`);
    }
    const findings: Finding[] = [];
    for (const raw of part.changes) {
      try {
        assembly.changes.push(parseChange(raw));
      } catch (error) {
        findings.push(...NetloomError.from(error).findings);
      }
    }
    if (findings.length > 0) return { type: 'rejected', revision: to, findings };
    this.#assembly = part.last ? undefined : assembly;
    return part.last ? { type: 'complete', changes: assembly.changes } : NOTHING;
  }

  #distrust(to: number): Received {
    this.#distrusted = true;
    const message = `The policy of revision ${to} has another hash here than at the controller.`;
    return {
      type: 'lost',
      finding: finding('policy-mismatch', '', message, 'The agent asks for all of it again.'),
    };
  }
}

function lost(message: string): Received {
  return {
    type: 'lost',
    finding: finding('protocol-violation', '', message, 'The agent starts the stream again.'),
  };
}

function refused({ code, message, remedy }: Refused): Received {
  const known = Object.hasOwn(CODES, code) ? (code as ErrorCode) : 'protocol-violation';
  return { type: 'refused', finding: finding(known, '', message, remedy) };
}
