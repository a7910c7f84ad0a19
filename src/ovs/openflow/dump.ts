/** What a switch says that it has: flows with their counters, groups, meters. All of it, or a throw. */
import { finding, NetloomError } from '../../base/error.ts';
import type { FlowStats, Group, Meter } from '../../flow/datapath.ts';
import type { Match } from '../../flow/flow.ts';
import type { MultipartReply, MultipartRequest } from './codec/multipart-message.ts';
import type { Exchange } from './connection.ts';
import { throwIfRefused } from './refusal.ts';

/** `only`: those of this table that match at least this much. */
export async function dumpedFlows(
  exchange: Exchange,
  only: { readonly table?: number; readonly match?: Match } = {},
): Promise<readonly FlowStats[]> {
  const parts = await ask(exchange, { type: 'request', about: 'flows', ...only });
  return parts.flatMap((part) =>
    part.about === 'flows' ? part.flows.map(({ flow, packets, bytes }) => ({ flow, packets, bytes })) : [],
  );
}

export async function dumpedGroups(exchange: Exchange): Promise<ReadonlyMap<number, Group>> {
  const parts = await ask(exchange, { type: 'request', about: 'groups' });
  const groups = parts.flatMap((part) => (part.about === 'groups' ? part.groups : []));
  return new Map(groups.map(({ group }) => [group.id, group]));
}

export async function dumpedMeters(exchange: Exchange): Promise<ReadonlyMap<number, Meter>> {
  const parts = await ask(exchange, { type: 'request', about: 'meters' });
  const meters = parts.flatMap((part) => (part.about === 'meters' ? part.meters : []));
  // One with parts that nobody knows is none that we made.
  const known = meters.filter(({ unknown }) => unknown === '').map(({ meter }) => meter);
  return new Map(known.map((meter) => [meter.id, meter]));
}

/** The version of Open vSwitch, as it says it. */
export async function versionOf(exchange: Exchange): Promise<string | undefined> {
  const [desc] = await ask(exchange, { type: 'request', about: 'desc' });
  return desc?.about === 'desc' ? desc.desc.software : undefined;
}

/** The parts of the answer (OpenFlow 1.5.1, 7.3.5). */
async function ask(exchange: Exchange, request: MultipartRequest): Promise<readonly MultipartReply[]> {
  const replies = await exchange([request]);
  throwIfRefused(replies, () => `A question about ${request.about}`);
  const parts = replies.flatMap(({ message }) => (message.type === 'reply' ? [message] : []));
  if (parts.at(-1)?.more === false) return parts;
  // What is missing would be taken for gone.
  throw new NetloomError([
    finding(
      'switch-protocol',
      '',
      `The switch has not said all that it was asked about ${request.about}.`,
      'Nothing was changed. It is asked again; report it if that goes on.',
    ),
  ]);
}
