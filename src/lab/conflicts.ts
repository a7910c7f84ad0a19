/** Two machines with one address on one wire: what the guests noticed (RFC 5227), told with the names of both. */
import { type Finding, warning } from '../base/error.ts';
import type { Conflict } from '../guest/addresses.ts';
import { ipv4, isIpv4, prefix, prefixContains } from '../packet/address.ts';
import type { Endpoint } from './endpoints.ts';

/** How long a conflict is told of that a guest has defended its address in, in milliseconds; it may be over by then. */
const DEFENDED_MS = 60_000;
const LINK_LOCAL = prefix('169.254.0.0/16');

/** One for each address that a guest shares with somebody, or gave up. `now` is the time of the guests' clock. */
export function conflictsOf(endpoints: readonly Endpoint[], now: number): Finding[] {
  return endpoints.flatMap((endpoint) => {
    const latest = new Map(endpoint.nic.conflicts.map((conflict) => [conflict.address, conflict]));
    return [...latest.values()].flatMap((conflict) => {
      const outcome = outcomeOf(endpoint, conflict, now);
      return outcome === undefined ? [] : [conflictFinding(endpoints, endpoint, conflict, outcome)];
    });
  });
}

/** What became of it; undefined when it is over. */
function outcomeOf({ nic }: Endpoint, { address, at }: Conflict, now: number): string | undefined {
  const usable = nic.addresses.filter(({ state }) => state === 'usable').map((own) => own.address);
  if (usable.includes(address)) return now - at < DEFENDED_MS ? 'keeps it all the same' : undefined;
  if (!isIpv4(address) || usable.some((own) => isIpv4(own) && !isLinkLocal(own))) return undefined;
  const fallback = usable.find((own) => isIpv4(own) && isLinkLocal(own));
  return fallback === undefined ? 'has no address now' : `fell back to ${fallback}`;
}

function isLinkLocal(address: string): boolean {
  return prefixContains(LINK_LOCAL, ipv4(address));
}

function conflictFinding(
  endpoints: readonly Endpoint[],
  { name, port }: Endpoint,
  { address, mac }: Conflict,
  outcome: string,
): Finding {
  const other = endpoints.find((endpoint) => endpoint.port.mac === mac);
  const who = other ? `${other.name} (${mac})` : `an interface that is none of Netloom’s (${mac})`;
  return warning(
    'address-conflict',
    port.origin,
    `${name} wanted ${address}, which ${who} has on the same network; ${name} ${outcome}.`,
    'Give one of them another address, or connect them to two virtualized VM networks, where both can have it.',
  );
}
