/** What the tests of the stream share: the policy that a host should have, and short ways to say things. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { domainScope, hostScope, type Scope } from '../../src/policy/records.ts';
import { PolicySet, type PolicyView } from '../../src/policy/set.ts';
import {
  type ControllerMessage,
  ControllerMessageSchema,
  type Hello,
  HelloSchema,
} from '../../src/stream/gen/policy_pb.ts';
import { PROTOCOL_VERSION } from '../../src/stream/messages.ts';

export const EPOCH = 'epoch-1';

/** All that a host should hold, worked out from nothing but the records themselves. */
export function shareOf(policy: PolicyView, host: string): PolicySet {
  const own = [...policy.scope(hostScope(host)).values()];
  const domains = own.flatMap((record) => (record.kind === 'domain' ? [domainScope(record.rdid)] : []));
  const scopes: Scope[] = [hostScope(host), ...domains];
  return PolicySet.of(
    scopes.flatMap((scope) => [...policy.scope(scope).values()].map((record) => ({ scope, record }))),
  );
}

export function hello(host: string, fields: Partial<Omit<Hello, '$typeName' | '$unknown'>> = {}): Hello {
  return create(HelloSchema, {
    host,
    bootNonce: `boot of ${host}`,
    protocolVersion: PROTOCOL_VERSION,
    ...fields,
  });
}

/** A message as it comes out at the other end. */
export function wired(message: ControllerMessage): ControllerMessage {
  return fromBinary(ControllerMessageSchema, toBinary(ControllerMessageSchema, message));
}

/** `delta 3..5 last: 2` and the like: what a message says, in short. */
export function say({ body }: ControllerMessage): string {
  switch (body.case) {
    case 'welcome':
      return `welcome ${body.value.epoch} ${body.value.revision}`;
    case 'snapshot':
      return `snapshot ${body.value.revision}: ${body.value.changes.length}${body.value.last ? '' : ' ...'}`;
    case 'delta':
      return `delta ${body.value.from}..${body.value.to}: ${body.value.changes.length}${body.value.last ? '' : ' ...'}`;
    case 'heartbeat':
      return `heartbeat ${body.value.from}..${body.value.to}`;
    case 'check':
      return `check ${body.value.id}${body.value.repair ? ' repair' : ''}`;
    case 'refused':
      return `refused ${body.value.code}`;
    case undefined:
      return 'nothing known';
  }
}

/** Waits until it is so; the test's own time limit ends it when it never is. */
export async function eventually(so: () => boolean): Promise<void> {
  while (!so()) await new Promise((resolve) => setTimeout(resolve, 1));
}
