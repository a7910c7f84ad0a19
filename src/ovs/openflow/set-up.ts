/** What each connection to a bridge begins with. */
import { NetloomError } from '../../base/error.ts';
import type { Group, Meter } from '../../flow/datapath.ts';
import type { Flow } from '../../flow/flow.ts';
import type { Message } from './codec/message.ts';
import type { Exchange } from './connection.ts';
import { dumpedGroups, dumpedMeters } from './dump.ts';
import { throwIfRefused } from './refusal.ts';

/** Bits of OFPR_… (OpenFlow 1.5.1, 7.4.1) that we ask for: all but a TTL that is used up. */
const PACKET_IN_REASONS = 0b111011;

/** Tells when flows come, go or change (OpenFlow 1.5.1, 7.3.5.19). */
const MONITOR: Message = {
  type: 'request',
  about: 'flow-monitor',
  monitor: 1,
  command: 'add',
  events: ['add', 'removed', 'modify'],
  instructions: false,
  noAbbreviation: false,
  onlyOwn: false,
};

/** How frames match, and what the switch says unasked. Throws when the switch refuses it: it is none that can be used then. */
export async function configure(exchange: Exchange): Promise<void> {
  const configuration: readonly Message[] = [
    // A length that is not 0 also asks for packet-ins, which a connection to this socket does not get by itself.
    { type: 'set-config', fragments: 'nx-match', missSendLength: 0xffff },
    { type: 'set-packet-in-format', format: 'nxt-packet-in2' },
    {
      type: 'set-async',
      wanted: {
        'packet-in': { primary: PACKET_IN_REASONS, secondary: 0 },
        'port-status': { primary: 0, secondary: 0 },
        'flow-removed': { primary: 0, secondary: 0 },
      },
    },
  ];
  throwIfRefused(await exchange(configuration), (i) => `"${configuration[i]?.type}"`);
}

/** From now on. An Open vSwitch that cannot do it (before 2.17) refuses; then changes are found when somebody looks. */
export async function watchFlows(exchange: Exchange): Promise<void> {
  await exchange([MONITOR]);
}

/** What was set in the switch and is to be there. Groups name earlier ones. */
export interface Remembered {
  readonly meters: readonly Meter[];
  readonly groups: readonly Group[];
  readonly flows: readonly Flow[];
}

/**
 * Gives a switch that was started anew what it has forgotten, and one that was not nothing. Settles with what the switch refused of
 * it, undefined: nothing. (The rest is there. Flows that name what is not are refused, and say so.)
 */
export async function restore(
  exchange: Exchange,
  { meters, groups, flows }: Remembered,
): Promise<NetloomError | undefined> {
  const [haveMeters, haveGroups] = [await dumpedMeters(exchange), await dumpedGroups(exchange)];
  const missing: readonly Message[] = [
    ...meters
      .filter(({ id }) => !haveMeters.has(id))
      .map((meter): Message => ({ type: 'meter-mod', command: 'add', meter })),
    ...groups
      .filter(({ id }) => !haveGroups.has(id))
      .map((group): Message => ({ type: 'group-mod', command: 'add', group })),
    ...flows.map((flow): Message => ({ type: 'flow-mod', command: 'add', flow })),
  ];
  if (missing.length === 0) return undefined;
  const replies = await exchange(missing);
  try {
    throwIfRefused(replies, (i) => `A ${missing[i]?.type} for a switch that was started anew`);
    return undefined;
  } catch (thrown) {
    return NetloomError.from(thrown);
  }
}
